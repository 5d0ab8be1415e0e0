use std::future::Future;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use resi_client::{Clock as _, SystemClock};
use resi_protocol::Timestamp;
use resi_protocol::wire::Epoch;

const TICK: Duration = Duration::from_millis(100);

/// Shows on a terminal that something is waited for; standard output stays clean.
pub(crate) async fn waiting<T>(what: &'static str, work: impl Future<Output = T>) -> T {
    let bar = ProgressBar::new_spinner().with_message(what);
    bar.enable_steady_tick(TICK);
    let done = work.await;
    bar.finish_and_clear();
    done
}

/// Shows how far the running epoch is until `work` is done.
pub(crate) async fn until_next_epoch<T>(epoch: Option<Epoch>, work: impl Future<Output = T>) -> T {
    let Some(epoch) = epoch else { return waiting("asking for blocks", work).await };
    let clock = SystemClock::new();
    let gone = |now: Timestamp| now.since(epoch.starts_at).as_secs();
    let bar = ProgressBar::new(epoch.ends_at.since(epoch.starts_at).as_secs());
    if let Ok(style) = ProgressStyle::with_template("epoch {msg} {wide_bar} {eta} left") {
        bar.set_style(style);
    }
    bar.set_message(epoch.id.to_string());
    let watched = async {
        loop {
            bar.set_position(gone(clock.now()));
            clock.sleep(Duration::from_secs(1)).await;
        }
    };
    let done = tokio::select! {
        done = work => done,
        () = watched => unreachable!("a bar is watched for ever"),
    };
    bar.finish_and_clear();
    done
}

/// Shows on a terminal how many of so many are done.
pub(crate) fn counted(what: &'static str, all: usize) -> ProgressBar {
    let bar = ProgressBar::new(all as u64).with_message(what);
    if let Ok(style) = ProgressStyle::with_template("{msg} {pos} of {len} {wide_bar} {eta} left") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(TICK);
    bar
}

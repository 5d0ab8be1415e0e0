use std::time::Duration;

use futures_util::Stream;
use futures_util::stream::unfold;
use resi_protocol::wire::Epoch;

use crate::Error;
use crate::client::Client;
use crate::requests::BlocksRequest;
use crate::verified_blocks::VerifiedBlocks;

/// The clocks of good machines differ by less.
const LEAD: Duration = Duration::from_secs(1);
/// The wall clock may be set while one waits: it is looked at again this often.
const LOOK_AGAIN: Duration = Duration::from_secs(60);
/// Between the failures of a watch, beyond the tries of each call.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

struct Watch {
    client: Client,
    request: BlocksRequest,
    seen: Option<Epoch>,
    failed: u32,
    pause: Duration,
}

pub(crate) fn watch(
    client: Client,
    request: BlocksRequest,
) -> impl Stream<Item = Result<VerifiedBlocks, Error>> + Send + 'static {
    let start = Watch { client, request, seen: None, failed: 0, pause: Duration::ZERO };
    unfold(start, |mut watch| async move { Some((watch.next().await, watch)) })
}

impl Watch {
    async fn next(&mut self) -> Result<VerifiedBlocks, Error> {
        self.sleep(self.pause).await;
        if let Some(seen) = self.seen.filter(|_| self.failed == 0) {
            self.wait_for_the_end_of(&seen).await;
        }
        loop {
            let blocks = self.client.blocks(self.request).await;
            match blocks {
                // This clock is a little ahead of the service's, which still deals the old epoch.
                Ok(blocks) if self.seen.is_some_and(|seen| blocks.epoch().index <= seen.index) => {
                    self.sleep(LEAD.mul_f64(0.5 + self.client.jitter())).await;
                }
                Ok(blocks) => {
                    (self.seen, self.failed, self.pause) =
                        (Some(blocks.epoch()), 0, Duration::ZERO);
                    return Ok(blocks);
                }
                Err(error) => {
                    self.failed = self.failed.saturating_add(1);
                    self.pause = pause_after(&error, self.failed, self.client.jitter());
                    return Err(error);
                }
            }
        }
    }

    async fn wait_for_the_end_of(&self, epoch: &Epoch) {
        let length = epoch.ends_at.since(epoch.starts_at);
        let delay = delay_after_boundary(length, self.client.spread(), self.client.jitter());
        let until = epoch.ends_at.plus(delay);
        loop {
            let left = until.since(self.client.clock().now());
            if left.is_zero() {
                return;
            }
            self.sleep(left.min(LOOK_AGAIN)).await;
        }
    }

    async fn sleep(&self, duration: Duration) {
        if !duration.is_zero() {
            self.client.clock().sleep(duration).await;
        }
    }
}

/// How long after the start of an epoch this client asks: spread over a part of the epoch that is small.
fn delay_after_boundary(length: Duration, spread: Duration, jitter: f64) -> Duration {
    let tenth = length / 10;
    LEAD.min(tenth) + spread.min(tenth).mul_f64(jitter)
}

fn pause_after(error: &Error, failed: u32, jitter: f64) -> Duration {
    let doubled = FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(failed.saturating_sub(1)));
    let pause = doubled.min(LONGEST_PAUSE).mul_f64(0.5 + jitter / 2.0);
    error.retry_after().map_or(pause, |asked| asked.min(LONGEST_PAUSE).max(pause))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_client_asks_early_in_the_epoch(length in 1_u64..100_000, spread in 0_u64..1_000, jitter in 0.0..1.0_f64) {
            let (length, spread) = (Duration::from_secs(length), Duration::from_secs(spread));
            let delay = delay_after_boundary(length, spread, jitter);
            prop_assert!(!delay.is_zero() && delay <= length / 5);
            prop_assert!(delay <= LEAD + spread);
        }

        #[test]
        fn a_failing_watch_neither_storms_nor_sleeps_for_long(failed in 1_u32.., jitter in 0.0..1.0_f64) {
            let error = Error::TimedOut { url: "u".into(), after: LEAD };
            let pause = pause_after(&error, failed, jitter);
            prop_assert!((FIRST_PAUSE / 2..=LONGEST_PAUSE).contains(&pause));
        }
    }
}

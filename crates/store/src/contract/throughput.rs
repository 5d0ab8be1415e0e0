use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use resi_protocol::{Hotkey, Signature, Timestamp};
use serde_json::json;

use super::epoch_id;
use crate::{GrantAttempt, GrantOutcome, Origin, Proof, ReportAttempt, ReportOutcome, Store};

/// How hard to press.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// Callers that wait for their answers.
    pub callers: u64,
    /// How long.
    pub duration: Duration,
    /// Hotkeys that take turns.
    pub hotkeys: u64,
    /// Whether the limits are on, so high that they limit nothing.
    pub limited: bool,
}

/// Grants and reports a second, of callers that each wait for one answer before they ask again.
#[expect(clippy::disallowed_methods, reason = "a measurement reads the clock")]
pub async fn throughput(store: Arc<dyn Store>, load: Load, base: u64) -> (f64, f64) {
    let mut rates = [0.0; 2];
    for (kind, rate) in rates.iter_mut().enumerate() {
        let asked = Arc::new(AtomicU64::new(base));
        let started = Instant::now();
        let callers: Vec<_> = (0..load.callers)
            .map(|_| {
                let (store, asked) = (Arc::clone(&store), Arc::clone(&asked));
                tokio::spawn(async move {
                    while started.elapsed() < load.duration {
                        let number = asked.fetch_add(1, Ordering::Relaxed);
                        if kind == 0 {
                            let outcome =
                                store.grant_access(grant(number, load)).await.expect("an outcome");
                            assert!(matches!(outcome, GrantOutcome::Granted(_)), "{outcome:?}");
                        } else {
                            let outcome = store
                                .record_report(report(number, load))
                                .await
                                .expect("an outcome");
                            assert_eq!(outcome, ReportOutcome::Recorded);
                        }
                    }
                })
            })
            .collect();
        for caller in callers {
            caller.await.expect("no panic");
        }
        *rate = (asked.load(Ordering::Relaxed) - base) as f64 / started.elapsed().as_secs_f64();
    }
    (rates[0], rates[1])
}

fn hotkey(number: u64, load: Load) -> Hotkey {
    let mut bytes = [7; 32];
    bytes[..8].copy_from_slice(
        &(number % load.hotkeys).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes(),
    );
    Hotkey::from_bytes(bytes)
}

fn origin(number: u64) -> Origin {
    Origin {
        request_id: format!("01M830GQNCX681K{number:011}").into(),
        address: Some([192, 0, 2, 1].into()),
    }
}

fn grant(number: u64, load: Load) -> GrantAttempt {
    let mut bytes = [0; 64];
    for (position, chunk) in bytes.chunks_mut(8).enumerate() {
        let mixed = (number + position as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(31);
        chunk.copy_from_slice(&(mixed ^ number).wrapping_mul(0xbf58_476d_1ce4_e5b9).to_be_bytes());
    }
    let now = Timestamp::from_seconds(1_760_000_000 + i64::try_from(number / 10_000).unwrap_or(0));
    GrantAttempt {
        hotkey: hotkey(number, load),
        proof: Proof::Signature {
            signature: Signature::from_bytes(bytes),
            remember_until: now.plus(Duration::from_secs(360)),
        },
        // Every grant of a hotkey in a window of its own, so that the log of a limit stays as short as it is in life.
        now: now.plus(Duration::from_secs(number / load.hotkeys * 10)),
        limit: load.limited.then_some(10),
        origin: origin(number),
    }
}

fn report(number: u64, load: Load) -> ReportAttempt {
    let report = json!({
        "assignment_id": format!("zipcode_assignment_20250115_1030_{number:08x}"),
        "status": if number.is_multiple_of(2) { "completed" } else { "started" },
        "statistics": {"total_miners_assigned": 40, "responses_received": 38, "consensus_achieved": 35,
            "anomalies_detected": 2, "total_properties_scraped": 9450, "average_response_time_minutes": 45.0,
            "success_rate": 0.95},
        "consensus_hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    });
    ReportAttempt {
        hotkey: hotkey(number, load),
        report: serde_json::from_value(report).expect("a report"),
        reported_epoch: None,
        running_epoch: epoch_id(120_620 + number / (load.hotkeys * 60)),
        now: Timestamp::from_micros(1_760_000_000_000_000 + i64::try_from(number).unwrap_or(0)),
        timeout: Duration::from_secs(14_400),
        new_assignments: load.limited.then_some(64),
        nonce: None,
        origin: origin(number),
    }
}

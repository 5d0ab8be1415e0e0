use futures_util::future::join_all;
use resi_protocol::btauth::Nonce;

use super::{Backend, grant, replicas, report, status};
use crate::{GrantAttempt, GrantOutcome, Proof, ReportOutcome, Store};

/// A request for access that is signed by headers.
fn signed_grant(who: u8, nanos: u64, limit: Option<u32>) -> GrantAttempt {
    GrantAttempt { proof: Proof::Nonce(Nonce::from_nanos(nanos)), ..grant(who, 0, 0, limit) }
}

async fn ask(store: &dyn Store, who: u8, nanos: u64) -> GrantOutcome {
    store.grant_access(signed_grant(who, nanos, None)).await.expect("an outcome")
}

pub async fn a_nonce_is_used_once_for_whatever_it_signs(backend: &dyn Backend) {
    let [store, other] = replicas(backend).await;
    let (store, other) = (store.as_ref(), other.as_ref());
    assert_eq!(ask(store, 1, 1).await, GrantOutcome::Granted(None));
    for store in [store, other] {
        assert_eq!(ask(store, 1, 1).await, GrantOutcome::Replayed);
        assert_eq!(report(1, "a", "started", 0).signed(1).to(store).await, ReportOutcome::Replayed);
    }
    // Once with a limit and once without, which take other paths.
    for (nanos, limit) in [(2, None), (3, Some(9))] {
        let id = format!("{nanos}");
        let signed = |status: &str| {
            let report = report(1, &id, status, 0).signed(nanos);
            limit.map_or(report.clone(), |limit| report.limited(limit))
        };
        assert_eq!(signed("started").to(store).await, ReportOutcome::Recorded);
        for store in [store, other] {
            assert_eq!(signed("completed").to(store).await, ReportOutcome::Replayed);
            assert_eq!(ask(store, 1, nanos).await, GrantOutcome::Replayed);
        }
        assert_eq!(ask(store, 2, nanos).await, GrantOutcome::Granted(None), "another's");
    }
    // What says nothing new is accepted, too.
    assert_eq!(report(1, "2", "started", 0).signed(4).to(store).await, ReportOutcome::Unchanged);
    assert_eq!(report(1, "2", "started", 0).signed(4).to(other).await, ReportOutcome::Replayed);
}

pub async fn of_two_replicas_one_takes_a_nonce(backend: &dyn Backend) {
    let stores = replicas(backend).await;
    for limit in [None, Some(100)] {
        let asked = join_all((0..60_u64).map(|number| {
            let store = &stores[number as usize % 2];
            let nanos = 1_000 * u64::from(limit.unwrap_or(0)) + number / 4;
            async move {
                if number.is_multiple_of(3) {
                    let report =
                        report(1, &format!("{nanos}-{number}"), "started", 0).signed(nanos);
                    let report = limit.map_or(report.clone(), |limit| report.limited(limit));
                    report.to(store.as_ref()).await == ReportOutcome::Recorded
                } else {
                    let outcome = store.grant_access(signed_grant(1, nanos, limit)).await;
                    matches!(outcome, Ok(GrantOutcome::Granted(_)))
                }
            }
        }))
        .await;
        assert_eq!(asked.into_iter().filter(|taken| *taken).count(), 15);
    }
}

/// The nonce of a refused request can still be used: nothing was written.
pub async fn what_is_refused_uses_up_no_nonce(backend: &dyn Backend) {
    let store = backend.open().await;
    let store = store.as_ref();
    for limit in [None, Some(1)] {
        let (who, nanos) = (1 + limit.unwrap_or(0) as u8, 1);
        let reported = |id, status| {
            let report = report(who, id, status, 0);
            limit.map_or(report.clone(), |limit| report.limited(limit))
        };
        assert_eq!(reported("a", "completed").to(store).await, ReportOutcome::Recorded);
        let conflict = reported("a", "failed").signed(nanos).to(store).await;
        assert!(matches!(conflict, ReportOutcome::Ended(_)), "{conflict:?}");
        if limit.is_some() {
            let over = reported("b", "started").signed(nanos).to(store).await;
            assert_eq!(over, ReportOutcome::TooManyAssignments);
            assert_eq!(status(store, who, "b").await, None);
        }
        let limited = store.grant_access(signed_grant(who, nanos, Some(0))).await;
        assert!(matches!(limited, Ok(GrantOutcome::Limited(_))), "{limited:?}");
        assert_eq!(ask(store, who, nanos).await, GrantOutcome::Granted(None));
    }
}

pub async fn a_nonce_stays_taken_after_a_restart(backend: &dyn Backend) {
    let store = backend.open().await;
    assert_eq!(ask(store.as_ref(), 1, 1).await, GrantOutcome::Granted(None));
    store.close().await;
    let store = backend.open().await;
    assert_eq!(ask(store.as_ref(), 1, 1).await, GrantOutcome::Replayed);
}

pub async fn old_nonces_are_forgotten_and_others_are_not(backend: &dyn Backend) {
    let store = backend.open().await;
    let store = store.as_ref();
    for nanos in 0..10 {
        assert_eq!(ask(store, 1, nanos).await, GrantOutcome::Granted(None));
    }
    let before = Nonce::from_nanos(6);
    assert_eq!(store.forget_nonces(Nonce::from_nanos(0), 100).await, Ok(0));
    assert_eq!(store.forget_nonces(before, 4).await, Ok(4));
    assert_eq!(store.forget_nonces(before, 4).await, Ok(2));
    assert_eq!(store.forget_nonces(before, 4).await, Ok(0));
    for nanos in 6..10 {
        assert_eq!(ask(store, 1, nanos).await, GrantOutcome::Replayed);
    }
}

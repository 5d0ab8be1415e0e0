use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::join_all;
use resi_protocol::Timestamp;

use super::{Backend, grant, report, status};
use crate::{GrantOutcome, ReportOutcome, StoreError};

pub async fn the_clock_is_the_databases(backend: &dyn Backend) {
    let time = backend.open().await.time().await.expect("an answer");
    assert_eq!(time.is_some(), backend.has_clock());
    if let Some(time) = time {
        assert!(time > Timestamp::from_seconds(1_735_689_600), "{time} is no time of day");
    }
}

pub async fn close_commits_what_waits(backend: &dyn Backend) {
    let store = backend.open().await;
    let waiting: Vec<_> = (0..400_u32)
        .map(|number| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                let id = format!("{number}");
                let granted = store.grant_access(grant(1, number, 0, None)).await;
                let reported = store.record_report(report(1, &id, "started", 0).0).await;
                (id, number, granted, reported)
            })
        })
        .collect();
    tokio::task::yield_now().await;
    store.close().await;
    let store = backend.open().await;
    for answered in join_all(waiting).await {
        let (id, number, granted, reported) = answered.expect("no panic");
        // Whether it came before the end or after it, what was acknowledged is there, and nothing hangs.
        match granted {
            Ok(outcome) => {
                assert_eq!(outcome, GrantOutcome::Granted(None));
                let again = store.grant_access(grant(1, number, 0, None)).await;
                assert_eq!(again, Ok(GrantOutcome::Replayed));
            }
            Err(error) => assert!(matches!(error, StoreError::Unavailable(_)), "{error}"),
        }
        match reported {
            Ok(outcome) => {
                assert_eq!(outcome, ReportOutcome::Recorded);
                assert!(status(store.as_ref(), 1, &id).await.is_some());
            }
            Err(error) => assert!(matches!(error, StoreError::Unavailable(_)), "{error}"),
        }
    }
}

pub async fn a_closed_store_is_unavailable(backend: &dyn Backend) {
    let store = backend.open().await;
    store.close().await;
    store.close().await;
    let unavailable = |error| matches!(error, StoreError::Unavailable(_));
    assert!(store.grant_access(grant(1, 1, 0, None)).await.is_err_and(unavailable));
    assert!(store.record_report(report(1, "a", "started", 0).0).await.is_err_and(unavailable));
    assert!(store.tally(1).await.is_err_and(unavailable));
    assert!(store.record_pulls(&[]).await.is_ok());
}

pub async fn connections_are_counted(backend: &dyn Backend) {
    let store = backend.open().await;
    store.tally(1).await.expect("a tally");
    let connections = store.connections();
    assert!(connections.open > 0 && connections.idle <= connections.open, "{connections:?}");
}

pub async fn background_tasks_live(backend: &dyn Backend) {
    let store = backend.open().await;
    report(1, "a", "started", 0).to(store.as_ref()).await;
    assert_eq!(store.background_failure().now_or_never(), None);
    store.close().await;
    assert_eq!(store.background_failure().now_or_never(), None, "a closed task has not failed");
}

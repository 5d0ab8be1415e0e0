use std::time::Duration;

use crate::forwarder::Forwarder;
use crate::fresh::Fresh;
use resi_protocol::{EpochId, Hotkey, Signature, Timestamp};
use resi_store::{
    GrantAttempt, GrantOutcome, Migrations, OpenError, Origin, Proof, ReportAttempt, ReportOutcome,
    Store, StoreError,
};
use resi_store_postgres::PostgresStore;
use sqlx::Connection;

const MAX_CONNECTIONS: u32 = 4;

async fn open(url: &str, migrations: Migrations) -> Result<PostgresStore, OpenError> {
    PostgresStore::connect(url, MAX_CONNECTIONS, migrations).await
}

fn started(id: &str, second: i64) -> ReportAttempt {
    ReportAttempt {
        hotkey: Hotkey::from_bytes([1; 32]),
        report: serde_json::from_value(
            serde_json::json!({"assignment_id": id, "status": "started"}),
        )
        .expect("a report"),
        reported_epoch: None,
        running_epoch: EpochId::starting_at(Timestamp::from_seconds(14_400)),
        now: Timestamp::from_seconds(second),
        timeout: Duration::from_secs(3600),
        new_assignments: None,
        nonce: None,
        origin: Origin::default(),
    }
}

fn grant(signed: u8, second: i64) -> GrantAttempt {
    GrantAttempt {
        hotkey: Hotkey::from_bytes([1; 32]),
        proof: Proof::Signature {
            signature: Signature::from_bytes([signed; 64]),
            remember_until: Timestamp::from_seconds(3600),
        },
        now: Timestamp::from_seconds(second),
        limit: None,
        origin: Origin::default(),
    }
}

#[tokio::test]
async fn without_migrations_nothing_is_made() {
    let fresh = Fresh::new().await;
    assert!(matches!(open(&fresh.url(), Migrations::Refuse).await, Err(OpenError::Pending(1..))));
    let mut connection = fresh.connect().await;
    let tables: i64 =
        sqlx::query_scalar("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
            .fetch_one(&mut connection)
            .await
            .expect("a count");
    assert_eq!(tables, 0);
    open(&fresh.url(), Migrations::Run).await.expect("a store").close().await;
    open(&fresh.url(), Migrations::Refuse).await.expect("nothing is pending").close().await;
    fresh.remove().await;
}

#[tokio::test]
async fn replicas_may_start_at_once() {
    let fresh = Fresh::new().await;
    let url = fresh.url();
    let stores = futures_util::future::join_all((0..8).map(|_| open(&url, Migrations::Run))).await;
    for store in stores {
        store.expect("a store").close().await;
    }
    fresh.remove().await;
}

#[tokio::test]
async fn only_a_newer_version_that_says_so_can_be_followed() {
    let fresh = Fresh::new().await;
    open(&fresh.url(), Migrations::Run).await.expect("a store").close().await;
    let mut newer = fresh.connect().await;
    sqlx::raw_sql("INSERT INTO _sqlx_migrations VALUES (9999, 'later', now(), true, 'x', 1)")
        .execute(&mut newer)
        .await
        .expect("a row");
    for migrations in [Migrations::Run, Migrations::Refuse] {
        assert!(matches!(open(&fresh.url(), migrations).await, Err(OpenError::Schema(_))));
    }
    sqlx::raw_sql("UPDATE _sqlx_migrations SET description = 'compatible x' WHERE version = 9999")
        .execute(&mut newer)
        .await
        .expect("a row");
    for migrations in [Migrations::Run, Migrations::Refuse] {
        open(&fresh.url(), migrations).await.expect("a store").close().await;
    }
    fresh.remove().await;
}

#[tokio::test]
async fn only_what_a_retry_can_mend_is_unavailable() {
    let fresh = Fresh::new().await;
    let url = fresh.url();
    let (missing, authority) = (format!("{url}_missing"), url.split_once("://").expect("a URL").1);
    assert!(matches!(open(&missing, Migrations::Run).await, Err(OpenError::Fatal(_))));
    // Nobody listens on the port that this listener gives back.
    let port = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.local_addr().expect("an address").port()
    };
    let secret = "s3cr3t";
    let refused = format!("postgres://resi:{secret}@127.0.0.1:{port}/resi");
    let unknown =
        format!("postgres://nobody:{secret}@{}", authority.split_once('@').expect("a user").1);
    let malformed = format!("postgres://resi:{secret}@127.0.0.1:port/resi");
    let unsupported = format!("mysql:/resi:{secret}");
    for (url, unavailable) in
        [(refused, true), (unknown, false), (malformed, false), (unsupported, false)]
    {
        let error = open(&url, Migrations::Run).await.expect_err("no store");
        assert_eq!(matches!(error, OpenError::Unavailable(_)), unavailable, "{error}");
        assert!(!format!("{error} {error:?}").contains(secret), "{error}");
    }
    fresh.remove().await;
}

#[tokio::test]
async fn lost_connections_are_replaced() {
    let fresh = Fresh::new().await;
    let store = open(&fresh.url(), Migrations::Run).await.expect("a store");
    assert_eq!(store.record_report(started("a", 0)).await, Ok(ReportOutcome::Recorded));
    assert_eq!(store.grant_access(grant(1, 0)).await, Ok(GrantOutcome::Granted(None)));
    store.tally(1).await.expect("a tally");

    let mut other = fresh.connect().await;
    sqlx::query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'resi' AND datname = current_database()")
        .execute(&mut other)
        .await
        .expect("terminated");

    // After a rest the connections are tried before they are trusted.
    assert_eq!(store.record_report(started("a", 10)).await, Ok(ReportOutcome::Unchanged));
    assert_eq!(store.grant_access(grant(1, 10)).await, Ok(GrantOutcome::Replayed));

    // Without a rest, one call fails, and the next has a new connection.
    sqlx::query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'resi' AND datname = current_database()")
        .execute(&mut other)
        .await
        .expect("terminated");
    assert!(matches!(store.record_report(started("b", 10)).await, Err(StoreError::Unavailable(_))));
    assert_eq!(store.record_report(started("b", 10)).await, Ok(ReportOutcome::Recorded));
    store.close().await;
    other.close().await.expect("closed");
    fresh.remove().await;
}

#[tokio::test]
async fn connections_that_fell_silent_are_replaced() {
    let fresh = Fresh::new().await;
    let forwarder = Forwarder::to(&fresh.url()).await;
    let url = forwarder.through(&fresh.url());
    let store = open(&url, Migrations::Run).await.expect("a store");
    assert_eq!(store.record_report(started("a", 0)).await, Ok(ReportOutcome::Recorded));
    assert_eq!(store.grant_access(grant(1, 0)).await, Ok(GrantOutcome::Granted(None)));
    let (read, written) = tokio::join!(store.tally(1), store.try_write());
    assert!(read.is_ok() && written.is_ok());

    forwarder.silence();
    // As long as a probe may take.
    let (read, written, reported, granted) = tokio::time::timeout(Duration::from_secs(2), async {
        tokio::join!(
            store.tally(1),
            store.try_write(),
            store.record_report(started("a", 10)),
            store.grant_access(grant(1, 10)),
        )
    })
    .await
    .expect("in time");
    assert!(read.is_ok() && written.is_ok(), "{read:?} {written:?}");
    assert_eq!(reported, Ok(ReportOutcome::Unchanged));
    assert_eq!(granted, Ok(GrantOutcome::Replayed));
    store.close().await;
    fresh.remove().await;
}

#[tokio::test]
async fn a_lock_that_is_held_gives_unavailable_and_passes() {
    let fresh = Fresh::new().await;
    let store = open(&fresh.url(), Migrations::Run).await.expect("a store");
    let mut other = fresh.connect().await;
    let mut transaction = other.begin().await.expect("a transaction");
    sqlx::raw_sql("LOCK TABLE assignments").execute(&mut *transaction).await.expect("a lock");
    let waited = store.record_report(started("a", 0)).await;
    assert!(matches!(waited, Err(StoreError::Unavailable(_))), "{waited:?}");
    transaction.rollback().await.expect("rolled back");
    assert_eq!(store.record_report(started("a", 0)).await, Ok(ReportOutcome::Recorded));
    store.close().await;
    other.close().await.expect("closed");
    fresh.remove().await;
}

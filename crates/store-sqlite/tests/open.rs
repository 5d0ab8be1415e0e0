//! Opening databases of all kinds.

use std::path::Path;
use std::time::Duration;

use resi_protocol::{EpochId, Hotkey, Timestamp};
use resi_store::{Migrations, OpenError, Origin, ReportAttempt, ReportOutcome, Store};
use resi_store_sqlite::{SqliteLocation, SqliteStore};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, SqliteConnection};

async fn open(path: &Path, migrations: Migrations) -> Result<SqliteStore, OpenError> {
    SqliteStore::open(SqliteLocation::File(path.to_owned()), migrations).await
}

async fn connect(path: &Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
    options.connect().await.expect("a connection")
}

fn started(id: &str) -> ReportAttempt {
    ReportAttempt {
        hotkey: Hotkey::from_bytes([1; 32]),
        report: serde_json::from_value(
            serde_json::json!({"assignment_id": id, "status": "started"}),
        )
        .expect("a report"),
        reported_epoch: None,
        running_epoch: EpochId::starting_at(Timestamp::from_seconds(14_400)),
        now: Timestamp::UNIX_EPOCH,
        timeout: Duration::from_secs(60),
        new_assignments: None,
        nonce: None,
        origin: Origin::default(),
    }
}

#[tokio::test]
async fn without_migrations_nothing_is_made() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("new/resi.db");
    assert!(matches!(open(&path, Migrations::Refuse).await, Err(OpenError::Pending(1..))));
    assert!(!folder.path().join("new").exists());

    let empty = folder.path().join("empty.db");
    std::fs::write(&empty, "").expect("a file");
    assert!(matches!(open(&empty, Migrations::Refuse).await, Err(OpenError::Pending(1..))));
    assert!(matches!(
        SqliteStore::open(SqliteLocation::Memory, Migrations::Refuse).await,
        Err(OpenError::Pending(1..))
    ));

    open(&path, Migrations::Run).await.expect("a store").close().await;
    open(&path, Migrations::Refuse).await.expect("nothing is pending").close().await;
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_owner_can_read_it() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("data/resi.db");
    let store = open(&path, Migrations::Run).await.expect("a store");
    store.record_report(started("a")).await.expect("an outcome");
    let mode = |path: &Path| std::fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!(mode(&folder.path().join("data")), 0o700);
    for file in std::fs::read_dir(folder.path().join("data")).expect("a folder") {
        let file = file.expect("a file").path();
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
}

#[tokio::test]
async fn stores_in_memory_share_nothing() {
    let [one, other] = [SqliteLocation::Memory, SqliteLocation::Memory]
        .map(|location| SqliteStore::open(location, Migrations::Run));
    let (one, other) = (one.await.expect("a store"), other.await.expect("a store"));
    assert_eq!(one.record_report(started("a")).await, Ok(ReportOutcome::Recorded));
    let (hotkey, id) = (Hotkey::from_bytes([1; 32]), "a".parse().expect("an id"));
    assert!(one.assignment(hotkey, &id).await.expect("an answer").is_some());
    assert!(other.assignment(hotkey, &id).await.expect("an answer").is_none());
    assert_eq!(one.tally(1).await.expect("a tally").started, 1);
    assert_eq!(one.time().await, Ok(None));
}

#[tokio::test]
async fn several_processes_may_open_a_new_file_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("resi.db");
    let stores = futures_util::future::join_all((0..8).map(|_| open(&path, Migrations::Run))).await;
    for store in stores {
        store.expect("a store").close().await;
    }
}

#[tokio::test]
async fn a_database_of_0_1_0_opens() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("resi.db");
    let first = include_str!("../../../migrations/sqlite/0001_initial.sql");
    // What sqlx wrote beside it, at the first release.
    let mut old = connect(&path).await;
    sqlx::raw_sql(
        "CREATE TABLE _sqlx_migrations (version BIGINT PRIMARY KEY, description TEXT NOT NULL,
             installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, success BOOLEAN NOT NULL,
             checksum BLOB NOT NULL, execution_time BIGINT NOT NULL)",
    )
    .execute(&mut old)
    .await
    .expect("a table");
    sqlx::raw_sql(first).execute(&mut old).await.expect("the first migration");
    let checksum =
        sqlx::migrate!("../../migrations/sqlite").iter().next().expect("one").checksum.to_vec();
    sqlx::query(
        "INSERT INTO _sqlx_migrations VALUES (1, 'initial', CURRENT_TIMESTAMP, true, ?, 1)",
    )
    .bind(checksum)
    .execute(&mut old)
    .await
    .expect("a row");
    sqlx::raw_sql(
        r#"INSERT INTO assignments (hotkey, assignment_id, status, late, epoch, opened_in, report,
               first_reported_at, updated_at, revision)
           VALUES (zeroblob(32), 'a', 'started', 0, 1, 1, '{"assignment_id":"a","status":"started"}', 0, 0, 1);
           INSERT INTO epoch_totals (epoch, started) VALUES (1, 1)"#,
    )
    .execute(&mut old)
    .await
    .expect("rows");
    old.close().await.expect("closed");
    let store = open(&path, Migrations::Run).await.expect("a store");
    assert_eq!(store.tally(1).await.expect("a tally").started, 1);
    let found = store.assignment(Hotkey::from_bytes([0; 32]), &"a".parse().expect("an id")).await;
    assert!(found.expect("an answer").is_some());
}

#[tokio::test]
async fn only_a_newer_version_that_says_so_can_be_followed() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("resi.db");
    open(&path, Migrations::Run).await.expect("a store").close().await;
    let mut newer = connect(&path).await;
    sqlx::raw_sql(
        "INSERT INTO _sqlx_migrations VALUES (9999, 'later', CURRENT_TIMESTAMP, true, x'00', 1)",
    )
    .execute(&mut newer)
    .await
    .expect("a row");
    for migrations in [Migrations::Run, Migrations::Refuse] {
        assert!(matches!(open(&path, migrations).await, Err(OpenError::Schema(_))));
    }
    sqlx::raw_sql("UPDATE _sqlx_migrations SET description = 'compatible x' WHERE version = 9999")
        .execute(&mut newer)
        .await
        .expect("a row");
    for migrations in [Migrations::Run, Migrations::Refuse] {
        open(&path, migrations).await.expect("a store").close().await;
    }
}

#[tokio::test]
async fn what_is_no_database_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("resi.db");
    std::fs::write(&path, "this is no database, and long enough to be seen as none".repeat(100))
        .expect("a file");
    assert!(matches!(open(&path, Migrations::Run).await, Err(OpenError::Fatal(_))));
    assert!(matches!(open(folder.path(), Migrations::Run).await, Err(OpenError::Fatal(_))));
}

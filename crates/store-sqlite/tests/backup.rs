//! Backing up and restoring.

use std::fs;
use std::path::Path;

use resi_protocol::{Hotkey, Signature, Timestamp};
use resi_store::{GrantAttempt, GrantOutcome, Migrations, Origin, Proof, Store};
use resi_store_sqlite::{BackupError, SqliteLocation, SqliteStore, back_up, restore};

async fn open(path: &Path) -> SqliteStore {
    let location = SqliteLocation::File(path.to_owned());
    SqliteStore::open(location, Migrations::Run).await.expect("a store")
}

async fn grant(store: &SqliteStore, signed: u8) -> GrantOutcome {
    let attempt = GrantAttempt {
        hotkey: Hotkey::from_bytes([1; 32]),
        proof: Proof::Signature {
            signature: Signature::from_bytes([signed; 64]),
            remember_until: Timestamp::from_seconds(3600),
        },
        now: Timestamp::from_seconds(0),
        limit: None,
        origin: Origin::default(),
    };
    store.grant_access(attempt).await.expect("an outcome")
}

#[tokio::test]
async fn a_running_database_is_backed_up_and_a_stopped_one_restored() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, copy) = (folder.path().join("resi.db"), folder.path().join("copy.db"));
    let store = open(&path).await;
    grant(&store, 1).await;
    back_up(&path, &copy).await.expect("backed up");
    assert!(matches!(back_up(&path, &copy).await, Err(BackupError::Exists(_))));
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::PermissionsExt::mode(
            &fs::metadata(&copy).expect("there").permissions(),
        );
        assert_eq!(mode & 0o777, 0o600);
    }
    grant(&store, 2).await;
    assert!(matches!(restore(&copy, &path).await, Err(BackupError::InUse(_))));
    assert_eq!(grant(&store, 2).await, GrantOutcome::Replayed, "the refused one changed nothing");
    store.close().await;

    let replaced = restore(&copy, &path).await.expect("restored").expect("there was one");
    let store = open(&path).await;
    assert_eq!(grant(&store, 1).await, GrantOutcome::Replayed);
    assert_eq!(grant(&store, 2).await, GrantOutcome::Granted(None), "this came after the copy");
    store.close().await;
    let store = open(&replaced).await;
    assert_eq!(grant(&store, 2).await, GrantOutcome::Replayed);
    store.close().await;
}

#[tokio::test]
async fn what_is_damaged_or_no_database_of_ours_is_not_restored() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, copy) = (folder.path().join("resi.db"), folder.path().join("copy.db"));
    let store = open(&path).await;
    grant(&store, 1).await;
    back_up(&path, &copy).await.expect("backed up");
    store.close().await;

    let mut torn = fs::read(&copy).expect("there");
    torn.truncate(torn.len() / 2);
    fs::write(&copy, &torn).expect("written");
    assert!(matches!(restore(&copy, &path).await, Err(BackupError::Damaged(..))));
    fs::write(&copy, "no database").expect("written");
    assert!(matches!(restore(&copy, &path).await, Err(BackupError::Damaged(..))));
    let store = open(&path).await;
    assert_eq!(grant(&store, 1).await, GrantOutcome::Replayed, "what was there is still there");
    store.close().await;
}

use std::sync::Arc;
use std::time::Duration;

use resi_data_api::clock::Clock as _;
use resi_protocol::rotation::{
    Parameters, Part, Pinned, Question, RecordedEpoch, RotationKey, Voucher, verify_blocks,
    verify_history,
};
use resi_protocol::wire::{EpochList, EpochResource, ValidatorData};
use resi_protocol::{EpochId, EpochSchedule, Timestamp};
use resi_store::{EpochRecord, Store};

use crate::announcements::{NEXT, announce};
use crate::harness::{
    Backend, Database, EPOCH_SECONDS, MINI_SECRET, Options, START, Service, on_both,
};

on_both!(
    every_replica_and_restart_publishes_one_signature,
    a_record_of_before_is_signed_while_its_epoch_runs_and_never_later,
    a_key_that_is_gone_signs_nothing,
    the_key_that_comes_signs_what_another_replica_wrote,
    blocks_are_signed_while_the_database_is_away,
);

const BLOCKS: &str = "/api/v1/validator-data";
const CURRENT: &str = "/api/v1/epochs/current";
const EPOCH: Duration = Duration::from_secs(14_400);
const OTHER: [u8; 32] = [9; 32];

async fn current(service: &Service) -> EpochResource {
    let answer = service.get(CURRENT).await;
    answer.is_ok();
    serde_json::from_slice(&answer.body).unwrap()
}

async fn epoch(service: &Service, id: EpochId) -> EpochResource {
    let answer = service.get(&format!("/api/v1/epochs/{id}")).await;
    answer.is_ok();
    serde_json::from_slice(&answer.body).unwrap()
}

async fn list(service: &Service) -> Vec<EpochResource> {
    let answer = service.get("/api/v1/epochs").await;
    answer.is_ok();
    serde_json::from_slice::<EpochList>(&answer.body).unwrap().epochs
}

/// Whether the key of a record signed it.
fn is_signed(record: &EpochResource) -> bool {
    let Some(signature) = &record.record_signature else { return false };
    let parameters = record.parameters().unwrap();
    let recorded = RecordedEpoch {
        epoch: record.epoch.index,
        parameters: &parameters,
        public_key: record.rotation.public_key,
        prev_sha256: record.prev_sha256,
        honeypots_sha256: record.rotation.honeypots_sha256,
    };
    record.rotation.public_key.verify_record(&recorded, signature).unwrap();
    true
}

async fn every_replica_and_restart_publishes_one_signature(backend: Backend) {
    let options = || Options { honeypots: 20, ..Options::default() };
    let service = Service::with(backend, options()).await;
    service.clock.advance(EPOCH);
    service.turn().await;
    let now = service.clock.clone();
    let other =
        Service::on_store(Arc::clone(&service.app.store), Options { clock: now, ..options() })
            .await;
    let running = current(&service).await;
    assert!(is_signed(&running) && running.prev_sha256.is_some());
    assert!(running.rotation.honeypots_sha256.is_some());
    let token = service.token("Alice").await;
    for path in [CURRENT, "/api/v1/epochs", &format!("/api/v1/epochs/{}", running.epoch.id), BLOCKS]
    {
        let [one, two] = [&service, &other].map(|replica| replica.get_with(path, &token));
        let (one, two) = (one.await, two.await);
        one.is_ok();
        assert_eq!((&one.body, one.header("etag")), (&two.body, two.header("etag")), "{path}");
    }
    let listed = list(&service).await;
    assert_eq!(listed.len(), 2);
    assert_eq!(listed[0].record_signature, running.record_signature);
    assert!(listed.iter().all(is_signed));

    // Blocks are the same with a database and without, so theirs is over no record before.
    let blocks = service.get_with(BLOCKS, &token).await;
    let blocks: ValidatorData = serde_json::from_slice(&blocks.body).unwrap();
    assert_ne!(blocks.record_signature, running.record_signature);
    let unlinked =
        EpochResource { prev_sha256: None, record_signature: blocks.record_signature, ..running };
    assert!(is_signed(&unlinked));
    service.stop().await;
}

/// A record as a version wrote it that signed none: of the key of these tests, so many epochs after the one that runs.
async fn write_unsigned(store: &dyn Store, epochs: i64) -> EpochId {
    let schedule = EpochSchedule::new(EPOCH_SECONDS).unwrap();
    let pool = resi_zipcodes::embedded_pool(7_572).unwrap().pool;
    let at = Timestamp::from_seconds(START + epochs * i64::from(EPOCH_SECONDS));
    let record = EpochRecord {
        epoch: schedule.index_at(at).unwrap(),
        parameters: Parameters::new(46, schedule, &pool, 1_000),
        public_key: RotationKey::from_mini_secret(&MINI_SECRET).public(),
        agreed_at: at,
        signature: None,
        prev_sha256: None,
        record_signature: None,
        honeypots: None,
    };
    assert_eq!(store.agree_epoch(&record).await.unwrap().record_signature, None);
    record.id()
}

async fn a_record_of_before_is_signed_while_its_epoch_runs_and_never_later(backend: Backend) {
    let database = Database::new(backend).await;
    let store = database.open().await;
    let over = write_unsigned(&*store, -1).await;
    let running = write_unsigned(&*store, 0).await;
    let service = Service::on_store(store, Options::default()).await;
    assert!(is_signed(&current(&service).await));
    for _ in 0..2 {
        let signed: Vec<_> = list(&service).await.iter().map(is_signed).collect();
        assert_eq!(signed.iter().filter(|signed| !**signed).count(), 1);
        assert!(!is_signed(&epoch(&service, over).await));
        assert!(is_signed(&epoch(&service, running).await));
        service.clock.advance(EPOCH);
        service.turn().await;
    }
    let (records, now) = (list(&service).await, service.clock.now());
    let history = verify_history(&records, &[], now).unwrap();
    assert_eq!(history.chained.first, [over], "what is signed leads to it");
    assert!(history.is_complete(), "{history:?}");
    service.stop().await;
    database.remove().await;
}

async fn a_key_that_is_gone_signs_nothing(backend: Backend) {
    let database = Database::new(backend).await;
    let store = database.open().await;
    let old = write_unsigned(&*store, 0).await;
    let options = Options { mini_secret: OTHER, ..Options::default() };
    let clock = options.clock.clone();
    let service = Service::on_store(store, options).await;
    assert!(!is_signed(&epoch(&service, old).await));
    clock.advance(EPOCH);
    service.turn().await;
    let new = current(&service).await;
    assert!(is_signed(&new), "by the key that deals it");
    assert_eq!(new.rotation.public_key, RotationKey::from_mini_secret(&OTHER).public());
    // The key is back, too late for that record.
    let again = Service::on(&database, Options { clock, ..Options::default() }).await;
    again.turn().await;
    for replica in [&service, &again] {
        assert!(!is_signed(&epoch(replica, old).await));
        assert_eq!(epoch(replica, new.epoch.id).await.record_signature, new.record_signature);
    }
    again.app.store.close().await;
    service.stop().await;
    database.remove().await;
}

async fn the_key_that_comes_signs_what_another_replica_wrote(backend: Backend) {
    let database = Database::new(backend).await;
    let without = Service::on(&database, Options::default()).await;
    let change = announce(&without).await;
    let clock = without.clock.clone();
    for _ in 0..7 {
        clock.advance(EPOCH);
        without.turn().await;
    }
    let record = epoch(&without, change.from).await;
    assert_eq!(record.rotation.public_key, change.after.public_key);
    assert!(!is_signed(&record), "the replica that wrote it has not the key");
    let options = Options { clock, next_mini_secret: Some(NEXT), ..Options::default() };
    let with = Service::on(&database, options).await;
    for replica in [&with, &without] {
        assert!(is_signed(&epoch(replica, change.from).await));
    }
    assert!(list(&with).await.iter().all(is_signed));
    with.app.store.close().await;
    without.stop().await;
    database.remove().await;
}

async fn blocks_are_signed_while_the_database_is_away(backend: Backend) {
    let service = Service::start(backend).await;
    let token = service.token("Alice").await;
    service.app.store.close().await;
    service.clock.advance(EPOCH);
    service.turn().await;
    let answer = service.get_with(BLOCKS, &token).await;
    answer.is_ok();
    let blocks: ValidatorData = serde_json::from_slice(&answer.body).unwrap();
    let pool = resi_zipcodes::embedded_pool(7_572).unwrap().pool;
    let question = Question::default();
    let verified = verify_blocks(&blocks, &pool, &Pinned::default(), &question).unwrap();
    assert_eq!(verified.voucher(Part::Record), Some(Voucher::RecordSignature));
    assert!(!is_signed(&current(&service).await), "nobody knows the record before");
    service.stop().await;
}

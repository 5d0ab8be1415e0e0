use std::time::Duration;

use resi_data_api::clock::Clock as _;
use resi_protocol::rotation::{
    Announcement, RotationKey, RotationKeys, RotationSet, verify_history,
};
use resi_protocol::wire::EpochList;
use resi_protocol::{EpochIndex, Timestamp};
use resi_store::{AuditKind, AuditQuery};

use crate::harness::{Backend, MINI_SECRET, Options, Service, on_both};

on_both!(
    an_announced_change_is_published_and_dealt_from_its_epoch_on,
    a_replica_without_the_announced_key_warns_and_then_deals_nothing,
);

pub(crate) const NEXT: [u8; 32] = [9; 32];
const EPOCH: Duration = Duration::from_secs(14_400);

/// Seven epochs ahead: another key, and half as many zipcodes.
pub(crate) async fn announce(service: &Service) -> Announcement {
    let before = service.app.deck.parameters();
    let running = service.app.deck.epoch_at(service.app.clock.now());
    let from = before.schedule.id(EpochIndex(running.0 + 7));
    let next = RotationKey::from_mini_secret(&NEXT).public();
    let after = RotationSet { zipcodes_per_epoch: 500, ..RotationSet::new(next, before) };
    let key = RotationKey::from_mini_secret(&MINI_SECRET);
    let now = service.app.clock.now();
    let change = Announcement::sign(&key, 46, from, now, before, after);
    assert_eq!(service.app.store.announce(&change, 0).await, Ok(true));
    service.clock.advance(Duration::from_secs(10));
    service.turn().await;
    change
}

async fn an_announced_change_is_published_and_dealt_from_its_epoch_on(backend: Backend) {
    let options = || Options { next_mini_secret: Some(NEXT), ..Options::default() };
    let service = Service::with(backend, options()).await;
    let keys = service.get("/api/v1/rotation/keys").await;
    assert_eq!(keys.is_ok()["announcements"], serde_json::json!([]));
    let change = announce(&service).await;
    let keys = service.get("/api/v1/rotation/keys").await;
    assert_eq!(keys.header("access-control-allow-origin"), Some("*"));
    assert_eq!(keys.header("cache-control"), Some("public, max-age=60"));
    let keys: RotationKeys = serde_json::from_slice(&keys.body).unwrap();
    assert_eq!((keys.current, &keys.announcements[..]), (change.before, &[change][..]));
    assert_eq!(service.get("/health").await.is_ok()["status"], "healthy");

    for _ in 0..7 {
        let current = service.get("/api/v1/epochs/current").await;
        assert_eq!(current.is_ok()["rotation"]["zipcodes_per_epoch"], 1_000);
        service.clock.advance(EPOCH);
        service.turn().await;
    }
    let current = service.get("/api/v1/epochs/current").await;
    let key = change.after.public_key.to_string();
    assert_eq!(current.is_ok()["rotation"]["public_key"], key);
    assert_eq!(current.json["rotation"]["zipcodes_per_epoch"], 500);
    let token = service.token("Alice").await;
    let blocks = service.get_with("/api/v1/validator-data", &token).await;
    assert_eq!(blocks.is_ok()["total_zipcodes"], 500);
    let keys = service.get("/api/v1/rotation/keys").await;
    assert_eq!(keys.json["current"]["public_key"], key);

    let list = service.get("/api/v1/epochs").await;
    let list: EpochList = serde_json::from_slice(&list.body).unwrap();
    let now = service.clock.now();
    let history = verify_history(&list.epochs, &[change], now).unwrap();
    assert_eq!((history.linked, history.proved, history.changes.len()), (7, 7, 1));
    assert!(history.changes[0].announced && history.changes[0].epoch == change.from);
    assert_eq!(history.signed, 8, "each by the key that deals it");
    let unexplained = verify_history(&list.epochs, &[], now).unwrap();
    assert!(!unexplained.changes[0].announced);
    let all = AuditQuery { hotkey: None, since: Timestamp::UNIX_EPOCH, after: None, limit: 9 };
    let audit = service.app.store.audit(all).await.unwrap();
    assert_eq!(audit[0].event.kind, AuditKind::Rotation);
    service.stop().await;
}

async fn a_replica_without_the_announced_key_warns_and_then_deals_nothing(backend: Backend) {
    let service = Service::start(backend).await;
    let change = announce(&service).await;
    let health = service.get("/health").await;
    assert_eq!(health.is_ok()["status"], "degraded");
    let problem = health.json["problems"][0].as_str().unwrap().to_owned();
    assert!(problem.contains("NEXT_ROTATION_KEY") && problem.contains(&change.from.to_string()));
    service.get("/readyz").await.is_ok();
    service.clock.advance(EPOCH * 7);
    service.turn().await;
    let health = service.get("/health").await;
    assert_eq!((health.status.as_u16(), &health.json["problems"][0]), (503, &problem.into()));
    let token = service.token("Alice").await;
    service.get_with("/api/v1/validator-data", &token).await.is_error(503, "NOT_READY");
    service.stop().await;
}

use std::time::Duration;

use resi_data_api::clock::Clock as _;
use resi_protocol::btauth::Nonce;
use resi_protocol::rotation::{
    Part, Pinned, Pool, Question, RotationKeys, Voucher, verify_epoch, verify_history,
};
use resi_protocol::wire::{EpochList, EpochResource};
use resi_protocol::{Keypair, Signature, Timestamp};
use resi_store::{AuditQuery, GrantAttempt, GrantOutcome, Origin, Proof};
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::harness::{Backend, Database, EPOCH_SECONDS, Options, START, Service, on_both};

macro_rules! a_database_opens {
    ($($of_the_schema:ident = $version:literal),+) => {
        on_both!($($of_the_schema),+);
        $(async fn $of_the_schema(backend: Backend) {
            let dump = match backend {
                Backend::Sqlite => include_str!(concat!("../fixtures/schemas/sqlite-000", $version, ".sql")),
                Backend::Postgres => include_str!(concat!("../fixtures/schemas/postgres-000", $version, ".sql")),
            };
            opens_with_its_rows(backend, $version, dump).await;
        })+
    };
}

a_database_opens!(
    of_the_first_schema = 1,
    of_the_second = 2,
    of_the_third = 3,
    of_the_fourth = 4,
    of_the_fifth = 5,
    of_the_sixth = 6,
    of_the_seventh = 7
);

async fn opens_with_its_rows(backend: Backend, version: u32, dump: &'static str) {
    let database = Database::new(backend).await;
    database.load(dump).await;
    let service = Service::on(&database, Options::default()).await;
    let token = service.token("Alice").await;
    let alice = Keypair::development("Alice").hotkey();

    let listed = service.get_with("/api/v1/assignments", &token).await;
    let listed: Vec<_> = listed.is_ok()["assignments"].as_array().unwrap().iter().collect();
    let names: Vec<_> = listed.iter().map(|one| (&one["assignment_id"], &one["status"])).collect();
    assert_eq!(
        names,
        [(&json!("second"), &json!("started")), (&json!("first"), &json!("completed"))]
    );
    service.report(&token, &json!({ "assignment_id": "second", "status": "failed" })).await.is_ok();
    service.turn().await;
    let statistics = service.get("/api/v1/statistics").await;
    let counts =
        ["total_validators", "active_assignments", "completed_assignments", "failed_assignments"]
            .map(|name| &statistics.json[name]);
    assert_eq!(counts, [&json!(1), &json!(0), &json!(1), &json!(1)], "{statistics:?}");

    // The running epoch is dealt by its record, from the pool that was kept, not by the settings of now.
    let blocks = service.get_with("/api/v1/validator-data", &token).await;
    let passed_before = if version >= 7 { 40 } else { 0 };
    // This is the third request of the service as it is now.
    let left = (100 - 3 - passed_before).to_string();
    assert_eq!(blocks.header("ratelimit-remaining"), Some(&*left));
    assert_eq!(blocks.is_ok()["rotation"]["pool_size"], 3);
    assert_eq!(blocks.json["total_zipcodes"], 2);
    let ended = service.get("/api/v1/epochs/2025-01-15T04-00-00").await;
    assert_eq!(ended.is_ok()["zipcodes"].as_array().map(Vec::len), Some(2), "{ended:?}");

    let now = Timestamp::from_seconds(START);
    let used = GrantAttempt {
        hotkey: alice,
        proof: Proof::Signature {
            signature: Signature::from_bytes([7; 64]),
            remember_until: Timestamp::from_seconds(START + 300),
        },
        now,
        limit: None,
        origin: Origin::default(),
    };
    let store = &service.app.store;
    assert_eq!(store.grant_access(used.clone()).await, Ok(GrantOutcome::Replayed));
    if version >= 2 {
        let query = AuditQuery {
            hotkey: Some(alice),
            since: Timestamp::UNIX_EPOCH,
            after: None,
            limit: 100,
        };
        let entries = service.app.store.audit(query).await.unwrap();
        let old = entries.iter().filter(|entry| entry.event.at < now).count();
        let reports_too = backend == Backend::Sqlite || version >= 8;
        assert_eq!(old, if reports_too { 2 } else { 1 });
    }
    if version >= 3 {
        assert_eq!(service.app.store.members(46).await.unwrap()[0].bytes, [2, 3]);
        let used = GrantAttempt { proof: Proof::Nonce(Nonce::at(now)), ..used };
        assert_eq!(store.grant_access(used).await, Ok(GrantOutcome::Replayed));
    }
    if version >= 4 {
        shows_what_was_published(&service, version).await;
    }
    service.stop().await;
    database.remove().await;
}

async fn shows_what_was_published(service: &Service, version: u32) {
    let keys: RotationKeys = read(service, "/api/v1/rotation/keys").await;
    for announced in &keys.announcements {
        assert_eq!(announced.verify(announced.announced_at), Ok(()));
    }
    let list: EpochList = read(service, "/api/v1/epochs").await;
    let now = service.clock.now();
    let history = verify_history(&list.epochs, &keys.announcements, now).unwrap();
    assert_eq!((history.records, history.linked), (2, 1));
    // The record of the epoch that is over stays as it was; the one that runs is signed, and leads to it.
    let signed_before = usize::from(version >= 9);
    assert_eq!((history.signed, history.chained.count), (1 + signed_before, 1 - signed_before));
    assert!(history.unvouched.is_empty());
    if version >= 5 {
        assert_eq!(keys.announcements.len(), 1);
        let everybody =
            AuditQuery { hotkey: None, since: Timestamp::UNIX_EPOCH, after: None, limit: 100 };
        let entries = service.app.store.audit(everybody).await.unwrap();
        assert!(entries.iter().any(|entry| &*entry.event.code == "announced"));
    }
    if version >= 6 {
        let ended: EpochResource = read(service, "/api/v1/epochs/2025-01-15T04-00-00").await;
        let pool = ["77494", "08701", "77449"].map(|zipcode| zipcode.parse().unwrap());
        let pool = Pool::new(pool.to_vec()).unwrap();
        let (known, question) = (Pinned::default(), Question::default());
        let verified = verify_epoch(&ended, &pool, &known, &question).unwrap();
        assert_eq!(verified.honeypots, ["77449".parse().unwrap()]);
        let voucher = if version >= 9 { Voucher::RecordSignature } else { Voucher::Nothing };
        assert_eq!(verified.voucher(Part::Honeypots), Some(voucher));
    }
    if version >= 5 {
        // The change counts from its epoch on, and until then what was before, whatever the settings say.
        for dealt in [2, 2, 2, 2, 2, 2, 1] {
            service.clock.advance(Duration::from_secs(EPOCH_SECONDS.into()));
            service.turn().await;
            let current: EpochResource = read(service, "/api/v1/epochs/current").await;
            assert_eq!(current.rotation.zipcodes_per_epoch, dealt);
        }
    }
}

async fn read<T: DeserializeOwned>(service: &Service, path: &str) -> T {
    let answer = service.get(path).await;
    answer.is_ok();
    serde_json::from_slice(&answer.body).unwrap()
}

use resi_protocol::btauth::Nonce;
use resi_protocol::{Keypair, Signature, Timestamp};
use resi_store::{AuditQuery, GrantAttempt, GrantOutcome, Origin};
use serde_json::json;

use crate::harness::{Backend, Database, Options, START, Service, on_both};

on_both!(a_database_of_the_first_schema_opens, of_the_second, of_the_third);

async fn a_database_of_the_first_schema_opens(backend: Backend) {
    opens_with_its_rows(backend, 1).await;
}

async fn of_the_second(backend: Backend) {
    opens_with_its_rows(backend, 2).await;
}

async fn of_the_third(backend: Backend) {
    opens_with_its_rows(backend, 3).await;
}

fn fixture(backend: Backend, version: u32) -> &'static str {
    macro_rules! of {
        ($name:literal) => {
            include_str!(concat!("../fixtures/schemas/", $name, ".sql"))
        };
    }
    match (backend, version) {
        (Backend::Sqlite, 1) => of!("sqlite-0001"),
        (Backend::Sqlite, 2) => of!("sqlite-0002"),
        (Backend::Sqlite, _) => of!("sqlite-0003"),
        (Backend::Postgres, 1) => of!("postgres-0001"),
        (Backend::Postgres, 2) => of!("postgres-0002"),
        (Backend::Postgres, _) => of!("postgres-0003"),
    }
}

async fn opens_with_its_rows(backend: Backend, version: u32) {
    let database = Database::new(backend).await;
    database.load(fixture(backend, version)).await;
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
    assert_eq!(blocks.is_ok()["rotation"]["pool_size"], 3);
    assert_eq!(blocks.json["total_zipcodes"], 2);
    let ended = service.get("/api/v1/epochs/2025-01-15T04-00-00").await;
    assert_eq!(ended.is_ok()["zipcodes"].as_array().map(Vec::len), Some(2), "{ended:?}");

    let now = Timestamp::from_seconds(START);
    let used = GrantAttempt {
        hotkey: alice,
        signature: Signature::from_bytes([7; 64]),
        remember_until: Timestamp::from_seconds(START + 300),
        now,
        limit: None,
        origin: Origin::default(),
    };
    assert_eq!(service.app.store.grant_access(used).await, Ok(GrantOutcome::Replayed));
    if version >= 2 {
        let query = AuditQuery {
            hotkey: Some(alice),
            since: Timestamp::UNIX_EPOCH,
            after: None,
            limit: 100,
        };
        let entries = service.app.store.audit(query).await.unwrap();
        let old = entries.iter().filter(|entry| entry.event.at < now).count();
        assert_eq!(old, if backend == Backend::Sqlite { 2 } else { 1 });
    }
    if version >= 3 {
        assert_eq!(service.app.store.members(46).await.unwrap()[0].bytes, [2, 3]);
        assert_eq!(service.app.store.take_nonce(alice, Nonce::at(now)).await, Ok(false));
    }
    service.stop().await;
    database.remove().await;
}

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use resi_data_api::background;
use resi_store::{Migrations, Store};
use resi_store_sqlite::{SqliteLocation, SqliteStore};
use serde_json::json;
use sqlx::ConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;

use crate::harness::{Backend, Options, START, Service, TestClock, on_both};

on_both!(health_and_statistics_tell_what_happened, a_closed_database_degrades_and_blocks_go_on);

async fn health_and_statistics_tell_what_happened(backend: Backend) {
    let service = Service::start(backend).await;
    let answer = service.get("/health").await;
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    assert_eq!(
        answer.is_ok(),
        &json!({
            "status": "healthy", "timestamp": "2025-01-15T09:30:00Z", "total_zipcodes": 7572, "active_assignments": 0,
            "version": env!("CARGO_PKG_VERSION"),
            "epoch": { "id": "2025-01-15T08-00-00", "ends_at": "2025-01-15T12:00:00Z", "seconds_left": 9000 },
            "checks": { "database": "ok", "registry": "ok", "rotation": "ok", "clock": "ok" },
            "registry": { "kind": "open", "validators": null, "age_seconds": null },
            "problems": []
        })
    );
    for (path, body) in [("/livez", "ok"), ("/readyz", "ok")] {
        assert_eq!(service.get(path).await.body, body.as_bytes());
    }

    let hashes = ["aa", "aa", "bb"];
    for (name, hash) in ["Alice", "Bob", "Charlie"].into_iter().zip(hashes) {
        let token = service.token(name).await;
        service.get_with("/api/v1/validator-data", &token).await.is_ok();
        let report = json!({
            "assignment_id": "a", "status": "completed", "consensus_hash": hash.repeat(32),
            "statistics": { "success_rate": 0.9 }
        });
        service.report(&token, &report).await.is_ok();
        service.report(&token, &json!({ "assignment_id": "b", "status": "started" })).await.is_ok();
    }
    let token = service.token("Dave").await;
    service.get_with("/api/v1/validator-data", &token).await.is_ok();
    service.clock.advance(Duration::from_secs(60));
    service.report(&token, &json!({ "assignment_id": "z", "status": "failed" })).await.is_ok();
    service.turn().await;
    assert_eq!(service.get("/health").await.json["active_assignments"], 3);
    let statistics = service.get("/api/v1/statistics").await;
    assert_eq!(statistics.header("ratelimit-limit"), Some("600"));
    let mut body = statistics.is_ok().clone();
    let rate = body["epochs"][0]["success_rate"].take().as_f64().unwrap();
    let agreement = body["epochs"][0]["consensus_agreement"].take().as_f64().unwrap();
    assert!((rate - 0.9).abs() < 1e-9 && (agreement - 2.0 / 3.0).abs() < 1e-9);
    assert_eq!(
        body,
        json!({
            "total_validators": 4, "active_assignments": 3, "completed_assignments": 3, "failed_assignments": 1,
            "expired_assignments": 0, "total_zipcodes_available": 7572, "server_uptime": "0h 1m",
            "last_assignment": { "assignment_id": "z", "status": "failed", "timestamp": "2025-01-15T09:31:00Z" },
            "epochs": [
                { "id": "2025-01-15T08-00-00", "validators": 4, "completed": 3, "success_rate": null,
                  "consensus_agreement": null }
            ]
        })
    );
    service.clock.advance(Duration::from_secs(4 * 3_600));
    service.turn().await;
    let later = service.get("/api/v1/statistics").await;
    assert_eq!(
        (&later.json["active_assignments"], &later.json["expired_assignments"]),
        (&json!(0), &json!(3))
    );
    service.stop().await;
}

async fn a_closed_database_degrades_and_blocks_go_on(backend: Backend) {
    let service = Service::start(backend).await;
    let token = service.token("Alice").await;
    let before = service.get_with("/api/v1/validator-data", &token).await;
    service.app.store.close().await;
    service.turn().await;

    let health = service.get("/health").await;
    assert_eq!(
        (&health.is_ok()["status"], &health.json["checks"]["database"]),
        (&json!("degraded"), &json!("unavailable"))
    );
    assert_eq!(health.json["problems"], json!(["the database is not available"]));
    service.get("/readyz").await;
    assert_eq!(service.get_with("/api/v1/validator-data", &token).await.body, before.body);
    let report = json!({ "assignment_id": "a", "status": "started" });
    for answer in [
        service.report(&token, &report).await,
        service.ask(&service.access_body("Bob", "ZILLOW_SOLD")).await,
    ] {
        answer.is_error(503, "STORAGE_UNAVAILABLE");
        assert!(answer.header("retry-after").is_some());
    }
    // The next epoch is dealt without a record, and the one after that as well.
    service.clock.advance(Duration::from_secs(9_000));
    service.turn().await;
    let after = service.get_with("/api/v1/validator-data", &token).await;
    assert_eq!(after.is_ok()["epoch"]["id"], "2025-01-15T12-00-00");
    service.stop().await;
}

#[tokio::test]
async fn a_probe_that_hangs_shows() {
    let service = Service::start(Backend::Sqlite).await;
    assert_eq!(service.get("/health").await.json["status"], "healthy");
    service.clock.advance(Duration::from_secs(7));
    assert_eq!(service.get("/health").await.json["checks"]["database"], "unavailable");
    service.turn().await;
    assert_eq!(service.get("/health").await.json["status"], "healthy");
    service.stop().await;
}

#[tokio::test]
async fn a_database_that_somebody_else_has_locked_shows_and_shows_again_when_it_is_free() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("resi.sqlite");
    let store = SqliteStore::open(SqliteLocation::File(path.clone()), Migrations::Run).await;
    let service = Service::on_store(Arc::new(store.unwrap()), Options::default()).await;
    let mut other = SqliteConnectOptions::new().filename(&path).connect().await.unwrap();
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    background::probe(&service.app).await;
    let health = service.get("/health").await;
    assert_eq!(health.is_ok()["checks"]["database"], "unavailable");
    sqlx::raw_sql("ROLLBACK").execute(&mut other).await.unwrap();
    background::probe(&service.app).await;
    assert_eq!(service.get("/health").await.json["checks"]["database"], "ok");
    service.stop().await;
}

#[tokio::test]
async fn a_service_that_stops_is_not_ready_but_alive() {
    let service = Service::start(Backend::Sqlite).await;
    service.app.board.drain();
    service.get("/readyz").await.is_error(503, "NOT_READY");
    let alive = service.get("/livez").await;
    // A proxy that keeps its connections takes this one back in good order, before they are all closed.
    assert_eq!((alive.status, alive.header("connection")), (StatusCode::OK, Some("close")));
    assert_eq!(service.get("/health").await.status, StatusCode::OK);
    service.stop().await;
}

#[tokio::test]
async fn other_settings_than_the_record_are_followed_or_refused() {
    let folder = tempfile::tempdir().unwrap();
    let open = async || {
        let location = SqliteLocation::File(folder.path().join("resi.sqlite"));
        let store: Arc<dyn Store> =
            Arc::new(SqliteStore::open(location, Migrations::Run).await.unwrap());
        store
    };
    let clock = TestClock::at(START);
    let options = || Options { clock: clock.clone(), ..Options::default() };
    let first = Service::on_store(open().await, options()).await;
    let token = first.token("Alice").await;
    let blocks = first.get_with("/api/v1/validator-data", &token).await;
    first.stop().await;

    // Another pool and size: the record stands until it ends.
    let second = Service::on_store(
        open().await,
        Options { pool_size: 100, zipcodes_per_epoch: 10, ..options() },
    )
    .await;
    assert_eq!(second.get_with("/api/v1/validator-data", &token).await.body, blocks.body);
    second.get("/readyz").await;
    clock.advance(Duration::from_secs(9_000));
    second.turn().await;
    let after = second.get_with("/api/v1/validator-data", &token).await;
    assert_eq!(
        (&after.is_ok()["total_zipcodes"], &after.json["rotation"]["pool_size"]),
        (&json!(10), &json!(100))
    );
    second.stop().await;

    // Another key or epoch length cannot be followed.
    for (options, what) in [
        (Options { mini_secret: [9; 32], ..options() }, "the rotation key"),
        (Options { epoch_seconds: 3_600, ..options() }, "epoch_seconds"),
    ] {
        let other = Service::on_store(open().await, options).await;
        let health = other.get("/health").await;
        assert_eq!(health.status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(health.json["problems"][0].as_str().unwrap().starts_with(what), "{health:?}");
        other.get("/readyz").await.is_error(503, "NOT_READY");
        other.get_with("/api/v1/validator-data", &token).await.is_error(503, "NOT_READY");
        other.stop().await;
    }
}

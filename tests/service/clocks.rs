use std::collections::HashMap;
use std::time::Duration;

use resi_data_api::background;
use resi_protocol::{EpochId, Timestamp};
use serde_json::json;

use crate::harness::{Backend, Database, Options, START, Service, TestClock, on_both};

on_both!(a_clock_that_jumps_an_hour_changes_nothing_that_lasts, a_small_jump_leaves_the_blocks);

const BLOCKS: &str = "/api/v1/validator-data";
/// An hour is one epoch here, so that every jump leads to another one.
const HOUR: u32 = 3_600;

async fn records(service: &Service) -> usize {
    let end = EpochId::starting_at(Timestamp::from_seconds(START + 1_000_000));
    service.app.store.epoch_records(46, end, 100).await.unwrap().len()
}

/// What is done in the background, but for asking the database its time.
async fn background_turn(service: &Service) {
    background::tend_deck(&service.app).await;
    background::prune(&service.app).await;
    background::sweep(&service.app).await;
}

async fn a_clock_that_jumps_an_hour_changes_nothing_that_lasts(backend: Backend) {
    let options = Options { epoch_seconds: HOUR, ..Options::default() };
    let service = Service::with(backend, options).await;
    let token = service.token("Alice").await;
    let blocks = service.get_with(BLOCKS, &token).await;
    let used = service.access_body("Bob", "ZILLOW_SOLD");
    service.ask(&used).await.is_ok();
    service.report(&token, &json!({ "assignment_id": "a", "status": "started" })).await.is_ok();
    service.turn().await;
    let records_before = records(&service).await;

    for seconds in [3_600, -3_600, 6 * 3_600, -90 * 86_400] {
        service.clock.jump(seconds);
        let health = service.get("/health").await;
        assert_eq!(
            (health.status.as_u16(), &health.json["checks"]["clock"]),
            (503, &json!("fault"))
        );
        service.get("/readyz").await.is_error(503, "NOT_READY");
        let refused = service.get_with(BLOCKS, &token).await;
        // By a clock that is behind, a token was issued in the future.
        let codes = ["NOT_READY", "TOKEN_EXPIRED", "INVALID_TOKEN"];
        assert!(codes.contains(&refused.code()), "{refused:?}");
        service.get("/api/v1/epochs/current").await.is_error(503, "NOT_READY");
        let running = service.get("/api/v1/epochs/2025-01-15T09-00-00").await;
        assert_eq!(running.json["rotation"]["signature"], json!(null), "{running:?}");
        for body in [&used, &service.access_body("Bob", "ZILLOW_SOLD")] {
            let refused = service.ask(body).await;
            assert!(
                ["NOT_READY", "TIMESTAMP_OUT_OF_RANGE"].contains(&refused.code()),
                "{refused:?}"
            );
        }
        background_turn(&service).await;
        service.clock.jump(-seconds);

        service.get("/readyz").await.is_ok();
        service.ask(&used).await.is_error(401, "REPLAYED_SIGNATURE");
        assert_eq!(service.get_with(BLOCKS, &token).await.body, blocks.body);
        let assignment = service.get_with("/api/v1/assignments/a", &token).await;
        assert_eq!(assignment.is_ok()["status"], "started");
        assert_eq!(records(&service).await, records_before);
    }
    service.stop().await;
}

async fn a_small_jump_leaves_the_blocks(backend: Backend) {
    let service = Service::start(backend).await;
    let token = service.token("Alice").await;
    let blocks = service.get_with(BLOCKS, &token).await;
    service.clock.jump(60);
    service.get("/readyz").await.is_error(503, "NOT_READY");
    assert_eq!(service.get_with(BLOCKS, &token).await.body, blocks.body);
    service.clock.jump(-56);
    service.get("/readyz").await.is_ok();
    service.stop().await;
}

#[tokio::test]
async fn nothing_is_agreed_by_a_clock_that_the_database_contradicts_on_postgres() {
    let service = Service::start(Backend::Postgres).await;
    let records_before = records(&service).await;
    background::probe(&service.app).await;
    let health = service.get("/health").await;
    let problem = health.json["problems"][0].as_str().unwrap();
    assert!(problem.contains("from the database's"), "{problem}");
    service.clock.advance(Duration::from_secs(14_400));
    background_turn(&service).await;
    assert_eq!(records(&service).await, records_before);
    service.stop().await;
}

#[tokio::test]
async fn replicas_two_seconds_apart_agree_across_a_boundary_on_postgres() {
    let database = Database::new(Backend::Postgres).await;
    let boundary = START + 9_000;
    let [ahead, behind] = [boundary - 3, boundary - 5].map(TestClock::at);
    let [ahead, behind] = [ahead, behind].map(|clock| Options { clock, ..Options::default() });
    let replicas = [Service::on(&database, ahead).await, Service::on(&database, behind).await];
    let mut epochs = HashMap::new();
    for turn in 0..8 {
        let (one, other) = (&replicas[turn % 2], &replicas[(turn + 1) % 2]);
        let body = one.access_body("Alice", "ZILLOW_SOLD");
        let grant = one.ask(&body).await;
        let token = grant.is_ok()["access_token"].as_str().unwrap();
        other.ask(&body).await.is_error(401, "REPLAYED_SIGNATURE");
        for replica in [one, other] {
            let blocks = replica.get_with(BLOCKS, token).await;
            let epoch = blocks.is_ok()["epoch"]["id"].to_string();
            let first = epochs.entry(epoch).or_insert_with(|| blocks.body.clone());
            assert_eq!(*first, blocks.body);
            let name = format!("{turn}-{}", replica.now());
            replica
                .report(token, &json!({ "assignment_id": name, "status": "completed" }))
                .await
                .is_ok();
        }
        for replica in &replicas {
            replica.clock.advance(Duration::from_secs(1));
            replica.turn().await;
        }
    }
    assert_eq!(epochs.len(), 2);

    // To the last second that the slower clock lets a signature pass, the faster one has not forgotten it.
    let [ahead, behind] = &replicas;
    let body = behind.access_body("Bob", "ZILLOW_SOLD");
    ahead.ask(&body).await.is_ok();
    for _ in 0..10 {
        for replica in &replicas {
            replica.clock.advance(Duration::from_secs(30));
            replica.turn().await;
        }
        behind.ask(&body).await.is_error(401, "REPLAYED_SIGNATURE");
    }
    for replica in replicas {
        replica.stop().await;
    }
    database.remove().await;
}

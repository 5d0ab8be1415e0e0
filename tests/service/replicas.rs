use std::time::Duration;

use serde_json::json;

use crate::harness::{Backend, Database, Options, START, Service, TestClock};

/// Two replicas of one database.
async fn pair(database: &Database) -> (Service, Service, std::sync::Arc<TestClock>) {
    let clock = TestClock::at(START);
    let options = || Options { clock: clock.clone(), ..Options::default() };
    (Service::on(database, options()).await, Service::on(database, options()).await, clock)
}

#[tokio::test]
async fn replicas_answer_with_the_same_bytes_in_every_epoch_on_postgres() {
    let database = Database::new(Backend::Postgres).await;
    let (one, two, clock) = pair(&database).await;
    let (alice, bob) = (one.token("Alice").await, two.token("Bob").await);
    // A token of one replica is good at the other.
    one.get_with("/api/v1/validator-data", &bob).await.is_ok();
    let mut seen = Vec::new();
    for _ in 0..2 {
        let a = one.get_with("/api/v1/validator-data", &alice).await;
        let b = two.get_with("/api/v1/validator-data", &bob).await;
        a.is_ok();
        assert_eq!((&a.body, a.header("etag")), (&b.body, b.header("etag")));
        assert!(!seen.contains(&a.body));
        seen.push(a.body);
        clock.advance(Duration::from_secs(14_400));
    }
    one.stop().await;
    two.stop().await;
    database.remove().await;
}

#[tokio::test]
async fn what_is_reported_to_one_is_known_to_the_other_on_postgres() {
    let database = Database::new(Backend::Postgres).await;
    let (one, two, _clock) = pair(&database).await;
    let token = one.token("Alice").await;
    one.report(&token, &json!({ "assignment_id": "a", "status": "started" })).await.is_ok();
    two.report(&token, &json!({ "assignment_id": "a", "status": "completed" })).await.is_ok();
    one.report(&token, &json!({ "assignment_id": "a", "status": "failed" }))
        .await
        .is_error(409, "ASSIGNMENT_ENDED");
    for replica in [&one, &two] {
        replica.turn().await;
        let statistics = replica.get("/api/v1/statistics").await;
        assert_eq!(
            (&statistics.json["completed_assignments"], &statistics.json["total_validators"]),
            (&json!(1), &json!(1))
        );
    }
    one.stop().await;
    two.stop().await;
    database.remove().await;
}

#[tokio::test]
async fn the_limit_on_grants_holds_across_replicas_on_postgres() {
    let database = Database::new(Backend::Postgres).await;
    let (one, two, _clock) = pair(&database).await;
    let mut granted = 0;
    for _ in 0..8 {
        for replica in [&one, &two] {
            granted += u32::from(
                replica.ask(&replica.access_body("Alice", "ZILLOW_SOLD")).await.status.is_success(),
            );
        }
    }
    assert_eq!(granted, 10);
    one.stop().await;
    two.stop().await;
    database.remove().await;
}

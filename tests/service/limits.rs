use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use resi_data_api::app::LimitSettings;
use resi_data_api::background;
use resi_data_api::http::client_address::Peer;
use serde_json::json;

use crate::harness::{Backend, Database, Options, START, Service, TestClock, on_both};

on_both!(the_hour_of_a_hotkey_holds_across_replicas_and_restarts);

/// What passes over the limit is what the other replicas let pass since they last told of it, and no more.
async fn the_hour_of_a_hotkey_holds_across_replicas_and_restarts(backend: Backend) {
    const PATH: &str = "/api/v1/assignments";
    let database = Database::new(backend).await;
    let clock = TestClock::at(START);
    let limits = LimitSettings { requests_per_hour: 10, ..LimitSettings::DEFAULT };
    let options = || Options { limits, clock: clock.clone(), ..Options::default() };
    let one = Service::on(&database, options()).await;
    let two = Service::on(&database, options()).await;
    let (alice, bob) = (one.token("Alice").await, one.token("Bob").await);
    let ask = async |replica: &Service, token: &str| {
        u32::from(replica.get_with(PATH, token).await.status.is_success())
    };
    let share = async || {
        for replica in [&one, &two, &one] {
            background::share_limits(&replica.app).await;
        }
    };
    // Told after each request, it is exact.
    let mut passed = 0;
    for _ in 0..10 {
        for replica in [&one, &two] {
            passed += ask(replica, &alice).await;
            share().await;
        }
    }
    assert_eq!(passed, 10);
    // All within one turn is the worst case: each replica lets its whole limit pass, once.
    let mut passed = 0;
    for _ in 0..15 {
        passed += ask(&one, &bob).await + ask(&two, &bob).await;
    }
    assert_eq!(passed, 20);
    share().await;
    for replica in [&one, &two] {
        replica.get_with(PATH, &bob).await.is_error(429, "RATE_LIMITED");
    }
    one.stop().await;
    two.stop().await;

    clock.advance(Duration::from_secs(3_000));
    let third = Service::on(&database, options()).await;
    third.get_with(PATH, &alice).await.is_error(429, "RATE_LIMITED");
    clock.advance(Duration::from_secs(660));
    third.get_with(PATH, &alice).await.is_ok();
    third.stop().await;
    database.remove().await;
}

#[tokio::test]
async fn statistics_are_limited_by_address() {
    let service = Service::start(Backend::Sqlite).await;
    let from = |last: u8| {
        Request::get("/api/v1/statistics")
            .extension(Peer(([9, 9, 9, last], 1).into()))
            .body(Body::empty())
    };
    for _ in 0..600 {
        service.send(from(1).unwrap()).await.is_ok();
    }
    service.send(from(1).unwrap()).await.is_error(429, "RATE_LIMITED");
    service.send(from(2).unwrap()).await.is_ok();
    service.clock.advance(Duration::from_secs(3_600));
    service.send(from(1).unwrap()).await.is_ok();
    service.stop().await;
}

#[tokio::test]
async fn reports_have_an_hour_of_their_own() {
    let mut limits = LimitSettings::DEFAULT;
    limits.reports_per_hour = 3;
    let service = Service::with(Backend::Sqlite, Options { limits, ..Options::default() }).await;
    let token = service.token("Alice").await;
    let report = json!({ "assignment_id": "a", "status": "started" });
    for left in ["2", "1", "0"] {
        let answer = service.report(&token, &report).await;
        answer.is_ok();
        assert_eq!(
            (answer.header("ratelimit-limit"), answer.header("ratelimit-remaining")),
            (Some("3"), Some(left))
        );
    }
    service.report(&token, &report).await.is_error(429, "RATE_LIMITED");
    service.get_with("/api/v1/validator-data", &token).await.is_ok();
    service.stop().await;
}

#[tokio::test]
async fn zero_means_no_limit() {
    let service = Service::with(
        Backend::Sqlite,
        Options { limits: LimitSettings::NONE, ..Options::default() },
    )
    .await;
    for _ in 0..20 {
        let answer = service.ask(&service.access_body("Alice", "ZILLOW_SOLD")).await;
        assert_eq!(answer.is_ok()["rate_limits"]["requests_per_hour"], 0);
        assert_eq!(answer.header("ratelimit-limit"), None);
    }
    let token = service.token("Alice").await;
    for number in 0..110 {
        let report = json!({ "assignment_id": format!("a{number}"), "status": "started" });
        service.report(&token, &report).await.is_ok();
    }
    service.stop().await;
}

use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use resi_data_api::app::LimitSettings;
use resi_data_api::http::client_address::Peer;
use serde_json::json;

use crate::harness::{Backend, Options, Service};

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

use resi_data_api::app::LimitSettings;
use resi_data_api::registry::OpenRegistry;
use serde_json::json;

use crate::harness::{Backend, Options, Service};

async fn mock() -> Service {
    let registry = Box::new(OpenRegistry { kind: "mock" });
    Service::with(
        Backend::Sqlite,
        Options { mock: true, limits: LimitSettings::NONE, registry, ..Options::default() },
    )
    .await
}

#[tokio::test]
async fn a_mock_takes_any_signature_again_and_again_and_says_so() {
    let service = mock().await;
    let mut body = service.access_body("Alice", "ZILLOW_SOLD");
    body["signature"] = json!("mock_signature_for_testing");
    for _ in 0..30 {
        assert_eq!(service.ask(&body).await.is_ok()["mock"], true);
    }
    assert_eq!(service.get("/health").await.is_ok()["mock"], true);
    let token = service.token("Alice").await;
    service.get_with("/api/v1/validator-data", &token).await.is_ok();
    service.get("/api/v1/validator-data").await.is_error(401, "MISSING_TOKEN");

    body["hotkey"] = json!("5F");
    service.ask(&body).await.is_error(400, "INVALID_HOTKEY");
    service.stop().await;
}

#[tokio::test]
async fn a_mock_takes_reports_without_a_token() {
    let service = mock().await;
    let report = json!({ "assignment_id": "a", "status": "started" }).to_string();
    service.post("/api/v1/assignment-status", report.clone()).await.is_ok();
    service.get("/api/v1/assignments/a").await.is_ok();
    let token = service.token("Bob").await;
    service.get_with("/api/v1/assignments/a", &token).await.is_error(404, "NOT_FOUND");
    service.get_with("/api/v1/assignments/a", "rubbish").await.is_error(401, "INVALID_TOKEN");
    service.stop().await;
}

#[tokio::test]
async fn tokens_of_a_mock_are_worth_nothing_elsewhere() {
    let (mock, real) = (mock().await, Service::start(Backend::Sqlite).await);
    let token = mock.token("Alice").await;
    real.get_with("/api/v1/validator-data", &token).await.is_error(401, "INVALID_TOKEN");
    mock.stop().await;
    real.stop().await;
}

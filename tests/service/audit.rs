use std::time::Duration;

use resi_protocol::{Keypair, Timestamp};
use resi_store::{AuditEvent, AuditKind, AuditQuery};
use serde_json::json;

use crate::harness::{Backend, Service, on_both};

on_both!(
    what_happens_is_audited_with_its_request,
    strangers_fill_few_rows,
    what_is_too_old_is_deleted_and_epochs_are_not,
);

async fn audit(service: &Service) -> Vec<AuditEvent> {
    let query =
        AuditQuery { hotkey: None, since: Timestamp::UNIX_EPOCH, after: None, limit: 1_000 };
    let entries = service.app.store.audit(query).await.unwrap();
    entries.into_iter().map(|entry| entry.event).collect()
}

fn summary(event: &AuditEvent) -> (AuditKind, &str, &str, bool) {
    let origin = event.origin.as_ref().unwrap();
    assert_eq!(origin.address, Some([127, 0, 0, 1].into()));
    (event.kind, &event.code, event.subject.as_deref().unwrap_or(""), event.proved)
}

async fn what_happens_is_audited_with_its_request(backend: Backend) {
    let service = Service::start(backend).await;
    let second = || service.clock.advance(Duration::from_secs(1));
    let mut forged = service.access_body("Alice", "ZILLOW_SOLD");
    forged["signature"] = json!("ab".repeat(64));
    let refused = service.ask(&forged).await;
    refused.is_error(401, "INVALID_SIGNATURE");
    second();
    let token = service.token("Alice").await;
    second();
    for _ in 0..2 {
        service.get_with("/api/v1/validator-data", &token).await.is_ok();
        second();
    }
    service.get_with("/api/v1/validator-data?block_size=50", &token).await.is_ok();
    for status in ["started", "completed", "started"] {
        second();
        service.report(&token, &json!({ "assignment_id": "a", "status": status })).await;
    }
    second();
    service.get("/api/v1/assignments").await.is_error(401, "MISSING_TOKEN");
    // What is no refusal leaves no trace.
    service.get("/nowhere").await.is_error(404, "NOT_FOUND");
    service.get_with("/api/v1/assignments/none", &token).await.is_error(404, "NOT_FOUND");
    service.turn().await;

    let found = audit(&service).await;
    assert_eq!(
        found.iter().map(summary).collect::<Vec<_>>(),
        [
            (AuditKind::Refusal, "INVALID_SIGNATURE", "/get-validator-access", false),
            (AuditKind::Grant, "granted", "", true),
            (AuditKind::Deal, "dealt", "2025-01-15T08-00-00", true),
            (AuditKind::Status, "started", "a", true),
            (AuditKind::Status, "completed", "a", true),
            (AuditKind::Refusal, "ASSIGNMENT_ENDED", "/api/v1/assignment-status", true),
            (AuditKind::Refusal, "MISSING_TOKEN", "/api/v1/assignments", false),
        ]
    );
    let alice = Keypair::development("Alice").hotkey();
    assert!(found[..6].iter().all(|event| event.hotkey == Some(alice)));
    assert_eq!(found[6].hotkey, None);
    let request_id = refused.header("x-request-id").unwrap();
    assert_eq!(&*found[0].origin.as_ref().unwrap().request_id, request_id);
    service.stop().await;
}

async fn strangers_fill_few_rows(backend: Backend) {
    let service = Service::start(backend).await;
    for number in 0..400 {
        let mut forged = service.access_body(&format!("Stranger{number}"), "ZILLOW_SOLD");
        forged["signature"] = json!("ab".repeat(64));
        service.ask(&forged).await;
    }
    service.turn().await;
    let found = audit(&service).await;
    assert!(found.len() < 70, "{}", found.len());
    assert_eq!(found.iter().map(|event| event.times).sum::<u64>(), 400);
    service.stop().await;
}

async fn what_is_too_old_is_deleted_and_epochs_are_not(backend: Backend) {
    let service = Service::start(backend).await;
    let token = service.token("Alice").await;
    service.report(&token, &json!({ "assignment_id": "a", "status": "completed" })).await.is_ok();
    let epoch = service.get("/api/v1/epochs/2025-01-15T08-00-00").await;
    epoch.is_ok();

    service.clock.advance(Duration::from_secs(90 * 24 * 60 * 60));
    service.turn().await;
    assert_eq!(audit(&service).await.len(), 2, "90 days are not over 90 days");
    service.clock.advance(Duration::from_secs(1));
    service.turn().await;
    assert_eq!(audit(&service).await, []);
    let token = service.token("Alice").await;
    service.get_with("/api/v1/assignments/a", &token).await.is_error(404, "NOT_FOUND");
    service.get("/api/v1/epochs/2025-01-15T08-00-00").await.is_ok();
    let statistics = service.get("/api/v1/statistics").await;
    assert_eq!(statistics.is_ok()["completed_assignments"], 1);
    service.stop().await;
}

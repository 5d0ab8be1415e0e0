use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Backend, Options, Service, on_both};

on_both!(
    a_report_is_written_and_read_back,
    the_states_follow_the_table,
    validators_do_not_see_each_other,
    pages_are_newest_first_and_complete,
    new_assignments_are_limited_by_epoch,
    bad_reports_name_their_field,
);

fn report(id: &str, status: &str) -> Value {
    json!({ "assignment_id": id, "status": status })
}

fn full_report() -> Value {
    json!({
        "assignment_id": "zipcode_assignment_20250115_1030_a1b2c3d4",
        "status": "completed",
        "statistics": {
            "total_miners_assigned": 40, "responses_received": 38.0, "consensus_achieved": 35, "anomalies_detected": 2,
            "total_properties_scraped": 9450, "average_response_time_minutes": 45, "success_rate": 0.95,
            "note": "kept \u{0} as sent", "deep": { "b": [1, 2.5], "a": null }
        },
        "epoch_id": "2025-01-15T04-00-00",
        "consensus_hash": "9F86D081884C7D659A2FEAA0C55AD015A3BF4F1B2B0B822CD15D6C15B0F00A08",
        "unknown": "ignored"
    })
}

async fn a_report_is_written_and_read_back(backend: Backend) {
    let service = Service::start(backend).await;
    let token = service.token("Alice").await;
    let answer = service.report(&token, &full_report()).await;
    assert_eq!(answer.is_ok(), &json!({ "success": true, "message": "Status updated" }));
    assert_eq!(answer.header("ratelimit-remaining"), Some("99"));

    let path = "/api/v1/assignments/zipcode_assignment_20250115_1030_a1b2c3d4";
    let read = service.get_with(path, &token).await;
    assert_eq!(
        read.is_ok(),
        &json!({
            "assignment_id": "zipcode_assignment_20250115_1030_a1b2c3d4",
            "status": "completed",
            "late": false,
            "epoch_id": "2025-01-15T04-00-00",
            "statistics": {
                "total_miners_assigned": 40, "responses_received": 38, "consensus_achieved": 35,
                "anomalies_detected": 2, "total_properties_scraped": 9450, "average_response_time_minutes": 45.0,
                "success_rate": 0.95, "note": "kept \u{0} as sent", "deep": { "b": [1, 2.5], "a": null }
            },
            "consensus_hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            "first_reported_at": "2025-01-15T09:30:00Z",
            "updated_at": "2025-01-15T09:30:00Z"
        })
    );
    service.get_with("/api/v1/assignments/other", &token).await.is_error(404, "NOT_FOUND");
    service.stop().await;
}

async fn the_states_follow_the_table(backend: Backend) {
    let service = Service::start(backend).await;
    let token = service.token("Alice").await;
    let send = async |id: &str, status: &str| service.report(&token, &report(id, status)).await;
    let status = async |id: &str| {
        let answer = service.get_with(&format!("/api/v1/assignments/{id}"), &token).await;
        (answer.json["status"].as_str().unwrap().to_owned(), answer.json["late"].as_bool().unwrap())
    };
    for end in ["completed", "failed"] {
        send(end, "pending").await.is_ok();
        send(end, "started").await.is_ok();
        assert_eq!(status(end).await, ("started".into(), false));
        send(end, end).await.is_ok();
        send(end, end).await.is_ok();
        assert_eq!(status(end).await, (end.into(), false));
        for other in ["started", "completed", "failed"].into_iter().filter(|other| *other != end) {
            send(end, other).await.is_error(409, "ASSIGNMENT_ENDED");
        }
    }
    let changed = json!({ "assignment_id": "completed", "status": "completed", "statistics": { "success_rate": 1 } });
    service.report(&token, &changed).await.is_error(409, "ASSIGNMENT_ENDED");

    send("slow", "started").await.is_ok();
    send("lost", "started").await.is_ok();
    service.clock.advance(Duration::from_secs(4 * 3_600 - 1));
    assert_eq!(status("slow").await.0, "started");
    service.clock.advance(Duration::from_secs(1));
    // Nothing was swept yet: the time alone decides.
    assert_eq!(status("slow").await.0, "expired");
    send("slow", "started").await.is_error(409, "ASSIGNMENT_ENDED");
    send("slow", "completed").await.is_ok();
    assert_eq!(status("slow").await, ("completed".into(), true));
    service.turn().await;
    assert_eq!(status("lost").await.0, "expired");
    send("lost", "failed").await.is_ok();
    assert_eq!(status("lost").await, ("failed".into(), true));
    service.stop().await;
}

async fn validators_do_not_see_each_other(backend: Backend) {
    let service = Service::start(backend).await;
    let (alice, bob) = (service.token("Alice").await, service.token("Bob").await);
    service.report(&alice, &report("shared/name ~", "completed")).await.is_ok();
    let path = "/api/v1/assignments/shared%2Fname%20~";
    service.get_with(path, &alice).await.is_ok();
    service.get_with(path, &bob).await.is_error(404, "NOT_FOUND");
    service.report(&bob, &report("shared/name ~", "failed")).await.is_ok();
    assert_eq!(service.get_with(path, &alice).await.json["status"], "completed");
    assert_eq!(
        service.get_with("/api/v1/assignments", &bob).await.json["assignments"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    service.get("/api/v1/assignments").await.is_error(401, "MISSING_TOKEN");
    service
        .post("/api/v1/assignment-status", report("x", "failed").to_string())
        .await
        .is_error(401, "MISSING_TOKEN");
    service.stop().await;
}

async fn pages_are_newest_first_and_complete(backend: Backend) {
    let service = Service::start(backend).await;
    let token = service.token("Alice").await;
    for number in 0..7 {
        let status = if number % 2 == 0 { "started" } else { "completed" };
        service.report(&token, &report(&format!("a{number}"), status)).await.is_ok();
    }
    let mut seen = Vec::new();
    let mut path = "/api/v1/assignments?limit=3".to_owned();
    loop {
        let page = service.get_with(&path, &token).await;
        let rows = page.is_ok()["assignments"].as_array().unwrap();
        seen.extend(rows.iter().map(|row| row["assignment_id"].as_str().unwrap().to_owned()));
        let Some(cursor) = page.json["next_cursor"].as_str() else { break };
        assert_eq!(rows.len(), 3);
        path = format!("/api/v1/assignments?limit=3&cursor={cursor}");
    }
    assert_eq!(seen, ["a6", "a5", "a4", "a3", "a2", "a1", "a0"]);

    let count = async |filter: &str| {
        let page = service.get_with(&format!("/api/v1/assignments?status={filter}"), &token).await;
        page.is_ok()["assignments"].as_array().unwrap().len()
    };
    assert_eq!(
        (count("started").await, count("completed").await, count("expired").await),
        (4, 3, 0)
    );
    service.clock.advance(Duration::from_secs(4 * 3_600));
    assert_eq!(
        (count("started").await, count("completed").await, count("expired").await),
        (0, 3, 4)
    );

    for query in [
        "limit=0",
        "limit=x",
        "limit=1&limit=1",
        "cursor=x",
        "cursor=",
        "cursor=-1",
        "status=done",
        "status=",
    ] {
        service
            .get_with(&format!("/api/v1/assignments?{query}"), &token)
            .await
            .is_error(400, "INVALID_REQUEST");
    }
    service.stop().await;
}

async fn new_assignments_are_limited_by_epoch(backend: Backend) {
    let mut limits = resi_data_api::app::LimitSettings::DEFAULT;
    limits.assignments_per_epoch = 2;
    let service = Service::with(backend, Options { limits, ..Options::default() }).await;
    let token = service.token("Alice").await;
    service.report(&token, &report("a", "started")).await.is_ok();
    service.report(&token, &report("b", "failed")).await.is_ok();
    let answer = service.report(&token, &report("c", "started")).await;
    answer.is_error(429, "RATE_LIMITED");
    assert_eq!(answer.header("retry-after"), Some("9000"));
    service.report(&token, &report("a", "completed")).await.is_ok();
    service.report(&service.token("Bob").await, &report("c", "started")).await.is_ok();
    service.clock.advance(Duration::from_secs(9_000));
    service.report(&token, &report("c", "started")).await.is_ok();
    service.stop().await;
}

async fn bad_reports_name_their_field(backend: Backend) {
    let service = Service::start(backend).await;
    let token = service.token("Alice").await;
    let with = |field: &str, value: Value| {
        let mut body = full_report();
        match field.split_once('.') {
            Some((outer, inner)) => body[outer][inner] = value,
            None => body[field] = value,
        }
        body
    };
    for (field, values) in [
        (
            "assignment_id",
            vec![
                json!(""),
                json!("é"),
                json!("a\nb"),
                json!("x".repeat(129)),
                json!(1),
                json!(null),
            ],
        ),
        ("status", vec![json!("expired"), json!("done"), json!(""), json!(null), json!(1)]),
        (
            "statistics.responses_received",
            vec![json!(-1), json!(1.5), json!("1"), json!(1e30), json!([])],
        ),
        ("statistics.success_rate", vec![json!(-0.1), json!(1.1), json!("1")]),
        ("statistics", vec![json!([]), json!("x"), json!(1)]),
        ("epoch_id", vec![json!("2025-01-15"), json!("2025-01-15T04-00-01"), json!(1)]),
        ("consensus_hash", vec![json!("ab"), json!("zz".repeat(32)), json!(1)]),
    ] {
        let name = field.rsplit('.').next().unwrap();
        for value in values {
            let answer = service.report(&token, &with(field, value)).await;
            answer.is_error(400, "INVALID_REQUEST");
            let message = answer.json["error"].as_str().unwrap();
            assert!(message.contains(name), "{field}: {message}");
        }
    }
    service.report(&token, &json!({ "status": "started" })).await.is_error(400, "INVALID_REQUEST");
    service
        .report(&token, &json!({ "assignment_id": "x".repeat(16_384), "status": "failed" }))
        .await
        .is_error(413, "BODY_TOO_LARGE");
    assert_eq!(
        service.get_with("/api/v1/assignments", &token).await.json["assignments"],
        json!([])
    );
    service.stop().await;
}

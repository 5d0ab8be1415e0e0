use std::cell::Cell;
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use resi_data_api::http::client_address::Peer;
use resi_data_api::registry::FileRegistry;
use resi_protocol::{Keypair, Timestamp};
use serde_json::{Value, json};

use crate::harness::{Backend, Database, Options, START, Service, TestClock, access_body, on_both};

on_both!(
    a_wallet_gets_a_token,
    the_python_client_of_today_gets_in,
    the_first_failing_check_answers,
    a_signature_is_used_once_across_replicas_and_restarts,
    only_grants_count_against_the_limit,
    a_token_is_good_for_six_hours_and_a_member_only,
);

async fn a_wallet_gets_a_token(backend: Backend) {
    let service = Service::start(backend).await;
    let answer = service.ask(&service.access_body("Alice", "ZILLOW_SOLD")).await;
    let grant = answer.is_ok();
    assert_eq!(grant["token_type"], "Bearer");
    assert_eq!(grant["expires_at"], "2025-01-15T15:30:00Z");
    assert_eq!(grant["expiry_seconds"], 21_600);
    assert_eq!(grant["sources_authorized"], json!(["ZILLOW_SOLD"]));
    assert_eq!(grant["rate_limits"], json!({ "requests_per_hour": 100, "max_batch_size": 50 }));
    assert_eq!(grant.get("mock"), None);
    assert_eq!(answer.header("ratelimit-limit"), Some("10"));
    assert_eq!(answer.header("ratelimit-remaining"), Some("9"));
    assert_eq!(answer.header("ratelimit-reset"), Some("60"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    service.stop().await;
}

async fn the_python_client_of_today_gets_in(backend: Backend) {
    let service = Service::start(backend).await;
    let mut body = service.access_body("Alice", "zillow,redfin,realtor,homes");
    let signature = body["signature"].as_str().unwrap().trim_start_matches("0x").to_owned();
    body["signature"] = json!(signature);
    let answer = service.ask(&body).await;
    assert_eq!(answer.is_ok()["sources_authorized"], json!(["ZILLOW_SOLD"]));
    let token = answer.json["access_token"].as_str().unwrap();

    let first = service
        .get_with("/api/v1/validator-data?sources=ZILLOW_SOLD&block_size=20&format=json", token)
        .await;
    assert_eq!(
        (&first.is_ok()["total_batches"], &first.json["total_zipcodes"]),
        (&json!(50), &json!(1000))
    );
    let query = "sources=zillow,redfin,realtor,homes&block_size=1000&format=json";
    let second = service.get_with(&format!("/api/v1/validator-data?{query}"), token).await;
    assert_eq!(
        (&second.is_ok()["total_batches"], &second.json["total_zipcodes"]),
        (&json!(20), &json!(1000))
    );
    service.stop().await;
}

/// Each step of the contract is tried with a request that all later steps would refuse too.
async fn the_first_failing_check_answers(backend: Backend) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("registry.json");
    let alice = Keypair::development("Alice").hotkey();
    std::fs::write(
        &path,
        format!(r#"[{{"hotkey":"{alice}","validator_permit":true,"alpha_stake":20000}}]"#),
    )
    .unwrap();
    let registry = FileRegistry::open(path, 20_000, Timestamp::from_seconds(START)).unwrap();
    let service =
        Service::with(backend, Options { registry: Box::new(registry), ..Options::default() })
            .await;
    let late = START - 301;
    let with = |mut body: Value, field: &str, value: Value| {
        body[field] = value;
        body
    };
    let forged = |body: Value| with(body, "signature", json!("00".repeat(64)));

    let body = with(forged(access_body("Bob", late, "MLS")), "hotkey", json!("5F"));
    service
        .ask(&with(body.clone(), "timestamp", json!("1")))
        .await
        .is_error(400, "INVALID_REQUEST");
    service.ask(&body).await.is_error(400, "INVALID_HOTKEY");
    let answer = service.ask(&forged(access_body("Bob", late, "MLS"))).await;
    answer.is_error(400, "TIMESTAMP_OUT_OF_RANGE");
    assert_eq!(
        (&answer.json["server_time"], &answer.json["skew_seconds"]),
        (&json!(START), &json!(-301))
    );
    service.ask(&forged(access_body("Bob", START, "MLS"))).await.is_error(401, "INVALID_SIGNATURE");
    service.ask(&access_body("Bob", START, "MLS")).await.is_error(403, "NOT_A_VALIDATOR");
    service.ask(&access_body("Alice", START, "MLS")).await.is_error(400, "UNKNOWN_SOURCE");
    service.ask(&access_body("Alice", START, "")).await.is_error(400, "UNKNOWN_SOURCE");
    service
        .ask(&access_body("Alice", START, "REDFIN"))
        .await
        .is_error(403, "SOURCE_NOT_AUTHORIZED");
    let good = access_body("Alice", START, "ZILLOW_SOLD");
    service.ask(&good).await.is_ok();
    service.ask(&good).await.is_error(401, "REPLAYED_SIGNATURE");

    for offset in [-300, 300] {
        service.ask(&access_body("Alice", START + offset, "ZILLOW_SOLD")).await.is_ok();
    }
    service
        .ask(&access_body("Alice", START + 301, "ZILLOW_SOLD"))
        .await
        .is_error(400, "TIMESTAMP_OUT_OF_RANGE");
    let signed_for_others =
        with(access_body("Alice", START, "ZILLOW_SOLD"), "sources", json!("zillow_sold"));
    service.ask(&signed_for_others).await.is_error(401, "INVALID_SIGNATURE");
    service.stop().await;
}

async fn a_signature_is_used_once_across_replicas_and_restarts(backend: Backend) {
    let database = Database::new(backend).await;
    let clock = TestClock::at(START);
    let options = || Options { clock: clock.clone(), ..Options::default() };
    let first = Service::on(&database, options()).await;
    let second = Service::on(&database, options()).await;
    let body = access_body("Alice", START + 300, "ZILLOW_SOLD");
    first.ask(&body).await.is_ok();
    second.ask(&body).await.is_error(401, "REPLAYED_SIGNATURE");
    first.stop().await;
    second.stop().await;

    clock.advance(Duration::from_secs(599));
    let third = Service::on(&database, options()).await;
    third.turn().await;
    third.ask(&body).await.is_error(401, "REPLAYED_SIGNATURE");
    clock.advance(Duration::from_secs(2));
    third.ask(&body).await.is_error(400, "TIMESTAMP_OUT_OF_RANGE");
    third.stop().await;
    database.remove().await;
}

async fn only_grants_count_against_the_limit(backend: Backend) {
    let service = Service::start(backend).await;
    let mut forged = service.access_body("Alice", "ZILLOW_SOLD");
    forged["signature"] = json!("ab".repeat(64));
    for _ in 0..20 {
        service.ask(&forged).await.is_error(401, "INVALID_SIGNATURE");
        service
            .ask(&access_body("Alice", START - 400, "ZILLOW_SOLD"))
            .await
            .is_error(400, "TIMESTAMP_OUT_OF_RANGE");
    }
    let used = service.access_body("Alice", "ZILLOW_SOLD");
    service.ask(&used).await.is_ok();
    for _ in 0..20 {
        service.ask(&used).await.is_error(401, "REPLAYED_SIGNATURE");
    }
    for _ in 0..9 {
        service.ask(&service.access_body("Alice", "ZILLOW_SOLD")).await.is_ok();
    }
    let answer = service.ask(&service.access_body("Alice", "ZILLOW_SOLD")).await;
    answer.is_error(429, "RATE_LIMITED");
    assert_eq!(answer.header("retry-after"), Some("60"));
    assert_eq!(
        (answer.header("ratelimit-limit"), answer.header("ratelimit-remaining")),
        (Some("10"), Some("0"))
    );
    service.ask(&used).await.is_error(401, "REPLAYED_SIGNATURE");
    service.ask(&service.access_body("Bob", "ZILLOW_SOLD")).await.is_ok();

    service.clock.advance(Duration::from_secs(60));
    service.ask(&service.access_body("Alice", "ZILLOW_SOLD")).await.is_ok();
    service.stop().await;
}

async fn a_token_is_good_for_six_hours_and_a_member_only(backend: Backend) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("registry.json");
    let member = |permit: bool| {
        let alice = Keypair::development("Alice").hotkey();
        format!(r#"[{{"hotkey":"{alice}","validator_permit":{permit},"alpha_stake":20000}}]"#)
    };
    std::fs::write(&path, member(true)).unwrap();
    let registry =
        FileRegistry::open(path.clone(), 20_000, Timestamp::from_seconds(START)).unwrap();
    let service =
        Service::with(backend, Options { registry: Box::new(registry), ..Options::default() })
            .await;
    let token = service.token("Alice").await;
    service.clock.advance(Duration::from_secs(21_599));
    service.get_with("/api/v1/validator-data", &token).await.is_ok();
    service.clock.advance(Duration::from_secs(1));
    service.get_with("/api/v1/validator-data", &token).await.is_error(401, "TOKEN_EXPIRED");

    let token = service.token("Alice").await;
    std::fs::write(&path, member(false)).unwrap();
    service.app.registry.refresh(service.app.clock.now());
    for path in ["/api/v1/validator-data?block_size=x", "/api/v1/assignments?limit=x"] {
        service.get_with(path, &token).await.is_error(403, "NOT_A_VALIDATOR");
    }
    service.report(&token, &json!(null)).await.is_error(403, "NOT_A_VALIDATOR");
    service.stop().await;
}

#[tokio::test]
async fn a_flood_from_one_address_is_cut_off_before_signatures_are_checked() {
    let service = Service::with(
        Backend::Sqlite,
        Options { trusted_proxies: vec!["10.0.0.0/8"], ..Options::default() },
    )
    .await;
    let mut forged = service.access_body("Alice", "ZILLOW_SOLD");
    forged["signature"] = json!("ab".repeat(64));
    let other = Cell::new(0);
    let from = |peer: [u8; 4], forwarded: &str| {
        let request = Request::post("/get-validator-access")
            .header("X-Forwarded-For", forwarded)
            // A header that the proxy passes on and does not write is the client's choice.
            .header("Forwarded", format!("for=9.8.7.{}", other.replace(other.get() ^ 1)))
            .extension(Peer((peer, 9).into()))
            .body(Body::from(forged.to_string()));
        request.unwrap()
    };
    for _ in 0..200 {
        service.send(from([10, 0, 0, 1], "1.2.3.4")).await.is_error(401, "INVALID_SIGNATURE");
    }
    let answer = service.send(from([10, 0, 0, 1], "1.2.3.4")).await;
    answer.is_error(429, "RATE_LIMITED");
    assert_eq!(answer.header("retry-after"), Some("1"));
    service.send(from([10, 0, 0, 1], "1.2.3.5")).await.is_error(401, "INVALID_SIGNATURE");
    // Who is no trusted proxy cannot choose an address.
    service.send(from([1, 2, 3, 4], "9.9.9.9")).await.is_error(429, "RATE_LIMITED");
    service.stop().await;
}

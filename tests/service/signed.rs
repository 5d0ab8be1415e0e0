//! Requests that are signed by headers, in place of a token.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Request};
use resi_data_api::app::LimitSettings;
use resi_data_api::http::client_address::Peer;
use resi_data_api::registry::FileRegistry;
use resi_protocol::btauth::{LARGEST_AGE, LARGEST_LEAD, Nonce};
use resi_protocol::{Hotkey, Keypair, Timestamp};
use resi_store::{AuditKind, AuditQuery, GrantAttempt, GrantOutcome, Origin, Proof};
use serde_json::json;

use crate::harness::{
    Answer, Backend, Database, Options, START, Service, TestClock, Unsigned, on_both,
};

on_both!(
    every_endpoint_that_takes_a_token_takes_a_signature,
    a_request_that_changes_something_is_taken_once_across_replicas_and_restarts,
    the_first_failing_check_answers,
    refusals_say_who_signed_and_who_only_said_so,
);

const BLOCKS: Unsigned<'_> =
    Unsigned { method: "GET", target: "/api/v1/validator-data?block_size=20", body: "" };
const ACCESS: Unsigned<'_> = Unsigned {
    method: "POST",
    target: "/get-validator-access",
    body: r#"{"sources":"ZILLOW_SOLD"}"#,
};
const REPORT: Unsigned<'_> = Unsigned {
    method: "POST",
    target: "/api/v1/assignment-status",
    body: r#"{"assignment_id":"a","status":"started"}"#,
};

fn service_hotkey() -> Hotkey {
    Keypair::development("Ferdie").hotkey()
}

fn named() -> Options {
    Options { service_hotkey: Some(service_hotkey()), ..Options::default() }
}

fn at(seconds: i64) -> Nonce {
    Nonce::at(Timestamp::from_seconds(seconds))
}

async fn every_endpoint_that_takes_a_token_takes_a_signature(backend: Backend) {
    for options in [Options::default(), named()] {
        let service = Service::with(backend, options).await;
        let grant = service.send_signed("Alice", &ACCESS).await;
        assert_eq!(grant.is_ok()["sources_authorized"], json!(["ZILLOW_SOLD"]));
        assert_eq!(grant.header("ratelimit-remaining"), Some("9"));
        let token = grant.json["access_token"].as_str().unwrap();

        let signed = service.send_signed("Alice", &BLOCKS).await;
        assert_eq!(signed.is_ok()["total_batches"], 50);
        assert_eq!(signed.header("ratelimit-remaining"), Some("99"));
        assert_eq!(service.get_with(BLOCKS.target, token).await.body, signed.body);
        assert_eq!(service.send_signed("Alice", &REPORT).await.is_ok()["success"], true);
        for target in ["/api/v1/assignments?limit=5", "/api/v1/assignments/a"] {
            let read = Unsigned { method: "GET", target, body: "" };
            service.send_signed("Alice", &read).await.is_ok();
        }
        // One hour for both ways.
        let last = service.send_signed("Alice", &BLOCKS).await;
        assert_eq!(last.header("ratelimit-remaining"), Some("94"));
        let head = Unsigned { method: "HEAD", ..BLOCKS };
        service.send_signed("Bob", &head).await.is_ok();
        service.stop().await;
    }
}

async fn a_request_that_changes_something_is_taken_once_across_replicas_and_restarts(
    backend: Backend,
) {
    let database = Database::new(backend).await;
    let clock = TestClock::at(START);
    let options = || Options { clock: clock.clone(), ..named() };
    let first = Service::on(&database, options()).await;
    let second = Service::on(&database, options()).await;
    let credentials =
        |request: &Unsigned<'_>, nonce| request.credentials("Alice", Some(service_hotkey()), nonce);
    let (granted, reported) =
        (credentials(&ACCESS, at(START)), credentials(&REPORT, at(START - 1)));
    for replica in [&first, &second] {
        let accepted = std::ptr::eq(replica, &first);
        for (request, credentials) in [(&ACCESS, &granted), (&REPORT, &reported)] {
            for again in [false, true] {
                let answer = replica.send(request.carrying(credentials)).await;
                if accepted && !again {
                    answer.is_ok();
                } else {
                    answer.is_error(401, "REPLAYED_SIGNATURE");
                }
            }
        }
    }
    // Not even for another request may a nonce be used again.
    second
        .send(REPORT.carrying(&credentials(&REPORT, at(START))))
        .await
        .is_error(401, "REPLAYED_SIGNATURE");
    first.stop().await;
    second.stop().await;

    clock.advance(LARGEST_AGE);
    let third = Service::on(&database, options()).await;
    third.turn().await;
    third.send(ACCESS.carrying(&granted)).await.is_error(401, "REPLAYED_SIGNATURE");
    clock.advance(Duration::from_micros(1));
    third.send(ACCESS.carrying(&granted)).await.is_error(400, "TIMESTAMP_OUT_OF_RANGE");
    third.stop().await;
    database.remove().await;
}

/// Each step is tried with a request that later steps would refuse too.
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
    let service = Service::with(backend, Options { registry: Box::new(registry), ..named() }).await;
    let ours = Some(service_hotkey());
    for good in [ACCESS, BLOCKS, REPORT] {
        let wrong = Unsigned { body: "{", ..good };
        let with = |name: &'static str, value: &str| {
            let mut request = wrong.sign("Bob", None, at(0));
            let name = HeaderName::from_static(name);
            request.headers_mut().insert(name, HeaderValue::from_str(value).unwrap());
            request
        };
        let is = async |request: Request<Body>, status: u16, code: &str| -> Answer {
            let answer = service.send(request).await;
            answer.is_error(status, code);
            answer
        };
        is(with("x-bittensor-version", "2"), 401, "INVALID_SIGNATURE").await;
        is(with("x-bittensor-crypto", "ed25519"), 401, "INVALID_SIGNATURE").await;
        is(with("x-bittensor-nonce", "1.5"), 401, "INVALID_SIGNATURE").await;
        is(with("x-bittensor-signature", "0x00"), 401, "INVALID_SIGNATURE").await;
        is(with("x-bittensor-hotkey", "5F"), 400, "INVALID_HOTKEY").await;
        // For nobody, and for somebody else.
        is(wrong.sign("Bob", None, at(0)), 401, "INVALID_SIGNATURE").await;
        is(wrong.sign("Bob", Some(alice), at(0)), 401, "INVALID_SIGNATURE").await;
        let late = is(wrong.sign("Bob", ours, at(START - 11)), 400, "TIMESTAMP_OUT_OF_RANGE").await;
        assert_eq!(
            (&late.json["server_time"], &late.json["skew_seconds"]),
            (&json!(START), &json!(-11))
        );
        is(wrong.sign("Bob", ours, at(START + 3)), 400, "TIMESTAMP_OUT_OF_RANGE").await;

        let credentials = good.credentials("Bob", ours, service.nonce());
        let other_target =
            format!("{}{}", good.target, if good.body.is_empty() { "0" } else { "?" });
        for tampered in [
            Unsigned { target: &other_target, ..good },
            Unsigned { body: r#"{"sources": "ZILLOW_SOLD"}"#, ..good },
        ] {
            is(tampered.carrying(&credentials), 401, "INVALID_SIGNATURE").await;
        }
        let mut swapped = good.carrying(&credentials);
        let address = HeaderValue::from_str(&alice.to_string()).unwrap();
        swapped.headers_mut().insert("x-bittensor-hotkey", address);
        is(swapped, 401, "INVALID_SIGNATURE").await;

        is(wrong.sign("Bob", ours, service.nonce()), 403, "NOT_A_VALIDATOR").await;
        if good.method == "POST" {
            is(wrong.sign("Alice", ours, service.nonce()), 400, "INVALID_REQUEST").await;
        }
        let large = " ".repeat(16 * 1024 + 1);
        is(
            Unsigned { body: &large, ..good }.sign("Alice", ours, service.nonce()),
            413,
            "BODY_TOO_LARGE",
        )
        .await;
    }
    // It was signed for one method: HEAD is not GET.
    let credentials = BLOCKS.credentials("Alice", ours, service.nonce());
    let head = service.send(Unsigned { method: "HEAD", ..BLOCKS }.carrying(&credentials)).await;
    assert_eq!(head.status.as_u16(), 401);
    for offset in [-(LARGEST_AGE.as_secs().cast_signed()), LARGEST_LEAD.as_secs().cast_signed()] {
        service.send(BLOCKS.sign("Alice", ours, at(START + offset))).await.is_ok();
    }
    service.stop().await;
}

async fn refusals_say_who_signed_and_who_only_said_so(backend: Backend) {
    let service = Service::start(backend).await;
    let stale = at(START - 60);
    service.send(BLOCKS.sign("Bob", None, stale)).await.is_error(400, "TIMESTAMP_OUT_OF_RANGE");
    let credentials = BLOCKS.credentials("Alice", None, service.nonce());
    service.send(BLOCKS.carrying(&credentials)).await.is_ok();
    service.send(BLOCKS.carrying(&credentials)).await.is_error(401, "REPLAYED_SIGNATURE");
    service.turn().await;
    let query = AuditQuery { hotkey: None, since: Timestamp::UNIX_EPOCH, after: None, limit: 100 };
    let entries = service.app.store.audit(query).await.unwrap();
    let mut refused: Vec<_> = entries
        .into_iter()
        .filter(|entry| entry.event.kind == AuditKind::Refusal)
        .map(|entry| (entry.event.code.into_owned(), entry.event.hotkey, entry.event.proved))
        .collect();
    refused.sort();
    let hotkey = |name| Some(Keypair::development(name).hotkey());
    assert_eq!(
        refused,
        [
            ("REPLAYED_SIGNATURE".to_owned(), hotkey("Alice"), true),
            ("TIMESTAMP_OUT_OF_RANGE".to_owned(), hotkey("Bob"), false)
        ]
    );
    service.stop().await;
}

#[tokio::test]
async fn a_replayed_read_neither_answers_nor_counts_and_needs_no_database() {
    let service = Service::start(Backend::Sqlite).await;
    service.app.store.close().await;
    let credentials = BLOCKS.credentials("Alice", None, service.nonce());
    service.send(BLOCKS.carrying(&credentials)).await.is_ok();
    for _ in 0..3 {
        service.send(BLOCKS.carrying(&credentials)).await.is_error(401, "REPLAYED_SIGNATURE");
    }
    let next = service.send_signed("Alice", &BLOCKS).await;
    assert_eq!(next.header("ratelimit-remaining"), Some("98"));
    service.send_signed("Alice", &REPORT).await.is_error(503, "STORAGE_UNAVAILABLE");
    service.stop().await;
}

#[tokio::test]
async fn a_token_and_a_signature_at_once_are_refused() {
    let service = Service::start(Backend::Sqlite).await;
    let token = service.token("Alice").await;
    let mut both = BLOCKS.sign("Alice", None, service.nonce());
    let value = HeaderValue::from_str(&format!("Bearer {token}")).unwrap();
    both.headers_mut().insert("authorization", value.clone());
    let answer = service.send(both).await;
    answer.is_error(400, "INVALID_REQUEST");
    assert!(answer.json["error"].as_str().unwrap().starts_with("Authorization: "));
    // Other headers of the SDK beside a token are nobody's signature.
    let mut named = Request::get(BLOCKS.target).body(Body::empty()).unwrap();
    named.headers_mut().insert("authorization", value);
    named.headers_mut().insert("x-bittensor-hotkey", HeaderValue::from_static("5F"));
    service.send(named).await.is_ok();
    // Without a token they are half a signature.
    let mut half = BLOCKS.sign("Alice", None, service.nonce());
    half.headers_mut().remove("x-bittensor-signature");
    service.send(half).await.is_error(401, "INVALID_SIGNATURE");
    service.stop().await;
}

#[tokio::test]
async fn who_is_over_the_limit_uses_up_no_nonce() {
    let limits = LimitSettings { requests_per_hour: 1, ..LimitSettings::DEFAULT };
    let service = Service::with(Backend::Sqlite, Options { limits, ..Options::default() }).await;
    service.send_signed("Alice", &REPORT).await.is_ok();
    let over = REPORT.credentials("Alice", None, service.nonce());
    for _ in 0..2 {
        service.send(REPORT.carrying(&over)).await.is_error(429, "RATE_LIMITED");
    }
    let alice = Keypair::development("Alice").hotkey();
    let now = service.app.clock.now();
    assert!(service.app.nonces.look(alice, over.nonce, now).is_ok());
    let attempt = GrantAttempt {
        hotkey: alice,
        proof: Proof::Nonce(over.nonce),
        now,
        limit: None,
        origin: Origin::default(),
    };
    assert_eq!(service.app.store.grant_access(attempt).await, Ok(GrantOutcome::Granted(None)));
    service.stop().await;
}

#[tokio::test]
async fn rubbish_from_one_address_is_cut_off_before_signatures_are_checked() {
    let service = Service::start(Backend::Sqlite).await;
    let mut credentials = BLOCKS.credentials("Alice", None, service.nonce());
    credentials.hotkey = Keypair::development("Bob").hotkey();
    let from = |peer: [u8; 4]| {
        let mut request = BLOCKS.carrying(&credentials);
        request.extensions_mut().insert(Peer((peer, 9).into()));
        request
    };
    for _ in 0..200 {
        service.send(from([1, 2, 3, 4])).await.is_error(401, "INVALID_SIGNATURE");
    }
    service.send(from([1, 2, 3, 4])).await.is_error(429, "RATE_LIMITED");
    service.send(from([1, 2, 3, 5])).await.is_error(401, "INVALID_SIGNATURE");
    service.stop().await;
}

#[tokio::test]
async fn a_mock_takes_any_signature_by_headers() {
    let limits = LimitSettings::NONE;
    let service = Service::with(Backend::Sqlite, Options { mock: true, limits, ..named() }).await;
    let bob = Keypair::development("Bob").hotkey();
    for request in [ACCESS, BLOCKS, REPORT, REPORT] {
        let mut mocked = request.sign("Bob", None, at(0));
        mocked.headers_mut().insert("x-bittensor-signature", HeaderValue::from_static("anything"));
        service.send(mocked).await.is_ok();
    }
    let id = "a".parse().unwrap();
    assert!(service.app.store.assignment(bob, &id).await.unwrap().is_some());
    service.stop().await;
}

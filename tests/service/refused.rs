//! What is refused leaves nothing behind but its entry in the audit: no row, no place among the nonces.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, Method, Request};
use futures_util::future::join_all;
use resi_data_api::app::LimitSettings;
use resi_data_api::http::client_address::Peer;
use resi_data_api::registry::FileRegistry;
use resi_protocol::btauth::Nonce;
use resi_protocol::{Hotkey, Keypair, Timestamp};
use serde_json::{Value, json};

use crate::harness::{Backend, Options, START, Service, Unsigned, access_body, bearer, on_both};

on_both!(
    no_refusal_writes_a_row_but_the_audits,
    requests_over_the_limit_leave_one_entry,
    of_many_signed_reports_at_once_only_those_within_the_limit_write,
    the_key_of_zeros_gets_in_nowhere,
    what_nobody_proved_is_kept_for_a_week,
);

const ACCESS: &str = "/get-validator-access";
const REPORTS: &str = "/api/v1/assignment-status";
const BLOCKS: &str = "/api/v1/validator-data";

fn post(path: &str, body: impl Into<Body>) -> Request<Body> {
    Request::post(path).body(body.into()).unwrap()
}

fn signed<'a>(method: &'a str, target: &'a str, body: &'a str) -> Unsigned<'a> {
    Unsigned { method, target, body }
}

/// A registry that lets in these development keys.
fn registry(folder: &std::path::Path, names: &[&str]) -> FileRegistry {
    let path = folder.join("registry.json");
    let member = |name: &&str| {
        let hotkey = Keypair::development(name).hotkey();
        json!({ "hotkey": hotkey, "validator_permit": true, "alpha_stake": 20_000 })
    };
    std::fs::write(&path, json!(names.iter().map(member).collect::<Vec<_>>()).to_string()).unwrap();
    FileRegistry::open(path, 20_000, Timestamp::from_seconds(START)).unwrap()
}

/// The code, the request, and its key and nonce where that gets looked at and must stay free.
type SignedRefusal = (&'static str, Request<Body>, Option<(&'static str, Nonce)>);

/// Requests that are refused, each with the code it is refused with. Alice has used up what she may; Charlie has not;
/// Bob is no validator.
struct Walk<'a> {
    service: &'a Service,
    /// Of Alice and Charlie.
    tokens: [&'a str; 2],
    /// What was granted already.
    used: &'a Value,
}

impl Walk<'_> {
    fn of_access(&self) -> Vec<(&'static str, Request<Body>)> {
        let with = |name: &str, field: &str, value: Value| {
            let mut body = access_body(name, START, "ZILLOW_SOLD");
            body[field] = value;
            post(ACCESS, body.to_string())
        };
        let zeros = Hotkey::from_bytes([0; 32]).to_string();
        vec![
            ("INVALID_REQUEST", post(ACCESS, "{")),
            ("INVALID_REQUEST", with("Charlie", "timestamp", json!("1"))),
            ("BODY_TOO_LARGE", post(ACCESS, " ".repeat(5_000))),
            ("INVALID_HOTKEY", with("Charlie", "hotkey", json!("5F"))),
            ("INVALID_HOTKEY", with("Charlie", "hotkey", json!(zeros))),
            ("TIMESTAMP_OUT_OF_RANGE", with("Charlie", "timestamp", json!(START - 301))),
            ("INVALID_SIGNATURE", with("Charlie", "signature", json!("ab".repeat(64)))),
            ("NOT_A_VALIDATOR", post(ACCESS, access_body("Bob", START, "ZILLOW_SOLD").to_string())),
            ("UNKNOWN_SOURCE", post(ACCESS, access_body("Charlie", START, "MLS").to_string())),
            (
                "SOURCE_NOT_AUTHORIZED",
                post(ACCESS, access_body("Charlie", START, "REDFIN").to_string()),
            ),
            ("REPLAYED_SIGNATURE", post(ACCESS, self.used.to_string())),
            ("RATE_LIMITED", post(ACCESS, access_body("Alice", START, "ZILLOW_SOLD").to_string())),
        ]
    }

    fn of_tokens(&self) -> Vec<(&'static str, Request<Body>)> {
        let [alice, charlie] = self.tokens;
        let get =
            |path: &str, token: &str| bearer(Method::GET, path, token).body(Body::empty()).unwrap();
        let report = |token: &str, body: Value| {
            bearer(Method::POST, REPORTS, token).body(body.to_string().into()).unwrap()
        };
        let started = |id: &str| json!({ "assignment_id": id, "status": "started" });
        let failed = json!({ "assignment_id": "ended", "status": "failed" });
        let of_epoch =
            |id: &str| json!({ "assignment_id": "b", "status": "started", "epoch_id": id });
        let bare = |path: &str| Request::get(path).body(Body::empty()).unwrap();
        vec![
            ("MISSING_TOKEN", bare(BLOCKS)),
            ("INVALID_TOKEN", get(BLOCKS, "rubbish")),
            ("INVALID_BLOCK_SIZE", get(&format!("{BLOCKS}?block_size=x"), charlie)),
            ("UNKNOWN_SOURCE", get(&format!("{BLOCKS}?sources=MLS"), charlie)),
            ("SOURCE_NOT_AUTHORIZED", get(&format!("{BLOCKS}?sources=REDFIN"), charlie)),
            ("UNSUPPORTED_FORMAT", get(&format!("{BLOCKS}?format=xml"), charlie)),
            ("RATE_LIMITED", get(BLOCKS, alice)),
            ("INVALID_REQUEST", get("/api/v1/assignments?cursor=x", charlie)),
            ("NOT_FOUND", get("/api/v1/assignments/none", charlie)),
            ("RATE_LIMITED", get("/api/v1/assignments", alice)),
            ("MISSING_TOKEN", post(REPORTS, started("b").to_string())),
            ("INVALID_REQUEST", report(charlie, json!({ "assignment_id": "b" }))),
            ("BODY_TOO_LARGE", report(charlie, started(&"x".repeat(20_000)))),
            ("UNKNOWN_EPOCH", report(charlie, of_epoch("1970-01-01T00-00-00"))),
            ("UNKNOWN_EPOCH", report(charlie, of_epoch("2025-01-15T12-00-00"))),
            ("ASSIGNMENT_ENDED", report(charlie, failed)),
            ("RATE_LIMITED", report(charlie, started("too many"))),
            ("RATE_LIMITED", report(alice, started("b"))),
            ("NOT_FOUND", bare("/api/v1/epochs/1970-01-01T00-00-00")),
            ("INVALID_REQUEST", bare("/api/v1/pools/x")),
        ]
    }

    /// Of requests that are signed by headers, with the nonce of those that got as far as to have theirs looked at.
    fn of_headers(&self) -> Vec<SignedRefusal> {
        let access = |body: &'static str| signed("POST", ACCESS, body);
        let report = |body: &'static str| signed("POST", REPORTS, body);
        const SOLD: &str = r#"{"sources":"ZILLOW_SOLD"}"#;
        const STARTED: &str = r#"{"assignment_id":"signed","status":"started"}"#;
        let stale = Nonce::at(Timestamp::from_seconds(START - 11));
        let early =
            |code, request: Unsigned<'_>, key, nonce| (code, request.sign(key, None, nonce), None);
        let refused = |code, request: Unsigned<'_>, key| {
            let nonce = self.service.nonce();
            (code, request.sign(key, None, nonce), Some((key, nonce)))
        };
        let mut forged = access(SOLD).sign("Charlie", None, self.service.nonce());
        forged.headers_mut().insert("x-bittensor-nonce", HeaderValue::from_static("x"));
        let mut others = access(SOLD).sign("Bob", None, self.service.nonce());
        let charlie = Keypair::development("Charlie").hotkey().to_string();
        let charlie = HeaderValue::from_str(&charlie).unwrap();
        others.headers_mut().insert("x-bittensor-hotkey", charlie);
        vec![
            ("INVALID_SIGNATURE", forged, None),
            ("INVALID_SIGNATURE", others, None),
            early("TIMESTAMP_OUT_OF_RANGE", access(SOLD), "Charlie", stale),
            refused("NOT_A_VALIDATOR", access(SOLD), "Bob"),
            refused("INVALID_REQUEST", access("{"), "Charlie"),
            refused("UNKNOWN_SOURCE", access(r#"{"sources":"MLS"}"#), "Charlie"),
            refused("SOURCE_NOT_AUTHORIZED", access(r#"{"sources":"REDFIN"}"#), "Charlie"),
            refused("RATE_LIMITED", access(SOLD), "Alice"),
            refused("INVALID_REQUEST", report("{"), "Charlie"),
            refused(
                "UNKNOWN_EPOCH",
                report(
                    r#"{"assignment_id":"signed","status":"started","epoch_id":"1970-01-01T00-00-00"}"#,
                ),
                "Charlie",
            ),
            refused("RATE_LIMITED", report(STARTED), "Alice"),
            refused(
                "INVALID_BLOCK_SIZE",
                signed("GET", "/api/v1/validator-data?block_size=x", ""),
                "Charlie",
            ),
            refused("RATE_LIMITED", signed("GET", BLOCKS, ""), "Alice"),
            // These count against the hour of their hotkey, and keep their place among the nonces here; no row.
            (
                "ASSIGNMENT_ENDED",
                report(r#"{"assignment_id":"ended","status":"failed"}"#).sign(
                    "Charlie",
                    None,
                    self.service.nonce(),
                ),
                None,
            ),
            ("RATE_LIMITED", report(STARTED).sign("Charlie", None, self.service.nonce()), None),
        ]
    }
}

async fn no_refusal_writes_a_row_but_the_audits(backend: Backend) {
    let folder = tempfile::tempdir().unwrap();
    let limits = LimitSettings {
        access_per_minute: 1,
        requests_per_hour: 30,
        assignments_per_epoch: 1,
        ..LimitSettings::DEFAULT
    };
    let registry = Box::new(registry(folder.path(), &["Alice", "Charlie"]));
    let service = Service::with(backend, Options { limits, registry, ..Options::default() }).await;
    let used = service.access_body("Alice", "ZILLOW_SOLD");
    let alice = service.ask(&used).await.is_ok()["access_token"].as_str().unwrap().to_owned();
    let charlie = service.token("Charlie").await;
    while service.get_with("/api/v1/assignments/none", &alice).await.code() == "NOT_FOUND" {}
    let ended = json!({ "assignment_id": "ended", "status": "completed" });
    service.report(&charlie, &ended).await.is_ok();
    service.clock.advance(Duration::from_secs(1));
    service.turn().await;

    let walk = Walk { service: &service, tokens: [&alice, &charlie], used: &used };
    let rows = async || {
        let mut rows = service.database.as_ref().unwrap().rows().await;
        let audit = rows.remove("audit").unwrap() + rows.remove("audit_of_reports").unwrap();
        (rows, audit)
    };
    let (before, mut audit) = rows().await;
    let mut walked = 0;
    let requests = walk.of_access().into_iter().chain(walk.of_tokens());
    let requests = requests.map(|(code, request)| (code, request, None)).chain(walk.of_headers());
    for (code, request, nonce) in requests {
        let what = format!("{} {}", request.method(), request.uri());
        let answer = service.send(request).await;
        assert_eq!(answer.code(), code, "{what}: {answer:?}");
        service.write_refusals().await;
        let (after, audited) = rows().await;
        assert_eq!(after, before, "{code} of {what} wrote a row");
        assert!(audited <= audit + 1, "{code} of {what}");
        audit = audited;
        if let Some((key, nonce)) = nonce {
            let hotkey = Keypair::development(key).hotkey();
            let free = service.app.nonces.look(hotkey, nonce, service.app.clock.now());
            assert!(free.is_ok(), "{code} of {what} took a place");
        }
        walked += 1;
    }
    assert_eq!(walked, 47);
    service.stop().await;
}

/// With what is asked for access over the limit, in both ways of signing.
async fn requests_over_the_limit_leave_one_entry(backend: Backend) {
    let service = Service::start(backend).await;
    let access = signed("POST", ACCESS, r#"{"sources":"ZILLOW_SOLD"}"#);
    for number in 0..180 {
        let answer = service.send_signed("Alice", &access).await;
        assert_eq!(answer.status.as_u16(), if number < 10 { 200 } else { 429 }, "{answer:?}");
        if number % 10 == 9 {
            service.write_refusals().await;
        }
    }
    let rows = service.database.as_ref().unwrap().rows().await;
    assert_eq!((rows["used_nonces"], rows["used_signatures"], rows["audit"]), (10, 0, 11));
    for _ in 0..9 {
        service
            .ask(&service.access_body("Alice", "ZILLOW_SOLD"))
            .await
            .is_error(429, "RATE_LIMITED");
    }
    assert_eq!(service.database.as_ref().unwrap().rows().await, rows);
    service.stop().await;
}

async fn of_many_signed_reports_at_once_only_those_within_the_limit_write(backend: Backend) {
    let limits = LimitSettings { reports_per_hour: 7, ..LimitSettings::DEFAULT };
    let service = Service::with(backend, Options { limits, ..Options::default() }).await;
    let report = signed("POST", REPORTS, r#"{"assignment_id":"a","status":"started"}"#);
    let asked = (0..60).map(|_| service.send_signed("Alice", &report));
    let answers = join_all(asked).await;
    assert_eq!(answers.iter().filter(|answer| answer.status.is_success()).count(), 7);
    let rows = service.database.as_ref().unwrap().rows().await;
    assert_eq!(rows["used_nonces"], 7);
    // What the limit on reports refused did not count as a request either.
    let read = signed("GET", "/api/v1/assignments", "");
    let left = service.send_signed("Alice", &read).await;
    assert_eq!(left.header("ratelimit-remaining"), Some("92"));
    service.stop().await;
}

async fn the_key_of_zeros_gets_in_nowhere(backend: Backend) {
    let service = Service::start(backend).await;
    let zeros = Hotkey::from_bytes([0; 32]).to_string();
    // It verifies over anything for that key: no commitment, and no answer to a challenge.
    let signature = format!("{}80", "00".repeat(63));
    let body = json!({
        "hotkey": zeros, "timestamp": START, "signature": signature, "sources": "ZILLOW_SOLD"
    });
    service.ask(&body).await.is_error(400, "INVALID_HOTKEY");
    for (method, path, body) in [
        ("POST", ACCESS, r#"{"sources":"ZILLOW_SOLD"}"#),
        ("POST", REPORTS, r#"{"assignment_id":"a","status":"started"}"#),
        ("GET", BLOCKS, ""),
    ] {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("X-Bittensor-Version", "1")
            .header("X-Bittensor-Hotkey", &zeros)
            .header("X-Bittensor-Nonce", service.nonce().to_string())
            .header("X-Bittensor-Signature", &signature);
        let answer = service.send(request.body(body.into()).unwrap()).await;
        answer.is_error(400, "INVALID_HOTKEY");
    }
    service.stop().await;
}

async fn what_nobody_proved_is_kept_for_a_week(backend: Backend) {
    let service = Service::start(backend).await;
    let mut forged = service.access_body("Alice", "ZILLOW_SOLD");
    forged["signature"] = json!("ab".repeat(64));
    service.ask(&forged).await.is_error(401, "INVALID_SIGNATURE");
    let body = service.access_body("Bob", "ZILLOW_SOLD");
    service.ask(&body).await.is_ok();
    service.ask(&body).await.is_error(401, "REPLAYED_SIGNATURE");
    service.turn().await;
    let entries = async || service.database.as_ref().unwrap().rows().await["audit"];
    service.clock.advance(Duration::from_secs(7 * 24 * 60 * 60));
    service.turn().await;
    assert_eq!(entries().await, 3);
    service.clock.advance(Duration::from_secs(1));
    service.turn().await;
    assert_eq!(entries().await, 2, "the grant, and the refusal to who had proved himself");
    service.stop().await;
}

/// The limit by address comes first: a flood of what is out of time is cut off like any other.
#[tokio::test]
async fn rubbish_that_is_out_of_time_is_limited_by_address() {
    let service = Service::start(Backend::Sqlite).await;
    let stale_body = access_body("Alice", START - 400, "ZILLOW_SOLD").to_string();
    let stale = Nonce::at(Timestamp::from_seconds(START - 400));
    let blocks = signed("GET", BLOCKS, "");
    for (peer, signed_by_headers) in [([1, 2, 3, 4], false), ([1, 2, 3, 5], true)] {
        let send = async || {
            let mut request = match signed_by_headers {
                true => blocks.sign("Alice", None, stale),
                false => post(ACCESS, stale_body.clone()),
            };
            request.extensions_mut().insert(Peer((peer, 9).into()));
            service.send(request).await
        };
        for _ in 0..200 {
            send().await.is_error(400, "TIMESTAMP_OUT_OF_RANGE");
        }
        send().await.is_error(429, "RATE_LIMITED");
    }
    service.stop().await;
}

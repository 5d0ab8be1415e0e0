use std::io::Read as _;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, StatusCode};
use resi_data_api::background;
use resi_protocol::rotation::{Pinned, Pool, Question, RotationKey, verify_blocks};
use resi_protocol::wire::{PoolResource, ValidatorData};
use resi_protocol::{Keypair, Sources, Timestamp};
use serde_json::json;

use crate::harness::{Answer, Backend, MINI_SECRET, Options, START, Service, bearer, on_both};

on_both!(
    blocks_have_every_field_and_verify,
    the_next_epoch_has_other_blocks,
    tokens_and_parameters_are_checked_in_order,
    the_hour_of_a_hotkey_is_limited,
);

const PATH: &str = "/api/v1/validator-data";

async fn with_headers(service: &Service, token: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = bearer(Method::GET, PATH, token);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    service.send(request.body(Body::empty()).unwrap()).await
}

async fn blocks_have_every_field_and_verify(backend: Backend) {
    let service = Service::start(backend).await;
    let token = service.token("Alice").await;
    let answer = service.get_with(PATH, &token).await;
    let body = answer.is_ok();
    assert_eq!(body["generated_at"], "2025-01-15T08:00:00Z");
    assert_eq!(body["expires_at"], "2025-01-15T12:00:00Z");
    assert_eq!(body["epoch"]["id"], "2025-01-15T08-00-00");
    assert_eq!(body["epoch"]["index"], 120_620);
    let first = &body["data_blocks"]["batch_001"];
    assert_eq!(first["zipcodes"][0], "03431");
    assert_eq!(first["geographic_info"]["states"][0], "NH");
    assert_eq!(first["geographic_info"]["size_ranks"].as_array().unwrap().len(), 20);
    assert_eq!(
        (&first["expected_properties"], &first["sources"]),
        (&json!(1000), &json!(["ZILLOW_SOLD"]))
    );
    assert_eq!(answer.header("cache-control"), Some("private, max-age=9000"));
    assert_eq!(answer.header("vary"), Some("Authorization, Accept-Encoding"));
    assert!(body["request_id"].as_str().unwrap().starts_with("zipcode_block_20250115_0800_"));

    let data: ValidatorData = serde_json::from_slice(&answer.body).unwrap();
    let sha256 = body["rotation"]["pool_sha256"].as_str().unwrap();
    let pool = service.get(&format!("/api/v1/pools/{sha256}")).await;
    assert_eq!(pool.header("cache-control"), Some("public, max-age=31536000, immutable"));
    let pool: PoolResource = serde_json::from_slice(&pool.body).unwrap();
    let known = Pinned {
        public_key: Some(RotationKey::from_mini_secret(&MINI_SECRET).public().into()),
        netuid: Some(46.into()),
        epoch_seconds: Some(14_400.into()),
        pool_sha256: Some(pool.sha256.into()),
        zipcodes_per_epoch: Some(1_000.into()),
        honeypots_sha256: None,
    };
    let question = Question {
        sources: Some(Sources::DEFAULT),
        block_size: Some(20),
        at: Some(Timestamp::from_seconds(START)),
        ..Question::default()
    };
    let pool = Pool::new(pool.zipcodes).unwrap();
    let verified = verify_blocks(&data, &pool, &known, &question).unwrap();
    assert_eq!((verified.zipcodes.len(), verified.batches), (1_000, 50));
    assert!(verified.is_complete(), "{:?}", verified.vouchers);
    service.stop().await;
}

async fn the_next_epoch_has_other_blocks(backend: Backend) {
    let service = Service::start(backend).await;
    let token = service.token("Alice").await;
    let before = service.get_with(PATH, &token).await;
    service.clock.advance(Duration::from_secs(8_999));
    assert_eq!(service.get_with(PATH, &token).await.body, before.body);
    // Nobody has prepared the epoch: the first request does.
    service.clock.advance(Duration::from_secs(1));
    let after = service.get_with(PATH, &token).await;
    assert_eq!(after.is_ok()["epoch"]["id"], "2025-01-15T12-00-00");
    assert_ne!(after.json["data_blocks"], before.json["data_blocks"]);
    service.stop().await;
}

async fn tokens_and_parameters_are_checked_in_order(backend: Backend) {
    let service = Service::with(
        backend,
        Options { enabled_sources: "ZILLOW_SOLD,REDFIN", ..Options::default() },
    )
    .await;
    let wrong = format!("{PATH}?block_size=0&sources=MLS&format=xml");
    service.get(&wrong).await.is_error(401, "MISSING_TOKEN");
    service.get_with(&wrong, "x.y.z").await.is_error(401, "INVALID_TOKEN");
    let token = service.token("Alice").await;
    for (query, code) in [
        ("block_size=0&sources=MLS", "INVALID_BLOCK_SIZE"),
        ("block_size=-1", "INVALID_BLOCK_SIZE"),
        ("block_size=abc", "INVALID_BLOCK_SIZE"),
        ("block_size=", "INVALID_BLOCK_SIZE"),
        ("block_size=20&block_size=20", "INVALID_BLOCK_SIZE"),
        ("sources=MLS", "UNKNOWN_SOURCE"),
        ("sources=", "UNKNOWN_SOURCE"),
        ("sources=REDFIN&sources=REDFIN", "UNKNOWN_SOURCE"),
        ("format=xml", "UNSUPPORTED_FORMAT"),
        ("format=json&format=json", "UNSUPPORTED_FORMAT"),
    ] {
        service.get_with(&format!("{PATH}?{query}"), &token).await.is_error(400, code);
    }
    service
        .get_with(&format!("{PATH}?sources=REDFIN"), &token)
        .await
        .is_error(403, "SOURCE_NOT_AUTHORIZED");
    let both = service.get_with(&format!("{PATH}?sources=redfin,zillow_sold,redfin"), &token).await;
    assert_eq!(both.is_ok()["data_blocks"]["batch_001"]["sources"], json!(["ZILLOW_SOLD"]));
    for (size, batches, zipcodes) in
        [("5", 50, 250), ("50", 20, 1000), ("51", 20, 1000), ("30", 34, 1000)]
    {
        let answer = service.get_with(&format!("{PATH}?block_size={size}"), &token).await;
        assert_eq!(answer.is_ok()["total_batches"], batches);
        assert_eq!(answer.json["total_zipcodes"], zipcodes);
    }
    let huge = service.get_with(&format!("{PATH}?block_size=1{}", "0".repeat(30)), &token).await;
    assert_eq!(huge.is_ok()["total_batches"], 20);
    service.stop().await;
}

async fn the_hour_of_a_hotkey_is_limited(backend: Backend) {
    let service = Service::start(backend).await;
    let token = service.token("Alice").await;
    for left in (0..100).rev() {
        let answer = service.get_with(PATH, &token).await;
        answer.is_ok();
        assert_eq!(answer.header("ratelimit-remaining"), Some(left.to_string().as_str()));
        service.clock.advance(Duration::from_secs(1));
    }
    let answer = service.get_with(PATH, &token).await;
    answer.is_error(429, "RATE_LIMITED");
    assert_eq!(answer.header("retry-after"), Some("3500"));
    // One hour over all endpoints; a request that is wrong anyway does not count.
    service.get_with("/api/v1/assignments", &token).await.is_error(429, "RATE_LIMITED");
    service
        .get_with(&format!("{PATH}?block_size=0"), &token)
        .await
        .is_error(400, "INVALID_BLOCK_SIZE");
    let bob = service.token("Bob").await;
    service.get_with(PATH, &bob).await.is_ok();
    service.clock.advance(Duration::from_secs(3_500));
    service.get_with(PATH, &token).await.is_ok();
    service.stop().await;
}

#[tokio::test]
async fn a_source_that_is_not_enabled_is_not_dealt_whatever_the_token_says() {
    let service = Service::start(Backend::Sqlite).await;
    let (alice, now) = (Keypair::development("Alice").hotkey(), service.app.clock.now());
    let sources = "ZILLOW_SOLD,REDFIN".parse().unwrap();
    let (token, _) = service.app.tokens.issue(alice, sources, "id".into(), now).unwrap();
    service
        .get_with(&format!("{PATH}?sources=REDFIN"), &token)
        .await
        .is_error(403, "SOURCE_NOT_AUTHORIZED");
    service.get_with(PATH, &token).await.is_ok();

    let (token, _) =
        service.app.tokens.issue(alice, "REDFIN".parse().unwrap(), "id".into(), now).unwrap();
    let refused = service.get_with(PATH, &token).await;
    refused.is_error(403, "SOURCE_NOT_AUTHORIZED");
    assert_eq!(refused.json["error"], "The token is for no source that is enabled");
    service.stop().await;
}

#[tokio::test]
async fn bodies_are_compressed_where_that_is_accepted_and_known_ones_not_sent() {
    let service = Service::start(Backend::Sqlite).await;
    let token = service.token("Alice").await;
    let plain = with_headers(&service, &token, &[]).await;
    let gzip = with_headers(&service, &token, &[("Accept-Encoding", "gzip, deflate")]).await;
    let zstd = with_headers(&service, &token, &[("Accept-Encoding", "gzip, zstd")]).await;
    assert_eq!(
        (gzip.header("content-encoding"), zstd.header("content-encoding")),
        (Some("gzip"), Some("zstd"))
    );
    let mut unzipped = Vec::new();
    flate2::read::GzDecoder::new(&gzip.body[..]).read_to_end(&mut unzipped).unwrap();
    assert_eq!(unzipped, plain.body);
    assert_eq!(zstd::decode_all(&zstd.body[..]).unwrap(), plain.body);
    assert_ne!(plain.header("etag"), gzip.header("etag"));

    let tag = gzip.header("etag").unwrap();
    let known =
        with_headers(&service, &token, &[("If-None-Match", tag), ("Accept-Encoding", "gzip")])
            .await;
    assert_eq!((known.status, known.body.len()), (StatusCode::NOT_MODIFIED, 0));
    assert_eq!(known.header("etag"), Some(tag));
    service.clock.advance(Duration::from_secs(9_000));
    assert_eq!(
        with_headers(&service, &token, &[("If-None-Match", tag)]).await.status,
        StatusCode::OK
    );
    service.stop().await;
}

#[tokio::test]
async fn the_coming_epoch_is_ready_before_it_begins() {
    let service = Service::start(Backend::Sqlite).await;
    let token = service.token("Alice").await;
    service.get_with(PATH, &token).await.is_ok();
    service.clock.advance(Duration::from_secs(9_000 - 600));
    let next = Timestamp::from_seconds(START + 9_000);
    assert!(service.app.deck.prepared_at(next).is_none());
    background::tend_deck(&service.app).await;
    assert!(service.app.deck.prepared_at(next).unwrap().is_ok());
    // Its record may be there, but nobody is told.
    service.get("/api/v1/epochs/2025-01-15T12-00-00").await.is_error(404, "NOT_FOUND");
    let list = service.get("/api/v1/epochs").await;
    assert_eq!(list.is_ok()["epochs"][0]["epoch"]["id"], "2025-01-15T08-00-00");
    service.stop().await;
}

//! An answer that is honest, and none to what was asked.

use std::time::Duration;

use resi_client::protocol::rotation::VerifyError;
use resi_client::protocol::wire::{AssignmentStatus, ReportedStatus};
use resi_client::{AssignmentsRequest, BlocksRequest, Client, Error, PageRequest, RetryPolicy};

use crate::support::proxy::Fault;
use crate::support::service::{Backend, Options};
use crate::support::{START, World, clock::TestClock, report};

const EPOCH: Duration = Duration::from_secs(14_400);

fn nonsense<T: std::fmt::Debug>(answered: Result<T, Error>, words: &str) {
    let error = answered.expect_err("no answer");
    assert!(matches!(error, Error::Nonsense { .. }) && !error.is_retryable(), "{error:?}");
    assert!(error.to_string().contains(words), "{words}: {error}");
}

fn unverified<T: std::fmt::Debug>(answered: Result<T, Error>, words: &str) {
    let error = answered.expect_err("not honest");
    assert!(matches!(error, Error::Unverified(_)) && !error.is_retryable(), "{error:?}");
    assert!(error.to_string().contains(words), "{words}: {error}");
}

fn answered(body: &impl serde::Serialize) -> Fault {
    Fault::Answer(200, serde_json::to_string(body).unwrap())
}

fn replaced(old: &str, new: &str) -> Fault {
    Fault::Replace(old.into(), new.into())
}

#[tokio::test]
async fn the_record_of_another_epoch_is_no_answer() {
    let world = World::impatient(Backend::Sqlite).await;
    let client = world.client();
    let first = client.current_epoch().await.unwrap().epoch.id;
    world.clock.advance(EPOCH * 2);
    client.blocks(BlocksRequest::new()).await.unwrap();
    let honest = serde_json::to_string(&client.epoch(first).await.unwrap()).unwrap();
    let other: resi_client::protocol::EpochId = "2025-01-15T12-00-00".parse().unwrap();
    world.proxy.once("epochs/", Fault::Answer(200, honest.clone()));
    nonsense(client.epoch(other).await, "epoch.id is 2025-01-15T08-00-00");
    world.proxy.once("epochs/", Fault::Answer(200, honest));
    nonsense(client.verified_epoch(other).await, "epoch.id is 2025-01-15T08-00-00");
    world.proxy.once("epochs/", replaced("\"state\":\"ended\"", "\"state\":\"running\""));
    nonsense(client.epoch(first).await, "state of epoch");
    world.proxy.once(
        "epochs/",
        replaced("\"revealed_at\":\"2025-01-15T12", "\"revealed_at\":\"2025-01-15T13"),
    );
    nonsense(client.epoch(first).await, "revealed_at");

    let running = client.current_epoch().await.unwrap();
    world.clock.advance(EPOCH);
    let old = serde_json::to_string(&running).unwrap().replace("running", "ended");
    world.proxy.once("epochs/current", Fault::Answer(200, old));
    let Err(Error::Unverified(unverified)) = client.current_epoch().await else { panic!() };
    assert!(matches!(unverified.reason, VerifyError::NotRunning { .. }), "{unverified}");
    world.end().await;
}

#[tokio::test]
async fn a_page_of_epochs_that_leads_nowhere_is_no_answer() {
    let world = World::impatient(Backend::Sqlite).await;
    let client = world.client();
    for _ in 0..3 {
        client.blocks(BlocksRequest::new()).await.unwrap();
        world.clock.advance(EPOCH);
    }
    client.blocks(BlocksRequest::new()).await.unwrap();
    let two = PageRequest::new().limit(2);
    let page = client.epochs(two.clone()).await.unwrap();
    let text = serde_json::to_string(&page).unwrap();
    let cursor = page.next_cursor.unwrap();
    let next = two.clone().after(&cursor);
    assert_eq!(client.epochs(next.clone()).await.unwrap().epochs.len(), 2);
    world.proxy.once("epochs", Fault::Answer(200, text.clone()));
    nonsense(client.epochs(next).await, "leads nowhere");
    world.proxy.once("epochs", Fault::Answer(200, text));
    nonsense(client.epochs(PageRequest::new().limit(1)).await, "1 were asked for");
    let empty = format!(r#"{{"epochs": [], "next_cursor": "{cursor}"}}"#);
    world.proxy.once("epochs", Fault::Answer(200, empty));
    nonsense(client.epochs(two).await, "leads nowhere");
    world.end().await;
}

#[tokio::test]
async fn a_report_that_was_not_taken_is_an_error() {
    let world = World::impatient(Backend::Sqlite).await;
    let client = world.client();
    world.proxy.once("assignment-status", replaced("true", "false"));
    nonsense(client.report(&report("first", ReportedStatus::Started)).await, "was taken");
    world.proxy.once("assignment-status", Fault::Answer(202, "{}".into()));
    nonsense(client.report(&report("first", ReportedStatus::Started)).await, "status 202");
    world.end().await;
}

#[tokio::test]
async fn other_assignments_than_those_asked_for_are_no_answer() {
    let world = World::impatient(Backend::Sqlite).await;
    let client = world.client();
    for id in ["first", "second", "third"] {
        client.report(&report(id, ReportedStatus::Started)).await.unwrap();
    }
    let first = "first".parse().unwrap();
    world.proxy.once("assignments/", replaced("\"first\"", "\"second\""));
    nonsense(client.assignment(&first).await, "assignment_id is second");
    let started = AssignmentsRequest::new().status(AssignmentStatus::Started);
    world.proxy.once("assignments", replaced("\"started\"", "\"failed\""));
    nonsense(client.assignments(started.clone()).await, "status is failed");
    world.proxy.once("assignments", replaced("\"second\"", "\"third\""));
    nonsense(client.assignments(started.clone()).await, "there twice");
    let all = client.assignments(started.clone()).await.unwrap();
    let text = serde_json::to_string(&all).unwrap();
    world.proxy.once("assignments", Fault::Answer(200, text));
    nonsense(client.assignments(started.limit(2)).await, "2 were asked for");
    world.end().await;
}

#[tokio::test]
async fn a_grant_of_something_else_is_no_answer() {
    let options = Options { enabled_sources: "ZILLOW_SOLD,REDFIN", ..Options::default() };
    let world = World::with(Backend::Sqlite, TestClock::impatient(START), options).await;
    let client = world.client();
    for (old, new, words) in [
        ("[\"ZILLOW_SOLD\"]", "[\"REDFIN\"]", "ZILLOW_SOLD was asked for"),
        ("[\"ZILLOW_SOLD\"]", "[]", "ZILLOW_SOLD was asked for"),
        ("[\"ZILLOW_SOLD\"]", "[\"ZILLOW_SOLD\",\"REDFIN\"]", "ZILLOW_SOLD was asked for"),
        ("\"Bearer\"", "\"Basic\"", "only Bearer"),
        ("\"eyJ", "\"\\r\\neyJ", "no token"),
        ("21600", "18446744073709551615", "not good for"),
        ("21600", "0", "not good for"),
        ("2025-01-15T15:30:00Z", "2025-01-15T09:30:00Z", "which is not the same"),
        ("2025-01-15T15:30:00Z", "9999-01-15T09:30:00Z", "which is not the same"),
    ] {
        world.proxy.once("access", replaced(old, new));
        nonsense(client.access().await, words);
    }
    client.access().await.unwrap();
    world.end().await;
}

#[tokio::test]
async fn blocks_for_something_else_are_no_answer() {
    let options = Options { enabled_sources: "ZILLOW_SOLD,REDFIN", ..Options::default() };
    let world = World::with(Backend::Sqlite, TestClock::impatient(START), options).await;
    let client = world.client();
    for (old, new, words) in [
        ("\"sources\":[\"ZILLOW_SOLD\"]", "\"sources\":[\"REDFIN\"]", "was asked for"),
        ("\"sources\":[\"ZILLOW_SOLD\"]", "\"sources\":[]", "was asked for"),
        ("\"states\":[", "\"states\":[\"\",", "states are not"),
    ] {
        world.proxy.once("validator-data", replaced(old, new));
        nonsense(client.blocks(BlocksRequest::new()).await, words);
    }
    for (old, new, words) in [
        ("\"request_id\":\"zipcode_block_", "\"request_id\":\"zipcode_blocks_", "request_id is"),
        ("\"expected_properties\":1000", "\"expected_properties\":1001", "expected_properties"),
        ("\"assignment_groups\":2", "\"assignment_groups\":3", "assignment_groups"),
        ("\"miners_per_group\":10", "\"miners_per_group\":4000000000", "miners_per_group"),
        ("\"overlap_factor\":2", "\"overlap_factor\":0", "overlap_factor"),
        ("\"size_ranks\":[", "\"size_ranks\":[1,", "size_ranks"),
    ] {
        world.proxy.once("validator-data", replaced(old, new));
        unverified(client.blocks(BlocksRequest::new()).await, words);
    }
    let both = "ZILLOW_SOLD,REDFIN".parse().unwrap();
    let wide = world.builder().sources(both).build().unwrap();
    let wide = wide.blocks(BlocksRequest::new().sources(both)).await.unwrap();
    world.proxy.once("validator-data", answered(wide.data()));
    nonsense(client.blocks(BlocksRequest::new()).await, "ZILLOW_SOLD was asked for");
    let large = client.blocks(BlocksRequest::new().block_size(50)).await.unwrap();
    world.proxy.once("validator-data", answered(large.data()));
    unverified(client.blocks(BlocksRequest::new()).await, "batch_001");
    world.end().await;
}

#[tokio::test]
async fn another_pool_or_health_than_there_can_be_is_no_answer() {
    let world = World::impatient(Backend::Sqlite).await;
    let client = world.client();
    let sha256 = client.current_epoch().await.unwrap().rotation.pool_sha256;
    world.proxy.once("pools", replaced("\"size\":7572", "\"size\":7571"));
    nonsense(client.pool(sha256).await, "size is 7571");
    world.proxy.once("health", replaced("\"id\":\"2025-01-15T08", "\"id\":\"2025-01-15T12"));
    nonsense(client.health().await, "does not run at");
    world.end().await;
}

fn impatient(world: &World) -> Client {
    world.builder().retry(RetryPolicy::never()).build().unwrap()
}

#[tokio::test]
async fn an_answer_is_read_only_as_far_as_an_honest_one_goes() {
    let world = World::impatient(Backend::Sqlite).await;
    let client = impatient(&world);
    let large = format!(r#"{{"status": "{}"}}"#, "a".repeat(300_000));
    world.proxy.once("health", Fault::Answer(200, large.clone()));
    nonsense(client.health().await, "larger than 262144 bytes");
    world.proxy.once("health", Fault::Answer(503, large));
    let error = client.health().await.unwrap_err();
    assert_eq!(
        (error.status(), error.to_string().as_str()),
        (Some(503), "Service Unavailable (HTTP 503)")
    );
    world.proxy.once("health", Fault::Packed(64 << 20));
    nonsense(client.health().await, "larger than 262144 bytes");
    world.end().await;
}

#[tokio::test]
async fn what_others_wrote_is_shown_escaped_and_cut() {
    let world = World::impatient(Backend::Sqlite).await;
    let client = impatient(&world);
    let hostile = "\u{1b}[2J\u{9b}31m\u{202e}\r\nresi-validator: all is well";
    let refused = serde_json::json!({
        "error": format!("{hostile}{}", "a".repeat(10_000)), "error_code": "NOT_FOUND", "request_id": hostile,
    });
    world.proxy.once("statistics", Fault::Answer(404, refused.to_string()));
    let error = client.statistics().await.unwrap_err();
    assert_eq!(error.request_id(), None, "what is no id is not shown as one");
    let wrong = serde_json::json!({ "status": hostile });
    world.proxy.once("health", Fault::Answer(200, wrong.to_string()));
    for error in [error, client.health().await.unwrap_err()] {
        for shown in [error.to_string(), format!("{error:?}")] {
            assert!(shown.contains("\\u{1b}[2J"), "{shown}");
            assert!(!shown.chars().any(|c| c.is_control() || c == '\u{202e}'), "{shown}");
        }
        assert!(error.to_string().len() < 1_000, "{error}");
    }
    world.end().await;
}

#[tokio::test]
async fn nobody_is_asked_in_a_storm_because_they_say_so() {
    let world = World::impatient(Backend::Sqlite).await;
    let client = world.client();
    world.proxy.times(100, "statistics", &Fault::Status(503, Some(0)));
    client.statistics().await.unwrap_err();
    assert!(world.proxy.count("statistics") < 12, "{}", world.proxy.count("statistics"));
    world.proxy.once("health", Fault::Status(429, Some(u32::MAX)));
    let error = client.health().await.unwrap_err();
    assert_eq!(error.retry_after(), Some(Duration::from_secs(24 * 3_600)));
    world.end().await;
}

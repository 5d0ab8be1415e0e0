use std::collections::HashSet;
use std::time::Duration;

use resi_client::protocol::wire::{ErrorCode, Health, HealthStatus, ReportedStatus};
use resi_client::{AssignmentsRequest, Error, RetryPolicy, SystemClock};

use crate::support::clock::Skewed;
use crate::support::proxy::Fault;
use crate::support::service::Backend;
use crate::support::{World, on_both, report};

on_both! {
    a_service_that_is_busy_for_a_while_is_left_alone_for_as_long_as_it_says,
    a_service_that_stays_away_is_given_up_at_the_deadline,
    what_is_wrong_is_not_tried_again,
    every_try_is_signed_anew,
    a_connection_cut_in_the_middle_of_a_body_costs_one_more_try,
    a_service_that_hangs_is_not_waited_for_for_ever,
    nobody_there_is_said_so,
    something_else_at_the_address_is_said_so,
    an_unhealthy_service_is_an_answer_and_one_that_starts_is_not,
    a_clock_that_is_off_is_told_by_how_much,
    a_clock_that_is_off_at_a_boundary_is_recognised_from_the_service_s,
    the_clock_of_this_machine_is_the_default,
}

async fn a_service_that_is_busy_for_a_while_is_left_alone_for_as_long_as_it_says(backend: Backend) {
    let world = World::impatient(backend).await;
    let client = world.client();
    client.access().await.unwrap();
    world.proxy.times(2, "assignment-status", &Fault::Status(503, Some(8)));
    world.proxy.once("assignment-status", Fault::Status(429, Some(4)));
    world.proxy.once("assignment-status", Fault::Status(502, None));
    client.report(&report("first", ReportedStatus::Completed)).await.unwrap();
    // With this chance an eighth is added to what was asked for; the backoff after the fourth try is 4 s.
    assert_eq!(world.clock.slept(), [9_000, 9_000, 4_500, 3_000].map(Duration::from_millis));
    world.end().await;
}

async fn a_service_that_stays_away_is_given_up_at_the_deadline(backend: Backend) {
    let world = World::impatient(backend).await;
    let client = world.client();
    client.access().await.unwrap();
    world.proxy.times(100, "assignments", &Fault::Status(503, None));
    let error = client.assignments(AssignmentsRequest::new()).await.unwrap_err();
    assert!(error.is_retryable() && error.status() == Some(503), "{error}");
    let waited: Duration = world.clock.slept().iter().sum();
    assert!((Duration::from_secs(40)..=Duration::from_secs(60)).contains(&waited), "{waited:?}");
    world.end().await;
}

async fn what_is_wrong_is_not_tried_again(backend: Backend) {
    let world = World::impatient(backend).await;
    let client = world.client();
    client.access().await.unwrap();
    for status in [400, 403, 404, 409, 413] {
        world.proxy.once("assignments", Fault::Status(status, None));
        let error = client.assignments(AssignmentsRequest::new()).await.unwrap_err();
        assert_eq!(error.status(), Some(status));
    }
    assert_eq!((world.proxy.count("assignments"), world.clock.slept().len()), (5, 0));

    world.proxy.times(2, "assignments", &Fault::Status(401, None));
    let error = client.assignments(AssignmentsRequest::new()).await.unwrap_err();
    assert_eq!(error.status(), Some(401));
    assert_eq!(world.proxy.count("get-validator-access"), 2, "one new token, not one more");
    world.end().await;
}

async fn every_try_is_signed_anew(backend: Backend) {
    let world = World::impatient(backend).await;
    world.proxy.times(3, "get-validator-access", &Fault::Status(500, None));
    world.proxy.once("get-validator-access", Fault::Cut);
    world
        .client()
        .access()
        .await
        .expect("a grant whose answer was lost did not use up the next signature");
    let bodies: HashSet<_> =
        world.proxy.seen("get-validator-access").into_iter().map(|seen| seen.body).collect();
    assert_eq!(bodies.len(), 5);
    world.end().await;
}

async fn a_connection_cut_in_the_middle_of_a_body_costs_one_more_try(backend: Backend) {
    let world = World::impatient(backend).await;
    let client = world.client();
    for path in ["validator-data", "pools", "assignment-status"] {
        world.proxy.once(path, Fault::Cut);
    }
    assert_eq!(client.blocks(Default::default()).await.unwrap().batches().count(), 50);
    client.report(&report("first", ReportedStatus::Completed)).await.unwrap();
    for path in ["validator-data", "pools", "assignment-status"] {
        assert_eq!(world.proxy.count(path), 2, "{path}");
    }

    let impatient = world.builder().retry(RetryPolicy::never()).build().unwrap();
    world.proxy.once("statistics", Fault::Cut);
    let error = impatient.statistics().await.unwrap_err();
    assert!(matches!(error, Error::BrokenOff { .. }) && error.is_retryable(), "{error}");
    world.end().await;
}

async fn a_service_that_hangs_is_not_waited_for_for_ever(backend: Backend) {
    let world = World::impatient(backend).await;
    let client = world.builder().try_timeout(Duration::from_millis(50)).retry(RetryPolicy::never());
    world.proxy.once("health", Fault::Hang);
    let error = client.build().unwrap().health().await.unwrap_err();
    assert!(matches!(error, Error::TimedOut { .. }) && error.is_retryable(), "{error}");
    world.end().await;
}

async fn nobody_there_is_said_so(backend: Backend) {
    let world = World::impatient(backend).await;
    let unused = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let client = world.builder().base_url(format!("http://{unused}")).retry(RetryPolicy::never());
    let error = client.build().unwrap().health().await.unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error}");
    assert!(error.to_string().contains("refused"), "{error}");
    world.end().await;
}

async fn something_else_at_the_address_is_said_so(backend: Backend) {
    let world = World::impatient(backend).await;
    world.proxy.once("health", Fault::Answer(200, "<html>Welcome to nginx!</html>".into()));
    let error = world.client().health().await.unwrap_err();
    assert!(matches!(error, Error::Nonsense { .. }) && !error.is_retryable(), "{error}");
    world.proxy.once("health", Fault::Elsewhere("https://resi.example/".into()));
    let error = world.client().health().await.unwrap_err();
    assert!(
        error.to_string().contains("https://resi.example/; use that address as base URL"),
        "{error}"
    );
    world.end().await;
}

async fn an_unhealthy_service_is_an_answer_and_one_that_starts_is_not(backend: Backend) {
    let world = World::impatient(backend).await;
    let client = world.builder().retry(RetryPolicy::never()).build().unwrap();
    let health = client.health().await.unwrap();
    let unhealthy = serde_json::to_string(&Health { status: HealthStatus::Unhealthy, ..health });
    world.proxy.once("health", Fault::Answer(503, unhealthy.unwrap()));
    assert_eq!(client.health().await.unwrap().status, HealthStatus::Unhealthy);

    let starting = r#"{"error": "The service is starting", "error_code": "NOT_READY"}"#;
    world.proxy.once("health", Fault::Answer(503, starting.into()));
    assert_eq!(client.health().await.unwrap_err().code(), Some(ErrorCode::NotReady));
    world.end().await;
}

async fn a_clock_that_is_off_is_told_by_how_much(backend: Backend) {
    let world = World::impatient(backend).await;
    for (off, words) in [(412, "412 s ahead of"), (-3_600, "3600 s behind")] {
        let client = world.builder().clock(Skewed(world.clock.clone(), off)).build().unwrap();
        let error = client.blocks(Default::default()).await.unwrap_err();
        assert!(matches!(error, Error::ClockOff(_)) && !error.is_retryable(), "{error}");
        assert!(error.to_string().contains(words), "{error}");
        assert!(error.request_id().is_some());
    }
    world.end().await;
}

async fn a_clock_that_is_off_at_a_boundary_is_recognised_from_the_service_s(backend: Backend) {
    let world = World::impatient(backend).await;
    // Ten seconds before the epoch of 12:00, for the service.
    world.clock.advance(Duration::from_secs(9_000 - 10));
    let client = world.builder().clock(Skewed(world.clock.clone(), 20)).build().unwrap();
    let error = client.blocks(Default::default()).await.unwrap_err();
    let Error::ClockOff(clock) = &error else { panic!("{error}") };
    assert_eq!(clock.ahead_seconds, 20);

    let near = world.builder().clock(Skewed(world.clock.clone(), 12)).build().unwrap();
    near.blocks(Default::default()).await.expect("2 s past the boundary are within the tolerance");
    world.end().await;
}

async fn the_clock_of_this_machine_is_the_default(backend: Backend) {
    let world = World::impatient(backend).await;
    let error =
        world.builder().clock(SystemClock::new()).build().unwrap().access().await.unwrap_err();
    assert!(matches!(error, Error::ClockOff(_)), "{error}");
    world.end().await;
}

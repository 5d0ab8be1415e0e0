use std::time::Duration;

use resi_client::protocol::rotation::{Part, Voucher};
use resi_client::protocol::wire::{
    AssignmentStatistics, AssignmentStatus, HealthStatus, ReportedStatus,
};
use resi_client::{AssignmentsRequest, BlocksRequest, Error, PageRequest, Trust};
use resi_protocol::wire::ErrorCode;

use crate::support::clock::TestClock;
use crate::support::service::{Backend, Options};
use crate::support::{START, World, on_both, report};

on_both! {
    pull_verify_report_and_read_back,
    a_token_that_expired_unseen_is_replaced,
    a_token_is_renewed_before_it_expires,
    a_service_that_restarts_is_waited_for,
    a_limit_that_is_used_up_is_told,
}

async fn pull_verify_report_and_read_back(backend: Backend) {
    let world = World::new(backend, TestClock::impatient(START)).await;
    let client =
        world.builder().rotation_key(world.service.rotation_key).netuid(46).build().unwrap();

    let blocks = client.blocks(BlocksRequest::new().block_size(20)).await.unwrap();
    assert_eq!((blocks.batches().count(), blocks.data().total_zipcodes), (50, 1_000));
    assert_eq!(blocks.trust(), Trust::Pinned);
    let proof = blocks.proof();
    for (part, voucher) in [
        (Part::PublicKey, Voucher::Pinned),
        (Part::Netuid, Voucher::Pinned),
        (Part::PoolSha256, Voucher::FirstContact),
        (Part::Epoch, Voucher::Clock),
        (Part::BlockSize, Voucher::Asked),
        (Part::Sources, Voucher::Asked),
        (Part::Record, Voucher::RecordSignature),
    ] {
        assert_eq!(proof.voucher(part), Some(voucher), "{part}");
    }
    let epoch = blocks.epoch().id;
    assert_eq!(epoch.to_string(), "2025-01-15T08-00-00");

    let mut completed = report("first", ReportedStatus::Completed);
    completed.epoch_id = Some(epoch);
    completed.statistics =
        Some(AssignmentStatistics { success_rate: Some(0.95), ..AssignmentStatistics::default() });
    assert!(client.report(&completed).await.unwrap().success);
    assert!(client.report(&completed).await.unwrap().success, "a report may be repeated");
    client.report(&report("second one/really?", ReportedStatus::Started)).await.unwrap();
    let ended = client.report(&report("first", ReportedStatus::Failed)).await.unwrap_err();
    assert_eq!((ended.code(), ended.status()), (Some(ErrorCode::AssignmentEnded), Some(409)));
    assert!(ended.request_id().is_some() && !ended.is_retryable());

    let first = client.assignment(&"first".parse().unwrap()).await.unwrap();
    assert_eq!((first.status, first.epoch_id), (AssignmentStatus::Completed, epoch));
    assert_eq!(first.statistics, completed.statistics);
    let second = client.assignment(&"second one/really?".parse().unwrap()).await.unwrap();
    assert_eq!(second.status, AssignmentStatus::Started);
    let page = client.assignments(AssignmentsRequest::new().limit(1)).await.unwrap();
    assert_eq!(page.assignments[0].assignment_id.as_str(), "second one/really?");
    let older = AssignmentsRequest::new().limit(1).after(page.next_cursor.unwrap());
    assert_eq!(client.assignments(older).await.unwrap().assignments, [first]);
    let started = AssignmentsRequest::new().status(AssignmentStatus::Started);
    assert_eq!(client.assignments(started).await.unwrap().assignments.len(), 1);

    assert_eq!(client.health().await.unwrap().status, HealthStatus::Healthy);
    assert_eq!(client.statistics().await.unwrap().total_zipcodes_available, 7_572);
    let running = client.current_epoch().await.unwrap();
    assert_eq!((running.epoch.id, running.zipcodes), (epoch, None));

    world.clock.advance(Duration::from_secs(4 * 3_600));
    let ended = client.verified_epoch(epoch).await.unwrap();
    assert_eq!(ended.record(), &client.epoch(epoch).await.unwrap());
    assert_eq!(ended.proof().zipcodes, proof.zipcodes);
    assert!(ended.proof().is_complete(), "{:?}", ended.proof().vouchers);
    let epochs = client.epochs(PageRequest::new().limit(5)).await.unwrap();
    assert!(epochs.epochs.iter().any(|listed| listed.epoch.id == epoch));
    let missing = client.epoch("2025-01-15T08-00-01".parse().unwrap()).await.unwrap_err();
    assert_eq!(missing.code(), Some(ErrorCode::NotFound));
    world.end().await;
}

async fn a_token_that_expired_unseen_is_replaced(backend: Backend) {
    let world = World::new(backend, TestClock::impatient(START)).await;
    let client = world.client();
    let first = client.access().await.unwrap();
    world.clock.suspend(Duration::from_secs(7 * 3_600));
    client.report(&report("first", ReportedStatus::Completed)).await.unwrap();
    assert_eq!(world.proxy.count("get-validator-access"), 2);
    assert_eq!(world.proxy.count("assignment-status"), 2);
    assert_ne!(client.access().await.unwrap().access_token, first.access_token);
    world.end().await;
}

async fn a_token_is_renewed_before_it_expires(backend: Backend) {
    let world = World::new(backend, TestClock::impatient(START)).await;
    let client = world.client();
    client.access().await.unwrap();
    // With this chance a token of 6 hours is due after 5 h 15 min.
    world.clock.advance(Duration::from_secs(5 * 3_600));
    client.access().await.unwrap();
    assert_eq!(world.proxy.count("get-validator-access"), 1);
    world.clock.advance(Duration::from_secs(1_000));
    client.assignments(AssignmentsRequest::new()).await.unwrap();
    assert_eq!(world.proxy.count("get-validator-access"), 2);

    world.clock.advance(Duration::from_secs(5 * 3_600 + 1_000));
    world.proxy.once("get-validator-access", crate::support::proxy::Fault::Status(503, None));
    for _ in 0..3 {
        client.assignments(AssignmentsRequest::new()).await.expect("the old token is still good");
    }
    assert_eq!(world.proxy.count("get-validator-access"), 3, "a renewal that failed is put off");
    world.end().await;
}

async fn a_service_that_restarts_is_waited_for(backend: Backend) {
    let clock = TestClock::at(START);
    let mut world = World::new(backend, clock.clone()).await;
    let client =
        world.builder().base_url(format!("http://{}", world.service.address)).build().unwrap();
    client.report(&report("first", ReportedStatus::Started)).await.unwrap();

    let address = world.service.address;
    world.service.stop().await;
    let call = tokio::spawn({
        let client = client.clone();
        async move { client.report(&report("first", ReportedStatus::Completed)).await }
    });
    clock.asleep(1).await;
    clock.advance_to_next();
    clock.asleep(1).await;
    // Other keys: the token of before is worth nothing.
    let keys = "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd";
    let options = Options { jwt_key: keys, ..Options::default() };
    world.service = crate::support::service::Service::start_at(
        address,
        &world.database,
        std::sync::Arc::new(clock.clone()),
        options,
    )
    .await;
    clock.advance_to_next();
    assert!(call.await.unwrap().unwrap().success);
    let first = client.assignment(&"first".parse().unwrap()).await.unwrap();
    assert_eq!(first.status, AssignmentStatus::Completed);
    world.end().await;
}

async fn a_limit_that_is_used_up_is_told(backend: Backend) {
    let options = Options { requests_per_hour: 2, ..Options::default() };
    let world = World::with(backend, TestClock::impatient(START), options).await;
    let client = world.client();
    for _ in 0..2 {
        client.assignments(AssignmentsRequest::new()).await.unwrap();
    }
    let limited = client.assignments(AssignmentsRequest::new()).await.unwrap_err();
    assert!(matches!(limited, Error::Refused(_)) && limited.is_retryable());
    assert_eq!(limited.code(), Some(ErrorCode::RateLimited));
    assert_eq!(limited.retry_after(), Some(Duration::from_secs(3_600)));
    assert_eq!(world.clock.slept(), [], "an hour is past any deadline");
    world.end().await;
}

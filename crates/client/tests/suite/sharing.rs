use futures_util::future::join_all;
use resi_client::protocol::wire::ReportedStatus;
use resi_client::{AssignmentsRequest, RetryPolicy, blocking};

use crate::support::proxy::Fault;
use crate::support::service::Backend;
use crate::support::{World, report};

#[tokio::test]
async fn a_hundred_concurrent_calls_cause_one_access_request() {
    let world = World::impatient(Backend::Sqlite).await;
    let client = world.client();
    let calls = (0..100).map(|_| client.assignments(AssignmentsRequest::new()));
    for answered in join_all(calls).await {
        answered.unwrap();
    }
    assert_eq!(world.proxy.count("get-validator-access"), 1);
    assert_eq!(world.proxy.count("assignments"), 100);
    world.end().await;
}

#[tokio::test]
async fn a_hundred_concurrent_pulls_are_one() {
    let world = World::impatient(Backend::Sqlite).await;
    let client = world.client();
    let calls = (0..100).map(|_| client.blocks(Default::default()));
    for answered in join_all(calls).await {
        answered.unwrap();
    }
    for path in ["get-validator-access", "validator-data", "pools"] {
        assert_eq!(world.proxy.count(path), 1, "{path}");
    }
    world.end().await;
}

#[tokio::test]
async fn a_refusal_is_shared_too() {
    let world = World::impatient(Backend::Sqlite).await;
    world.proxy.times(100, "get-validator-access", &Fault::Status(503, None));
    let client = world.builder().retry(RetryPolicy::never()).build().unwrap();
    let calls = (0..100).map(|_| client.access());
    for answered in join_all(calls).await {
        assert_eq!(answered.unwrap_err().status(), Some(503));
    }
    assert_eq!(world.proxy.count("get-validator-access"), 1);
    world.end().await;
}

#[tokio::test]
async fn those_who_went_away_leave_nothing_that_blocks_others() {
    let world = World::impatient(Backend::Sqlite).await;
    let client = world.client();
    world.proxy.once("get-validator-access", Fault::Hang);
    let gone = tokio::spawn({
        let client = client.clone();
        async move { client.access().await }
    });
    while world.proxy.count("get-validator-access") == 0 {
        tokio::task::yield_now().await;
    }
    gone.abort();
    assert!(gone.await.unwrap_err().is_cancelled());
    client.access().await.unwrap();
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_async_runtime_all_is_the_same() {
    let world = World::impatient(Backend::Sqlite).await;
    let client = world.client();
    let done = tokio::task::spawn_blocking(move || {
        let client = blocking::Client::new(client).unwrap();
        client.access().unwrap();
        let blocks = client.blocks(Default::default()).unwrap();
        let watched = client.watch(Default::default()).next().unwrap().unwrap();
        assert_eq!(watched.epoch(), blocks.epoch());
        client.report(&report("first", ReportedStatus::Completed)).unwrap();
        client.assignment(&"first".parse().unwrap()).unwrap();
        assert_eq!(client.assignments(Default::default()).unwrap().assignments.len(), 1);
        let epoch = client.current_epoch().unwrap().epoch;
        assert_eq!(client.epoch(epoch.id).unwrap().epoch, epoch);
        client.epochs(Default::default()).unwrap();
        client.statistics().unwrap();
        client.health().unwrap();
    });
    done.await.unwrap();
    world.end().await;
}

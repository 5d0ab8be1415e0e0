use std::collections::HashSet;
use std::pin::pin;
use std::time::Duration;

use futures_util::StreamExt;
use resi_client::{BlocksRequest, RetryPolicy, Wallet};
use tokio::sync::mpsc;

use crate::support::clock::{Always, Skewed, TestClock};
use crate::support::proxy::Fault;
use crate::support::service::Backend;
use crate::support::{START, World};

#[tokio::test]
async fn each_epoch_comes_once_and_faults_in_between_do_not_end_it() {
    let world = World::impatient(Backend::Sqlite).await;
    let client = world.builder().retry(RetryPolicy::never()).build().unwrap();
    let mut epochs = pin!(client.watch(BlocksRequest::new()));
    let first = epochs.next().await.unwrap().unwrap().epoch();

    world.proxy.times(3, "validator-data", &Fault::Status(503, Some(20)));
    for _ in 0..3 {
        assert_eq!(epochs.next().await.unwrap().unwrap_err().status(), Some(503));
    }
    let second = epochs.next().await.unwrap().unwrap().epoch();
    assert_eq!(second.index, first.index.next());
    let late = world.clock.now().since(second.starts_at);
    assert!(late > Duration::from_secs(60) && late < Duration::from_secs(120), "{late:?}");

    let third = epochs.next().await.unwrap().unwrap().epoch();
    assert_eq!(third.index, second.index.next());
    assert!(world.clock.now().since(third.starts_at) <= Duration::from_secs(61));
    assert_eq!(world.proxy.count("validator-data"), 6);
    world.end().await;
}

#[tokio::test]
async fn a_clock_a_little_ahead_waits_for_the_service() {
    let world = World::impatient(Backend::Sqlite).await;
    let clock = Skewed(world.clock.clone(), 3);
    let client = world.builder().clock(clock).jitter(Always(0.0)).build().unwrap();
    let mut epochs = pin!(client.watch(BlocksRequest::new()));
    let first = epochs.next().await.unwrap().unwrap().epoch();
    let second = epochs.next().await.unwrap().unwrap().epoch();
    assert_eq!(second.index, first.index.next());
    assert!(world.clock.now() >= second.starts_at);
    world.end().await;
}

#[tokio::test]
async fn thirty_validators_spread_over_the_jitter() {
    const VALIDATORS: usize = 30;
    let world = World::new(Backend::Sqlite, TestClock::at(START)).await;
    let (seen, mut epochs) = mpsc::unbounded_channel();
    for number in 0..VALIDATORS {
        let wallet = Wallet::from_uri(&format!("//validator//{number}")).unwrap();
        let jitter = Always(number as f64 / VALIDATORS as f64);
        let client = world.builder().signer(wallet).jitter(jitter).keep_nothing().build().unwrap();
        let seen = seen.clone();
        tokio::spawn(async move {
            let mut epochs = pin!(client.watch(BlocksRequest::new()));
            while let Some(blocks) = epochs.next().await {
                if seen.send(blocks.unwrap().epoch()).is_err() {
                    return;
                }
            }
        });
    }
    let mut next = async || epochs.recv().await.unwrap();
    let mut boundary = next().await.ends_at;
    for _ in 1..VALIDATORS {
        boundary = boundary.max(next().await.ends_at);
    }
    world.clock.asleep(VALIDATORS).await;
    let pulls = world.proxy.count("validator-data");
    assert_eq!(pulls, VALIDATORS);

    for woken in 0..VALIDATORS {
        while world.proxy.count("validator-data") == pulls + woken {
            world.clock.advance_to_next();
            while world.clock.sleeping() < VALIDATORS
                && world.proxy.count("validator-data") == pulls + woken
            {
                tokio::task::yield_now().await;
            }
        }
        assert_eq!(next().await.starts_at, boundary);
        world.clock.asleep(VALIDATORS).await;
    }
    let knocks: Vec<_> = world.proxy.seen("validator-data").split_off(pulls);
    let delays: Vec<_> = knocks.iter().map(|knock| knock.at.since(boundary)).collect();
    assert_eq!(delays.iter().map(Duration::as_secs).collect::<HashSet<_>>().len(), VALIDATORS);
    assert!(delays.iter().all(|delay| *delay >= Duration::from_secs(1)), "{delays:?}");
    assert!(delays.iter().all(|delay| *delay <= Duration::from_secs(61)), "{delays:?}");
    let spread = delays.last().unwrap().saturating_sub(delays[0]);
    assert!(spread > Duration::from_secs(50), "{spread:?}");
    drop(epochs);
    world.end().await;
}

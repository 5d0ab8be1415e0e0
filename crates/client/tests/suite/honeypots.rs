use std::time::Duration;

use resi_client::protocol::rotation::VerifyError;
use resi_client::{BlocksRequest, Error};

use crate::support::clock::TestClock;
use crate::support::service::{Backend, Options};
use crate::support::{START, World};

#[tokio::test]
async fn decoys_are_told_when_their_epoch_has_ended() {
    let options = Options { honeypots: 20, ..Options::default() };
    let world = World::with(Backend::Sqlite, TestClock::impatient(START), options).await;
    let client = world.client();
    let blocks = client.blocks(BlocksRequest::new()).await.unwrap();
    let early = client.honeypots(&blocks).await;
    let Err(Error::Unverified(early)) = early else { panic!("{early:?}") };
    assert_eq!(early.reason, VerifyError::NotRevealed);
    world.clock.advance(Duration::from_secs(14_400));
    let decoys = client.honeypots(&blocks).await.unwrap();
    assert!(!decoys.is_empty());
    assert!(decoys.iter().all(|decoy| blocks.proof().zipcodes.contains(decoy)));
    world.end().await;

    let world = World::impatient(Backend::Sqlite).await;
    let blocks = world.client().blocks(BlocksRequest::new()).await.unwrap();
    assert_eq!(world.client().honeypots(&blocks).await.unwrap(), []);
    world.end().await;
}

use std::time::Duration;

use resi_client::protocol::rotation::{
    Announcement, Parameters, RotationKey, RotationSet, VerifyError,
};
use resi_client::protocol::{EpochIndex, EpochSchedule, Timestamp};
use resi_client::{BlocksRequest, Client, Error, Trust};

use crate::support::service::{Backend, Options};
use crate::support::{START, World, on_both};

on_both! {
    an_announced_key_is_followed,
    what_the_first_look_shows_counts_from_then_on,
    a_key_that_was_announced_too_late_or_by_another_key_is_refused,
}

const EPOCH: Duration = Duration::from_secs(14_400);
const OLD: [u8; 32] = [42; 32];
const NEXT: [u8; 32] = [9; 32];

fn both_keys() -> Options {
    Options { next_mini_secret: Some(NEXT), ..Options::default() }
}

/// A change to the next key, so many epochs after the one at the start.
async fn change(client: &Client, signer: [u8; 32], epochs: u64) -> Announcement {
    let known = client.known_rotation().await.unwrap().unwrap();
    let schedule = EpochSchedule::new(14_400).unwrap();
    let parameters = Parameters {
        netuid: 46,
        schedule,
        pool_size: 7_572,
        pool_sha256: known.pool_sha256,
        zipcodes_per_epoch: 1_000,
    };
    let now = Timestamp::from_seconds(START);
    let from = schedule.id(EpochIndex(schedule.index_at(now).unwrap().0 + epochs));
    let after = RotationSet::new(RotationKey::from_mini_secret(&NEXT).public(), &parameters);
    let signed = Announcement::sign(
        &RotationKey::from_mini_secret(&signer),
        46,
        from,
        now,
        &parameters,
        after,
    );
    let old = RotationKey::from_mini_secret(&OLD).public();
    Announcement { before: RotationSet::new(old, &parameters), ..signed }
}

/// Also what the operator's command would refuse.
async fn announce(world: &World, change: &Announcement) {
    assert_eq!(world.service.store.announce(change, 0).await, Ok(true));
}

async fn an_announced_key_is_followed(backend: Backend) {
    let mut world = World::impatient(backend).await;
    let client = world.client();
    let old = client.blocks(BlocksRequest::new()).await.unwrap();
    let pinned = world.builder().rotation_key(old.proof().public_key);
    let pinned = pinned.data_folder(world.folder.path().join("pinned")).build().unwrap();
    announce(&world, &change(&client, OLD, 8).await).await;
    world.restart(both_keys()).await;
    world.clock.advance(EPOCH);
    for client in [&client, &pinned] {
        let blocks = client.blocks(BlocksRequest::new()).await.unwrap();
        assert_eq!(blocks.proof().public_key, old.proof().public_key);
    }
    world.clock.advance(EPOCH * 7);
    for client in [&client, &world.client(), &pinned] {
        let blocks = client.blocks(BlocksRequest::new()).await.unwrap();
        assert_eq!(blocks.trust(), Trust::Announced);
        assert_eq!(blocks.proof().public_key, RotationKey::from_mini_secret(&NEXT).public());
    }
    world.end().await;
}

/// A change whose date was set back, published just before the first look.
async fn what_the_first_look_shows_counts_from_then_on(backend: Backend) {
    let mut world = World::impatient(backend).await;
    let client = world.client();
    let old = client.blocks(BlocksRequest::new()).await.unwrap();
    let pinned = world.builder().rotation_key(old.proof().public_key);
    let pinned = pinned.data_folder(world.folder.path().join("pinned")).build().unwrap();
    let change = change(&client, OLD, 8).await;
    world.clock.advance(EPOCH * 7);
    announce(&world, &change).await;
    world.restart(both_keys()).await;
    pinned.blocks(BlocksRequest::new()).await.expect("the old key deals still");
    world.clock.advance(EPOCH);
    refused(&pinned).await;
    world.end().await;
}

async fn refused(client: &Client) {
    let refused = client.blocks(BlocksRequest::new()).await;
    let Err(Error::Unverified(unverified)) = refused else { panic!("{refused:?}") };
    let reason = unverified.reason;
    assert!(matches!(reason, VerifyError::Differs { what: "the rotation key", .. }), "{reason}");
}

async fn a_key_that_was_announced_too_late_or_by_another_key_is_refused(backend: Backend) {
    for (signer, epochs) in [(OLD, 3), ([7; 32], 7)] {
        let mut world = World::impatient(backend).await;
        let client = world.client();
        client.blocks(BlocksRequest::new()).await.unwrap();
        announce(&world, &change(&client, signer, epochs).await).await;
        world.restart(both_keys()).await;
        world.clock.advance(EPOCH * u32::try_from(epochs).unwrap());
        for client in [&client, &world.client()] {
            refused(client).await;
        }
        world.end().await;
    }
}

use std::time::Duration;

use resi_client::protocol::rotation::{Part, RotationKey, VerifyError};
use resi_client::{BlocksRequest, Client, Error, Trust, VerifiedBlocks};

use crate::support::proxy::Fault;
use crate::support::service::{Backend, Options};
use crate::support::{World, on_both};

on_both! {
    a_key_that_is_not_pinned_is_trusted_at_the_first_contact_and_remembered,
    a_key_that_is_pinned_goes_before_one_that_is_remembered,
    every_parameter_can_be_pinned,
    a_tampered_zipcode_is_found,
    another_pool_than_the_one_asked_for_is_found,
    an_old_epoch_served_again_is_found,
    blocks_cut_smaller_than_asked_for_are_found,
}

async fn refused(client: &Client) -> (VerifyError, String) {
    match client.blocks(BlocksRequest::new()).await {
        Err(Error::Unverified(unverified)) => {
            let words = Error::Unverified(unverified.clone()).to_string();
            (unverified.reason, words)
        }
        other => panic!("{other:?}"),
    }
}

fn voucher(blocks: &VerifiedBlocks) -> String {
    blocks.proof().voucher(Part::PublicKey).unwrap().to_string()
}

fn other_key() -> Options {
    Options { mini_secret: [9; 32], ..Options::default() }
}

async fn a_key_that_is_not_pinned_is_trusted_at_the_first_contact_and_remembered(backend: Backend) {
    let mut world = World::impatient(backend).await;
    let client = world.client();
    let blocks = client.blocks(BlocksRequest::new()).await.unwrap();
    assert_eq!(blocks.trust(), Trust::FirstContact);
    assert_eq!(blocks.trust().to_string(), "first contact");
    assert_eq!(voucher(&blocks), "first contact");
    let known = client.known_rotation().await.unwrap().unwrap();
    assert_eq!((known.public_key, known.netuid), (world.service.rotation_key, 46));

    world.clock.advance(Duration::from_secs(14_400));
    for client in [&client, &world.client()] {
        let blocks = client.blocks(BlocksRequest::new()).await.unwrap();
        assert_eq!(blocks.trust(), Trust::Remembered);
        assert_eq!(voucher(&blocks), "remembered since 2025-01-15T09:30:00Z");
    }
    let pinned = world.builder().rotation_key(world.service.rotation_key).build().unwrap();
    let blocks = pinned.blocks(BlocksRequest::new()).await.unwrap();
    let of = |part| blocks.proof().voucher(part).unwrap().to_string();
    assert_eq!((blocks.trust(), of(Part::PublicKey)), (Trust::Pinned, "pinned".into()));
    assert_eq!(of(Part::Netuid), "remembered since 2025-01-15T09:30:00Z");

    world.restart(other_key()).await;
    world.clock.advance(Duration::from_secs(14_400 * 2));
    for client in [&client, &world.client()] {
        let (reason, words) = refused(client).await;
        assert!(
            matches!(reason, VerifyError::Differs { what: "the rotation key", .. }),
            "{reason}"
        );
        assert!(words.contains("rotation.json") && words.contains("was expected"), "{words}");
    }
    client.forget_rotation().await.unwrap();
    assert_eq!(client.blocks(BlocksRequest::new()).await.unwrap().trust(), Trust::FirstContact);
    world.end().await;
}

async fn a_key_that_is_pinned_goes_before_one_that_is_remembered(backend: Backend) {
    let world = World::impatient(backend).await;
    world.client().blocks(BlocksRequest::new()).await.unwrap();
    let announced = RotationKey::from_mini_secret(&[9; 32]).public();
    let client = world.builder().rotation_key(announced).build().unwrap();
    let (_, words) = refused(&client).await;
    assert!(words.contains(&announced.to_string()) && !words.contains("rotation.json"), "{words}");
    assert_eq!(world.proxy.count("pools"), 1, "the pool of a stranger is not fetched");
    world.end().await;
}

async fn every_parameter_can_be_pinned(backend: Backend) {
    let world = World::impatient(backend).await;
    let wrong = "ab".repeat(32).parse().unwrap();
    for (builder, named) in [
        (world.builder().netuid(428), "netuid"),
        (world.builder().epoch_seconds(60), "epoch_seconds"),
        (world.builder().pool_sha256(wrong), "pool_sha256"),
        (world.builder().zipcodes_per_epoch(999), "zipcodes_per_epoch"),
    ] {
        let (_, words) = refused(&builder.build().unwrap()).await;
        assert!(words.contains(named), "{words}");
    }
    world.end().await;
}

async fn a_tampered_zipcode_is_found(backend: Backend) {
    let world = World::impatient(backend).await;
    let honest = world.client().blocks(BlocksRequest::new()).await.unwrap();
    let zipcode = honest.proof().zipcodes[123];
    world
        .proxy
        .once("validator-data", Fault::Replace(format!("\"{zipcode}\""), "\"00000\"".into()));
    let client = world.builder().data_folder(world.folder.path().join("other")).build().unwrap();
    let (reason, words) = refused(&client).await;
    assert!(matches!(reason, VerifyError::Batch { .. }), "{reason}");
    assert!(words.contains("batch_007: ") || words.contains("batch_007 is not"), "{words}");
    assert!(words.contains("zipcode 4 is 00000"), "{words}");
    assert_eq!(client.known_rotation().await.unwrap(), None, "nobody is trusted who was caught");
    world.end().await;
}

async fn another_pool_than_the_one_asked_for_is_found(backend: Backend) {
    let world = World::impatient(backend).await;
    let first = world.client().blocks(BlocksRequest::new()).await.unwrap();
    let pool = world.client().pool(first.data().rotation.pool_sha256).await.unwrap();
    let (old, new) = (pool.zipcodes()[5], "00000");
    std::fs::remove_dir_all(world.folder.path()).unwrap();
    world.proxy.once("pools", Fault::Replace(format!("\"{old}\""), format!("\"{new}\"")));
    let (_, words) = refused(&world.client()).await;
    assert!(words.contains("the hash of the pool"), "{words}");
    world.end().await;
}

async fn an_old_epoch_served_again_is_found(backend: Backend) {
    let world = World::impatient(backend).await;
    let client = world.client();
    let old = client.blocks(BlocksRequest::new()).await.unwrap();
    world.clock.advance(Duration::from_secs(14_400));
    let old = serde_json::to_string(old.data()).unwrap();
    world.proxy.once("validator-data", Fault::Answer(200, old));
    let (reason, _) = refused(&client).await;
    assert!(matches!(reason, VerifyError::NotRunning { .. }), "{reason}");
    client.blocks(BlocksRequest::new()).await.expect("the service itself deals the running epoch");
    world.end().await;
}

async fn blocks_cut_smaller_than_asked_for_are_found(backend: Backend) {
    let world = World::impatient(backend).await;
    let small = world.client().blocks(BlocksRequest::new().block_size(5)).await.unwrap();
    let small = serde_json::to_string(small.data()).unwrap();
    world.proxy.once("validator-data", Fault::Answer(200, small));
    let (reason, _) = refused(&world.client()).await;
    assert!(matches!(reason, VerifyError::Batch { .. }), "{reason}");
    world.end().await;
}

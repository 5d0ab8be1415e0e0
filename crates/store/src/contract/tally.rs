use resi_protocol::wire::AssignmentStatus;
use resi_protocol::{Source, Sources};

use super::{Backend, at, epoch_id, epoch_number, grant, hotkey, origin, replicas, report};
use crate::{EpochTally, LastChange, Pull, Store, Tally};

async fn tally(store: &dyn Store) -> Tally {
    store.tally(10).await.expect("a tally")
}

pub async fn an_empty_database_has_an_empty_tally(backend: &dyn Backend) {
    assert_eq!(tally(backend.open().await.as_ref()).await, Tally::default());
}

pub async fn the_tally_counts_by_status(backend: &dyn Backend) {
    let store = backend.open().await;
    let store = store.as_ref();
    for (who, signed, limit) in [(1, 1, None), (1, 2, None), (2, 3, Some(5)), (3, 4, Some(0))] {
        store.grant_access(grant(who, signed, 0, limit)).await.expect("an outcome");
    }
    report(1, "a", "started", 0).to(store).await;
    report(1, "b", "started", 0).to(store).await;
    report(1, "b", "completed", 1).success_rate(0.5).to(store).await;
    report(2, "b", "completed", 1).success_rate(1.0).to(store).await;
    report(2, "c", "completed", 1).to(store).await;
    report(2, "d", "failed", 1).success_rate(0.0).to(store).await;
    report(3, "late", "started", -20_000).to(store).await;
    report(3, "late", "completed", 1).to(store).await;
    let tally = tally(store).await;
    assert_eq!(tally.validators, 2, "who was only limited was granted nothing");
    assert_eq!((tally.started, tally.completed, tally.failed, tally.expired), (1, 4, 1, 0));
    let epoch = EpochTally {
        epoch: epoch_id(100),
        validators: 3,
        completed: 4,
        success_rate: Some(0.75),
        agreeing: 0,
        hashed: 0,
    };
    assert_eq!(tally.epochs, [epoch]);
}

pub async fn the_tally_follows_expiry(backend: &dyn Backend) {
    let store = backend.open().await;
    let store = store.as_ref();
    for id in ["a", "b", "c"] {
        report(1, id, "started", 0).to(store).await;
    }
    report(1, "d", "started", 0).of_epoch(99).to(store).await;
    assert_eq!(store.expire_assignments(at(0), at(20_000), 10).await, Ok(4));
    report(1, "a", "completed", 20_001).to(store).await;
    let tally = tally(store).await;
    assert_eq!((tally.started, tally.completed, tally.failed, tally.expired), (0, 1, 0, 3));
    let completed: Vec<_> =
        tally.epochs.iter().map(|epoch| (epoch_number(epoch.epoch), epoch.completed)).collect();
    assert_eq!(completed, [(100, 1), (99, 0)]);
}

pub async fn the_tally_is_the_same_from_every_replica(backend: &dyn Backend) {
    let stores = replicas(backend).await;
    for number in 0..20 {
        let store = stores[number % 2].as_ref();
        report(1, &format!("{number}"), "started", 0).to(store).await;
        report(1, &format!("{}", number / 2), "completed", 1).to(store).await;
    }
    let both = [tally(stores[0].as_ref()).await, tally(stores[1].as_ref()).await];
    assert_eq!(both[0], both[1]);
    assert_eq!((both[0].started, both[0].completed), (10, 10));
}

pub async fn the_last_completed_hash_of_each_validator_counts(backend: &dyn Backend) {
    let stores = replicas(backend).await;
    let (one, other) = (stores[0].as_ref(), stores[1].as_ref());
    // Validators 1 to 3 end with hash 7, 4 with hash 8, 5 with none, 6 failed with hash 7.
    report(1, "a", "completed", 0).hashed(8).to(one).await;
    report(1, "b", "completed", 1).hashed(7).to(other).await;
    report(1, "c", "completed", 2).to(one).await;
    report(1, "d", "failed", 3).hashed(8).to(one).await;
    report(1, "e", "started", 3).hashed(8).to(one).await;
    report(2, "a", "completed", 0).hashed(7).to(other).await;
    report(3, "a", "started", 0).hashed(8).to(one).await;
    report(3, "a", "completed", 1).hashed(7).to(other).await;
    report(4, "a", "completed", 0).hashed(7).to(one).await;
    report(4, "b", "completed", 0).hashed(8).to(other).await;
    report(5, "a", "completed", 0).to(other).await;
    report(6, "a", "failed", 0).hashed(7).to(one).await;
    // Of another epoch.
    report(2, "z", "completed", 9).hashed(8).of_epoch(99).to(one).await;
    for store in [one, other] {
        let tally = tally(store).await;
        let counts: Vec<_> = tally
            .epochs
            .iter()
            .map(|epoch| {
                (epoch_number(epoch.epoch), epoch.validators, epoch.hashed, epoch.agreeing)
            })
            .collect();
        assert_eq!(counts, [(100, 6, 4, 3), (99, 1, 1, 1)]);
    }
}

pub async fn pulls_make_validators_of_an_epoch(backend: &dyn Backend) {
    let stores = replicas(backend).await;
    let pull = |who, epoch, source, block_size, second| Pull {
        netuid: 46,
        epoch: epoch_id(epoch),
        hotkey: hotkey(who),
        sources: Sources::from_iter([source]),
        block_size,
        at: at(second),
        origin: origin("pulled"),
    };
    let pulls = [
        pull(2, 100, Source::ZillowSold, 20, 0),
        pull(1, 100, Source::ZillowSold, 20, 0),
        pull(1, 100, Source::Redfin, 20, 0),
        pull(1, 100, Source::Redfin, 50, 0),
        pull(1, 101, Source::Redfin, 50, 0),
    ];
    stores[0].record_pulls(&[]).await.expect("nothing");
    stores[0].record_pulls(&pulls).await.expect("recorded");
    stores[1].record_pulls(&pulls).await.expect("recorded already");
    let twice = [pull(3, 100, Source::Redfin, 20, 1), pull(3, 100, Source::Redfin, 20, 2)];
    stores[1].record_pulls(&twice).await.expect("recorded once");
    report(1, "a", "completed", 1).hashed(7).to(stores[0].as_ref()).await;
    stores[0].record_pulls(&pulls).await.expect("recorded already");
    report(4, "a", "started", 1).to(stores[1].as_ref()).await;
    let tally = tally(stores[0].as_ref()).await;
    assert_eq!(tally.validators, 0, "nobody was granted access");
    let counts: Vec<_> = tally
        .epochs
        .iter()
        .map(|epoch| (epoch_number(epoch.epoch), epoch.validators, epoch.hashed))
        .collect();
    assert_eq!(counts, [(101, 1, 0), (100, 4, 1)]);
}

pub async fn the_last_change_is_known(backend: &dyn Backend) {
    let store = backend.open().await;
    let store = store.as_ref();
    let last = async || tally(store).await.last.expect("a change");
    let change = |id: &str, status, second| LastChange {
        assignment_id: id.parse().expect("an id"),
        status,
        at: at(second),
    };
    report(1, "a", "started", 0).to(store).await;
    assert_eq!(last().await, change("a", AssignmentStatus::Started, 0));
    report(2, "b", "completed", 5).of_epoch(99).to(store).await;
    assert_eq!(last().await, change("b", AssignmentStatus::Completed, 5));
    report(1, "a", "started", 6).to(store).await;
    assert_eq!(last().await, change("b", AssignmentStatus::Completed, 5), "nothing changed since");
    report(1, "a", "failed", 7).to(store).await;
    assert_eq!(last().await, change("a", AssignmentStatus::Failed, 7));
    report(3, "c", "started", 8).to(store).await;
    store.expire_assignments(at(8), at(20_000), 10).await.expect("expired");
    assert_eq!(last().await, change("c", AssignmentStatus::Expired, 20_000));
}

pub async fn the_tally_shows_the_newest_epochs(backend: &dyn Backend) {
    let store = backend.open().await;
    for epoch in [7, 3, 9, 5] {
        report(1, &format!("{epoch}"), "completed", 0).of_epoch(epoch).to(store.as_ref()).await;
    }
    let tally = store.tally(3).await.expect("a tally");
    assert_eq!(tally.completed, 4, "sums are over all epochs");
    assert_eq!(
        tally.epochs.iter().map(|epoch| epoch_number(epoch.epoch)).collect::<Vec<_>>(),
        [9, 7, 5]
    );
    assert_eq!(store.tally(0).await.expect("a tally").epochs, []);
}

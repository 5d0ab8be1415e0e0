use futures_util::future::join_all;
use resi_protocol::rotation::{
    Announcement, Honeypots, Parameters, RotationKey, RotationPublicKey, RotationSet, Salt,
    VrfSignature,
};
use resi_protocol::{EpochIndex, EpochSchedule, Timestamp};

use super::{Backend, at, epoch_id, hash, replicas, signature};
use crate::{AuditQuery, EpochRecord, PoolEntry, StoredPool, announcement_event};

fn record(netuid: u16, epoch: u64, epoch_seconds: u32, key: u8) -> EpochRecord {
    EpochRecord {
        epoch: EpochIndex(epoch),
        parameters: Parameters {
            netuid,
            schedule: EpochSchedule::new(epoch_seconds).expect("not zero"),
            pool_size: 7572,
            pool_sha256: hash(key),
            zipcodes_per_epoch: 1000,
        },
        public_key: RotationPublicKey::from_bytes([key; 32]),
        agreed_at: Timestamp::from_seconds(i64::from(key)),
        signature: None,
        prev_sha256: None,
        record_signature: None,
        honeypots: None,
    }
}

pub async fn the_first_record_of_an_epoch_stands(backend: &dyn Backend) {
    let store = backend.open().await;
    assert_eq!(store.epoch_record(46, epoch_id(5)).await, Ok(None));
    let first = record(46, 5, 14_400, 1);
    assert_eq!(store.agree_epoch(&first).await.as_ref(), Ok(&first));
    assert_eq!(store.agree_epoch(&record(46, 10, 7_200, 2)).await.as_ref(), Ok(&first));
    assert_eq!(store.epoch_record(46, epoch_id(5)).await, Ok(Some(first)));
    let other = record(47, 5, 14_400, 3);
    assert_eq!(store.agree_epoch(&other).await.as_ref(), Ok(&other), "of another subnet");
}

pub async fn of_two_replicas_one_record_stands(backend: &dyn Backend) {
    let stores = replicas(backend).await;
    for epoch in 0..10 {
        let agreed =
            join_all((0..8_u8).map(|key| {
                let store = stores[usize::from(key % 2)].as_ref();
                async move {
                    store.agree_epoch(&record(46, epoch, 14_400, key)).await.expect("a record")
                }
            }))
            .await;
        assert!(agreed.iter().all(|one| *one == agreed[0]), "{agreed:?}");
    }
}

pub async fn records_are_linked_to_the_one_before(backend: &dyn Backend) {
    let stores = replicas(backend).await;
    let mut before = None;
    for (at, epoch) in [3, 4, 7].into_iter().enumerate() {
        let agreed = stores[at % 2].agree_epoch(&record(46, epoch, 14_400, 1)).await;
        let agreed = agreed.expect("a record");
        assert_eq!(agreed.prev_sha256, before, "the one of epoch {epoch}");
        before = Some(agreed.sha256());
        stores[0].agree_epoch(&record(47, epoch, 14_400, 9)).await.expect("of another subnet");
    }
    let zipcodes = vec!["00501".parse().expect("a zipcode")];
    let honeypots = Some(Honeypots { salt: Salt::from_bytes([7; 32]), zipcodes });
    let other = record(48, 5, 14_400, 1);
    let with_decoys = EpochRecord { honeypots, ..other.clone() };
    assert_eq!(stores[0].agree_epoch(&with_decoys).await, Ok(with_decoys.clone()));
    assert_eq!(stores[1].agree_epoch(&other).await, Ok(with_decoys.clone()));
    assert_ne!(with_decoys.sha256(), other.sha256());
    let late = stores[0].agree_epoch(&record(46, 6, 14_400, 1)).await.expect("a record");
    assert_eq!(late.prev_sha256, None, "written after a later one");
    let next = stores[1].agree_epoch(&record(46, 8, 14_400, 1)).await.expect("a record");
    assert_eq!(next.prev_sha256, before);
    assert_eq!(stores[1].epoch_record(46, epoch_id(8)).await, Ok(Some(next)));
}

pub async fn records_are_listed_newest_first(backend: &dyn Backend) {
    let store = backend.open().await;
    for epoch in [3, 1, 2, 5] {
        store.agree_epoch(&record(46, epoch, 14_400, 1)).await.expect("a record");
    }
    store.agree_epoch(&record(47, 4, 14_400, 1)).await.expect("a record");
    let list = async |before, limit| {
        let records = store.epoch_records(46, epoch_id(before), limit).await.expect("a list");
        records.into_iter().map(|record| record.epoch.0).collect::<Vec<_>>()
    };
    assert_eq!(list(u64::MAX, 10).await, [5, 3, 2, 1]);
    assert_eq!(list(5, 2).await, [3, 2]);
    assert_eq!(list(1, 2).await, [0; 0]);
}

pub async fn a_signature_is_published_once(backend: &dyn Backend) {
    let store = backend.open().await;
    let [first, second] = [1, 2].map(|byte| VrfSignature::from_bytes([byte; 96]));
    store.publish_signature(46, epoch_id(5), &first).await.expect("nothing to do");
    assert_eq!(store.epoch_record(46, epoch_id(5)).await, Ok(None));
    store.agree_epoch(&record(46, 5, 14_400, 1)).await.expect("a record");
    store.agree_epoch(&record(46, 6, 14_400, 1)).await.expect("a record");
    for signature in [&first, &second] {
        store.publish_signature(46, epoch_id(5), signature).await.expect("published");
        let found =
            store.epoch_record(46, epoch_id(5)).await.expect("an answer").expect("a record");
        assert_eq!(found.signature, Some(first));
    }
    let next = store.epoch_record(46, epoch_id(6)).await.expect("an answer").expect("a record");
    assert_eq!(next.signature, None);
}

pub async fn a_record_is_signed_once(backend: &dyn Backend) {
    let stores = replicas(backend).await;
    assert_eq!(stores[0].sign_record(46, epoch_id(5), &signature(1)).await, Ok(None));
    assert_eq!(stores[0].epoch_record(46, epoch_id(5)).await, Ok(None));
    for epoch in [5, 6] {
        stores[0].agree_epoch(&record(46, epoch, 14_400, 1)).await.expect("a record");
    }
    stores[0].agree_epoch(&record(47, 5, 14_400, 1)).await.expect("of another subnet");
    let signed =
        join_all((1..=8_u32).map(|number| {
            let store = stores[(number % 2) as usize].as_ref();
            async move {
                store.sign_record(46, epoch_id(5), &signature(number)).await.expect("an answer")
            }
        }))
        .await;
    assert!(signed[0].is_some(), "by whoever was first");
    assert!(signed.iter().all(|one| *one == signed[0]), "{signed:?}");
    let agreed = stores[1].agree_epoch(&record(46, 5, 14_400, 2)).await.expect("a record");
    assert_eq!((agreed.record_signature, agreed.agreed_at.seconds()), (signed[0], 1));
    let again = stores[0].epoch_record(46, epoch_id(5)).await.expect("an answer");
    assert_eq!(again, Some(agreed));
    let listed = stores[1].epoch_records(46, epoch_id(9), 9).await.expect("a list");
    let signatures: Vec<_> = listed.iter().map(|record| record.record_signature).collect();
    assert_eq!(signatures, [None, signed[0]]);
    let other = stores[1].epoch_record(47, epoch_id(5)).await.expect("an answer");
    assert_eq!(other.expect("a record").record_signature, None);
}

pub async fn a_record_of_another_epoch_length_conflicts_while_it_runs(backend: &dyn Backend) {
    let store = backend.open().await;
    let long = record(46, 10, 14_400, 1);
    store.agree_epoch(&long).await.expect("a record");
    let conflict = async |netuid, seconds, moment| {
        let moment = Timestamp::from_seconds(moment);
        store.conflicting_record(netuid, seconds, moment).await.expect("an answer")
    };
    assert_eq!(conflict(46, 14_400, 144_000).await, None, "of the same length");
    assert_eq!(conflict(46, 7_200, 143_999).await, None, "not begun");
    assert_eq!(conflict(46, 7_200, 144_000).await, Some(long.clone()));
    assert_eq!(conflict(46, 7_200, 158_399).await, Some(long));
    assert_eq!(conflict(46, 7_200, 158_400).await, None, "ended");
    assert_eq!(conflict(47, 7_200, 144_000).await, None, "of another subnet");
}

pub async fn of_two_replicas_one_announces(backend: &dyn Backend) {
    let stores = replicas(backend).await;
    let key = RotationKey::from_mini_secret(&[1; 32]);
    let parameters = record(46, 5, 14_400, 1).parameters;
    let announcement = |byte, epoch| {
        let after = RotationSet::new(RotationPublicKey::from_bytes([byte; 32]), &parameters);
        Announcement::sign(&key, 46, epoch_id(epoch), at(7), &parameters, after)
    };
    assert_eq!(stores[0].announcements(46).await, Ok(Vec::new()));
    let raced = join_all((0..8_u8).map(|byte| {
        let (store, announced) = (&stores[usize::from(byte % 2)], announcement(byte, 100));
        async move { store.announce(&announced, 0).await.expect("an answer") }
    }));
    assert_eq!(raced.await.into_iter().filter(|added| *added).count(), 1);
    assert_eq!(stores[1].announce(&announcement(9, 200), 1).await, Ok(true));
    let found = stores[0].announcements(46).await.expect("a list");
    assert_eq!((found.len(), found[1]), (2, announcement(9, 200)));
    assert_eq!(stores[0].announcements(47).await, Ok(Vec::new()), "of another subnet");
    let query = AuditQuery { hotkey: None, since: at(0), after: None, limit: 10 };
    let audit = stores[1].audit(query).await.expect("entries");
    let events: Vec<_> = audit.into_iter().map(|entry| entry.event).collect();
    assert_eq!(events, found.iter().map(announcement_event).collect::<Vec<_>>());
}

pub async fn pools_are_kept(backend: &dyn Backend) {
    let store = backend.open().await;
    let entry = |zipcode: &str, metro: &str, size_rank| PoolEntry {
        zipcode: zipcode.parse().expect("a zipcode"),
        state: "TX".into(),
        metro: metro.into(),
        size_rank,
        decoy: zipcode == "00501",
    };
    let entries = vec![entry("77494", "Houston-The Woodlands", Some(1)), entry("00501", "", None)];
    let pool = StoredPool { sha256: hash(1), entries };
    assert_eq!(store.pool(hash(1)).await, Ok(None));
    store.keep_pool(&pool).await.expect("kept");
    store
        .keep_pool(&StoredPool { entries: Vec::new(), ..pool.clone() })
        .await
        .expect("kept already");
    assert_eq!(store.pool(hash(1)).await, Ok(Some(pool)));
    assert_eq!(store.pool(hash(2)).await, Ok(None));
}

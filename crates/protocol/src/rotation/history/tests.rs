use super::*;
use crate::rotation::{MAX_ANNOUNCEMENTS, Parameters, RecordedEpoch, RotationKey, RotationSet};
use crate::wire::{Epoch, EpochState, Rotation};
use crate::{EpochIndex, EpochSchedule, Signature};

fn key(byte: u8) -> RotationKey {
    RotationKey::from_mini_secret(&[byte; 32])
}

fn schedule() -> EpochSchedule {
    EpochSchedule::new(14_400).expect("not zero")
}

/// Just after the newest of the records, by a clock that may be ahead.
fn now() -> Timestamp {
    Timestamp::from_seconds(schedule().ends_at(EpochIndex(105)).seconds() + 2)
}

fn recorded<'a>(record: &EpochResource, parameters: &'a Parameters) -> RecordedEpoch<'a> {
    RecordedEpoch {
        epoch: record.epoch.index,
        parameters,
        public_key: record.rotation.public_key,
        prev_sha256: record.prev_sha256,
        honeypots_sha256: record.rotation.honeypots_sha256,
    }
}

fn sha256(record: &EpochResource) -> Sha256Hash {
    recorded(record, &record.parameters().expect("a length")).sha256()
}

fn signature(record: &EpochResource, byte: u8) -> Option<Signature> {
    let parameters = record.parameters().expect("a length");
    Some(key(byte).sign_record(&recorded(record, &parameters)))
}

fn record(byte: u8, index: u64, dealt: u32, prev: Option<&EpochResource>) -> EpochResource {
    let (key, index) = (key(byte), EpochIndex(index));
    let parameters = Parameters {
        netuid: 46,
        schedule: schedule(),
        pool_size: 7572,
        pool_sha256: Sha256Hash::from_bytes([1; 32]),
        zipcodes_per_epoch: dealt,
    };
    let mut record = EpochResource {
        epoch: Epoch {
            id: schedule().id(index),
            index,
            starts_at: schedule().starts_at(index),
            ends_at: schedule().ends_at(index),
        },
        state: EpochState::Ended,
        revealed_at: schedule().ends_at(index),
        rotation: Rotation {
            algorithm: crate::rotation::ALGORITHM.to_owned(),
            public_key: key.public(),
            netuid: 46,
            epoch_seconds: 14_400,
            pool_size: 7572,
            pool_sha256: parameters.pool_sha256,
            zipcodes_per_epoch: dealt,
            honeypots_sha256: None,
            signature: Some(key.sign(&parameters, index)),
        },
        prev_sha256: prev.map(sha256),
        record_signature: None,
        zipcodes: None,
        honeypots: None,
    };
    record.record_signature = signature(&record, byte);
    record
}

/// Epochs 100, 101, 104 and 105, newest first; the second key begins in 105.
fn records() -> Vec<EpochResource> {
    let first = record(1, 100, 1000, None);
    let second = record(1, 101, 1000, Some(&first));
    let third = record(1, 104, 1000, Some(&second));
    let fourth = record(2, 105, 500, Some(&third));
    vec![fourth, third, second, first]
}

/// The same, with signatures on those of these positions only.
fn signed_at(positions: &[usize]) -> Vec<EpochResource> {
    let mut records = records();
    for (at, record) in records.iter_mut().enumerate() {
        if !positions.contains(&at) {
            record.record_signature = None;
        }
    }
    records
}

fn verify(epochs: &[EpochResource]) -> Result<History, HistoryError> {
    verify_history(epochs, &[], now())
}

/// That the second key and its parameters begin in 105, announced in `epoch`.
fn announced(epoch: u64) -> Announcement {
    let records = records();
    let before = records[1].parameters().expect("a length");
    let after = records[0].parameters().expect("a length");
    let after = RotationSet::new(records[0].rotation.public_key, &after);
    let at = schedule().starts_at(EpochIndex(epoch));
    Announcement::sign(&key(1), 46, records[0].epoch.id, at, &before, after)
}

#[test]
fn an_honest_chain_is_proved_with_its_gaps_and_changes() {
    let records = records();
    let history = verify(&records).expect("honest");
    assert_eq!((history.records, history.proved, history.linked), (4, 4, 3));
    assert_eq!((history.signed, history.unlinked.count), (4, 0));
    let (after, before) = (records[2].epoch.id, records[1].epoch.id);
    assert_eq!(history.gaps.first, [Gap { after, before, epochs: 2 }]);
    let what = vec!["the rotation key", "zipcodes_per_epoch"];
    let mut change = Change { epoch: records[0].epoch.id, what, announced: false };
    assert_eq!(history.changes, [change.clone()]);
    assert_eq!(history.public_keys, [key(1).public(), key(2).public()]);
    assert_eq!(history.span, Some((records[3].epoch.id, records[0].epoch.id)));
    assert!(!history.is_complete());

    change.announced = true;
    let history = verify_history(&records, &[announced(99)], now()).expect("honest");
    assert_eq!(history.changes, [change]);
    assert!(history.is_complete());
    let later = Timestamp::from_seconds(now().seconds() + 60);
    let behind = verify_history(&records, &[announced(99)], later).expect("honest");
    assert!(behind.is_behind && !behind.is_complete(), "that of the epoch since is missing");
    let history = verify_history(&records, &[announced(100)], now()).expect("honest");
    assert!(!history.changes[0].announced, "too late");
    let part = verify(&records[..2]).expect("honest");
    assert_eq!(part.continues_at, records[1].prev_sha256);
    assert_eq!(verify(&[]), Ok(History::default()));
}

#[test]
fn what_is_changed_or_missing_is_found() {
    let mut changed = records();
    changed[2] = record(1, 101, 999, Some(&changed[3]));
    let broken = verify(&changed);
    assert!(matches!(broken, Err(HistoryError::Link { .. })), "{broken:?}");
    let mut oldest = records();
    oldest[3] = record(1, 100, 999, None);
    assert!(matches!(verify(&oldest), Err(HistoryError::Link { .. })));
    let mut missing = records();
    missing.remove(1);
    assert!(matches!(verify(&missing), Err(HistoryError::Link { .. })));
    let mut forged = records();
    forged[0].rotation.signature = forged[1].rotation.signature;
    assert!(matches!(verify(&forged), Err(HistoryError::Proof { .. })));
    let mut swapped = records();
    swapped.swap(2, 3);
    assert!(matches!(verify(&swapped), Err(HistoryError::Order { .. })));
    let mut renamed = records();
    renamed[1].epoch.id = renamed[2].epoch.id;
    assert!(matches!(verify(&renamed), Err(HistoryError::Inconsistent { .. })));
    let mut revealed = records();
    revealed[1].revealed_at = Timestamp::UNIX_EPOCH;
    assert!(matches!(verify(&revealed), Err(HistoryError::Inconsistent { .. })));
}

#[test]
fn a_signature_is_of_the_key_and_the_record() {
    for (at, other) in [(0, signature(&records()[0], 1)), (1, records()[2].record_signature)] {
        let mut forged = records();
        forged[at].record_signature = other;
        assert!(matches!(verify(&forged), Err(HistoryError::Signature { .. })));
    }
    let mut decoys = records();
    decoys[0].rotation.honeypots_sha256 = Some(Sha256Hash::from_bytes([5; 32]));
    assert!(matches!(verify(&decoys), Err(HistoryError::Signature { .. })));
}

#[test]
fn a_signed_record_vouches_for_those_it_leads_to() {
    let ids = |at: &[usize]| at.iter().map(|at| records()[*at].epoch.id).collect::<Vec<_>>();
    for (signed, chained, unvouched) in [
        (&[0, 1, 2, 3][..], &[][..], &[][..]),
        (&[0], &[1, 2, 3], &[]),
        (&[1], &[2, 3], &[0]),
        (&[0, 3], &[1, 2], &[]),
        (&[3], &[], &[0, 1, 2]),
        (&[], &[], &[0, 1, 2, 3]),
    ] {
        let history = verify(&signed_at(signed)).expect("honest");
        assert_eq!(history.signed, signed.len());
        assert_eq!(history.chained.first, ids(chained), "{signed:?}");
        assert_eq!(history.unvouched.first, ids(unvouched), "{signed:?}");
        assert_eq!(history.linked, 3);
    }
}

#[test]
fn a_link_that_was_taken_away_leaves_the_older_records_without_a_voucher() {
    // What blocks carry: a signature over no record before.
    let mut cut = signed_at(&[0]);
    cut[0].prev_sha256 = None;
    cut[0].record_signature = signature(&cut[0], 2);
    let history = verify(&cut).expect("nothing contradicts it");
    assert_eq!(history.unlinked.first, [cut[0].epoch.id]);
    assert_eq!(history.unvouched.count, 3);
    assert!(!history.is_complete());
}

#[test]
fn a_record_that_was_written_late_is_passed_over() {
    let mut records = records();
    records.insert(2, record(1, 103, 1000, None));
    records[0].rotation.signature = None;
    let history = verify(&records).expect("honest");
    assert_eq!(history.linked, 3);
    assert_eq!(history.unlinked.first, [records[2].epoch.id]);
    assert_eq!(history.unproved.first, [records[0].epoch.id]);
}

#[test]
fn the_clock_says_what_runs() {
    let mut running = records();
    running[0].state = EpochState::Running;
    running[0].revealed_at = running[0].epoch.starts_at;
    let later = schedule().starts_at(EpochIndex(107));
    let error = verify_history(&running, &[], later).expect_err("it ended long ago");
    assert!(matches!(error, HistoryError::Clock { .. }), "{error}");
    running[0].revealed_at = running[0].epoch.ends_at;
    let now = running[0].epoch.starts_at;
    let error = verify_history(&running, &[], now).expect_err("nothing is revealed yet");
    assert!(matches!(error, HistoryError::Inconsistent { what: "revealed_at", .. }), "{error}");
    running[0].rotation.signature = None;
    let history = verify_history(&running, &[], now).expect("honest");
    assert!(history.unproved.is_empty(), "it still runs");
    let early = schedule().starts_at(EpochIndex(104));
    for state in [EpochState::Running, EpochState::Ended] {
        running[0].state = state;
        let error = verify_history(&running, &[], early).expect_err("it has not begun");
        assert!(matches!(error, HistoryError::Clock { .. }), "{error}");
    }
}

#[test]
fn what_a_service_makes_as_long_as_it_likes_is_bounded() {
    // Every other epoch is missing, no record is linked, signed or proved, and the deal is of another size each time.
    let bare = |index: u64| {
        let mut record = record(1, 1, 1 + u32::try_from(index % 2).expect("few"), None);
        let index = EpochIndex(index * 2);
        record.epoch = Epoch {
            id: schedule().id(index),
            index,
            starts_at: schedule().starts_at(index),
            ends_at: schedule().ends_at(index),
        };
        record.revealed_at = record.epoch.ends_at;
        (record.rotation.signature, record.record_signature) = (None, None);
        record
    };
    let many = u64::try_from(MAX_CHANGES).expect("few") + 1;
    let late = schedule().starts_at(EpochIndex(10_000));
    let records: Vec<_> = (0..many).rev().map(bare).collect();
    let history = verify_history(&records, &[], late).expect("nothing contradicts it");
    for list in [&history.unproved, &history.unvouched] {
        assert_eq!((list.count, list.first.len()), (records.len(), KEPT));
    }
    assert_eq!((history.gaps.count, history.gaps.first.len()), (MAX_CHANGES, KEPT));
    assert_eq!(history.unlinked.count, MAX_CHANGES, "all but the oldest");
    let more: Vec<_> = (0..=many).rev().map(bare).collect();
    let error = verify_history(&more, &[], late).expect_err("no service does that");
    assert!(matches!(error, HistoryError::Changes { .. }), "{error}");
}

#[test]
fn of_many_announcements_the_first_are_looked_at_each_once() {
    let honest = announced(99);
    let forged = |byte: usize| {
        let mut bytes = [0; 64];
        bytes[..8].copy_from_slice(&byte.to_be_bytes());
        Announcement { signature: Signature::from_bytes(bytes), ..honest }
    };
    let mut list: Vec<_> = (1..MAX_ANNOUNCEMENTS).map(forged).collect();
    list.extend([forged(1), forged(2), honest, honest]);
    let history = verify_history(&records(), &list, now()).expect("honest");
    assert!(history.changes[0].announced);
    assert_eq!(history.ignored_announcements, 0, "each once");
    list.insert(0, forged(0));
    let history = verify_history(&records(), &list, now()).expect("honest");
    assert!(!history.changes[0].announced, "it is one too far back");
    assert_eq!(history.ignored_announcements, 2);
}

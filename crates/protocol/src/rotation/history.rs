use super::{ALGORITHM, Announcement, RecordedEpoch, RotationPublicKey, RotationSet};
use crate::wire::{EpochResource, EpochState};
use crate::{EpochId, Sha256Hash};

/// What the records of a service prove together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// How many records there are.
    pub records: usize,
    /// The oldest and the newest.
    pub span: Option<(EpochId, EpochId)>,
    /// The keys that dealt, oldest first.
    pub public_keys: Vec<RotationPublicKey>,
    /// How many records have a proof, and it verifies.
    pub proved: usize,
    /// Ended epochs whose record shows no proof.
    pub unproved: Vec<EpochId>,
    /// How many records are linked to the one before.
    pub linked: usize,
    /// Records that are linked to none: the first, those from before records were linked, and those that were written
    /// after a later one.
    pub unlinked: Vec<EpochId>,
    /// What the oldest record is linked to, where it is not the first of all: older ones were not shown.
    pub continues_at: Option<Sha256Hash>,
    /// Epochs without a record.
    pub gaps: Vec<Gap>,
    /// Where key or parameters are others than in the record before.
    pub changes: Vec<Change>,
}

/// Epochs without a record, between two that have one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The record before.
    pub after: EpochId,
    /// The record after.
    pub before: EpochId,
    /// How many epochs would fit between, by the length of the earlier one.
    pub epochs: u64,
}

/// Key or parameters that are others than in the record before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The first epoch of the new ones.
    pub epoch: EpochId,
    /// What changed.
    pub what: Vec<&'static str>,
    /// Whether it was announced, signed by the key before and early enough by the date that it bears.
    pub announced: bool,
}

/// What shows that records are not what an honest service shows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HistoryError {
    /// Not the rotation this verifier knows.
    #[error(
        "the record of epoch {epoch} says algorithm {algorithm:?}, this verifier knows {ALGORITHM:?}"
    )]
    Algorithm {
        /// The epoch.
        epoch: EpochId,
        /// What it says.
        algorithm: String,
    },
    /// A record whose parts do not fit together.
    #[error("the record of epoch {epoch}: {what} does not follow from the rest")]
    Inconsistent {
        /// The epoch.
        epoch: EpochId,
        /// Which part.
        what: &'static str,
    },
    /// The records are not in the order of their epochs, or epochs overlap.
    #[error(
        "the record of epoch {newer} is listed before that of {older}, which does not end before it"
    )]
    Order {
        /// The one that is listed first.
        newer: EpochId,
        /// The one that is listed next.
        older: EpochId,
    },
    /// A record is linked to another one than the one before it.
    #[error(
        "the record of epoch {epoch} is linked to {linked}, but the one before it, of epoch {before}, hashes to {found}: one of them was changed, or records are missing"
    )]
    Link {
        /// The epoch.
        epoch: EpochId,
        /// The epoch of the record before.
        before: EpochId,
        /// What the record is linked to.
        linked: Sha256Hash,
        /// The hash of the record before.
        found: Sha256Hash,
    },
    /// A proof that is not of this key over this epoch and these parameters.
    #[error("the proof of epoch {epoch} does not verify with key {public_key}")]
    Proof {
        /// The epoch.
        epoch: EpochId,
        /// The key of its record.
        public_key: RotationPublicKey,
    },
}

/// Checks the records of a service, newest first as they are listed: each is linked to the one before, and each proof
/// verifies. What was announced explains changes of key and parameters. Zipcodes are not looked at; [`verify_epoch`](super::verify_epoch) does that for one epoch.
///
/// # Errors
/// The first thing that an honest service does not show, from the newest record back.
pub fn verify_history(
    epochs: &[EpochResource],
    announcements: &[Announcement],
) -> Result<History, HistoryError> {
    let mut history = History {
        records: epochs.len(),
        span: epochs.last().zip(epochs.first()).map(|(old, new)| (old.epoch.id, new.epoch.id)),
        ..History::default()
    };
    for epoch in epochs {
        history.check_record(epoch)?;
    }
    for pair in epochs.windows(2) {
        let [newer, older] = pair else { continue };
        history.check_order(newer, older)?;
        history.compare(newer, older, announcements);
    }
    history.public_keys = epochs.iter().rev().map(|epoch| epoch.rotation.public_key).collect();
    history.public_keys.dedup();
    history.check_links(epochs)?;
    Ok(history)
}

impl History {
    fn check_record(&mut self, record: &EpochResource) -> Result<(), HistoryError> {
        let (epoch, rotation) = (record.epoch, &record.rotation);
        if rotation.algorithm != ALGORITHM {
            let algorithm = rotation.algorithm.chars().take(64).collect();
            return Err(HistoryError::Algorithm { epoch: epoch.id, algorithm });
        }
        let inconsistent = |what| HistoryError::Inconsistent { epoch: epoch.id, what };
        let parameters = record.parameters().ok_or_else(|| inconsistent("epoch_seconds"))?;
        let schedule = parameters.schedule;
        for (what, holds) in [
            ("epoch.id", epoch.id == schedule.id(epoch.index)),
            ("epoch.starts_at", epoch.starts_at == schedule.starts_at(epoch.index)),
            ("epoch.ends_at", epoch.ends_at == schedule.ends_at(epoch.index)),
        ] {
            holds.then_some(()).ok_or_else(|| inconsistent(what))?;
        }
        match &rotation.signature {
            Some(signature) => {
                let public_key = rotation.public_key;
                public_key
                    .verify(&parameters, epoch.index, signature)
                    .map_err(|_| HistoryError::Proof { epoch: epoch.id, public_key })?;
                self.proved += 1;
            }
            None if record.state == EpochState::Ended => self.unproved.push(epoch.id),
            None => {}
        }
        Ok(())
    }

    fn check_order(
        &mut self,
        newer: &EpochResource,
        older: &EpochResource,
    ) -> Result<(), HistoryError> {
        let (after, before) = (older.epoch, newer.epoch);
        if before.starts_at < after.ends_at {
            return Err(HistoryError::Order { newer: before.id, older: after.id });
        }
        let missed = before.starts_at.since(after.ends_at).as_secs();
        if missed > 0 {
            let epochs = missed / u64::from(older.rotation.epoch_seconds.max(1));
            self.gaps.push(Gap { after: after.id, before: before.id, epochs });
        }
        Ok(())
    }

    fn compare(
        &mut self,
        newer: &EpochResource,
        older: &EpochResource,
        announcements: &[Announcement],
    ) {
        let (new, old) = (&newer.rotation, &older.rotation);
        let what: Vec<_> = [
            ("the rotation key", new.public_key != old.public_key),
            ("netuid", new.netuid != old.netuid),
            ("epoch_seconds", new.epoch_seconds != old.epoch_seconds),
            ("the pool", new.pool_sha256 != old.pool_sha256),
            ("zipcodes_per_epoch", new.zipcodes_per_epoch != old.zipcodes_per_epoch),
        ]
        .into_iter()
        .filter_map(|(what, changed)| changed.then_some(what))
        .collect();
        if !what.is_empty() {
            let announced = is_announced(newer, older, announcements);
            self.changes.push(Change { epoch: newer.epoch.id, what, announced });
        }
    }

    /// A record that is linked to none may have been written late, and the next one may be linked past it.
    fn check_links(&mut self, epochs: &[EpochResource]) -> Result<(), HistoryError> {
        for (at, record) in epochs.iter().enumerate() {
            let Some(linked) = record.prev_sha256 else {
                self.unlinked.push(record.epoch.id);
                continue;
            };
            if at + 1 == epochs.len() {
                self.continues_at = Some(linked);
            }
            let mut first = None;
            for before in &epochs[at + 1..] {
                let found = sha256(before);
                if found == Some(linked) {
                    first = None;
                    self.linked += 1;
                    break;
                }
                first = first.or(found.map(|found| (before.epoch.id, found)));
                if before.prev_sha256.is_some() {
                    break;
                }
            }
            if let Some((before, found)) = first {
                return Err(HistoryError::Link { epoch: record.epoch.id, before, linked, found });
            }
        }
        Ok(())
    }
}

/// Whether what was announced leads from one record to the next.
fn is_announced(
    newer: &EpochResource,
    older: &EpochResource,
    announcements: &[Announcement],
) -> bool {
    let (Some(before), Some(after)) = (set(older), set(newer)) else { return false };
    let netuid = older.rotation.netuid;
    let reached = announcements
        .iter()
        .filter(|change| change.netuid == netuid && change.verify(change.announced_at).is_ok())
        .filter(|change| older.epoch.id < change.from && change.from <= newer.epoch.id)
        .fold(before, |set, change| if change.before == set { change.after } else { set });
    newer.rotation.netuid == netuid && reached == after
}

fn set(record: &EpochResource) -> Option<RotationSet> {
    Some(RotationSet::new(record.rotation.public_key, &record.parameters()?))
}

fn sha256(record: &EpochResource) -> Option<Sha256Hash> {
    let recorded = RecordedEpoch {
        epoch: record.epoch.index,
        parameters: &record.parameters()?,
        public_key: record.rotation.public_key,
        prev_sha256: record.prev_sha256,
        honeypots_sha256: record.rotation.honeypots_sha256,
    };
    Some(recorded.sha256())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rotation::{Parameters, RotationKey};
    use crate::wire::{Epoch, Rotation};
    use crate::{EpochIndex, EpochSchedule};

    fn record(key: u8, index: u64, dealt: u32, prev: Option<&EpochResource>) -> EpochResource {
        let key = RotationKey::from_mini_secret(&[key; 32]);
        let parameters = Parameters {
            netuid: 46,
            schedule: EpochSchedule::new(14_400).expect("not zero"),
            pool_size: 7572,
            pool_sha256: Sha256Hash::from_bytes([1; 32]),
            zipcodes_per_epoch: dealt,
        };
        let (schedule, index) = (parameters.schedule, EpochIndex(index));
        EpochResource {
            epoch: Epoch {
                id: schedule.id(index),
                index,
                starts_at: schedule.starts_at(index),
                ends_at: schedule.ends_at(index),
            },
            state: EpochState::Ended,
            revealed_at: schedule.ends_at(index),
            rotation: Rotation {
                algorithm: ALGORITHM.to_owned(),
                public_key: key.public(),
                netuid: 46,
                epoch_seconds: 14_400,
                pool_size: 7572,
                pool_sha256: parameters.pool_sha256,
                zipcodes_per_epoch: dealt,
                honeypots_sha256: None,
                signature: Some(key.sign(&parameters, index)),
            },
            prev_sha256: prev.and_then(sha256),
            record_signature: None,
            zipcodes: None,
            honeypots: None,
        }
    }

    /// Epochs 100, 101, 104 and 105, newest first; the second key begins in 105.
    fn records() -> Vec<EpochResource> {
        let first = record(1, 100, 1000, None);
        let second = record(1, 101, 1000, Some(&first));
        let third = record(1, 104, 1000, Some(&second));
        let fourth = record(2, 105, 500, Some(&third));
        vec![fourth, third, second, first]
    }

    #[test]
    fn an_honest_chain_is_proved_with_its_gaps_and_changes() {
        let records = records();
        let history = verify_history(&records, &[]).expect("honest");
        assert_eq!((history.records, history.proved, history.linked), (4, 4, 3));
        assert_eq!(history.unlinked, [records[3].epoch.id]);
        let (after, before) = (records[2].epoch.id, records[1].epoch.id);
        assert_eq!(history.gaps, [Gap { after, before, epochs: 2 }]);
        let what = vec!["the rotation key", "zipcodes_per_epoch"];
        let mut change = Change { epoch: records[0].epoch.id, what, announced: false };
        assert_eq!(history.changes, [change.clone()]);
        let key = RotationKey::from_mini_secret(&[1; 32]);
        assert_eq!(history.public_keys, [key.public(), records[0].rotation.public_key]);

        let announced = |epoch| {
            let (id, before) = (records[0].epoch.id, records[1].parameters().expect("a length"));
            let at = before.schedule.starts_at(EpochIndex(epoch));
            Announcement::sign(&key, 46, id, at, &before, set(&records[0]).expect("a length"))
        };
        change.announced = true;
        let history = verify_history(&records, &[announced(99)]).expect("honest");
        assert_eq!(history.changes, [change]);
        let history = verify_history(&records, &[announced(100)]).expect("honest");
        assert!(!history.changes[0].announced, "too late");
        let part = verify_history(&records[..2], &[]).expect("honest");
        assert_eq!(part.continues_at, records[1].prev_sha256);
    }

    #[test]
    fn what_is_changed_or_missing_is_found() {
        let mut changed = records();
        changed[2] = record(1, 101, 999, Some(&changed[3]));
        let broken = verify_history(&changed, &[]);
        assert!(matches!(broken, Err(HistoryError::Link { .. })), "{broken:?}");
        let mut missing = records();
        missing.remove(1);
        assert!(matches!(verify_history(&missing, &[]), Err(HistoryError::Link { .. })));
        let mut forged = records();
        forged[0].rotation.signature = forged[1].rotation.signature;
        assert!(matches!(verify_history(&forged, &[]), Err(HistoryError::Proof { .. })));
        let mut swapped = records();
        swapped.swap(1, 2);
        assert!(matches!(verify_history(&swapped, &[]), Err(HistoryError::Order { .. })));
        let mut renamed = records();
        renamed[1].epoch.id = renamed[2].epoch.id;
        assert!(matches!(verify_history(&renamed, &[]), Err(HistoryError::Inconsistent { .. })));
    }

    #[test]
    fn a_record_that_was_written_late_is_passed_over() {
        let mut records = records();
        records.insert(2, record(1, 103, 1000, None));
        records[0].rotation.signature = None;
        let history = verify_history(&records, &[]).expect("honest");
        assert_eq!(history.linked, 3);
        assert_eq!(history.unlinked, [records[2].epoch.id, records[4].epoch.id]);
        assert_eq!(history.unproved, [records[0].epoch.id]);
    }
}

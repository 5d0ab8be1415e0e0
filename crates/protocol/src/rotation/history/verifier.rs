use super::{Change, Gap, History, HistoryError, MAX_CHANGES};
use crate::rotation::verify::{check_state, running_at};
use crate::rotation::{ALGORITHM, Announcement, Parameters, RecordedEpoch, RotationSet};
use crate::wire::{Epoch, EpochResource, EpochState, Rotation};
use crate::{EpochId, Foreign, Sha256Hash, Timestamp};

/// Checks records one after the other, newest first as they are listed, and keeps none of them but the last: however many
/// a service shows, memory stays as it is.
#[derive(Debug)]
pub struct HistoryVerifier {
    now: Timestamp,
    announcements: Vec<Announcement>,
    last: Option<Last>,
    pending: Option<Pending>,
    history: History,
}

/// The record that was added last.
#[derive(Debug)]
struct Last {
    epoch: Epoch,
    rotation: Rotation,
    parameters: Parameters,
    is_linked: bool,
}

/// A link to a record that was not seen yet.
#[derive(Debug)]
struct Pending {
    epoch: EpochId,
    linked: Sha256Hash,
    /// Whether the record that has the link is vouched for, and so the one it leads to.
    is_vouched: bool,
    /// The newest record that could have been it, and was not.
    missed: Option<(EpochId, Sha256Hash)>,
}

impl HistoryVerifier {
    /// What was announced explains changes, by a clock that shows `now`.
    pub fn new(announcements: &[Announcement], now: Timestamp) -> Self {
        let (announcements, ignored_announcements) = Announcement::in_time(announcements);
        let history = History { ignored_announcements, ..History::default() };
        Self { now, announcements, last: None, pending: None, history }
    }

    /// Adds the next older record.
    ///
    /// # Errors
    /// What an honest service does not show.
    pub fn add(&mut self, record: &EpochResource) -> Result<(), HistoryError> {
        let parameters = self.check_record(record)?;
        let is_signed = check_signature(record, &parameters)?;
        let sha256 = recorded(record, &parameters).sha256();
        if let Some(newer) = self.last.take() {
            self.check_order(&newer, record)?;
            self.compare(&newer, record, &parameters)?;
            if !newer.is_linked {
                self.history.unlinked.push(newer.epoch.id);
            }
        } else {
            self.history.public_keys.push(record.rotation.public_key);
            let running = running_at(parameters.schedule, self.now);
            self.history.is_behind = record.epoch.index < *running.start();
        }
        let is_chained = self.follow_link(record, sha256)?;
        let id = record.epoch.id;
        match (is_signed, is_chained) {
            (true, _) => self.history.signed += 1,
            (false, true) => self.history.chained.push(id),
            (false, false) => self.history.unvouched.push(id),
        }
        if let Some(linked) = record.prev_sha256 {
            let is_vouched = is_signed || is_chained;
            self.pending = Some(Pending { epoch: id, linked, is_vouched, missed: None });
        }
        self.history.records += 1;
        let newest = self.history.span.map_or(id, |(_, newest)| newest);
        self.history.span = Some((id, newest));
        let (rotation, is_linked) = (record.rotation.clone(), record.prev_sha256.is_some());
        self.last = Some(Last { epoch: record.epoch, rotation, parameters, is_linked });
        Ok(())
    }

    /// What the records prove together.
    ///
    /// # Errors
    /// [`HistoryError::Link`] where the last link leads to none of the records that were added after it.
    pub fn finish(mut self) -> Result<History, HistoryError> {
        if let Some(Pending { epoch, linked, missed, .. }) = self.pending {
            if let Some((before, found)) = missed {
                return Err(HistoryError::Link { epoch, before, linked, found });
            }
            self.history.continues_at = Some(linked);
        }
        self.history.public_keys.reverse();
        Ok(self.history)
    }

    /// A record by itself: its parts fit together, and its proof verifies.
    fn check_record(&mut self, record: &EpochResource) -> Result<Parameters, HistoryError> {
        let (epoch, rotation) = (record.epoch, &record.rotation);
        if rotation.algorithm != ALGORITHM {
            let algorithm = Foreign::new(&rotation.algorithm).at_most(64).to_string();
            return Err(HistoryError::Algorithm { epoch: epoch.id, algorithm });
        }
        let inconsistent = |what| HistoryError::Inconsistent { epoch: epoch.id, what };
        let parameters = record.parameters().ok_or_else(|| inconsistent("epoch_seconds"))?;
        let schedule = parameters.schedule;
        let revealed_at = record.revealed_at;
        // Of an epoch that runs, a proof is shown by services only that reveal at the start.
        let is_early = record.state == EpochState::Running && rotation.signature.is_some();
        for (what, holds) in [
            ("epoch.id", epoch.id == schedule.id(epoch.index)),
            ("epoch.starts_at", epoch.starts_at == schedule.starts_at(epoch.index)),
            ("epoch.ends_at", epoch.ends_at == schedule.ends_at(epoch.index)),
            (
                "revealed_at",
                revealed_at == epoch.starts_at || (revealed_at == epoch.ends_at && !is_early),
            ),
        ] {
            holds.then_some(()).ok_or_else(|| inconsistent(what))?;
        }
        let clock = HistoryError::Clock { epoch: epoch.id, state: record.state, now: self.now };
        if epoch.index > *running_at(schedule, self.now).end()
            || check_state(record.state, epoch.ends_at, self.now).is_err()
        {
            return Err(clock);
        }
        match &rotation.signature {
            Some(signature) => {
                let public_key = rotation.public_key;
                public_key
                    .verify(&parameters, epoch.index, signature)
                    .map_err(|_| HistoryError::Proof { epoch: epoch.id, public_key })?;
                self.history.proved += 1;
            }
            None if record.state == EpochState::Ended => self.history.unproved.push(epoch.id),
            None => {}
        }
        Ok(parameters)
    }

    fn check_order(&mut self, newer: &Last, older: &EpochResource) -> Result<(), HistoryError> {
        let (after, before) = (older.epoch, newer.epoch);
        if before.starts_at < after.ends_at {
            return Err(HistoryError::Order { newer: before.id, older: after.id });
        }
        let missed = before.starts_at.since(after.ends_at).as_secs();
        if missed > 0 {
            let epochs = missed / u64::from(older.rotation.epoch_seconds.max(1));
            self.history.gaps.push(Gap { after: after.id, before: before.id, epochs });
        }
        Ok(())
    }

    fn compare(
        &mut self,
        newer: &Last,
        older: &EpochResource,
        parameters: &Parameters,
    ) -> Result<(), HistoryError> {
        let (new, old) = (&newer.rotation, &older.rotation);
        let what: Vec<_> = [
            ("the rotation key", new.public_key != old.public_key),
            ("netuid", new.netuid != old.netuid),
            ("epoch_seconds", new.epoch_seconds != old.epoch_seconds),
            ("the pool", new.pool_sha256 != old.pool_sha256 || new.pool_size != old.pool_size),
            ("zipcodes_per_epoch", new.zipcodes_per_epoch != old.zipcodes_per_epoch),
        ]
        .into_iter()
        .filter_map(|(what, changed)| changed.then_some(what))
        .collect();
        if what.is_empty() {
            return Ok(());
        }
        if self.history.changes.len() == MAX_CHANGES {
            return Err(HistoryError::Changes { epoch: newer.epoch.id });
        }
        if new.public_key != old.public_key {
            self.history.public_keys.push(old.public_key);
        }
        let announced = self.is_announced(newer, older, parameters);
        self.history.changes.push(Change { epoch: newer.epoch.id, what, announced });
        Ok(())
    }

    /// Whether what was announced leads from one record to the next.
    fn is_announced(&self, newer: &Last, older: &EpochResource, parameters: &Parameters) -> bool {
        let before = RotationSet::new(older.rotation.public_key, parameters);
        let after = RotationSet::new(newer.rotation.public_key, &newer.parameters);
        let netuid = parameters.netuid;
        let reached = self
            .announcements
            .iter()
            .filter(|change| change.netuid == netuid)
            .filter(|change| older.epoch.id < change.from && change.from <= newer.epoch.id)
            .fold(before, |set, change| if change.before == set { change.after } else { set });
        newer.parameters.netuid == netuid && reached == after
    }

    /// Whether this record is the one that a newer one is linked to, and that one is vouched for. A record that is linked to
    /// none may have been written late, and the next one may be linked past it.
    fn follow_link(
        &mut self,
        record: &EpochResource,
        sha256: Sha256Hash,
    ) -> Result<bool, HistoryError> {
        let Some(mut pending) = self.pending.take() else { return Ok(false) };
        if pending.linked == sha256 {
            self.history.linked += 1;
            return Ok(pending.is_vouched);
        }
        let (before, found) = *pending.missed.get_or_insert((record.epoch.id, sha256));
        if record.prev_sha256.is_some() {
            let (epoch, linked) = (pending.epoch, pending.linked);
            return Err(HistoryError::Link { epoch, before, linked, found });
        }
        self.pending = Some(pending);
        Ok(false)
    }
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

fn check_signature(record: &EpochResource, parameters: &Parameters) -> Result<bool, HistoryError> {
    let Some(signature) = &record.record_signature else { return Ok(false) };
    let public_key = record.rotation.public_key;
    public_key
        .verify_record(&recorded(record, parameters), signature)
        .map_err(|_| HistoryError::Signature { epoch: record.epoch.id, public_key })?;
    Ok(true)
}

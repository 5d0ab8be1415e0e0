use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use arc_swap::ArcSwap;
use resi_protocol::rotation::{Announcement, RotationSet};
use resi_protocol::{EpochIndex, Timestamp};
use resi_store::{EpochRecord, StoreError};

use super::honeypots::honeypots_of;
use super::{Deck, NoDeal, differs};

/// How often announced changes are read: they are made days ahead.
const READ_ANNOUNCEMENTS: Duration = Duration::from_secs(10);

/// The changes that were announced, as last read from the store.
#[derive(Debug, Default)]
pub(super) struct Announced(ArcSwap<Vec<Announcement>>);

impl Announced {
    pub(super) fn list(&self) -> Arc<Vec<Announcement>> {
        self.0.load_full()
    }

    pub(super) fn replace(&self, list: Vec<Announcement>) {
        self.0.store(Arc::new(list));
    }

    /// What counts in an epoch that starts at `moment`; `None` where nothing was ever announced.
    pub(super) fn set_at(&self, moment: Timestamp) -> Option<RotationSet> {
        let list = self.0.load();
        let begun = list.iter().rev().find(|change| change.from.starts_at() <= moment);
        begun.map(|change| change.after).or_else(|| list.first().map(|first| first.before))
    }
}

impl Deck {
    /// The changes that were announced, oldest first.
    pub fn announcements(&self) -> Arc<Vec<Announcement>> {
        self.announced.list()
    }

    /// What counts at `now`: what was announced, and where nothing ever was, the settings.
    pub fn set_at(&self, now: Timestamp) -> RotationSet {
        let own = || RotationSet::new(self.public_key(), &self.own);
        self.announced.set_at(now).unwrap_or_else(own)
    }

    /// A change that is announced for later, whose key this replica has not.
    pub fn missing_key(&self, now: Timestamp) -> Option<Announcement> {
        let announced = self.announced.list();
        let to_come = announced.iter().filter(|change| change.from.starts_at() > now);
        to_come.copied().find(|change| self.key_of(change.after.public_key).is_none())
    }

    /// Reads what was announced, where that was some time ago.
    pub(super) async fn follow_announcements(&self, now: Timestamp) {
        let read_at = Timestamp::from_micros(self.announced_at.load(Ordering::Relaxed));
        if now.since(read_at).max(read_at.since(now)) < READ_ANNOUNCEMENTS {
            return;
        }
        match self.read_announcements().await {
            Ok(()) => self.announced_at.store(now.micros(), Ordering::Relaxed),
            Err(error) => tracing::debug!("announced changes are read again later: {error}"),
        }
    }

    pub(super) async fn read_announcements(&self) -> Result<(), StoreError> {
        let announced = self.store.announcements(self.own.netuid).await?;
        if announced != *self.announced.list() {
            for change in &announced {
                tracing::info!(from = %change.from, public_key = %change.after.public_key, "a change of the rotation is announced");
                // At hand when its epoch comes, even if the database is away then.
                self.pool_of(change.after.pool_sha256).await?;
            }
            self.announced.replace(announced);
        }
        Ok(())
    }

    /// The record of an epoch that has none: by what was announced, and where nothing ever was, by the settings.
    pub(super) async fn proposal(
        &self,
        epoch: EpochIndex,
        now: Timestamp,
    ) -> Result<EpochRecord, NoDeal> {
        let schedule = self.own.schedule;
        let set = self.set_at(schedule.starts_at(epoch));
        let parameters = set.parameters(self.own.netuid);
        let parameters = parameters.filter(|parameters| parameters.schedule == schedule);
        let parameters = parameters.ok_or_else(|| {
            let (own, theirs) = (schedule.seconds(), set.epoch_seconds);
            NoDeal(format!("epoch_seconds is {own} here and {theirs} by what was announced").into())
        })?;
        let mut proposed = EpochRecord {
            epoch,
            parameters,
            public_key: set.public_key,
            agreed_at: now,
            signature: None,
            prev_sha256: None,
            record_signature: None,
            honeypots: None,
        };
        let pool = self.pool_for(&proposed).await?;
        if pool.has_decoys() {
            // Who has not the key cannot say which decoys it deals, and leaves the record to others.
            let key = self.key_of(set.public_key).ok_or_else(|| self.no_key(&proposed))?;
            proposed.honeypots = honeypots_of(&pool, key, &proposed.parameters, epoch);
        }
        Ok(proposed)
    }

    pub(super) fn no_key(&self, record: &EpochRecord) -> NoDeal {
        let announced = self.announced.list();
        let is_of_record = |change: &&Announcement| change.after.public_key == record.public_key;
        announced.iter().rev().find(is_of_record).map_or_else(
            || differs(record, "the rotation key", self.public_key(), record.public_key),
            missing_key,
        )
    }
}

/// Why a replica does not deal, or soon will not.
pub fn missing_key(change: &Announcement) -> NoDeal {
    let (key, from) = (change.after.public_key, change.from);
    NoDeal(
        format!("the rotation key {key}, announced from epoch {from} on, is missing here: give it as NEXT_ROTATION_KEY")
            .into(),
    )
}

//! What all records of a service prove together.

mod error;
#[cfg(test)]
mod tests;
mod verifier;

pub use error::HistoryError;
pub use verifier::HistoryVerifier;

use super::{Announcement, RotationPublicKey};
use crate::wire::EpochResource;
use crate::{EpochId, Sha256Hash, Timestamp};

/// How many changes of key or parameters a history may have: each takes six epochs of notice.
pub const MAX_CHANGES: usize = 1_000;
/// Of a list that the other side makes as long as it likes, how much is kept.
const KEPT: usize = 100;

/// The first of a list that may be long, and how long it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted<T> {
    /// At most the first hundred.
    pub first: Vec<T>,
    /// How many there are.
    pub count: usize,
}

impl<T> Default for Counted<T> {
    fn default() -> Self {
        Self { first: Vec::new(), count: 0 }
    }
}

impl<T> Counted<T> {
    fn push(&mut self, one: T) {
        self.count += 1;
        if self.first.len() < KEPT {
            self.first.push(one);
        }
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }
}

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
    pub unproved: Counted<EpochId>,
    /// How many records are signed by their key.
    pub signed: usize,
    /// Records without a signature, which a signed one leads to link by link: the hash chain vouches for them.
    pub chained: Counted<EpochId>,
    /// Records that nothing vouches for: without a signature, and no signed one leads to them.
    pub unvouched: Counted<EpochId>,
    /// How many records are linked to the one before.
    pub linked: usize,
    /// Records that are linked to none, the oldest left out: those from before records were linked, and those that were
    /// written after a later one. A signature does not show it, since blocks carry one over no record before.
    pub unlinked: Counted<EpochId>,
    /// Whether the epoch of the newest record was over by the clock: what came since was not shown.
    pub is_behind: bool,
    /// What the oldest record is linked to, where it is not the first of all: older ones were not shown.
    pub continues_at: Option<Sha256Hash>,
    /// Epochs without a record.
    pub gaps: Counted<Gap>,
    /// Where key or parameters are others than in the record before, newest first.
    pub changes: Vec<Change>,
    /// Announcements beyond [`MAX_ANNOUNCEMENTS`](super::MAX_ANNOUNCEMENTS), which were not looked at.
    pub ignored_announcements: usize,
}

impl History {
    /// Whether there are records and nothing is left open: each is vouched for and linked, each ended epoch has its proof,
    /// none is missing before the oldest or after the newest, and each change was announced. The key itself is the
    /// verifier's to know.
    pub fn is_complete(&self) -> bool {
        self.records > 0
            && self.unproved.is_empty()
            && self.unvouched.is_empty()
            && self.unlinked.is_empty()
            && self.continues_at.is_none()
            && !self.is_behind
            && self.changes.iter().all(|change| change.announced)
    }
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

/// Checks the records of a service, newest first as they are listed, by a clock that shows `now`: each is signed by its key
/// or says that it is not, each is linked to the one before, and each proof verifies. What was announced explains changes
/// of key and parameters. Zipcodes are not looked at; [`verify_epoch`](super::verify_epoch) does that for one epoch.
///
/// # Errors
/// The first thing that an honest service does not show, from the newest record back.
pub fn verify_history(
    epochs: &[EpochResource],
    announcements: &[Announcement],
    now: Timestamp,
) -> Result<History, HistoryError> {
    let mut verifier = HistoryVerifier::new(announcements, now);
    for record in epochs {
        verifier.add(record)?;
    }
    verifier.finish()
}

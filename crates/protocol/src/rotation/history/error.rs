use crate::rotation::{ALGORITHM, RotationPublicKey};
use crate::wire::EpochState;
use crate::{EpochId, Sha256Hash, Timestamp};

use super::MAX_CHANGES;

/// What shows that records are not what an honest service shows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HistoryError {
    /// Not the rotation this verifier knows.
    #[error(
        "the record of epoch {epoch} says algorithm \"{algorithm}\", this verifier knows {ALGORITHM:?}"
    )]
    Algorithm {
        /// The epoch.
        epoch: EpochId,
        /// What it says, fit to be shown.
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
    /// An epoch that has not begun, or whose state is not the one of the clock.
    #[error("the record of epoch {epoch} says that it is {}, and by this clock ({now}) it is not", state.words())]
    Clock {
        /// The epoch.
        epoch: EpochId,
        /// What the record says.
        state: EpochState,
        /// The verifier's clock.
        now: Timestamp,
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
    /// The signature of a record that is not of its key over what it says.
    #[error("the signature of the record of epoch {epoch} does not verify with key {public_key}")]
    Signature {
        /// The epoch.
        epoch: EpochId,
        /// The key of its record.
        public_key: RotationPublicKey,
    },
    /// More changes of key or parameters than any service makes.
    #[error("key or parameters changed more than {MAX_CHANGES} times before epoch {epoch}")]
    Changes {
        /// The first epoch of the change that was one too many.
        epoch: EpochId,
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

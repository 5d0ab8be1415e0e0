use super::{ALGORITHM, RotationPublicKey};
use crate::wire::EpochState;
use crate::{EpochIndex, Timestamp};

/// What differs between an answer and an honest one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// Not the rotation this verifier knows. The text is fit to be shown.
    #[error("the answer says algorithm \"{0}\", this verifier knows {ALGORITHM:?}")]
    Algorithm(String),
    /// A value that was asked for or known before is another now, or one that follows from the rest.
    #[error("{what} is {answered} in the answer, and {expected} was expected")]
    Differs {
        /// Which value.
        what: &'static str,
        /// Its value in the answer, fit to be shown.
        answered: String,
        /// The value known before, or the one that follows from the rest.
        expected: String,
    },
    /// The answer is of another epoch than the one that runs, or of one that has not begun.
    #[error(
        "the answer is of epoch {answered}, but by this clock ({now}) epoch {expected} is running"
    )]
    NotRunning {
        /// The epoch of the answer.
        answered: EpochIndex,
        /// The epoch by the verifier's clock.
        expected: EpochIndex,
        /// The verifier's clock.
        now: Timestamp,
    },
    /// Whether the epoch has ended is known by its end, and the answer says otherwise.
    #[error("the answer says that the epoch is {}, and by this clock ({now}) it is not: it ends at {ends_at}", answered.words())]
    State {
        /// What the answer says.
        answered: EpochState,
        /// The end of the epoch.
        ends_at: Timestamp,
        /// The verifier's clock.
        now: Timestamp,
    },
    /// The answer shows no proof, as for an epoch that has not ended.
    #[error("the answer shows no signature and zipcodes yet")]
    NotRevealed,
    /// The VRF signature is not one of this key over this epoch and these parameters.
    #[error("the VRF signature does not verify with key {0}")]
    Signature(RotationPublicKey),
    /// The signature of the record is not one of this key over what the answer shows of the record.
    #[error("the signature of the record does not verify with key {0}")]
    RecordSignature(RotationPublicKey),
    /// The revealed decoys are not those that were committed to, or are not among the dealt zipcodes.
    #[error("the decoys are not those that were committed to: {0}")]
    Honeypots(String),
    /// A batch is not the one that follows from the seed.
    #[error("{batch} is not the one that the seed gives: {detail}")]
    Batch {
        /// The name of the batch, fit to be shown.
        batch: String,
        /// What is wrong with it.
        detail: String,
    },
}

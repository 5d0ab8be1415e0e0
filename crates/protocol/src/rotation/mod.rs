//! The verifiable rotation: which zipcodes are dealt in an epoch, how that is proved, and how the proof is checked.
//!
//! The seed of an epoch is the output of a verifiable random function (sr25519 VRF) over the epoch's number and the
//! parameters in force. Whoever has the secret key can compute it ahead, nobody can choose it for a key that is fixed, and
//! everybody can check it with the public key. Who may choose the key can try keys until one deals what they wish.
//!
//! ```
//! use resi_protocol::rotation::{Parameters, Pool, RotationKey};
//! use resi_protocol::{EpochIndex, EpochSchedule};
//!
//! let pool = Pool::new(vec!["77494".parse()?, "08701".parse()?, "90011".parse()?])?;
//! let parameters = Parameters::new(46, EpochSchedule::new(14_400)?, &pool, 2);
//! let key = RotationKey::from_mini_secret(&[42; 32]);
//!
//! let signature = key.sign(&parameters, EpochIndex(120_620));
//! let seed = key.public().verify(&parameters, EpochIndex(120_620), &signature)?;
//! assert_eq!(seed.deal(&parameters).len(), 2);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod announcement;
mod deal;
mod history;
mod honeypots;
mod key;
mod known;
mod pool;
mod record;
mod verified;
mod verify;
mod verify_blocks;
mod verify_error;

pub use announcement::{
    Announcement, AnnouncementError, MAX_ANNOUNCEMENTS, NOTICE_EPOCHS, NOTICE_TOLERANCE,
    RotationKeys, RotationSet,
};
pub use deal::Seed;
pub use history::{
    Change, Counted, Gap, History, HistoryError, HistoryVerifier, MAX_CHANGES, verify_history,
};
pub use honeypots::{Honeypots, Salt};
pub use key::{RotationKey, RotationPublicKey, VrfError, VrfSignature};
pub use known::{Known, Origin, Pinned};
pub use pool::{Pool, PoolError};
pub use record::RecordedEpoch;
pub use verified::{Part, Verified, Voucher};
pub use verify::{CLOCK_TOLERANCE, Question, verify_epoch};
pub use verify_blocks::verify_blocks;
pub use verify_error::VerifyError;

use crate::{EpochIndex, EpochSchedule, Sha256Hash};

/// The name of this version of the rotation.
pub const ALGORITHM: &str = "resi-rotation-v1";

/// What, beside the key, determines every deal. Fixed before the epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// The subnet.
    pub netuid: u16,
    /// The epochs.
    pub schedule: EpochSchedule,
    /// How many zipcodes the pool has.
    pub pool_size: u32,
    /// The hash of the pool.
    pub pool_sha256: Sha256Hash,
    /// How many zipcodes are dealt in an epoch; never more than the pool has.
    pub zipcodes_per_epoch: u32,
}

impl Parameters {
    /// The parameters of `pool`; `zipcodes_per_epoch` is raised to 1 and lowered to the size of the pool.
    pub fn new(netuid: u16, schedule: EpochSchedule, pool: &Pool, zipcodes_per_epoch: u32) -> Self {
        Self {
            netuid,
            schedule,
            pool_size: pool.len(),
            pool_sha256: pool.sha256(),
            zipcodes_per_epoch: zipcodes_per_epoch.clamp(1, pool.len()),
        }
    }

    /// The message whose VRF output seeds `epoch`.
    pub fn message(&self, epoch: EpochIndex) -> String {
        format!(
            "{ALGORITHM}:{}:{}:{epoch}:{}:{}",
            self.netuid,
            self.schedule.seconds(),
            self.pool_sha256,
            self.zipcodes_per_epoch
        )
    }
}

/// The most batches that are cut from one deal.
pub const MAX_BATCHES: usize = 50;
/// The largest batch; a request for more is read as this.
pub const MAX_BLOCK_SIZE: u32 = 50;

/// Cuts a deal into batches of `block_size`, at most [`MAX_BATCHES`]; the last may be short.
pub fn batches<T>(deal: &[T], block_size: u32) -> impl Iterator<Item = &[T]> {
    deal.chunks(block_size.max(1) as usize).take(MAX_BATCHES)
}

/// The name of the batch at `position`, counted from 0: `batch_001`, `batch_002`, …
pub fn batch_name(position: usize) -> String {
    format!("batch_{:03}", position + 1)
}

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{ALGORITHM, Parameters, RotationKey, RotationPublicKey};
use crate::{EpochId, EpochSchedule, Sha256Hash, Signature, Timestamp};

/// How many epochs ahead a change is announced at least.
pub const NOTICE_EPOCHS: u32 = 6;
/// What may be missing of that by a verifier's clock: clocks differ, and copies of the list are read a while.
pub const NOTICE_TOLERANCE: Duration = Duration::from_secs(120);
/// How many different announcements are looked at: a service makes a few in a year.
pub const MAX_ANNOUNCEMENTS: usize = 256;
const LABEL: &str = "resi-rotation-change-v1";

/// A key with its parameters: everything that determines deals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RotationSet {
    /// The rotation's sr25519 public key.
    #[cfg_attr(feature = "openapi", schema(value_type = String, example = "0x6023d052711f478bc758918bdd26e24ac5d773629fc902dfb09de2588ba4ab08"))]
    pub public_key: RotationPublicKey,
    /// The length of an epoch in seconds.
    #[cfg_attr(feature = "openapi", schema(example = 14_400))]
    pub epoch_seconds: u32,
    /// How many zipcodes the pool has.
    #[cfg_attr(feature = "openapi", schema(example = 7572))]
    pub pool_size: u32,
    /// SHA-256 over the pool's zipcodes joined by a line feed.
    #[cfg_attr(feature = "openapi", schema(value_type = String, example = "b79462aa76c2d82e6c9dfa2aff9ab90323168639da9196e5249d08aa7801a977"))]
    pub pool_sha256: Sha256Hash,
    /// How many zipcodes are dealt in an epoch.
    #[cfg_attr(feature = "openapi", schema(example = 1000))]
    pub zipcodes_per_epoch: u32,
}

impl RotationSet {
    /// A key and its parameters.
    pub fn new(public_key: RotationPublicKey, parameters: &Parameters) -> Self {
        Self {
            public_key,
            epoch_seconds: parameters.schedule.seconds(),
            pool_size: parameters.pool_size,
            pool_sha256: parameters.pool_sha256,
            zipcodes_per_epoch: parameters.zipcodes_per_epoch,
        }
    }

    /// Its parameters on a subnet; `None` where its epochs have no length.
    pub fn parameters(&self, netuid: u16) -> Option<Parameters> {
        Some(Parameters {
            netuid,
            schedule: EpochSchedule::new(self.epoch_seconds).ok()?,
            pool_size: self.pool_size,
            pool_sha256: self.pool_sha256,
            zipcodes_per_epoch: self.zipcodes_per_epoch,
        })
    }

    fn text(&self) -> String {
        let Self { public_key, epoch_seconds, pool_size, pool_sha256, zipcodes_per_epoch } = self;
        format!("{public_key}:{epoch_seconds}:{pool_sha256}:{pool_size}:{zipcodes_per_epoch}")
    }
}

/// That another key or other parameters count from an epoch on, signed by the key that counts until then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Announcement {
    /// The subnet.
    #[cfg_attr(feature = "openapi", schema(example = 46))]
    pub netuid: u16,
    /// The first epoch of what comes.
    #[cfg_attr(feature = "openapi", schema(value_type = String, example = "2025-01-17T08-00-00"))]
    pub from: EpochId,
    /// When it was announced, as the operator says.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime, example = "2025-01-15T08:00:00Z"))]
    pub announced_at: Timestamp,
    /// What counts until then.
    pub before: RotationSet,
    /// What counts from then on.
    pub after: RotationSet,
    /// Of the key that counts until then over all of this, 64 bytes as hex.
    #[serde(with = "crate::wire::hex_signature")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, example = "0x820748034444cb8404c1aff099107bcbf33931e1dab2fad0c7ef0aef50dc0768887f87e41c05377c93fdef28b4ead83fd9451c96906de1b956611880091584bb"))]
    pub signature: Signature,
}

/// Why an announcement counts for nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnnouncementError {
    /// It is not signed by the key that it says counts until then.
    #[error("it is not signed by the key {0}")]
    Signature(RotationPublicKey),
    /// Epochs of no length, or that do not begin where it says.
    #[error("{0} is no start of an epoch")]
    From(EpochId),
    /// Too late for the epoch it names.
    #[error(
        "it was published at {published_at} for {from}, and {NOTICE_EPOCHS} epochs must lie between"
    )]
    Notice {
        /// The first epoch of what comes.
        from: EpochId,
        /// When it was published at the earliest.
        published_at: Timestamp,
    },
}

impl Announcement {
    /// Announces `after` from `from` on, signed by `key`, the one that counts until then.
    pub fn sign(
        key: &RotationKey,
        netuid: u16,
        from: EpochId,
        announced_at: Timestamp,
        before: &Parameters,
        after: RotationSet,
    ) -> Self {
        let mut announcement = Self {
            netuid,
            from,
            // Answers have whole seconds.
            announced_at: Timestamp::from_seconds(announced_at.seconds()),
            before: RotationSet::new(key.public(), before),
            after,
            signature: Signature::from_bytes([0; 64]),
        };
        announcement.signature = key.sign_text(LABEL, &announcement.text());
        announcement
    }

    /// The bytes that are signed: `resi-rotation-change-v1`, netuid, first epoch, seconds since 1970 of the announcement,
    /// then key, epoch length, hash and size of the pool and zipcodes of an epoch, before and after, joined by colons.
    pub fn text(&self) -> String {
        let Self { netuid, from, announced_at, before, after, .. } = self;
        let announced_at = announced_at.seconds();
        format!("{LABEL}:{netuid}:{from}:{announced_at}:{}:{}", before.text(), after.text())
    }

    /// Those of a list that are signed, and early enough by the date that they bear, and how many were not looked at: each
    /// is looked at once, and of more than [`MAX_ANNOUNCEMENTS`] different ones the first.
    pub fn in_time(list: &[Self]) -> (Vec<Self>, usize) {
        let mut different: Vec<Self> = Vec::new();
        let mut left_out = 0;
        for announcement in list {
            match different.contains(announcement) {
                true => {}
                false if different.len() == MAX_ANNOUNCEMENTS => left_out += 1,
                false => different.push(*announcement),
            }
        }
        different.retain(|change| change.verify(change.announced_at).is_ok());
        (different, left_out)
    }

    /// Whether it is signed by the key it names, and was published early enough, at `published_at` at the earliest: a
    /// verifier that looked and did not find it knows better than the operator's word.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn verify(&self, published_at: Timestamp) -> Result<(), AnnouncementError> {
        let key = self.before.public_key;
        key.verify_text(LABEL, &self.text(), &self.signature)
            .map_err(|_| AnnouncementError::Signature(key))?;
        let starts_epoch = |set: &RotationSet| {
            EpochSchedule::new(set.epoch_seconds)
                .is_ok_and(|schedule| schedule.index_of(self.from).is_some())
        };
        if !(starts_epoch(&self.before) && starts_epoch(&self.after)) {
            return Err(AnnouncementError::From(self.from));
        }
        let published_at = published_at.max(self.announced_at);
        let notice = Duration::from_secs(u64::from(self.before.epoch_seconds))
            .saturating_mul(NOTICE_EPOCHS)
            .saturating_sub(NOTICE_TOLERANCE);
        if published_at.plus(notice) > self.from.starts_at() {
            return Err(AnnouncementError::Notice { from: self.from, published_at });
        }
        Ok(())
    }
}

/// Answer of `GET /api/v1/rotation/keys`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RotationKeys {
    /// Always `resi-rotation-v1`.
    #[cfg_attr(feature = "openapi", schema(example = "resi-rotation-v1"))]
    pub algorithm: String,
    /// The subnet.
    #[cfg_attr(feature = "openapi", schema(example = 46))]
    pub netuid: u16,
    /// What counts now.
    pub current: RotationSet,
    /// All changes that were ever announced, oldest first.
    pub announcements: Vec<Announcement>,
}

impl RotationKeys {
    /// What counts on a subnet, and all that was announced.
    pub fn new(netuid: u16, current: RotationSet, announcements: Vec<Announcement>) -> Self {
        Self { algorithm: ALGORITHM.to_owned(), netuid, current, announcements }
    }
}

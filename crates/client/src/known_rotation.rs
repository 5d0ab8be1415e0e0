use std::fmt;

use resi_protocol::rotation::{Known, Part, Pinned, RotationPublicKey, Verified, Voucher};
use resi_protocol::{Sha256Hash, Timestamp};
use serde::{Deserialize, Serialize};

/// Key and parameters of a service's rotation, as they were at the first contact with it; from
/// [`Client::known_rotation`](crate::Client::known_rotation).
///
/// ```
/// fn show(known: &resi_client::KnownRotation) -> String {
///     format!("{} on subnet {}, since {}", known.public_key, known.netuid, known.first_seen)
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct KnownRotation {
    /// The rotation key.
    pub public_key: RotationPublicKey,
    /// The subnet.
    pub netuid: u16,
    /// The length of an epoch in seconds.
    pub epoch_seconds: u32,
    /// The hash of the pool.
    pub pool_sha256: Sha256Hash,
    /// How many zipcodes are dealt in an epoch.
    pub zipcodes_per_epoch: u32,
    /// When it was first seen.
    pub first_seen: Timestamp,
}

impl KnownRotation {
    pub(crate) fn of(verified: &Verified, first_seen: Timestamp) -> Self {
        let parameters = &verified.parameters;
        Self {
            public_key: verified.public_key,
            netuid: parameters.netuid,
            epoch_seconds: parameters.schedule.seconds(),
            pool_sha256: parameters.pool_sha256,
            zipcodes_per_epoch: parameters.zipcodes_per_epoch,
            first_seen,
        }
    }

    /// What is pinned, and where nothing is, what was remembered. What was remembered of another key than the pinned one
    /// is of another service.
    pub(crate) fn complete(remembered: Option<&Self>, pinned: &Pinned) -> Pinned {
        let is_of_key =
            |known: &&Self| pinned.public_key.is_none_or(|key| key.value() == known.public_key);
        let Some(known) = remembered.filter(is_of_key) else { return pinned.clone() };
        let since = known.first_seen;
        let remembered = Pinned {
            public_key: Some(Known::remembered(known.public_key, since)),
            netuid: Some(Known::remembered(known.netuid, since)),
            epoch_seconds: Some(Known::remembered(known.epoch_seconds, since)),
            pool_sha256: Some(Known::remembered(known.pool_sha256, since)),
            zipcodes_per_epoch: Some(Known::remembered(known.zipcodes_per_epoch, since)),
            honeypots_sha256: None,
        };
        Pinned {
            public_key: pinned.public_key.or(remembered.public_key),
            netuid: pinned.netuid.or(remembered.netuid),
            epoch_seconds: pinned.epoch_seconds.or(remembered.epoch_seconds),
            pool_sha256: pinned.pool_sha256.or(remembered.pool_sha256),
            zipcodes_per_epoch: pinned.zipcodes_per_epoch.or(remembered.zipcodes_per_epoch),
            ..remembered
        }
    }
}

/// What vouches for the rotation key of verified blocks, in short. `VerifiedBlocks::proof` says what vouches for each
/// part, and since when.
///
/// ```
/// use resi_client::Trust;
///
/// assert_eq!(Trust::FirstContact.to_string(), "first contact");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Trust {
    /// The rotation key is the one that the program named.
    Pinned,
    /// The rotation key is the one of an earlier contact, kept in the data folder or by this client.
    Remembered,
    /// The rotation key was announced by the one that was known before, early enough.
    Announced,
    /// The rotation key was not known before: only the answer itself vouches for it.
    FirstContact,
}

impl Trust {
    pub(crate) fn of(proof: &Verified) -> Self {
        match proof.voucher(Part::PublicKey) {
            Some(Voucher::Pinned) => Self::Pinned,
            Some(Voucher::RememberedSince(_)) => Self::Remembered,
            Some(Voucher::Announced(_)) => Self::Announced,
            _ => Self::FirstContact,
        }
    }
}

impl fmt::Display for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pinned => "pinned",
            Self::Remembered => "remembered",
            Self::Announced => "announced by a key known before",
            Self::FirstContact => "first contact",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> KnownRotation {
        KnownRotation {
            public_key: RotationPublicKey::from_bytes([1; 32]),
            netuid: 46,
            epoch_seconds: 14_400,
            pool_sha256: Sha256Hash::from_bytes([2; 32]),
            zipcodes_per_epoch: 1_000,
            first_seen: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn what_is_pinned_goes_before_what_was_remembered() {
        let pinned = Pinned { netuid: Some(428.into()), ..Pinned::default() };
        let complete = KnownRotation::complete(Some(&known()), &pinned);
        let since = Timestamp::UNIX_EPOCH;
        assert_eq!(complete.netuid, Some(Known::pinned(428)));
        assert_eq!(complete.epoch_seconds, Some(Known::remembered(14_400, since)));
        assert_eq!(complete.public_key, Some(Known::remembered(known().public_key, since)));
    }

    #[test]
    fn what_was_remembered_of_another_key_counts_for_nothing() {
        let other = RotationPublicKey::from_bytes([9; 32]);
        let pinned = Pinned { public_key: Some(other.into()), ..Pinned::default() };
        assert_eq!(KnownRotation::complete(Some(&known()), &pinned), pinned);
    }
}

use std::fmt;

use resi_protocol::rotation::{Pinned, RotationPublicKey, Verified};
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
        let remembered =
            remembered.filter(|known| pinned.public_key.is_none_or(|key| key == known.public_key));
        let Some(known) = remembered else { return pinned.clone() };
        Pinned {
            public_key: pinned.public_key.or(Some(known.public_key)),
            netuid: pinned.netuid.or(Some(known.netuid)),
            epoch_seconds: pinned.epoch_seconds.or(Some(known.epoch_seconds)),
            pool_sha256: pinned.pool_sha256.or(Some(known.pool_sha256)),
            zipcodes_per_epoch: pinned.zipcodes_per_epoch.or(Some(known.zipcodes_per_epoch)),
            ..Pinned::default()
        }
    }
}

/// On what the proof of blocks rests.
///
/// ```
/// use resi_client::Trust;
///
/// assert_eq!(Trust::FirstContact.to_string(), "key not pinned: first contact");
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

impl fmt::Display for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pinned => "key pinned",
            Self::Remembered => "key remembered from the first contact",
            Self::Announced => "key announced by the one known before",
            Self::FirstContact => "key not pinned: first contact",
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
        let pinned = Pinned { netuid: Some(428), ..Pinned::default() };
        let complete = KnownRotation::complete(Some(&known()), &pinned);
        assert_eq!((complete.netuid, complete.epoch_seconds), (Some(428), Some(14_400)));
        assert_eq!(complete.public_key, Some(known().public_key));
    }

    #[test]
    fn what_was_remembered_of_another_key_counts_for_nothing() {
        let other = RotationPublicKey::from_bytes([9; 32]);
        let pinned = Pinned { public_key: Some(other), ..Pinned::default() };
        let complete = KnownRotation::complete(Some(&known()), &pinned);
        assert_eq!((complete.public_key, complete.pool_sha256), (Some(other), None));
    }
}

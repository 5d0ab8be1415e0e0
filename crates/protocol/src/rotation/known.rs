use std::str::FromStr;

use super::{ALGORITHM, Announcement, RotationPublicKey, VerifyError, Voucher};
use crate::wire::Rotation;
use crate::{Foreign, Sha256Hash, Timestamp};

/// How a verifier came to know a value before it saw the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Its user gave it.
    Pinned,
    /// It saw the value for the first time then, and no other since.
    RememberedSince(Timestamp),
}

/// A value that a verifier knew before it saw the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known<T> {
    value: T,
    origin: Origin,
    is_announced: bool,
}

impl<T> Known<T> {
    /// A value that the verifier's user gave.
    pub const fn pinned(value: T) -> Self {
        Self { value, origin: Origin::Pinned, is_announced: false }
    }

    /// A value that the verifier saw for the first time at `since`, and no other since.
    pub const fn remembered(value: T, since: Timestamp) -> Self {
        Self { value, origin: Origin::RememberedSince(since), is_announced: false }
    }

    /// What vouches for it.
    pub const fn voucher(&self) -> Voucher {
        match (self.is_announced, self.origin) {
            (true, origin) => Voucher::Announced(origin),
            (false, Origin::Pinned) => Voucher::Pinned,
            (false, Origin::RememberedSince(since)) => Voucher::RememberedSince(since),
        }
    }
}

impl<T: Copy> Known<T> {
    /// The value.
    pub const fn value(&self) -> T {
        self.value
    }
}

impl<T: FromStr> FromStr for Known<T> {
    type Err = T::Err;

    /// As one that the verifier's user gave.
    fn from_str(text: &str) -> Result<Self, T::Err> {
        text.parse().map(Self::pinned)
    }
}

impl<T> From<T> for Known<T> {
    /// As one that the verifier's user gave.
    fn from(value: T) -> Self {
        Self::pinned(value)
    }
}

/// What a verifier knew before it saw the answer. What it did not know is taken from the answer and proves less:
/// [`Verified`](super::Verified) says so.
///
/// ```
/// use resi_protocol::rotation::{Known, Pinned};
///
/// let seen_first = "2025-01-15T08:00:00Z".parse()?;
/// let known = Pinned {
///     netuid: Some(46.into()),
///     zipcodes_per_epoch: Some(Known::remembered(1_000, seen_first)),
///     ..Pinned::default()
/// };
/// assert_eq!(known.netuid.expect("given").voucher().to_string(), "pinned");
/// let dealt = known.zipcodes_per_epoch.expect("remembered");
/// assert_eq!(dealt.voucher().to_string(), "remembered since 2025-01-15T08:00:00Z");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pinned {
    /// The rotation key.
    pub public_key: Option<Known<RotationPublicKey>>,
    /// The subnet.
    pub netuid: Option<Known<u16>>,
    /// The length of an epoch in seconds.
    pub epoch_seconds: Option<Known<u32>>,
    /// The hash of the pool.
    pub pool_sha256: Option<Known<Sha256Hash>>,
    /// How many zipcodes are dealt in an epoch.
    pub zipcodes_per_epoch: Option<Known<u32>>,
    /// The hash of the decoys of the very epoch that is asked for, as its blocks had it.
    pub honeypots_sha256: Option<Known<Sha256Hash>>,
}

impl Pinned {
    /// Whether key and parameters of an answer are those that were known before: the part of the checks that needs
    /// neither pool nor proof.
    ///
    /// # Errors
    /// The first value that differs.
    pub fn check(&self, rotation: &Rotation) -> Result<(), VerifyError> {
        if rotation.algorithm != ALGORITHM {
            let algorithm = Foreign::new(&rotation.algorithm).at_most(64).to_string();
            return Err(VerifyError::Algorithm(algorithm));
        }
        agrees("the rotation key", rotation.public_key, self.public_key)?;
        agrees("netuid", rotation.netuid, self.netuid)?;
        agrees("epoch_seconds", rotation.epoch_seconds, self.epoch_seconds)?;
        agrees("pool_sha256", rotation.pool_sha256, self.pool_sha256)?;
        agrees("zipcodes_per_epoch", rotation.zipcodes_per_epoch, self.zipcodes_per_epoch)?;
        match (self.honeypots_sha256, rotation.honeypots_sha256) {
            (Some(expected), None) => Err(VerifyError::Honeypots(format!(
                "{} was committed to, and nothing is in the answer",
                expected.value()
            ))),
            (expected, Some(answered)) => agrees("honeypots_sha256", answered, expected),
            (None, None) => Ok(()),
        }
    }

    /// What counts at `moment` for a verifier that knew this: each announcement that is signed by the key known then,
    /// and has begun by `moment`, replaces key and parameters. Give those that were verified, oldest first.
    #[must_use]
    pub fn following<'a>(
        &self,
        announcements: impl IntoIterator<Item = &'a Announcement>,
        moment: Timestamp,
    ) -> Self {
        let mut known = self.clone();
        for announcement in announcements {
            let of_subnet = known.netuid.is_none_or(|known| known.value() == announcement.netuid);
            let signer =
                known.public_key.filter(|key| key.value() == announcement.before.public_key);
            let (Some(signer), true) = (signer, of_subnet) else { continue };
            if announcement.from.starts_at() > moment {
                continue;
            }
            let (after, by) = (announcement.after, signer.origin);
            known = Self {
                public_key: Some(replaced(known.public_key, after.public_key, by)),
                netuid: Some(replaced(known.netuid, announcement.netuid, by)),
                epoch_seconds: Some(replaced(known.epoch_seconds, after.epoch_seconds, by)),
                pool_sha256: Some(replaced(known.pool_sha256, after.pool_sha256, by)),
                zipcodes_per_epoch: Some(replaced(
                    known.zipcodes_per_epoch,
                    after.zipcodes_per_epoch,
                    by,
                )),
                honeypots_sha256: known.honeypots_sha256,
            };
        }
        known
    }
}

/// What is known of a value after it was announced: what was known before vouches for it where it stays as it was.
fn replaced<T: Copy + PartialEq>(known: Option<Known<T>>, value: T, origin: Origin) -> Known<T> {
    let same = known.filter(|known| known.value == value);
    same.unwrap_or(Known { value, origin, is_announced: true })
}

fn agrees<T: Copy + PartialEq + ToString>(
    what: &'static str,
    answered: T,
    known: Option<Known<T>>,
) -> Result<(), VerifyError> {
    known.map_or(Ok(()), |known| super::verify::same(what, answered, known.value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rotation::{Parameters, RotationKey, RotationSet};
    use crate::{EpochIndex, EpochSchedule};

    #[test]
    fn what_is_announced_rests_on_the_key_that_announced_it() {
        let schedule = EpochSchedule::new(14_400).expect("not zero");
        let before = Parameters {
            netuid: 46,
            schedule,
            pool_size: 7_572,
            pool_sha256: Sha256Hash::from_bytes([1; 32]),
            zipcodes_per_epoch: 1_000,
        };
        let [key, next] = [1, 2].map(|byte| RotationKey::from_mini_secret(&[byte; 32]));
        let after = Parameters { zipcodes_per_epoch: 500, ..before.clone() };
        let (from, at) = (schedule.id(EpochIndex(110)), schedule.starts_at(EpochIndex(100)));
        let after = RotationSet::new(next.public(), &after);
        let announcement = Announcement::sign(&key, 46, from, at, &before, after);

        let known = Pinned {
            public_key: Some(Known::remembered(key.public(), at)),
            netuid: Some(46.into()),
            ..Pinned::default()
        };
        assert_eq!(known.following([&announcement], at), known, "it has not begun");
        let known = known.following([&announcement], from.starts_at());
        let key = known.public_key.expect("announced");
        assert_eq!(key.value(), next.public());
        assert_eq!(key.voucher(), Voucher::Announced(Origin::RememberedSince(at)));
        assert_eq!(known.netuid, Some(Known::pinned(46)), "it stays as it was");
        assert_eq!(known.zipcodes_per_epoch.map(|known| known.value()), Some(500));
    }
}

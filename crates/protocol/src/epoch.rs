use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Timestamp;

/// The last second whose epoch id has four digits of year: 9999-12-30T22:00:00Z.
const LAST_SECOND: i64 = 253_402_207_200;

/// The number of an epoch: `floor(unix seconds / epoch length)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EpochIndex(pub u64);

impl EpochIndex {
    /// The epoch after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for EpochIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The name of an epoch: its start in UTC as `YYYY-MM-DDTHH-MM-SS`.
///
/// A well-formed id need not be the boundary of an epoch: [`EpochSchedule::index_of`] tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EpochId(i64);

/// A text that is no epoch id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an epoch id is the UTC start of an epoch, such as 2025-10-01T16-00-00")]
pub struct EpochIdError;

impl EpochId {
    /// The name of an epoch that starts in the second of `moment`, within the years 1970 to 9999.
    pub fn starting_at(moment: Timestamp) -> Self {
        Self(moment.seconds().clamp(0, LAST_SECOND))
    }

    /// The moment it names.
    pub const fn starts_at(self) -> Timestamp {
        Timestamp::from_seconds(self.0)
    }
}

impl FromStr for EpochId {
    type Err = EpochIdError;

    fn from_str(id: &str) -> Result<Self, Self::Err> {
        let shape = |(at, byte): (usize, u8)| match at {
            4 | 7 | 13 | 16 => byte == b'-',
            10 => byte == b'T',
            _ => byte.is_ascii_digit(),
        };
        if id.len() != 19 || !id.bytes().enumerate().all(shape) {
            return Err(EpochIdError);
        }
        let rfc3339 = format!("{}:{}:{}Z", &id[..13], &id[14..16], &id[17..]);
        let parsed = Self(rfc3339.parse::<Timestamp>().map_err(|_| EpochIdError)?.seconds());
        // A leap second reads as the second before it; it starts no epoch.
        if parsed.to_string() == id { Ok(parsed) } else { Err(EpochIdError) }
    }
}

impl fmt::Display for EpochId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.starts_at().civil().strftime("%Y-%m-%dT%H-%M-%S").fmt(f)
    }
}

impl Serialize for EpochId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for EpochId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// How time is cut into epochs: epoch `e` covers `[e * L, (e + 1) * L)` seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EpochSchedule(NonZeroU32);

/// An epoch length of zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an epoch has at least one second")]
pub struct EpochSecondsError;

impl EpochSchedule {
    /// Epochs of `seconds` each.
    ///
    /// # Errors
    /// When `seconds` is zero.
    pub fn new(seconds: u32) -> Result<Self, EpochSecondsError> {
        NonZeroU32::new(seconds).map(Self).ok_or(EpochSecondsError)
    }

    /// The length of an epoch in seconds.
    pub const fn seconds(self) -> u32 {
        self.0.get()
    }

    /// The length of an epoch.
    pub const fn length(self) -> Duration {
        Duration::from_secs(self.0.get() as u64)
    }

    /// The epoch that covers `moment`; `None` before 1970.
    pub fn index_at(self, moment: Timestamp) -> Option<EpochIndex> {
        u64::try_from(moment.seconds())
            .ok()
            .map(|seconds| EpochIndex(seconds / u64::from(self.0.get())))
    }

    /// Its first moment; epochs past the year 9999 all start at its end.
    pub fn starts_at(self, epoch: EpochIndex) -> Timestamp {
        let seconds = epoch.0.saturating_mul(u64::from(self.0.get()));
        Timestamp::from_seconds(i64::try_from(seconds).map_or(LAST_SECOND, |s| s.min(LAST_SECOND)))
    }

    /// Its first moment past the end: the start of the next.
    pub fn ends_at(self, epoch: EpochIndex) -> Timestamp {
        self.starts_at(epoch.next())
    }

    /// Its name.
    pub fn id(self, epoch: EpochIndex) -> EpochId {
        EpochId::starting_at(self.starts_at(epoch))
    }

    /// The epoch of that name; `None` when no epoch starts there.
    pub fn index_of(self, id: EpochId) -> Option<EpochIndex> {
        let epoch = self.index_at(id.starts_at())?;
        (self.id(epoch) == id).then_some(epoch)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn four_hours() -> EpochSchedule {
        EpochSchedule::new(14_400).expect("not zero")
    }

    #[test]
    fn an_epoch_begins_on_its_boundary_and_not_before() {
        let start = Timestamp::from_seconds(120_620 * 14_400);
        let before = Timestamp::from_micros(start.micros() - 1);
        assert_eq!(four_hours().index_at(start), Some(EpochIndex(120_620)));
        assert_eq!(four_hours().index_at(before), Some(EpochIndex(120_619)));
        assert_eq!(four_hours().index_at(Timestamp::from_seconds(-1)), None);
    }

    #[test]
    fn an_id_that_is_no_boundary_does_not_exist() {
        let id: EpochId = "2025-01-15T08-00-01".parse().expect("well formed");
        assert_eq!(four_hours().index_of(id), None);
        let ill_formed = [
            "2025-01-15T08:00:00",
            "2025-13-15T08-00-00",
            "2025-1-15T08-00-00",
            "",
            "2025-02-30T00-00-00",
        ];
        for id in ill_formed {
            assert!(id.parse::<EpochId>().is_err(), "{id:?}");
        }
    }

    proptest! {
        #[test]
        fn ids_name_epochs_one_to_one(seconds in 1_u32..=1_000_000, at in 0_i64..LAST_SECOND) {
            let schedule = EpochSchedule::new(seconds).expect("not zero");
            let epoch = schedule.index_at(Timestamp::from_seconds(at)).expect("after 1970");
            let id = schedule.id(epoch);
            prop_assert_eq!(id.to_string().parse(), Ok(id));
            prop_assert_eq!(schedule.index_of(id), Some(epoch));
            prop_assert!(schedule.starts_at(epoch).seconds() <= at);
        }

        #[test]
        fn no_text_panics(id in ".{0,30}") {
            let _ = id.parse::<EpochId>();
        }

        #[test]
        fn no_epoch_panics(seconds in 1_u32.., index: u64) {
            let schedule = EpochSchedule::new(seconds).expect("not zero");
            let _ = schedule.id(EpochIndex(index)).to_string();
            let _ = schedule.ends_at(EpochIndex(index));
        }
    }
}

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A moment in UTC, in whole microseconds since 1970-01-01.
///
/// On the wire it is RFC 3339 with a `Z` and whole seconds; the fraction is cut off there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// A text that is no RFC 3339 time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an RFC 3339 time: {0:?}")]
pub struct TimestampError(String);

impl Timestamp {
    /// 1970-01-01T00:00:00Z.
    pub const UNIX_EPOCH: Self = Self(0);

    /// From microseconds since 1970.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// From seconds since 1970; beyond the range of microseconds it stays at the end of the range.
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000_000))
    }

    /// Microseconds since 1970.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Whole seconds since 1970, rounded down.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// The time from `earlier` to this moment; zero when `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// This moment and `duration` later; stays at the end of the range.
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)))
    }

    /// This moment and `duration` earlier; stays at the start of the range.
    pub fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)))
    }

    /// Reads what programs in Python write: RFC 3339, or the same without an offset, which is read as UTC.
    ///
    /// # Errors
    /// When it is neither.
    pub fn parse_lenient(text: &str) -> Result<Self, TimestampError> {
        text.parse().or_else(|error| {
            let civil: jiff::civil::DateTime = text.parse().map_err(|_| error)?;
            let parsed = jiff::tz::Offset::UTC.to_timestamp(civil);
            parsed
                .map(|parsed| Self(parsed.as_microsecond()))
                .map_err(|_| TimestampError(text.to_owned()))
        })
    }

    pub(crate) fn civil(self) -> jiff::Timestamp {
        let second = self
            .seconds()
            .clamp(jiff::Timestamp::MIN.as_second(), jiff::Timestamp::MAX.as_second());
        jiff::Timestamp::from_second(second).unwrap_or(jiff::Timestamp::UNIX_EPOCH)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.civil().fmt(f)
    }
}

impl FromStr for Timestamp {
    type Err = TimestampError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parsed: jiff::Timestamp = text.parse().map_err(|_| TimestampError(text.to_owned()))?;
        Ok(Self(parsed.as_microsecond()))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_written_in_whole_seconds_and_read_back() {
        let moment = Timestamp::from_micros(1_736_935_200_999_999);
        assert_eq!(moment.to_string(), "2025-01-15T10:00:00Z");
        assert_eq!("2025-01-15T10:00:00Z".parse(), Ok(Timestamp::from_seconds(1_736_935_200)));
        assert_eq!("2025-01-15T12:00:00+02:00".parse(), Ok(Timestamp::from_seconds(1_736_935_200)));
        assert!("yesterday".parse::<Timestamp>().is_err());
    }

    #[test]
    fn a_time_without_an_offset_is_read_as_utc_where_that_is_asked_for() {
        let expected = Ok(Timestamp::from_micros(1_736_935_200_250_000));
        for text in [
            "2025-01-15T10:00:00.25Z",
            "2025-01-15T10:00:00.250000+00:00",
            "2025-01-15T10:00:00.25",
            "2025-01-15 10:00:00.250000",
        ] {
            assert_eq!(Timestamp::parse_lenient(text), expected, "{text}");
        }
        for text in ["", "10:00:00", "2025-01-15T25:00:00", "2025-13-15T10:00:00", "1736935200"] {
            assert!(Timestamp::parse_lenient(text).is_err(), "{text}");
        }
    }

    #[test]
    fn never_leaves_its_range() {
        assert!(Timestamp::from_seconds(i64::MAX).to_string().ends_with('Z'));
        assert!(Timestamp::from_seconds(i64::MIN).to_string().ends_with('Z'));
        assert_eq!(Timestamp::from_micros(-1).seconds(), -1);
        assert_eq!(Timestamp::from_seconds(5).since(Timestamp::from_seconds(9)), Duration::ZERO);
    }
}

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A part of a whole, from 0 to 1 in whole millionths, so that every processor computes the same.
///
/// ```
/// use resi_validation::consensus::Share;
///
/// assert_eq!(Share::of(2, 3).to_string(), "0.666667");
/// assert!(Share::percent(60) < Share::of(2, 3));
/// assert_eq!(Share::of(1, 0), Share::ZERO);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Share(u32);

const WHOLE: u32 = 1_000_000;

impl Share {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// All.
    pub const ONE: Self = Self(WHOLE);

    /// Whole millionths; more than a million is all.
    pub const fn millionths(millionths: u32) -> Self {
        Self(if millionths > WHOLE { WHOLE } else { millionths })
    }

    /// Whole hundredths.
    pub const fn percent(hundredths: u32) -> Self {
        Self::millionths(hundredths.saturating_mul(10_000))
    }

    /// Whole thousandths.
    pub const fn per_mille(thousandths: u32) -> Self {
        Self::millionths(thousandths.saturating_mul(1_000))
    }

    /// The nearest to `value`; what is no number is nothing.
    pub fn nearest(value: f64) -> Self {
        // A cast of a float saturates, and makes zero of NaN.
        Self::millionths((value * f64::from(WHOLE)).round() as u32)
    }

    /// The part that `part` is of `whole`, rounded to the nearest; nothing of nothing is nothing.
    pub fn of(part: u64, whole: u64) -> Self {
        if whole == 0 {
            return Self::ZERO;
        }
        let scaled = u128::from(part) * u128::from(WHOLE) + u128::from(whole / 2);
        Self::millionths(u32::try_from(scaled / u128::from(whole)).unwrap_or(WHOLE))
    }

    /// As millionths.
    pub const fn as_millionths(self) -> u32 {
        self.0
    }

    /// As a float.
    pub fn as_f64(self) -> f64 {
        f64::from(self.0) / f64::from(WHOLE)
    }

    /// This part of that part.
    pub fn times(self, other: Self) -> Self {
        Self::of(u64::from(self.0) * u64::from(other.0), u64::from(WHOLE) * u64::from(WHOLE))
    }

    /// Moved towards `target` by the part `step` of the way.
    pub fn towards(self, target: Self, step: Self) -> Self {
        let whole = i64::from(WHOLE);
        let way = (i64::from(target.0) - i64::from(self.0)) * i64::from(step.0);
        let moved = i64::from(self.0) + (way + way.signum() * whole / 2) / whole;
        Self::millionths(u32::try_from(moved).unwrap_or(0))
    }

    /// Whether `part` of `whole` is at least this share. Exact, unlike a comparison of rounded shares.
    pub fn is_reached_by(self, part: u64, whole: u64) -> bool {
        whole > 0 && u128::from(part) * u128::from(WHOLE) >= u128::from(whole) * u128::from(self.0)
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06}", self.0 / WHOLE, self.0 % WHOLE)
    }
}

impl Serialize for Share {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.as_f64())
    }
}

impl<'de> Deserialize<'de> for Share {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = f64::deserialize(deserializer)?;
        if (0.0..=1.0).contains(&value) {
            Ok(Self::nearest(value))
        } else {
            Err(serde::de::Error::custom(format!("{value} is not from 0 to 1")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_exact_at_its_thresholds() {
        assert!(Share::percent(75).is_reached_by(15, 20));
        assert!(!Share::percent(75).is_reached_by(149, 200));
        assert!(!Share::ZERO.is_reached_by(0, 0));
    }

    #[test]
    fn moves_towards_a_target_and_never_past_an_end() {
        let half = Share::percent(50);
        assert_eq!(half.towards(Share::ONE, Share::percent(15)), Share::per_mille(575));
        assert_eq!(half.towards(Share::ZERO, Share::percent(15)), Share::per_mille(425));
        assert_eq!(half.towards(Share::ZERO, Share::ONE), Share::ZERO);
        assert_eq!(Share::nearest(f64::NAN), Share::ZERO);
        assert_eq!(Share::nearest(1e308), Share::ONE);
    }
}

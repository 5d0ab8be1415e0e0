use std::fmt;

use crate::Timestamp;

/// The moment a request was signed, in nanoseconds since 1970; no sender uses one twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Nonce(u64);

impl Nonce {
    /// From nanoseconds since 1970.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// The nonce of a moment; before 1970 it is 0, after 2554 the largest there is.
    pub fn at(moment: Timestamp) -> Self {
        Self(u64::try_from(moment.micros()).unwrap_or(0).saturating_mul(1_000))
    }

    /// Nanoseconds since 1970.
    pub const fn nanos(self) -> u64 {
        self.0
    }

    /// The nonce of `now` for a sender whose last one was this: later than it even when the clock has not moved on.
    pub fn next(self, now: Timestamp) -> Self {
        Self::at(now).max(Self(self.0.saturating_add(1)))
    }

    /// Reads it as it is written, and only so: one nonce has one text.
    pub(super) fn read(text: &str) -> Option<Self> {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let canonical = digits && (text.len() == 1 || !text.starts_with('0'));
        canonical.then(|| text.parse().ok()).flatten().map(Self)
    }
}

impl fmt::Display for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_nonce_survives_its_text(nanos: u64) {
            let nonce = Nonce::from_nanos(nanos);
            prop_assert_eq!(Nonce::read(&nonce.to_string()), Some(nonce));
        }

        #[test]
        fn a_text_that_is_read_is_the_only_one(text in "[+0-9 _]{0,22}") {
            if let Some(nonce) = Nonce::read(&text) {
                prop_assert_eq!(nonce.to_string(), text);
            }
        }

        #[test]
        fn the_next_one_is_later(nanos in 0..u64::MAX, micros: i64) {
            let last = Nonce::from_nanos(nanos);
            prop_assert!(last.next(Timestamp::from_micros(micros)) > last);
        }
    }

    #[test]
    fn the_clock_gives_the_nonce_unless_it_stands_still() {
        let now = Timestamp::from_micros(1_758_000_000_000_000);
        let first = Nonce::from_nanos(0).next(now);
        assert_eq!(first.nanos(), 1_758_000_000_000_000_000);
        assert_eq!(first.next(now).nanos(), 1_758_000_000_000_000_001);
        assert_eq!(Nonce::at(Timestamp::from_micros(-1)).nanos(), 0);
        assert_eq!(Nonce::read("18446744073709551616"), None);
    }
}

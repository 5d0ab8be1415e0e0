use std::collections::BTreeSet;

use super::{LARGEST_AGE, Nonce};
use crate::{Hotkey, Timestamp};

/// Remembers the nonces of signed requests for as long as they could be sent again, and never more than so many.
///
/// Only what [`Credentials::verify`](super::Credentials::verify) has proven belongs in here: the place is bounded, and
/// strangers must not fill it.
#[derive(Clone, Debug)]
pub struct SeenNonces {
    capacity: usize,
    seen: BTreeSet<(Nonce, Hotkey)>,
}

/// Why a nonce is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NonceRefused {
    /// It was used before, or is so old that it may have been.
    #[error("the nonce was used before")]
    Used,
    /// So many are remembered that this one could not be, and might be used again.
    #[error("too many signed requests at once")]
    Full,
}

impl SeenNonces {
    /// Remembers at most `capacity` nonces at once, about 64 bytes each. What comes in [`LARGEST_AGE`] and
    /// [`LARGEST_LEAD`](super::LARGEST_LEAD) together is what has to fit.
    pub fn new(capacity: usize) -> Self {
        Self { capacity, seen: BTreeSet::new() }
    }

    /// Takes the nonce of `hotkey`, if it is its first time, and forgets those that are too old at `now` to verify.
    ///
    /// # Errors
    /// [`NonceRefused`]; the request must then be refused.
    pub fn take(
        &mut self,
        hotkey: Hotkey,
        nonce: Nonce,
        now: Timestamp,
    ) -> Result<(), NonceRefused> {
        let oldest = Nonce::at(now.minus(LARGEST_AGE));
        while self.seen.first().is_some_and(|(nonce, _)| *nonce < oldest) {
            self.seen.pop_first();
        }
        if nonce < oldest || self.seen.contains(&(nonce, hotkey)) {
            return Err(NonceRefused::Used);
        }
        if self.seen.len() >= self.capacity {
            return Err(NonceRefused::Full);
        }
        self.seen.insert((nonce, hotkey));
        Ok(())
    }

    /// How many are remembered.
    pub fn len(&self) -> usize {
        self.seen.len()
    }

    /// Whether none is remembered.
    pub fn is_empty(&self) -> bool {
        self.seen.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;
    use crate::Keypair;

    const NOW: Timestamp = Timestamp::from_seconds(1_758_000_000);

    fn hotkey(name: &str) -> Hotkey {
        Keypair::development(name).hotkey()
    }

    #[test]
    fn a_nonce_is_taken_once_from_each_hotkey() {
        let mut seen = SeenNonces::new(10);
        let nonce = Nonce::at(NOW);
        assert_eq!(seen.take(hotkey("Alice"), nonce, NOW), Ok(()));
        assert_eq!(seen.take(hotkey("Alice"), nonce, NOW), Err(NonceRefused::Used));
        assert_eq!(seen.take(hotkey("Bob"), nonce, NOW), Ok(()));
        assert_eq!(seen.take(hotkey("Alice"), nonce.next(NOW), NOW), Ok(()));
    }

    #[test]
    fn a_nonce_is_remembered_to_the_end_of_its_window_and_never_taken_after() {
        let mut seen = SeenNonces::new(10);
        let (nonce, last) = (Nonce::at(NOW), NOW.plus(LARGEST_AGE));
        assert_eq!(seen.take(hotkey("Alice"), nonce, NOW), Ok(()));
        assert_eq!(seen.take(hotkey("Alice"), nonce, last), Err(NonceRefused::Used));
        assert_eq!(seen.len(), 1);
        let after = Timestamp::from_micros(last.micros() + 1);
        assert_eq!(seen.take(hotkey("Alice"), nonce, after), Err(NonceRefused::Used));
        assert!(seen.is_empty());
    }

    #[test]
    fn a_full_memory_refuses_until_time_makes_room() {
        let mut seen = SeenNonces::new(2);
        for name in ["Alice", "Bob"] {
            assert_eq!(seen.take(hotkey(name), Nonce::at(NOW), NOW), Ok(()));
        }
        let refused = seen.take(hotkey("Charlie"), Nonce::at(NOW), NOW);
        assert_eq!(refused, Err(NonceRefused::Full));
        assert_eq!(
            seen.take(hotkey("Alice"), Nonce::at(NOW), NOW),
            Err(NonceRefused::Used),
            "a replay is told from a lack of room"
        );
        let later = NOW.plus(LARGEST_AGE * 2);
        assert_eq!(seen.take(hotkey("Charlie"), Nonce::at(later), later), Ok(()));
    }

    proptest! {
        #[test]
        fn no_pair_is_taken_twice(
            capacity in 0_usize..8,
            steps in prop::collection::vec((0_u8..3, 0_u64..14, 0_u64..3), 0..80),
        ) {
            let mut seen = SeenNonces::new(capacity);
            let mut taken = HashSet::new();
            let mut second = 1_758_000_000;
            for (who, back, on) in steps {
                second += on;
                let now = Timestamp::from_seconds(second.cast_signed());
                let nonce = Nonce::from_nanos((second + 2 - back) * 1_000_000_000);
                let who = Hotkey::from_bytes([who; 32]);
                if seen.take(who, nonce, now).is_ok() {
                    prop_assert!(taken.insert((who, nonce)));
                }
                prop_assert!(seen.len() <= capacity);
            }
        }
    }
}

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};

use super::{LARGEST_AGE, Nonce};
use crate::{Hotkey, Timestamp};

/// One hotkey has at most this part of the place.
const SHARES: usize = 8;

/// Remembers the nonces of signed requests for as long as they could be sent again, and never more than so many, an
/// eighth of them of one hotkey.
///
/// Only what [`Credentials::verify`](super::Credentials::verify) has proven belongs in here: the place is bounded, and
/// strangers must not fill it.
#[derive(Clone, Debug)]
pub struct SeenNonces {
    capacity: usize,
    seen: BTreeSet<(Nonce, Hotkey)>,
    of_hotkey: HashMap<Hotkey, usize>,
}

/// Why a nonce is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NonceRefused {
    /// It was used before, or is so old that it may have been.
    #[error("the nonce was used before")]
    Used,
    /// So many are remembered, of all or of this hotkey, that this one could not be, and might be used again.
    #[error("too many signed requests at once")]
    Full,
}

impl SeenNonces {
    /// Remembers at most `capacity` nonces at once, about 100 bytes each. What comes in [`LARGEST_AGE`] and
    /// [`LARGEST_LEAD`](super::LARGEST_LEAD) together is what has to fit.
    pub fn new(capacity: usize) -> Self {
        Self { capacity, seen: BTreeSet::new(), of_hotkey: HashMap::new() }
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
        self.look(hotkey, nonce, now)?;
        self.seen.insert((nonce, hotkey));
        *self.of_hotkey.entry(hotkey).or_default() += 1;
        Ok(())
    }

    /// Whether [`take`](Self::take) would take the nonce; it is not taken.
    ///
    /// # Errors
    /// As `take` has them.
    pub fn look(
        &mut self,
        hotkey: Hotkey,
        nonce: Nonce,
        now: Timestamp,
    ) -> Result<(), NonceRefused> {
        let oldest = Nonce::at(now.minus(LARGEST_AGE));
        self.forget_before(oldest);
        if nonce < oldest || self.seen.contains(&(nonce, hotkey)) {
            return Err(NonceRefused::Used);
        }
        let own = self.of_hotkey.get(&hotkey).copied().unwrap_or(0);
        if self.seen.len() >= self.capacity || own >= self.capacity.div_ceil(SHARES) {
            return Err(NonceRefused::Full);
        }
        Ok(())
    }

    fn forget_before(&mut self, oldest: Nonce) {
        while let Some((nonce, hotkey)) = self.seen.first().copied()
            && nonce < oldest
        {
            self.seen.pop_first();
            if let Entry::Occupied(mut own) = self.of_hotkey.entry(hotkey) {
                *own.get_mut() -= 1;
                if *own.get() == 0 {
                    own.remove();
                }
            }
        }
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

    #[test]
    fn one_hotkey_fills_its_share_and_leaves_the_rest_to_others() {
        let mut seen = SeenNonces::new(16);
        let mut nonce = Nonce::at(NOW);
        let mut take = |seen: &mut SeenNonces, name, now| {
            nonce = nonce.next(now);
            seen.take(hotkey(name), nonce, now)
        };
        for taken in [Ok(()), Ok(()), Err(NonceRefused::Full), Err(NonceRefused::Full)] {
            assert_eq!(take(&mut seen, "Alice", NOW), taken);
        }
        assert_eq!(take(&mut seen, "Bob", NOW), Ok(()));
        let later = NOW.plus(LARGEST_AGE * 2);
        assert_eq!(take(&mut seen, "Alice", later), Ok(()));
        assert_eq!((seen.len(), seen.of_hotkey.len()), (1, 1));
    }

    #[test]
    fn a_look_takes_no_place() {
        let mut seen = SeenNonces::new(10);
        let nonce = Nonce::at(NOW);
        for _ in 0..9 {
            assert_eq!(seen.look(hotkey("Alice"), nonce, NOW), Ok(()));
        }
        assert!(seen.is_empty());
        assert_eq!(seen.take(hotkey("Alice"), nonce, NOW), Ok(()));
        assert_eq!(seen.look(hotkey("Alice"), nonce, NOW), Err(NonceRefused::Used));
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

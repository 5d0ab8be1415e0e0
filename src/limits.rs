//! Limits that are kept in memory: exact within one replica, bounded in size.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use resi_protocol::Timestamp;
use resi_store::Quota;

/// At most so many requests of a key in any window of that length. Remembers when each of them was.
#[derive(Debug)]
pub struct SlidingLimit<K> {
    limit: u32,
    window: Duration,
    capacity: usize,
    keys: Mutex<HashMap<K, VecDeque<Timestamp>>>,
}

impl<K: Eq + Hash + Copy> SlidingLimit<K> {
    /// A `limit` of 0 lets everything pass. At most `capacity` keys are remembered; when there are more, those that
    /// were idle for longest start anew.
    pub fn new(limit: u32, window: Duration, capacity: usize) -> Self {
        Self { limit, window, capacity, keys: Mutex::new(HashMap::new()) }
    }

    /// Counts a request of `key` if it may pass.
    ///
    /// # Errors
    /// How the limit stands when it is used up. Such a request does not count.
    pub fn count(&self, key: K, now: Timestamp) -> Result<Option<Quota>, Quota> {
        if self.limit == 0 {
            return Ok(None);
        }
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        if keys.len() >= self.capacity && !keys.contains_key(&key) {
            self.make_room(&mut keys, now);
        }
        let log = keys.entry(key).or_default();
        // A clock that was set back must not lock anybody out: what lies ahead of it is forgotten.
        log.retain(|at| at.plus(self.window) > now && *at <= now);
        let resets_at = log.front().map_or(now, |first| *first).plus(self.window);
        let used = u32::try_from(log.len()).unwrap_or(u32::MAX);
        if used >= self.limit {
            return Err(Quota { limit: self.limit, remaining: 0, resets_at });
        }
        log.push_back(now);
        Ok(Some(Quota { limit: self.limit, remaining: self.limit - used - 1, resets_at }))
    }

    fn make_room(&self, keys: &mut HashMap<K, VecDeque<Timestamp>>, now: Timestamp) {
        keys.retain(|_, log| log.back().is_some_and(|last| last.plus(self.window) > now));
        if keys.len() >= self.capacity {
            let mut last: Vec<_> = keys.values().filter_map(|log| log.back().copied()).collect();
            let middle = last.len() / 2;
            let (_, median, _) = last.select_nth_unstable(middle);
            let median = *median;
            keys.retain(|_, log| log.back().is_some_and(|last| *last > median));
        }
    }
}

/// How far apart requests that come at once may have read the clock.
const OUT_OF_ORDER: Duration = Duration::from_secs(1);

/// So many requests a minute from an address, some of them at once (a token bucket, as one number a key).
#[derive(Debug)]
pub struct AddressLimit {
    interval: Duration,
    burst: u32,
    capacity: usize,
    /// When the bucket of a key will be full again.
    keys: Mutex<HashMap<AddressKey, Timestamp>>,
}

impl AddressLimit {
    /// A limit of 0 a minute lets everything pass.
    pub fn new(per_minute: u32, burst: u32, capacity: usize) -> Self {
        let interval = Duration::from_secs(60).checked_div(per_minute).unwrap_or(Duration::ZERO);
        Self { interval, burst: burst.max(1), capacity, keys: Mutex::new(HashMap::new()) }
    }

    /// Takes a request of `address`.
    ///
    /// # Errors
    /// When the next one may pass.
    pub fn take(&self, address: IpAddr, now: Timestamp) -> Result<(), Timestamp> {
        if self.interval.is_zero() {
            return Ok(());
        }
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        if keys.len() >= self.capacity {
            keys.retain(|_, full_at| *full_at > now);
            if keys.len() >= self.capacity {
                // Those that asked the least start anew, whoever filled the table with them.
                let mut owed: Vec<_> = keys.values().copied().collect();
                let middle = owed.len() / 2;
                let (_, median, _) = owed.select_nth_unstable(middle);
                let median = *median;
                keys.retain(|_, full_at| *full_at > median);
            }
        }
        let size = self.interval * self.burst;
        let full_at = keys.entry(AddressKey::of(address)).or_insert(now);
        // No bucket is ever emptier than empty: this one was filled by a clock that was set back since, which must not
        // lock anybody out. Requests that come at once may have read the clock in another order.
        if *full_at > now.plus(size + OUT_OF_ORDER) {
            *full_at = now;
        }
        *full_at = (*full_at).clamp(now, now.plus(size));
        let next = full_at.plus(self.interval);
        if next > now.plus(size) {
            return Err(next.minus(size));
        }
        *full_at = next;
        Ok(())
    }
}

/// What counts as one address: an IPv4 address, or the /64 of an IPv6 one, since whoever has one has all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AddressKey(IpAddr);

impl AddressKey {
    /// The key of `address`.
    pub fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V4(address) => IpAddr::V4(address),
            IpAddr::V6(address) => {
                IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)))
            }
        })
    }
}

impl fmt::Display for AddressKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V4(address) => address.fmt(f),
            IpAddr::V6(address) => write!(f, "{address}/64"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    #[test]
    fn a_limit_slides_and_says_when_it_lets_pass_again() {
        let limit = SlidingLimit::new(2, Duration::from_secs(60), 10);
        assert_eq!(
            limit.count("a", at(0)),
            Ok(Some(Quota { limit: 2, remaining: 1, resets_at: at(60) }))
        );
        assert_eq!(limit.count("a", at(30)).map(|q| q.map(|q| q.remaining)), Ok(Some(0)));
        assert_eq!(
            limit.count("a", at(59)),
            Err(Quota { limit: 2, remaining: 0, resets_at: at(60) })
        );
        assert!(limit.count("b", at(59)).is_ok());
        assert!(limit.count("a", at(60)).is_ok());
        assert!(limit.count("a", at(60)).is_err());
    }

    #[test]
    fn memory_stays_bounded() {
        let limit = SlidingLimit::new(5, Duration::from_secs(60), 8);
        let addresses = AddressLimit::new(60, 1, 8);
        for key in 0..100_u32 {
            let now = Timestamp::from_micros(i64::from(key));
            limit.count(key, now).expect("the first of its key");
            addresses.take(IpAddr::from(key.to_be_bytes()), now).expect("the first of its key");
        }
        assert!(limit.keys.lock().expect("unpoisoned").len() <= 8);
        assert!(addresses.keys.lock().expect("unpoisoned").len() <= 8);
    }

    #[test]
    fn a_flood_of_addresses_does_not_free_who_is_over_the_limit() {
        let addresses = AddressLimit::new(60, 4, 8);
        let noisy = IpAddr::from([10, 0, 0, 1]);
        for _ in 0..4 {
            assert_eq!(addresses.take(noisy, at(0)), Ok(()));
        }
        for key in 0..100_u32 {
            assert_eq!(addresses.take(IpAddr::from(key.to_be_bytes()), at(0)), Ok(()));
        }
        assert!(addresses.take(noisy, at(0)).is_err());
    }

    #[test]
    fn a_clock_that_was_set_back_locks_no_address_out() {
        let limit = AddressLimit::new(60, 3, 10);
        let home = IpAddr::from([10, 0, 0, 1]);
        assert_eq!(limit.take(home, at(3_600)), Ok(()));
        for _ in 0..3 {
            assert_eq!(limit.take(home, at(0)), Ok(()));
        }
        let earlier = Timestamp::from_micros(-20);
        assert!(limit.take(home, at(0)).is_err() && limit.take(home, earlier).is_err());
    }

    #[test]
    fn a_bucket_fills_up_again() {
        let limit = AddressLimit::new(60, 3, 10);
        let home = IpAddr::from([10, 0, 0, 1]);
        for _ in 0..3 {
            assert_eq!(limit.take(home, at(0)), Ok(()));
        }
        assert_eq!(limit.take(home, at(0)), Err(at(1)));
        assert_eq!(limit.take(home, at(1)), Ok(()));
        assert_eq!(limit.take(home, at(1)), Err(at(2)));
    }

    #[test]
    fn an_ipv6_network_is_one_address() {
        let key = |text: &str| AddressKey::of(text.parse().expect("an address"));
        assert_eq!(key("2001:db8::1"), key("2001:db8::ffff:1"));
        assert_ne!(key("2001:db8::1"), key("2001:db8:0:1::1"));
        assert_eq!(key("::ffff:10.0.0.1"), key("10.0.0.1"));
        let shown = [key("2001:db8::1"), key("::ffff:10.0.0.1")].map(|key| key.to_string());
        assert_eq!(shown, ["2001:db8::/64", "10.0.0.1"]);
    }

    proptest! {
        #[test]
        fn never_more_than_the_limit_in_any_window(
            steps in proptest::collection::vec(0_i64..40, 1..200),
            allowed in 1_u32..6,
        ) {
            let window = Duration::from_secs(60);
            let limit = SlidingLimit::new(allowed, window, 10);
            let mut now = at(0);
            let mut passed = Vec::new();
            for step in steps {
                now = now.plus(Duration::from_secs(step as u64));
                match limit.count("a", now) {
                    Ok(_) => passed.push(now),
                    Err(quota) => prop_assert!(quota.resets_at > now && quota.resets_at <= now.plus(window)),
                }
                let recent = passed.iter().filter(|at| at.plus(window) > now).count();
                prop_assert!(recent <= allowed as usize);
            }
        }

        #[test]
        fn a_refused_address_passes_when_it_was_told_to(steps in proptest::collection::vec(0_i64..4, 1..100)) {
            let limit = AddressLimit::new(60, 3, 10);
            let home = IpAddr::from([10, 0, 0, 1]);
            let mut now = at(0);
            for step in steps {
                now = now.plus(Duration::from_secs(step as u64));
                if let Err(next) = limit.take(home, now) {
                    prop_assert!(next > now);
                    prop_assert_eq!(limit.take(home, next), Ok(()));
                    now = next;
                }
            }
        }
    }
}

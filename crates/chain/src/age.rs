use std::time::Duration;

/// How far a snapshot of some age is trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// As young as it can be.
    Fresh,
    /// Two syncs should have brought a later one; what it says still counts.
    Stale,
    /// Too old to let anybody in anew by it.
    Expired,
}

/// When snapshots are due, stale and expired. Ages count from the moment when the finalized block number last advanced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AgeRules {
    sync_interval: Duration,
    max_age: Duration,
}

/// Why an interval and a largest age do not go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AgeRulesError {
    /// The interval is zero.
    #[error("the interval between syncs is zero")]
    NoInterval,
    /// Snapshots would expire before they are stale.
    #[error(
        "snapshots would expire after {max_age:?} when two syncs, {sync_interval:?} apart, could not yet have failed"
    )]
    ExpiresTooSoon {
        /// The interval.
        sync_interval: Duration,
        /// The largest age.
        max_age: Duration,
    },
}

impl Default for AgeRules {
    /// A sync every 5 minutes, and 20 minutes until a snapshot expires.
    fn default() -> Self {
        Self { sync_interval: Duration::from_secs(300), max_age: Duration::from_secs(1_200) }
    }
}

impl AgeRules {
    /// A sync about every `sync_interval`, and `max_age` until a snapshot expires.
    ///
    /// # Errors
    /// [`AgeRulesError`] when the two do not go together.
    pub fn new(sync_interval: Duration, max_age: Duration) -> Result<Self, AgeRulesError> {
        let rules = Self { sync_interval, max_age };
        if sync_interval.is_zero() {
            return Err(AgeRulesError::NoInterval);
        }
        if rules.stale_after() > max_age {
            return Err(AgeRulesError::ExpiresTooSoon { sync_interval, max_age });
        }
        Ok(rules)
    }

    /// Above this age a snapshot is stale: by then two syncs were missed, and had the time of a tenth of an interval to
    /// answer.
    pub fn stale_after(&self) -> Duration {
        self.sync_interval.saturating_mul(2).saturating_add(self.sync_interval / 10)
    }

    /// How far a snapshot of that age is trusted; `None` stands for no snapshot at all.
    pub fn freshness(&self, age: Option<Duration>) -> Freshness {
        match age {
            None => Freshness::Expired,
            Some(age) if age > self.max_age => Freshness::Expired,
            Some(age) if age > self.stale_after() => Freshness::Stale,
            Some(_) => Freshness::Fresh,
        }
    }

    /// How long to wait for the next sync: up to a tenth less than the interval, by `random` from all of its range, so
    /// that replicas that start together do not ask together.
    pub fn next_sync_in(&self, random: u32) -> Duration {
        let least = self.sync_interval / 10 * 9;
        let spread = (self.sync_interval - least).as_nanos();
        let part = spread * u128::from(random) / u128::from(u32::MAX);
        least + Duration::from_nanos(u64::try_from(part).unwrap_or(u64::MAX))
    }

    /// How long to wait after a sync that failed: a tenth of that, so that a moment's failure does not cost an interval.
    pub fn retry_in(&self, random: u32) -> Duration {
        self.next_sync_in(random) / 10
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn ages_by_the_defaults() {
        let freshness = |age: u64| AgeRules::default().freshness(Some(seconds(age)));
        assert_eq!(freshness(0), Freshness::Fresh);
        assert_eq!(freshness(599), Freshness::Fresh, "the second sync is not yet due");
        assert_eq!(freshness(630), Freshness::Fresh);
        assert_eq!(freshness(631), Freshness::Stale);
        assert_eq!(freshness(1_200), Freshness::Stale);
        assert_eq!(freshness(1_201), Freshness::Expired);
        assert_eq!(AgeRules::default().freshness(None), Freshness::Expired);
    }

    #[test]
    fn rules_that_contradict_each_other_are_refused() {
        assert_eq!(AgeRules::new(seconds(0), seconds(9)), Err(AgeRulesError::NoInterval));
        assert!(AgeRules::new(seconds(10), seconds(21)).is_ok());
        assert!(matches!(
            AgeRules::new(seconds(10), seconds(20)),
            Err(AgeRulesError::ExpiresTooSoon { .. })
        ));
        assert!(AgeRules::new(Duration::MAX, Duration::MAX).is_ok());
    }

    proptest! {
        #[test]
        fn trust_only_sinks_with_age(interval in 1_u64..10_000, more in 0_u64..10_000, ages: [u32; 2]) {
            let interval = Duration::from_millis(interval);
            let rules = AgeRules { sync_interval: interval, max_age: interval * 3 + Duration::from_millis(more) };
            let [younger, older] = { let mut ages = ages; ages.sort_unstable(); ages };
            let rank = |age: u32| rules.freshness(Some(Duration::from_millis(age.into()))) as u8;
            prop_assert!(rank(younger) <= rank(older));
        }

        #[test]
        fn two_syncs_are_due_before_a_snapshot_is_stale(millis in 1_u64..1 << 40, random: [u32; 2]) {
            let interval = Duration::from_millis(millis);
            let rules = AgeRules::new(interval, interval * 3).expect("they go together");
            let waits = random.map(|random| rules.next_sync_in(random));
            prop_assert!(waits.iter().all(|wait| *wait <= interval && *wait >= interval / 10 * 9));
            prop_assert!(waits[0] + waits[1] < rules.stale_after());
        }
    }

    #[test]
    fn randomness_spreads_over_a_tenth() {
        let rules = AgeRules::default();
        assert_eq!(rules.next_sync_in(0), seconds(270));
        assert_eq!(rules.next_sync_in(u32::MAX), seconds(300));
        assert_eq!(rules.retry_in(u32::MAX), seconds(30));
    }
}

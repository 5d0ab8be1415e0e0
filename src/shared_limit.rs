//! Limits by hotkey that replicas share: each decides by what it counted itself and by what it last learnt of the
//! others, from memory, and they exchange their counts in the background.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use resi_protocol::{Hotkey, Timestamp};
use resi_store::{Counted, Passed, Quota, Store, StoreError};

/// The window of these limits.
pub const WINDOW: Duration = Duration::from_secs(60 * 60);
/// What other replicas let pass is known by stretches of this length, and counts until the whole stretch is over a
/// window ago.
pub const STRETCH: Duration = Duration::from_secs(60);

/// At most so many requests of a hotkey in any hour.
#[derive(Debug)]
pub struct SharedLimit {
    counted: Counted,
    limit: u32,
    capacity: usize,
    hotkeys: Mutex<HashMap<Hotkey, Counts>>,
}

#[derive(Debug, Default)]
struct Counts {
    /// When this replica let each pass.
    own: VecDeque<Timestamp>,
    /// How many the others let pass in each stretch.
    others: BTreeMap<Timestamp, u32>,
    /// The first stretch whose count the others do not know yet.
    untold: Option<Timestamp>,
}

impl SharedLimit {
    /// A `limit` of 0 lets everything pass. At most `capacity` hotkeys are remembered; when there are more, those that
    /// were idle for longest start anew.
    pub fn new(counted: Counted, limit: u32, capacity: usize) -> Self {
        Self { counted, limit, capacity, hotkeys: Mutex::default() }
    }

    /// How the limit of a hotkey stands, without counting.
    ///
    /// # Errors
    /// When it is used up.
    pub fn look(&self, hotkey: Hotkey, now: Timestamp) -> Result<(), Quota> {
        match self.hotkeys().get_mut(&hotkey) {
            Some(counts) if self.limit > 0 => counts.stand(self.limit, now).map(drop),
            _ => Ok(()),
        }
    }

    /// Counts a request of a hotkey if it may pass.
    ///
    /// # Errors
    /// How the limit stands when it is used up. Such a request does not count.
    pub fn count(&self, hotkey: Hotkey, now: Timestamp) -> Result<Option<Quota>, Quota> {
        if self.limit == 0 {
            return Ok(None);
        }
        let mut hotkeys = self.hotkeys();
        let counts = self.counts(&mut hotkeys, hotkey, now);
        let quota = counts.stand(self.limit, now)?;
        counts.own.push_back(now);
        counts.untold.get_or_insert_with(|| stretch_of(now));
        Ok(Some(quota))
    }

    /// What the others do not know yet; from now on it is taken as told.
    fn tell(&self) -> Vec<Passed> {
        let mut told = Vec::new();
        for (hotkey, counts) in &mut *self.hotkeys() {
            let Some(from) = counts.untold.take() else { continue };
            let mut stretches = BTreeMap::<_, u32>::new();
            for at in counts.own.iter().filter(|at| **at >= from) {
                *stretches.entry(stretch_of(*at)).or_default() += 1;
            }
            told.extend(stretches.into_iter().map(|(stretch, passed)| Passed {
                counted: self.counted,
                hotkey: *hotkey,
                stretch,
                passed,
            }));
        }
        told
    }

    /// It was not told after all.
    fn untell(&self, told: &[Passed]) {
        let mut hotkeys = self.hotkeys();
        for passed in told.iter().filter(|passed| passed.counted == self.counted) {
            if let Some(counts) = hotkeys.get_mut(&passed.hotkey) {
                let untold = counts.untold.unwrap_or(passed.stretch);
                counts.untold = Some(untold.min(passed.stretch));
            }
        }
    }

    /// Takes what the others let pass in place of what was known of it.
    fn learn(&self, others: &[Passed], now: Timestamp) {
        let mut hotkeys = self.hotkeys();
        for passed in others.iter().filter(|passed| passed.counted == self.counted) {
            let counts = self.counts(&mut hotkeys, passed.hotkey, now);
            counts.others.insert(passed.stretch, passed.passed);
        }
    }

    fn counts<'a>(
        &self,
        hotkeys: &'a mut HashMap<Hotkey, Counts>,
        hotkey: Hotkey,
        now: Timestamp,
    ) -> &'a mut Counts {
        if hotkeys.len() >= self.capacity && !hotkeys.contains_key(&hotkey) {
            hotkeys.retain(|_, counts| counts.last().is_some_and(|last| last.plus(WINDOW) > now));
            if hotkeys.len() >= self.capacity {
                let mut last: Vec<_> = hotkeys.values().filter_map(Counts::last).collect();
                let middle = last.len() / 2;
                let (_, median, _) = last.select_nth_unstable(middle);
                let median = *median;
                hotkeys.retain(|_, counts| counts.last().is_some_and(|last| last > median));
            }
        }
        hotkeys.entry(hotkey).or_default()
    }

    fn hotkeys(&self) -> MutexGuard<'_, HashMap<Hotkey, Counts>> {
        self.hotkeys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    fn last(&self) -> Option<Timestamp> {
        self.own.back().copied().max(self.others.keys().next_back().copied())
    }

    /// What is left when one more is counted.
    fn stand(&mut self, limit: u32, now: Timestamp) -> Result<Quota, Quota> {
        // A clock that was set back must not lock anybody out: what lies ahead of it is forgotten. Clocks of replicas
        // may differ a little.
        self.own.retain(|at| at.plus(WINDOW) > now && *at <= now);
        self.others
            .retain(|began, _| began.plus(STRETCH + WINDOW) > now && *began <= now.plus(STRETCH));
        let own = u32::try_from(self.own.len()).unwrap_or(u32::MAX);
        let used = self.others.values().fold(own, |sum, passed| sum.saturating_add(*passed));
        if used < limit {
            let resets_at = self.ends().min().map_or(now.plus(WINDOW), |(at, _)| at);
            return Ok(Quota { limit, remaining: limit - used - 1, resets_at });
        }
        let mut ends: Vec<_> = self.ends().collect();
        ends.sort_unstable();
        let mut gone = 0_u32;
        let lets_pass = ends.into_iter().find(|(_, passed)| {
            gone = gone.saturating_add(*passed);
            used - gone.min(used) < limit
        });
        let resets_at = lets_pass.map_or(now.plus(WINDOW), |(at, _)| at);
        Err(Quota { limit, remaining: 0, resets_at })
    }

    /// When how many stop counting.
    fn ends(&self) -> impl Iterator<Item = (Timestamp, u32)> {
        let own = self.own.iter().map(|at| (at.plus(WINDOW), 1));
        let others =
            self.others.iter().map(|(began, passed)| (began.plus(STRETCH + WINDOW), *passed));
        own.chain(others)
    }
}

fn stretch_of(moment: Timestamp) -> Timestamp {
    let length = STRETCH.as_secs().cast_signed();
    Timestamp::from_seconds(moment.seconds().div_euclid(length) * length)
}

/// A replica's side of the exchange.
#[derive(Debug)]
pub struct Exchange {
    replica: i64,
    /// The stretch in which the whole window was last read; `None` when that is to be done.
    read_whole_in: Mutex<Option<Timestamp>>,
}

impl Exchange {
    /// Of the replica with this number, which no other has, and not the one before a restart.
    pub fn new(replica: i64) -> Self {
        Self { replica, read_whole_in: Mutex::default() }
    }

    /// Tells the others what passed here since the last turn, and learns what passed there.
    ///
    /// # Errors
    /// When the store fails. Nothing is lost: the next turn tells and learns it.
    pub async fn turn(
        &self,
        limits: [&SharedLimit; 2],
        store: &dyn Store,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        if limits.iter().all(|limit| limit.limit == 0) {
            return Ok(());
        }
        let stretch = stretch_of(now);
        // The others may be late with a stretch, by long when their way to the database was cut: the whole window is
        // read once a stretch.
        let read = self.read_whole_in.lock().unwrap_or_else(PoisonError::into_inner).take();
        let since = match read {
            Some(in_stretch) if in_stretch == stretch => stretch.minus(STRETCH),
            _ => stretch.minus(WINDOW + STRETCH),
        };
        let told: Vec<_> = limits.iter().flat_map(|limit| limit.tell()).collect();
        match store.share_passed(self.replica, &told, since).await {
            Ok(others) => {
                limits.iter().for_each(|limit| limit.learn(&others, now));
                let mut read = self.read_whole_in.lock().unwrap_or_else(PoisonError::into_inner);
                *read = Some(stretch);
                Ok(())
            }
            Err(error) => {
                limits.iter().for_each(|limit| limit.untell(&told));
                Err(error)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WHO: Hotkey = Hotkey::from_bytes([7; 32]);

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    fn limit(limit: u32) -> SharedLimit {
        SharedLimit::new(Counted::Requests, limit, 10)
    }

    fn passed(second: i64, passed: u32) -> Passed {
        Passed { counted: Counted::Requests, hotkey: WHO, stretch: at(second), passed }
    }

    #[test]
    fn a_limit_slides_and_says_when_it_lets_pass_again() {
        let limit = limit(2);
        let quota = |remaining, resets_at| Quota { limit: 2, remaining, resets_at };
        assert_eq!(limit.count(WHO, at(0)), Ok(Some(quota(1, at(3_600)))));
        assert_eq!(limit.count(WHO, at(30)), Ok(Some(quota(0, at(3_600)))));
        assert_eq!(limit.count(WHO, at(3_599)), Err(quota(0, at(3_600))));
        assert_eq!(limit.look(WHO, at(3_599)), Err(quota(0, at(3_600))));
        assert!(limit.count(Hotkey::from_bytes([8; 32]), at(3_599)).is_ok());
        assert!(limit.count(WHO, at(3_600)).is_ok());
        assert_eq!(limit.count(WHO, at(3_600)), Err(quota(0, at(3_630))));
    }

    #[test]
    fn what_others_let_pass_counts_until_its_stretch_is_over() {
        let limit = limit(5);
        assert!(limit.count(WHO, at(90)).is_ok());
        limit.learn(&[passed(0, 2), passed(60, 3)], at(100));
        let refused = |resets_at| Err(Quota { limit: 5, remaining: 0, resets_at });
        assert_eq!(limit.count(WHO, at(100)), refused(at(3_660)), "six passed: two must go");
        limit.learn(&[passed(60, 7)], at(101));
        assert_eq!(limit.count(WHO, at(101)), refused(at(3_720)), "ten passed");
        assert!(limit.count(WHO, at(3_720)).is_ok());
    }

    #[test]
    fn a_clock_that_was_set_back_locks_nobody_out() {
        let limit = limit(1);
        assert!(limit.count(WHO, at(100_000)).is_ok());
        limit.learn(&[passed(100_020, 5)], at(100_000));
        assert!(limit.count(WHO, at(10)).is_ok());
    }

    #[test]
    fn memory_is_bounded() {
        let limit = limit(5);
        for who in 0..=255 {
            let hotkey = Hotkey::from_bytes([who; 32]);
            assert!(limit.count(hotkey, at(who.into())).is_ok());
            limit.learn(&[Passed { hotkey, ..passed(0, 1) }], at(who.into()));
            assert!(limit.hotkeys().len() <= 10);
        }
    }

    #[test]
    fn what_could_not_be_told_is_told_later_and_as_a_whole() {
        let limit = limit(9);
        for second in [10, 20, 70] {
            assert!(limit.count(WHO, at(second)).is_ok());
        }
        let told = limit.tell();
        assert_eq!(told, [passed(0, 2), passed(60, 1)]);
        assert_eq!(limit.tell(), []);
        assert!(limit.count(WHO, at(80)).is_ok());
        limit.untell(&told);
        assert_eq!(limit.tell(), [passed(0, 2), passed(60, 2)]);
        assert!(limit.count(WHO, at(110)).is_ok());
        assert_eq!(limit.tell(), [passed(60, 3)], "counts are of the whole stretch");
    }

    /// A request that passed: where, when, and which replicas know.
    struct Pass {
        replica: usize,
        at: Timestamp,
        is_told: bool,
        known: [bool; 3],
    }

    proptest! {
        /// The bound that is promised: what a replica lets pass goes over the limit only by what it was not told yet.
        #[test]
        fn only_what_is_not_known_yet_goes_over_the_limit(
            steps in prop::collection::vec((0_usize..3, 0_i64..400, any::<bool>()), 1..150),
            allowed in 1_u32..6,
        ) {
            let replicas: [_; 3] = std::array::from_fn(|_| limit(allowed));
            let mut written: [BTreeMap<Timestamp, u32>; 3] = Default::default();
            let mut passes: Vec<Pass> = Vec::new();
            let mut now = at(0);
            for (replica, step, exchanges) in steps {
                now = now.plus(Duration::from_secs(step.unsigned_abs()));
                if exchanges {
                    written[replica].extend(replicas[replica].tell().iter().map(|told| (told.stretch, told.passed)));
                    let mut others = BTreeMap::<_, u32>::new();
                    for (stretch, passed) in (0..3).filter(|other| *other != replica).flat_map(|other| &written[other]) {
                        *others.entry(*stretch).or_default() += passed;
                    }
                    let others: Vec<_> = others
                        .into_iter()
                        .map(|(stretch, count)| Passed { stretch, ..passed(0, count) })
                        .collect();
                    replicas[replica].learn(&others, now);
                    for pass in &mut passes {
                        pass.is_told |= pass.replica == replica;
                        pass.known[replica] |= pass.is_told;
                    }
                    continue;
                }
                let known = |window: Duration| {
                    let known = passes.iter().filter(|pass| pass.at.plus(window) > now && pass.known[replica]);
                    u32::try_from(known.count()).expect("few")
                };
                match replicas[replica].count(WHO, now) {
                    Ok(_) => {
                        prop_assert!(known(WINDOW) < allowed);
                        let mut known = [false; 3];
                        known[replica] = true;
                        passes.push(Pass { replica, at: now, is_told: false, known });
                    }
                    Err(quota) => {
                        prop_assert!(known(WINDOW + STRETCH) >= allowed);
                        prop_assert!(quota.resets_at > now);
                    }
                }
            }
        }
    }
}

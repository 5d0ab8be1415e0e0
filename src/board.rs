//! What health and statistics show: read from memory on the path of requests, written by a probe in the background.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};
use bytes::Bytes;
use resi_protocol::Timestamp;
use resi_protocol::wire::Check;
use resi_store::{StoreError, Tally};

/// How often the probe looks.
pub const PROBE_INTERVAL: Duration = Duration::from_secs(2);
/// In which time the database must have answered it.
pub const PROBE_DEADLINE: Duration = Duration::from_secs(2);
/// Without a good probe for that long the database is not ok, even if the probe itself hangs.
const PROBE_VALIDITY: Duration = Duration::from_secs(6);

/// What the probe found, and what follows from it.
#[derive(Debug)]
pub struct Board {
    tally: ArcSwap<Tally>,
    probe: Mutex<Probe>,
    draining: AtomicBool,
    clock_is_wrong: AtomicBool,
    /// When a write last failed, in microseconds of the monotonic clock; 0 where the last one did not.
    write_failed_at: AtomicU64,
    /// Counts the changes, so that a page of the same second is made anew when something changed.
    version: AtomicU64,
    health: Page,
    statistics: Page,
}

#[derive(Debug, Default)]
struct Probe {
    /// On the monotonic clock.
    database_ok_at: Option<Duration>,
    database_problem: Option<String>,
}

impl Default for Board {
    fn default() -> Self {
        Self::new()
    }
}

impl Board {
    /// Nothing is known yet.
    pub fn new() -> Self {
        Self {
            tally: ArcSwap::default(),
            probe: Mutex::default(),
            draining: AtomicBool::new(false),
            clock_is_wrong: AtomicBool::new(false),
            write_failed_at: AtomicU64::new(0),
            version: AtomicU64::new(0),
            health: Page::default(),
            statistics: Page::default(),
        }
    }

    /// The counts as of the last good probe.
    pub fn tally(&self) -> Arc<Tally> {
        self.tally.load_full()
    }

    /// The database answered.
    pub fn database_answered(&self, tally: Tally, at: Duration) {
        self.tally.store(Arc::new(tally));
        self.change(|probe| {
            probe.database_ok_at = Some(at);
            probe.database_problem = None;
        });
    }

    /// The database did not answer, or not in time.
    pub fn database_failed(&self, problem: String) {
        self.change(|probe| probe.database_problem = Some(problem));
    }

    /// A write came to its end. One that failed shows for a while: a disk that is full can be read.
    pub fn wrote<T>(&self, outcome: &Result<T, StoreError>, at: Duration) {
        match outcome {
            Ok(_) if self.write_failed_at.load(Ordering::Relaxed) == 0 => {}
            Ok(_) => {
                self.write_failed_at.store(0, Ordering::Relaxed);
                self.version.fetch_add(1, Ordering::Release);
            }
            Err(StoreError::Unavailable(_)) => {
                let micros = u64::try_from(at.as_micros()).unwrap_or(u64::MAX).max(1);
                self.write_failed_at.store(micros, Ordering::Relaxed);
                self.version.fetch_add(1, Ordering::Release);
            }
            Err(StoreError::Inconsistent(_)) => {}
        }
    }

    fn change(&self, change: impl FnOnce(&mut Probe)) {
        change(&mut self.probe.lock().unwrap_or_else(PoisonError::into_inner));
        self.version.fetch_add(1, Ordering::Release);
    }

    /// How the database is, and what is wrong with it.
    pub fn database(&self, monotonic: Duration) -> (Check, Option<String>) {
        let failed_at = self.write_failed_at.load(Ordering::Relaxed);
        let since = monotonic.saturating_sub(Duration::from_micros(failed_at));
        if failed_at > 0 && since <= PROBE_VALIDITY {
            return (Check::Unavailable, Some("the database did not take a write".into()));
        }
        self.probed(monotonic)
    }

    /// Whether the probe has looked at all.
    pub fn was_probed(&self) -> bool {
        let probe = self.probe.lock().unwrap_or_else(PoisonError::into_inner);
        probe.database_ok_at.is_some() || probe.database_problem.is_some()
    }

    /// What the probe alone says of the database.
    pub fn probed(&self, monotonic: Duration) -> (Check, Option<String>) {
        let probe = self.probe.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(problem) = &probe.database_problem {
            return (Check::Unavailable, Some(problem.clone()));
        }
        match probe.database_ok_at {
            Some(at) if monotonic.saturating_sub(at) <= PROBE_VALIDITY => (Check::Ok, None),
            Some(_) => {
                (Check::Unavailable, Some("the database has not answered for a while".into()))
            }
            None => (Check::Unavailable, Some("the database has not been asked yet".into())),
        }
    }

    /// The clock was compared; whether that changed what is known of it.
    pub fn clock_compared(&self, is_wrong: bool) -> bool {
        self.clock_is_wrong.swap(is_wrong, Ordering::AcqRel) != is_wrong
    }

    /// From now on nothing new should be sent here.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Release);
        self.version.fetch_add(1, Ordering::Release);
    }

    /// Whether the service is about to stop.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    /// The page of `/health`, made by `make` at most once a second.
    pub fn health_page(
        &self,
        now: Timestamp,
        make: impl FnOnce() -> (u16, Vec<u8>),
    ) -> (u16, Bytes) {
        self.health.get(now.seconds(), self.version.load(Ordering::Acquire), make)
    }

    /// The page of `/api/v1/statistics`, made by `make` at most once a second.
    pub fn statistics_page(
        &self,
        now: Timestamp,
        make: impl FnOnce() -> (u16, Vec<u8>),
    ) -> (u16, Bytes) {
        self.statistics.get(now.seconds(), self.version.load(Ordering::Acquire), make)
    }
}

/// A body that is good for a second.
#[derive(Debug, Default)]
struct Page(ArcSwapOption<(i64, u64, u16, Bytes)>);

impl Page {
    fn get(
        &self,
        second: i64,
        version: u64,
        make: impl FnOnce() -> (u16, Vec<u8>),
    ) -> (u16, Bytes) {
        let made = self.0.load();
        if let Some((made_second, made_version, status, body)) = made.as_deref()
            && (*made_second, *made_version) == (second, version)
        {
            return (*status, body.clone());
        }
        let (status, body) = make();
        let body = Bytes::from(body);
        self.0.store(Some(Arc::new((second, version, status, body.clone()))));
        (status, body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn before_the_first_probe_nothing_was_probed_and_nothing_is_ok() {
        let at = Duration::from_secs(1);
        let stands = |board: &Board| (board.was_probed(), board.probed(at).0);
        let board = Board::new();
        assert_eq!(stands(&board), (false, Check::Unavailable));
        board.database_failed("away".into());
        assert_eq!(stands(&board), (true, Check::Unavailable));
        board.database_answered(Tally::default(), at);
        assert_eq!(stands(&board), (true, Check::Ok));
    }

    #[test]
    fn a_write_that_fails_shows_until_one_does_not_or_for_a_while() {
        let board = Board::new();
        let at = Duration::from_secs;
        let failed = || Err::<(), _>(StoreError::Unavailable("disk full".into()));
        let check = |seconds| board.database(at(seconds)).0;
        board.database_answered(Tally::default(), at(1));
        assert_eq!(check(2), Check::Ok);
        board.wrote(&failed(), at(2));
        board.database_answered(Tally::default(), at(3));
        assert_eq!((check(3), board.probed(at(3)).0), (Check::Unavailable, Check::Ok));
        board.wrote(&Ok(()), at(4));
        assert_eq!(check(4), Check::Ok);
        board.wrote(&failed(), at(4));
        board.database_answered(Tally::default(), at(11));
        assert_eq!(check(11), Check::Ok);
    }
}

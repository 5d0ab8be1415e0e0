//! What health and statistics show: read from memory on the path of requests, written by a probe in the background.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};
use bytes::Bytes;
use resi_protocol::Timestamp;
use resi_protocol::wire::Check;
use resi_store::Tally;

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
    clock_problem: Option<String>,
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

    /// The clock was compared.
    pub fn clock_checked(&self, problem: Option<String>) {
        self.change(|probe| probe.clock_problem = problem);
    }

    fn change(&self, change: impl FnOnce(&mut Probe)) {
        change(&mut self.probe.lock().unwrap_or_else(PoisonError::into_inner));
        self.version.fetch_add(1, Ordering::Release);
    }

    /// How the database is, and what is wrong with it.
    pub fn database(&self, monotonic: Duration) -> (Check, Option<String>) {
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

    /// How the clock is, and what is wrong with it.
    pub fn clock(&self) -> (Check, Option<String>) {
        let problem =
            self.probe.lock().unwrap_or_else(PoisonError::into_inner).clock_problem.clone();
        (if problem.is_some() { Check::Fault } else { Check::Ok }, problem)
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

//! The only place where the server learns what time it is.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use resi_protocol::Timestamp;

/// Tells the time. Handed to whatever needs it, so that tests move it.
pub trait Clock: Send + Sync + fmt::Debug {
    /// The wall clock.
    fn now(&self) -> Timestamp;

    /// The time since an arbitrary moment; never goes back and is not set by anybody.
    fn monotonic(&self) -> Duration;
}

/// The clocks of this machine.
#[derive(Debug)]
pub struct SystemClock {
    started: Instant,
}

impl SystemClock {
    /// The monotonic time counts from here.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the clock that everything else is handed"
    )]
    #[expect(clippy::new_without_default, reason = "reads the clock")]
    pub fn new() -> Self {
        Self { started: Instant::now() }
    }
}

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the clock that everything else is handed"
    )]
    fn now(&self) -> Timestamp {
        let micros = match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_micros()).unwrap_or(i64::MAX),
            Err(before) => {
                i64::try_from(before.duration().as_micros()).map_or(i64::MIN, |micros| -micros)
            }
        };
        Timestamp::from_micros(micros)
    }

    fn monotonic(&self) -> Duration {
        self.started.elapsed()
    }
}

/// How far the wall clock may be from where it should be.
pub const CLOCK_TOLERANCE: Duration = Duration::from_secs(5);

/// Watches the wall clock: it must go as fast as the monotonic clock, and agree with the database's where that has one.
#[derive(Debug)]
pub struct ClockWatch(Mutex<Trusted>);

/// A moment that is believed in, on both clocks.
#[derive(Clone, Copy, Debug)]
struct Trusted {
    wall: Timestamp,
    monotonic: Duration,
    of_database: bool,
}

impl ClockWatch {
    /// Trusts the wall clock as it stands.
    pub fn new(clock: &dyn Clock) -> Self {
        let (wall, monotonic) = (clock.now(), clock.monotonic());
        Self(Mutex::new(Trusted { wall, monotonic, of_database: false }))
    }

    /// Trusts what a database said its time is, at this moment of the monotonic clock.
    pub fn trust_database(&self, time: Timestamp, monotonic: Duration) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) =
            Trusted { wall: time, monotonic, of_database: true };
    }

    /// What the wall clock should show now.
    pub fn expected(&self, monotonic: Duration) -> Timestamp {
        self.trusted().at(monotonic)
    }

    /// What is wrong with the wall clock, in words, if anything is.
    pub fn problem(&self, clock: &dyn Clock) -> Option<String> {
        let trusted = self.trusted();
        let apart = distance(clock.now(), trusted.at(clock.monotonic()));
        let seconds = apart.as_secs();
        (apart > CLOCK_TOLERANCE).then(|| match trusted.of_database {
            true => format!("the clock is {seconds} s from the database's"),
            false => format!("the clock jumped by {seconds} s; restart once it is right"),
        })
    }

    fn trusted(&self) -> Trusted {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Trusted {
    fn at(&self, monotonic: Duration) -> Timestamp {
        self.wall.plus(monotonic.saturating_sub(self.monotonic))
    }
}

fn distance(a: Timestamp, b: Timestamp) -> Duration {
    a.since(b).max(b.since(a))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct At(i64, u64);

    impl Clock for At {
        fn now(&self) -> Timestamp {
            Timestamp::from_seconds(self.0)
        }

        fn monotonic(&self) -> Duration {
            Duration::from_secs(self.1)
        }
    }

    #[test]
    fn a_jump_is_seen_either_way_and_forgiven_when_it_is_undone() {
        let watch = ClockWatch::new(&At(1_000, 0));
        assert_eq!(watch.problem(&At(1_012, 10)), None);
        assert!(watch.problem(&At(4_612, 12)).expect("a fault").contains("jumped by 3600 s"));
        assert!(watch.problem(&At(0, 12)).is_some());
        assert_eq!(watch.expected(At(0, 12).monotonic()), Timestamp::from_seconds(1_012));
        assert_eq!(watch.problem(&At(1_012, 12)), None);
    }

    #[test]
    fn the_database_has_the_last_word() {
        let watch = ClockWatch::new(&At(1_000, 0));
        watch.trust_database(Timestamp::from_seconds(1_010), Duration::ZERO);
        assert!(
            watch.problem(&At(1_000, 0)).expect("a fault").contains("10 s from the database's")
        );
        watch.trust_database(Timestamp::from_seconds(4_601), Duration::from_secs(1));
        assert_eq!(watch.problem(&At(4_600, 1)), None);
        assert_eq!(watch.problem(&At(4_616, 11)), None);
        assert!(watch.problem(&At(4_617, 11)).is_some());
    }
}

//! The only place where the server learns what time it is.

use std::fmt;
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
pub struct ClockWatch {
    wall: Timestamp,
    monotonic: Duration,
}

impl ClockWatch {
    /// Trusts the wall clock as it stands.
    pub fn new(clock: &dyn Clock) -> Self {
        Self { wall: clock.now(), monotonic: clock.monotonic() }
    }

    /// Compares the clocks; the fault in words, if there is one. A database that agrees clears an earlier jump.
    pub fn check(
        &mut self,
        wall: Timestamp,
        monotonic: Duration,
        database: Option<Timestamp>,
    ) -> Option<String> {
        if let Some(database) = database {
            let apart = distance(wall, database);
            if apart > CLOCK_TOLERANCE {
                return Some(format!("the clock is {} s from the database's", apart.as_secs()));
            }
            *self = Self { wall, monotonic };
            return None;
        }
        let expected = self.wall.plus(monotonic.saturating_sub(self.monotonic));
        let jump = distance(wall, expected);
        (jump > CLOCK_TOLERANCE)
            .then(|| format!("the clock jumped by {} s; restart once it is right", jump.as_secs()))
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

    fn check(watch: &mut ClockWatch, at: At, database: Option<i64>) -> Option<String> {
        watch.check(at.now(), at.monotonic(), database.map(Timestamp::from_seconds))
    }

    #[test]
    fn a_jump_is_seen_either_way_and_forgiven_when_it_is_undone() {
        let mut watch = ClockWatch::new(&At(1_000, 0));
        assert_eq!(check(&mut watch, At(1_012, 10), None), None);
        assert!(check(&mut watch, At(4_612, 12), None).expect("a fault").contains("3600 s"));
        assert!(check(&mut watch, At(0, 12), None).is_some());
        assert_eq!(check(&mut watch, At(1_012, 12), None), None);
    }

    #[test]
    fn the_database_has_the_last_word() {
        let mut watch = ClockWatch::new(&At(1_000, 0));
        assert!(check(&mut watch, At(1_000, 0), Some(1_010)).is_some());
        assert_eq!(check(&mut watch, At(4_600, 1), Some(4_601)), None);
        assert_eq!(check(&mut watch, At(4_610, 11), None), None);
    }
}

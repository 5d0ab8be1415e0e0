use std::fmt;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use rand::TryRng;
use resi_protocol::Timestamp;

/// Tells the time and waits. A client has [`SystemClock`] unless the builder is given another, as tests do.
///
/// ```
/// use resi_client::{Clock, SystemClock};
///
/// let clock = SystemClock::new();
/// assert!(clock.now() > "2025-01-01T00:00:00Z".parse()?);
/// # Ok::<(), resi_client::protocol::TimestampError>(())
/// ```
#[async_trait]
pub trait Clock: Send + Sync + fmt::Debug {
    /// The wall clock.
    fn now(&self) -> Timestamp;

    /// The time since an arbitrary moment; never goes back and is not set by anybody.
    fn monotonic(&self) -> Duration;

    /// Waits.
    async fn sleep(&self, duration: Duration);
}

/// The clocks of this machine.
///
/// ```
/// use std::time::Duration;
/// use resi_client::{Clock, SystemClock};
///
/// assert!(SystemClock::new().monotonic() < Duration::from_secs(1));
/// ```
#[derive(Debug)]
pub struct SystemClock {
    started: Instant,
}

impl SystemClock {
    /// The monotonic time counts from here.
    ///
    /// ```
    /// use resi_client::{Clock, SystemClock};
    ///
    /// let clock = SystemClock::new();
    /// assert!(clock.monotonic() <= clock.monotonic());
    /// ```
    #[expect(clippy::disallowed_methods, reason = "this is the clock that the rest is handed")]
    #[expect(clippy::new_without_default, reason = "reads the clock")]
    pub fn new() -> Self {
        Self { started: Instant::now() }
    }
}

#[async_trait]
impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock that the rest is handed")]
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::UNIX_EPOCH.plus(since)
    }

    fn monotonic(&self) -> Duration {
        self.started.elapsed()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// Where chance comes from, so that clients do not act in step. A client has [`SystemJitter`] unless the builder is
/// given another.
///
/// ```
/// #[derive(Debug)]
/// struct Always(f64);
///
/// impl resi_client::Jitter for Always {
///     fn fraction(&self) -> f64 {
///         self.0
///     }
/// }
/// ```
pub trait Jitter: Send + Sync + fmt::Debug {
    /// A number from 0 up to but not including 1, every one as likely as any other.
    fn fraction(&self) -> f64;
}

/// Chance from the operating system.
///
/// ```
/// use resi_client::{Jitter, SystemJitter};
///
/// assert!((0.0..1.0).contains(&SystemJitter.fraction()));
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemJitter;

impl Jitter for SystemJitter {
    fn fraction(&self) -> f64 {
        // A system without randomness has other troubles; the middle is as good as any other number then.
        rand::rngs::SysRng
            .try_next_u32()
            .map_or(0.5, |drawn| f64::from(drawn) / (1_u64 << 32) as f64)
    }
}

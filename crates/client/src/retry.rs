use std::time::Duration;

use crate::Error;

/// When a call that failed is tried again: network errors, timeouts, answers that broke off, 408, 429 and 5xx.
/// Nothing else is: what is wrong stays wrong.
///
/// Between tries it waits longer each time, with jitter, and for as long as `Retry-After` says where that is longer. It never begins a wait that
/// would end past the deadline of the whole call.
///
/// ```
/// use std::time::Duration;
/// use resi_client::RetryPolicy;
///
/// let patient = RetryPolicy::default().deadline(Duration::from_secs(300));
/// let impatient = RetryPolicy::never();
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    deadline: Duration,
    first_wait: Duration,
    longest_wait: Duration,
}

impl Default for RetryPolicy {
    /// A minute in all, waits from half a second to fifteen.
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(60),
            first_wait: Duration::from_millis(500),
            longest_wait: Duration::from_secs(15),
        }
    }
}

impl RetryPolicy {
    /// One try only.
    ///
    /// ```
    /// use std::time::Duration;
    /// use resi_client::RetryPolicy;
    ///
    /// assert_eq!(RetryPolicy::never(), RetryPolicy::default().deadline(Duration::ZERO));
    /// ```
    pub fn never() -> Self {
        Self::default().deadline(Duration::ZERO)
    }

    /// How long a call may take in all, waits included; a try that has begun is not cut off.
    ///
    /// ```
    /// use std::time::Duration;
    /// use resi_client::RetryPolicy;
    ///
    /// let until_the_epoch_is_old = RetryPolicy::default().deadline(Duration::from_secs(1_800));
    /// ```
    #[must_use]
    pub fn deadline(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }

    /// The wait after the first try, doubled after each, and the longest one.
    ///
    /// ```
    /// use std::time::Duration;
    /// use resi_client::RetryPolicy;
    ///
    /// let patient = RetryPolicy::default().waits(Duration::from_secs(2), Duration::from_secs(60));
    /// ```
    #[must_use]
    pub fn waits(self, first_wait: Duration, longest_wait: Duration) -> Self {
        Self { first_wait, longest_wait, ..self }
    }

    /// How long to wait before the next try; `None` when there is to be none.
    ///
    /// `tries` failed so far (at least 1), the last with `error`, `elapsed` after the call began. `jitter` is from 0 up
    /// to 1.
    ///
    /// ```
    /// use std::time::Duration;
    /// use resi_client::{Error, RetryPolicy};
    ///
    /// let error = Error::TimedOut { url: "https://resi.example/health".into(), after: Duration::from_secs(5) };
    /// let policy = RetryPolicy::default();
    /// let wait = policy.wait_after(&error, 1, Duration::from_secs(5), 0.0);
    /// assert_eq!(wait, Some(Duration::from_millis(250)));
    /// assert_eq!(policy.wait_after(&error, 9, Duration::from_secs(59), 0.5), None, "past the deadline");
    /// ```
    pub fn wait_after(
        &self,
        error: &Error,
        tries: u32,
        elapsed: Duration,
        jitter: f64,
    ) -> Option<Duration> {
        if !error.is_retryable() {
            return None;
        }
        let backoff = self.backoff(tries).mul_f64(0.5 + jitter / 2.0);
        // Everybody who was refused at once was told the same: later, but not all at once again.
        let asked = error.retry_after().unwrap_or_default();
        let wait = asked.checked_add(asked.div_f64(4.0).mul_f64(jitter))?.max(backoff);
        (elapsed.checked_add(wait)? <= self.deadline).then_some(wait)
    }

    pub(crate) fn backoff(&self, tries: u32) -> Duration {
        let doubled = 2_u32.saturating_pow(tries.saturating_sub(1));
        self.first_wait.saturating_mul(doubled).min(self.longest_wait)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::error::Refusal;

    fn refused(status: u16, retry_after: Option<u64>) -> Error {
        Error::Refused(Refusal {
            status,
            code: None,
            message: "no".into(),
            request_id: None,
            retry_after: retry_after.map(Duration::from_secs),
            server_time: None,
        })
    }

    fn unreachable() -> Error {
        Error::Unreachable { url: "u".into(), cause: Arc::new(std::io::Error::other("refused")) }
    }

    #[test]
    fn the_table() {
        let timeout = Error::TimedOut { url: "u".into(), after: Duration::from_secs(1) };
        let broken = Error::BrokenOff { url: "u".into(), cause: Arc::new(std::fmt::Error) };
        let nonsense = Error::Nonsense { url: "u".into(), reason: "r".into(), request_id: None };
        // Error, tries, seconds gone, jitter: milliseconds to wait.
        for (error, tries, elapsed, jitter, wait) in [
            (unreachable(), 1, 0, 0.0, Some(250)),
            (unreachable(), 1, 0, 0.5, Some(375)),
            (unreachable(), 2, 1, 0.0, Some(500)),
            (timeout, 3, 2, 0.0, Some(1_000)),
            (broken, 4, 5, 0.0, Some(2_000)),
            (unreachable(), 30, 5, 0.0, Some(7_500)),
            (unreachable(), 30, 55, 0.0, None),
            (refused(429, Some(20)), 1, 0, 0.0, Some(20_000)),
            (refused(429, Some(20)), 1, 0, 0.5, Some(22_500)),
            (refused(429, Some(20)), 2, 41, 0.0, None),
            (refused(429, Some(3_600)), 1, 0, 0.0, None),
            (refused(429, None), 1, 0, 0.0, Some(250)),
            (refused(503, Some(5)), 2, 0, 0.0, Some(5_000)),
            (refused(503, Some(5)), 9, 0, 0.0, Some(7_500)),
            (refused(429, Some(0)), 1, 0, 0.0, Some(250)),
            (refused(503, Some(0)), 9, 0, 0.0, Some(7_500)),
            (refused(503, Some(u64::MAX)), 1, 0, 0.9, None),
            (refused(503, None), 2, 0, 0.0, Some(500)),
            (refused(500, None), 1, 0, 0.0, Some(250)),
            (refused(502, None), 1, 60, 0.0, None),
            (refused(408, None), 1, 0, 0.0, Some(250)),
            (refused(400, None), 1, 0, 0.0, None),
            (refused(401, None), 1, 0, 0.0, None),
            (refused(403, Some(1)), 1, 0, 0.0, None),
            (refused(404, None), 1, 0, 0.0, None),
            (refused(409, None), 1, 0, 0.0, None),
            (nonsense, 1, 0, 0.0, None),
        ] {
            let elapsed = Duration::from_secs(elapsed);
            let decided = RetryPolicy::default().wait_after(&error, tries, elapsed, jitter);
            assert_eq!(decided, wait.map(Duration::from_millis), "{error} after {tries} tries");
        }
        assert_eq!(RetryPolicy::never().wait_after(&unreachable(), 1, Duration::ZERO, 0.0), None);
    }

    proptest! {
        #[test]
        fn no_wait_ends_past_the_deadline(
            tries in 1_u32.., elapsed in 0_u64..100_000, jitter in 0.0..1.0_f64, after in proptest::option::of(0_u64..),
        ) {
            let (policy, elapsed) = (RetryPolicy::default(), Duration::from_millis(elapsed));
            if let Some(wait) = policy.wait_after(&refused(503, after), tries, elapsed, jitter) {
                prop_assert!(elapsed + wait <= policy.deadline);
                prop_assert!(after.is_none_or(|after| wait >= Duration::from_secs(after)));
            }
        }
    }
}

use std::fmt;
use std::time::Duration;

use resi_protocol::Timestamp;
use serde::Serialize;

use super::{Answer, CompletionStatus};

/// How long scraping may take, and how far a miner's clock may be off, for its answer to count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResponseWindow {
    /// Nobody scrapes an assignment faster.
    pub shortest: Duration,
    /// What took longer is too old.
    pub longest: Duration,
    /// How far the clocks of miner and validator may be apart.
    pub clock_tolerance: Duration,
}

impl Default for ResponseWindow {
    /// From 5 minutes to 2 hours; clocks may be 60 seconds apart.
    fn default() -> Self {
        Self {
            shortest: Duration::from_secs(5 * 60),
            longest: Duration::from_secs(2 * 60 * 60),
            clock_tolerance: Duration::from_secs(60),
        }
    }
}

/// An answer that counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Admitted {
    /// How long it took by the validator's own clock: what rewards go by.
    pub took: Duration,
}

/// Why an answer does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum NotCounted {
    /// The miner does not say that it is done.
    NotCompleted,
    /// There is no home in it, or none that could be kept.
    Empty,
    /// It does not say when scraping began and when it was sent.
    NoTimes,
    /// Its times cannot be: too fast, too slow, or against the validator's own clock.
    ImplausibleTime(Implausible),
}

/// What is wrong with the times of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "detail", content = "seconds", rename_all = "snake_case")]
pub enum Implausible {
    /// It took this many seconds, which is too fast.
    TooFast(u64),
    /// It took this many seconds, which is too slow.
    TooSlow(u64),
    /// Sent this many seconds before scraping began.
    SentBeforeScraped(u64),
    /// Sent this many seconds after it was received.
    SentAfterReceived(u64),
    /// Scraped this many seconds before it was assigned.
    ScrapedBeforeAssigned(u64),
}

impl NotCounted {
    /// The name of the reason, as in results.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotCompleted => "not_completed",
            Self::Empty => "empty",
            Self::NoTimes => "no_times",
            Self::ImplausibleTime(_) => "implausible_time",
        }
    }
}

impl fmt::Display for NotCounted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotCompleted => f.write_str("not completed"),
            Self::Empty => f.write_str("no home in it"),
            Self::NoTimes => f.write_str("scrape_timestamp or submission_timestamp is missing"),
            Self::ImplausibleTime(implausible) => implausible.fmt(f),
        }
    }
}

impl fmt::Display for Implausible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, what) = match self {
            Self::TooFast(seconds) => (seconds, ", too fast"),
            Self::TooSlow(seconds) => (seconds, ", too slow"),
            Self::SentBeforeScraped(seconds) => (seconds, " from being sent to being scraped"),
            Self::SentAfterReceived(seconds) => (seconds, " from being received to being sent"),
            Self::ScrapedBeforeAssigned(seconds) => {
                (seconds, " from being scraped to being assigned")
            }
        };
        match (seconds / 3_600, seconds / 60 % 60, seconds % 60) {
            (0, 0, seconds) => write!(f, "{seconds} s"),
            (0, minutes, seconds) => write!(f, "{minutes} min {seconds} s"),
            (hours, minutes, _) => write!(f, "{hours} h {minutes} min"),
        }?;
        f.write_str(what)
    }
}

impl ResponseWindow {
    /// Whether scraping can have taken so long.
    ///
    /// # Errors
    /// When it was too fast or too slow.
    pub fn check(&self, took: Duration) -> Result<(), Implausible> {
        if took < self.shortest {
            return Err(Implausible::TooFast(took.as_secs()));
        }
        if took > self.longest {
            return Err(Implausible::TooSlow(took.as_secs()));
        }
        Ok(())
    }

    /// Whether `answer` counts. Both its times are the miner's claims; `assigned_at`, where it is known, and
    /// `received_at` are the validator's own. Claims must fit the window and, within the tolerance, the validator's
    /// clock; how long it took goes by the validator's clock as far as that knows.
    ///
    /// # Errors
    /// The first reason why it does not.
    pub fn admit(
        &self,
        answer: &Answer,
        assigned_at: Option<Timestamp>,
        received_at: Timestamp,
    ) -> Result<Admitted, NotCounted> {
        if answer.status != Some(CompletionStatus::Completed) {
            return Err(NotCounted::NotCompleted);
        }
        if answer.reports.is_empty() {
            return Err(NotCounted::Empty);
        }
        let (Some(scraped), Some(sent)) = (answer.scrape_timestamp, answer.submission_timestamp)
        else {
            return Err(NotCounted::NoTimes);
        };
        self.plausible(scraped, sent, assigned_at, received_at).map_err(NotCounted::ImplausibleTime)
    }

    fn plausible(
        &self,
        scraped: Timestamp,
        sent: Timestamp,
        assigned_at: Option<Timestamp>,
        received_at: Timestamp,
    ) -> Result<Admitted, Implausible> {
        let tolerance = self.clock_tolerance;
        if sent < scraped {
            return Err(Implausible::SentBeforeScraped(scraped.since(sent).as_secs()));
        }
        if sent > received_at.plus(tolerance) {
            return Err(Implausible::SentAfterReceived(sent.since(received_at).as_secs()));
        }
        if let Some(assigned_at) = assigned_at
            && scraped < assigned_at.minus(tolerance)
        {
            return Err(Implausible::ScrapedBeforeAssigned(assigned_at.since(scraped).as_secs()));
        }
        let claimed = sent.since(scraped);
        let took = received_at.since(assigned_at.unwrap_or(scraped));
        self.check(claimed)?;
        self.check(claimed.min(took))?;
        Ok(Admitted { took })
    }
}

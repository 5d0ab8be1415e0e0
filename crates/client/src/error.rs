use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use std::{fmt, io};

use resi_protocol::rotation::{CLOCK_TOLERANCE, PoolError, VerifyError};
use resi_protocol::wire::ErrorCode;
use resi_protocol::{Foreign, Timestamp};

/// How many characters of a text an error shows.
pub(crate) const LONGEST_TEXT: usize = 500;

/// The cause of an error, of whatever type.
///
/// ```
/// use std::sync::Arc;
///
/// let cause: resi_client::Cause = Arc::new(std::io::Error::other("the device is gone"));
/// ```
pub type Cause = Arc<dyn std::error::Error + Send + Sync>;

/// What went wrong with a call. Cheap to clone, since calls that wait for the same answer share its error.
///
/// ```
/// use resi_client::Error;
///
/// fn explain(error: &Error) -> String {
///     match error.retry_after() {
///         Some(wait) => format!("{error}; worth another try in {} s", wait.as_secs()),
///         None if error.is_retryable() => format!("{error}; worth another try"),
///         None => error.to_string(),
///     }
/// }
/// ```
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The service answered with an error.
    #[error("{0}")]
    Refused(Refusal),
    /// The clock of this machine is not that of the service.
    #[error("{0}")]
    ClockOff(ClockOff),
    /// No connection, or it broke before the answer began.
    #[error("cannot reach {url}: {}", shown(&chain(cause)))]
    Unreachable {
        /// What was asked for.
        url: String,
        /// Why.
        cause: Cause,
    },
    /// No answer within the time that one try may take.
    #[error("{url} did not answer within {} s", after.as_secs_f64())]
    TimedOut {
        /// What was asked for.
        url: String,
        /// How long one try may take.
        after: Duration,
    },
    /// The answer broke off in the middle.
    #[error("the answer of {url} broke off: {}", shown(&chain(cause)))]
    BrokenOff {
        /// What was asked for.
        url: String,
        /// Why.
        cause: Cause,
    },
    /// The answer is not what this service answers, or not an answer to what was asked: something else may be at that
    /// address, or in between.
    #[error("the answer of {url} makes no sense: {}", shown(reason))]
    Nonsense {
        /// What was asked for.
        url: String,
        /// What is wrong with it. It may quote the answer: show it as [`Foreign`] text.
        reason: String,
        /// The id of the request, where the answer had one.
        request_id: Option<String>,
    },
    /// The blocks are not those of an honest service, or not of the one that was known before. Do not use them.
    #[error("{0}")]
    Unverified(Unverified),
    /// The pool of zipcodes is none.
    #[error("the pool of zipcodes is none: {0}")]
    Pool(#[from] PoolError),
    /// The signer could not sign.
    #[error("cannot sign: {}", shown(&chain(.0)))]
    Signer(Cause),
    /// What the client keeps on disk cannot be read or written.
    #[error("cannot use {}: {}", path.display(), shown(&cause.to_string()))]
    DataFolder {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        cause: Arc<io::Error>,
    },
}

/// An answer of the service that is an error.
///
/// ```
/// use resi_client::{Error, Refusal};
/// use resi_client::protocol::wire::ErrorCode;
///
/// fn has_ended_already(error: &Error) -> bool {
///     matches!(error, Error::Refused(Refusal { code: Some(ErrorCode::AssignmentEnded), .. }))
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// What went wrong, for programs; `None` where the answer has no code, or one that is newer than this crate.
    pub code: Option<ErrorCode>,
    /// What went wrong, for people, in the words of whoever answered: show it as [`Foreign`] text.
    pub message: String,
    /// The id under which the service's log has this request: at most 128 printable ASCII characters.
    pub request_id: Option<String>,
    /// When another try may pass; a day at most.
    pub retry_after: Option<Duration>,
    /// The clock of the service, where it answered with it.
    pub(crate) server_time: Option<Timestamp>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code {
            Some(code) => write!(f, "{} ({code}", shown(&self.message))?,
            None => write!(f, "{} (HTTP {}", shown(&self.message), self.status)?,
        }
        match &self.request_id {
            Some(id) => write!(f, ", request {})", shown(id)),
            None => f.write_str(")"),
        }
    }
}

/// The clock of this machine is not that of the service.
///
/// ```
/// use resi_client::Error;
///
/// fn seconds_off(error: &Error) -> Option<i64> {
///     match error {
///         Error::ClockOff(clock) => Some(clock.ahead_seconds),
///         _ => None,
///     }
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClockOff {
    /// How many seconds this machine is ahead of the service; negative when it is behind.
    pub ahead_seconds: i64,
    /// The clock of the service.
    pub server_time: Timestamp,
    /// The id of the request that showed it, where there is one.
    pub request_id: Option<String>,
}

impl ClockOff {
    /// Where the clocks are further apart than those of good machines.
    pub(crate) fn of(
        now: Timestamp,
        server_time: Timestamp,
        request_id: Option<String>,
    ) -> Option<Self> {
        let ahead_seconds = now.seconds().saturating_sub(server_time.seconds());
        let distance = now.since(server_time).max(server_time.since(now));
        (distance > CLOCK_TOLERANCE).then_some(Self { ahead_seconds, server_time, request_id })
    }
}

impl fmt::Display for ClockOff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, direction) = (
            self.ahead_seconds.unsigned_abs(),
            if self.ahead_seconds < 0 { "behind" } else { "ahead of" },
        );
        let time = self.server_time;
        write!(
            f,
            "the clock of this machine is {seconds} s {direction} that of the service ({time}): set it, \
             best with a time service such as chrony"
        )
    }
}

/// Why blocks were not verified.
///
/// ```
/// use resi_client::Error;
///
/// fn alarm(error: &Error) {
///     if let Error::Unverified(unverified) = error {
///         eprintln!("do not use these blocks: {}", unverified.reason);
///     }
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unverified {
    /// What differs.
    pub reason: VerifyError,
    /// Where the client keeps what it knew before, when that is what the answer differs from.
    pub remembered_in: Option<PathBuf>,
}

impl fmt::Display for Unverified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not verified: {}", shown(&self.reason.to_string()))?;
        if let Some(path) = &self.remembered_in {
            write!(
                f,
                " (known from the first contact, kept in {}; if the change was announced, forget what was known)",
                path.display()
            )?;
        }
        Ok(())
    }
}

impl Error {
    /// The service's code for what went wrong.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let error = resi_client::Error::TimedOut { url: "https://resi.example/health".into(), after: Duration::from_secs(5) };
    /// assert_eq!(error.code(), None, "nobody answered");
    /// ```
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Refused(refusal) => refusal.code,
            Self::ClockOff(clock) => {
                clock.request_id.as_ref().map(|_| ErrorCode::TimestampOutOfRange)
            }
            _ => None,
        }
    }

    /// The HTTP status, where there was an answer that is an error.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let error = resi_client::Error::TimedOut { url: "https://resi.example/health".into(), after: Duration::from_secs(5) };
    /// assert_eq!(error.status(), None, "nobody answered");
    /// ```
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Refused(refusal) => Some(refusal.status),
            _ => None,
        }
    }

    /// The id under which the service's log has the request.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let error = resi_client::Error::TimedOut { url: "https://resi.example/health".into(), after: Duration::from_secs(5) };
    /// assert_eq!(error.request_id(), None, "nobody answered");
    /// ```
    pub fn request_id(&self) -> Option<&str> {
        match self {
            Self::Refused(refusal) => refusal.request_id.as_deref(),
            Self::ClockOff(clock) => clock.request_id.as_deref(),
            Self::Nonsense { request_id, .. } => request_id.as_deref(),
            _ => None,
        }
    }

    /// Whether the same call may succeed later without anybody doing anything.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let error = resi_client::Error::TimedOut { url: "https://resi.example/health".into(), after: Duration::from_secs(5) };
    /// assert!(error.is_retryable());
    /// ```
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Refused(refusal) => matches!(refusal.status, 408 | 429 | 500..=599),
            Self::Unreachable { .. } | Self::TimedOut { .. } | Self::BrokenOff { .. } => true,
            _ => false,
        }
    }

    /// How long the service asked to be left alone.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let error = resi_client::Error::TimedOut { url: "https://resi.example/health".into(), after: Duration::from_secs(5) };
    /// assert_eq!(error.retry_after(), None, "nobody asked for it");
    /// ```
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused(refusal) => refusal.retry_after,
            _ => None,
        }
    }

    /// The token was not taken: another one may be.
    pub(crate) fn is_about_token(&self) -> bool {
        self.status() == Some(401)
            && !matches!(
                self.code(),
                Some(ErrorCode::InvalidSignature | ErrorCode::ReplayedSignature)
            )
    }
}

/// Errors go to logs and terminals, and the other side chooses some of their words.
fn shown(text: &str) -> Foreign<'_> {
    Foreign::new(text).at_most(LONGEST_TEXT)
}

/// An error with its causes: the outermost of a connection says too little.
fn chain(cause: &Cause) -> String {
    let mut text = cause.to_string();
    let mut next = cause.source();
    while let Some(cause) = next {
        let words = cause.to_string();
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        next = cause.source();
    }
    text
}

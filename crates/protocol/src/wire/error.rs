use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Timestamp;

macro_rules! error_codes {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal, $status:literal;)+) => {
        /// What went wrong, for programs. A code keeps its meaning and status for ever; new ones may come.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[serde(rename_all = "SCREAMING_SNAKE_CASE")]
        #[non_exhaustive]
        pub enum ErrorCode {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl ErrorCode {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The name on the wire.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// The HTTP status it comes with.
            pub const fn status(self) -> u16 {
                match self { $(Self::$variant => $status,)+ }
            }

            /// What it means, in a sentence.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc),+).trim_ascii(),)+ }
            }
        }
    };
}

error_codes! {
    /// The body or a parameter is not of the shape it should be; the message names the field.
    InvalidRequest = "INVALID_REQUEST", 400;
    /// The hotkey is no SS58 address (prefix 42) of a 32-byte key.
    InvalidHotkey = "INVALID_HOTKEY", 400;
    /// The request was not signed just now by the clock of the service: its timestamp is more than 300 s away, or its nonce more than 10 s back or 2 s ahead.
    TimestampOutOfRange = "TIMESTAMP_OUT_OF_RANGE", 400;
    /// A source has a name that is not known.
    UnknownSource = "UNKNOWN_SOURCE", 400;
    /// The epoch that a report names has not begun, lies more than 42 epochs back, or had no blocks.
    UnknownEpoch = "UNKNOWN_EPOCH", 400;
    /// `block_size` is not a whole number from 1 on.
    InvalidBlockSize = "INVALID_BLOCK_SIZE", 400;
    /// `format` is not `json`.
    UnsupportedFormat = "UNSUPPORTED_FORMAT", 400;
    /// The signature does not verify, or is for another service.
    InvalidSignature = "INVALID_SIGNATURE", 401;
    /// The signature or its nonce was used before.
    ReplayedSignature = "REPLAYED_SIGNATURE", 401;
    /// There is neither a bearer token nor a signature by headers.
    MissingToken = "MISSING_TOKEN", 401;
    /// The token is not one of this service.
    InvalidToken = "INVALID_TOKEN", 401;
    /// The token has expired.
    TokenExpired = "TOKEN_EXPIRED", 401;
    /// The hotkey may not act as a validator.
    NotAValidator = "NOT_A_VALIDATOR", 403;
    /// None of the sources asked for can be had.
    SourceNotAuthorized = "SOURCE_NOT_AUTHORIZED", 403;
    /// There is nothing at this path.
    NotFound = "NOT_FOUND", 404;
    /// The path exists, but not with this method.
    MethodNotAllowed = "METHOD_NOT_ALLOWED", 405;
    /// The body did not arrive in time.
    RequestTimeout = "REQUEST_TIMEOUT", 408;
    /// The assignment has ended otherwise already.
    AssignmentEnded = "ASSIGNMENT_ENDED", 409;
    /// The body is larger than the endpoint takes.
    BodyTooLarge = "BODY_TOO_LARGE", 413;
    /// A limit is used up; `Retry-After` says for how long.
    RateLimited = "RATE_LIMITED", 429;
    /// A fault of the service; the log has it under the request id.
    InternalError = "INTERNAL_ERROR", 500;
    /// The registry of validators is too old to be trusted.
    RegistryStale = "REGISTRY_STALE", 503;
    /// The database is away; nothing was changed or acknowledged.
    StorageUnavailable = "STORAGE_UNAVAILABLE", 503;
    /// The service cannot deal blocks now: it starts, stops, or differs from the epoch's record.
    NotReady = "NOT_READY", 503;
}

impl ErrorCode {
    /// The code of that name on the wire; `None` for one that is newer than this crate.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.name() == name)
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The body of every answer that is an error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ErrorBody {
    /// What went wrong, for people.
    #[cfg_attr(feature = "openapi", schema(example = "Access token has expired"))]
    pub error: String,
    /// What went wrong, for programs.
    #[cfg_attr(feature = "openapi", schema(example = "TOKEN_EXPIRED"))]
    pub error_code: ErrorCode,
    /// The clock of the service.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime, example = "2025-01-15T10:30:00Z"))]
    pub timestamp: Timestamp,
    /// The id of the request, as in `X-Request-Id` and in the log.
    #[cfg_attr(feature = "openapi", schema(example = "01JHM5ZJ8V3QK4T2N6W7X8Y9ZA"))]
    pub request_id: String,
    /// The same as `error`: what older clients print.
    #[cfg_attr(feature = "openapi", schema(example = "Access token has expired"))]
    pub detail: String,
    /// With `TIMESTAMP_OUT_OF_RANGE`: the clock of the service in Unix seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(example = 1_736_937_000))]
    pub server_time: Option<i64>,
    /// With `TIMESTAMP_OUT_OF_RANGE`: how far the request's timestamp is ahead of it, in seconds; negative when behind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(example = -412))]
    pub skew_seconds: Option<i64>,
}

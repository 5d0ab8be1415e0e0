//! Everything that can go wrong with a request, and how it is answered.

use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use hyper::StatusCode;
use resi_protocol::wire::ErrorCode;
use resi_protocol::{SourcesError, Timestamp};
use resi_store::{Quota, StoreError};

use crate::tokens::TokenError;

/// An answer that is an error. The body is written where the id of the request is known: see `http::layer`.
#[derive(Clone, Debug)]
pub struct ApiError {
    /// What went wrong, for programs.
    pub code: ErrorCode,
    /// What went wrong, for people.
    pub message: String,
    /// What the log must have and the client must not.
    pub internal: Option<Arc<str>>,
    /// How the limit stands that was met.
    pub quota: Option<Quota>,
    /// When another try may pass.
    pub retry_after_seconds: Option<u64>,
    /// The clock and how far the request is ahead of it, in seconds.
    pub skew: Option<(i64, i64)>,
}

impl ApiError {
    /// An error with nothing but its message.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            internal: None,
            quota: None,
            retry_after_seconds: None,
            skew: None,
        }
    }

    /// A field of the request is not what it should be.
    pub fn invalid(field: &str, reason: impl std::fmt::Display) -> Self {
        Self::new(ErrorCode::InvalidRequest, format!("{field}: {reason}"))
    }

    /// A fault of ours: `internal` goes to the log only.
    pub fn internal(internal: impl std::fmt::Display) -> Self {
        let message = "The service failed to answer; its log has the reason under this request id";
        Self {
            internal: Some(internal.to_string().into()),
            ..Self::new(ErrorCode::InternalError, message)
        }
    }

    /// A limit is used up.
    pub fn limited(what: &str, quota: Quota, now: Timestamp) -> Self {
        let seconds = seconds_until(quota.resets_at, now);
        let message =
            format!("Limit of {} {what} is used up; try again in {seconds} s", quota.limit);
        Self {
            quota: Some(quota),
            retry_after_seconds: Some(seconds),
            ..Self::new(ErrorCode::RateLimited, message)
        }
    }

    /// There is nothing of that name.
    pub fn not_found(what: &str) -> Self {
        Self::new(ErrorCode::NotFound, format!("There is no such {what}"))
    }
}

/// Whole seconds from `now` to `moment`, rounded up, at least 1.
pub fn seconds_until(moment: Timestamp, now: Timestamp) -> u64 {
    u64::try_from(moment.since(now).as_micros().div_ceil(1_000_000)).unwrap_or(u64::MAX).max(1)
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(reason) => Self {
                internal: Some(reason.into()),
                retry_after_seconds: Some(5),
                ..Self::new(
                    ErrorCode::StorageUnavailable,
                    "The database is not available; nothing was changed",
                )
            },
            error @ StoreError::Inconsistent(_) => Self::internal(error),
        }
    }
}

impl From<TokenError> for ApiError {
    fn from(error: TokenError) -> Self {
        let code = match error {
            TokenError::Invalid => ErrorCode::InvalidToken,
            TokenError::Expired => ErrorCode::TokenExpired,
        };
        Self::new(code, error.to_string())
    }
}

impl From<SourcesError> for ApiError {
    fn from(error: SourcesError) -> Self {
        Self::new(ErrorCode::UnknownSource, format!("sources: {error}"))
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = Response::default();
        *response.status_mut() =
            StatusCode::from_u16(self.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        response.extensions_mut().insert(self);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_status_that_exists() {
        for code in ErrorCode::ALL {
            assert!(
                StatusCode::from_u16(code.status())
                    .is_ok_and(|s| s.is_client_error() || s.is_server_error())
            );
        }
    }

    #[test]
    fn what_is_internal_is_not_in_the_message() {
        let error = ApiError::from(StoreError::Unavailable("postgres://user@host refused".into()));
        assert!(!error.message.contains("host"));
    }
}

//! The `RateLimit-…` headers of answers that count against a limit.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use resi_protocol::Timestamp;
use resi_store::Quota;

use crate::error::seconds_until;

const LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("ratelimit-reset");

/// Says how the limit stands; nothing where there is none.
pub fn write(headers: &mut HeaderMap, quota: Option<Quota>, now: Timestamp) {
    if let Some(quota) = quota {
        headers.insert(LIMIT, HeaderValue::from(quota.limit));
        headers.insert(REMAINING, HeaderValue::from(quota.remaining));
        headers.insert(RESET, HeaderValue::from(seconds_until(quota.resets_at, now)));
    }
}

/// The one of two limits that is met first.
pub fn tighter(a: Option<Quota>, b: Option<Quota>) -> Option<Quota> {
    match (a, b) {
        (Some(a), Some(b)) => Some(if b.remaining < a.remaining { b } else { a }),
        (a, b) => a.or(b),
    }
}

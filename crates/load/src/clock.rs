use std::time::{Instant, SystemTime, UNIX_EPOCH};

use resi_protocol::Timestamp;

/// The time of day.
#[expect(
    clippy::disallowed_methods,
    reason = "a load tool measures real time, nobody hands it a clock"
)]
pub(crate) fn now() -> Timestamp {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::UNIX_EPOCH.plus(since_1970)
}

/// A moment to measure from.
#[expect(
    clippy::disallowed_methods,
    reason = "a load tool measures real time, nobody hands it a clock"
)]
pub(crate) fn instant() -> Instant {
    Instant::now()
}

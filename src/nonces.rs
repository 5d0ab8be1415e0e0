//! Nonces of requests that are signed by headers: each is taken once. Of a request that changes something, the store has
//! the last word, with what it writes.

use std::sync::{Mutex, MutexGuard, PoisonError};

use resi_protocol::btauth::{LARGEST_AGE, LARGEST_LEAD, Nonce, NonceRefused, SeenNonces};
use resi_protocol::wire::ErrorCode;
use resi_protocol::{Hotkey, Timestamp};

use crate::error::ApiError;

/// Some 10 MB. Who is over its limit takes no place, so this is 100 an hour for 1,000 validators, all within 12 s.
const REMEMBERED: usize = 100_000;

/// The nonces this replica has seen.
#[derive(Debug)]
pub struct Nonces(Mutex<SeenNonces>);

impl Default for Nonces {
    fn default() -> Self {
        Self(Mutex::new(SeenNonces::new(REMEMBERED)))
    }
}

impl Nonces {
    /// Takes the nonce of a request that was proved, where `admit` lets the request pass: what is refused takes no place.
    ///
    /// # Errors
    /// 401 when it was used before, 429 when there is no place to remember it, and those of `admit`.
    pub fn take<T>(
        &self,
        hotkey: Hotkey,
        nonce: Nonce,
        now: Timestamp,
        admit: impl FnOnce() -> Result<T, ApiError>,
    ) -> Result<T, ApiError> {
        let mut seen = self.seen();
        seen.look(hotkey, nonce, now).map_err(refused)?;
        let admitted = admit()?;
        seen.take(hotkey, nonce, now).map_err(refused)?;
        Ok(admitted)
    }

    /// Whether this replica would take a nonce.
    ///
    /// # Errors
    /// Those of [`take`](Self::take).
    pub fn look(&self, hotkey: Hotkey, nonce: Nonce, now: Timestamp) -> Result<(), ApiError> {
        self.seen().look(hotkey, nonce, now).map_err(refused)
    }

    fn seen(&self) -> MutexGuard<'_, SeenNonces> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The nonce of a request was used before, here or elsewhere.
pub fn replayed() -> ApiError {
    ApiError::new(
        ErrorCode::ReplayedSignature,
        "The nonce of this request was used before; sign anew",
    )
}

fn refused(reason: NonceRefused) -> ApiError {
    match reason {
        NonceRefused::Used => replayed(),
        NonceRefused::Full => ApiError {
            retry_after_seconds: Some((LARGEST_AGE + LARGEST_LEAD).as_secs()),
            ..ApiError::new(ErrorCode::RateLimited, "Too many signed requests at once")
        },
    }
}

//! Nonces of requests that are signed by headers: each is taken once.

use std::sync::{Mutex, PoisonError};

use resi_protocol::btauth::{LARGEST_AGE, LARGEST_LEAD, Nonce, NonceRefused, SeenNonces};
use resi_protocol::wire::ErrorCode;
use resi_protocol::{Hotkey, Timestamp};
use resi_store::Store;

use crate::error::ApiError;

/// Some 6 MB. Who is over its limit takes no place, so this is 100 an hour for 1,000 validators, all within 12 s.
const REMEMBERED: usize = 100_000;

/// The nonces this replica has seen.
#[derive(Debug)]
pub struct Nonces(Mutex<SeenNonces>);

/// What a request with a nonce may do when it is sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing but read: this replica's memory is enough, and a database that is away does not matter.
    Read,
    /// Change something: no replica takes the nonce again, nor one that was started anew.
    Write,
}

impl Default for Nonces {
    fn default() -> Self {
        Self(Mutex::new(SeenNonces::new(REMEMBERED)))
    }
}

impl Nonces {
    /// Takes the nonce of a request that was proved.
    ///
    /// # Errors
    /// 401 when it was used before, 429 when there is no place to remember it, 503 when the store fails.
    pub async fn take(
        &self,
        store: &dyn Store,
        hotkey: Hotkey,
        nonce: Nonce,
        effect: Effect,
        now: Timestamp,
    ) -> Result<(), ApiError> {
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner).take(hotkey, nonce, now);
        seen.map_err(refused)?;
        if effect == Effect::Write && !store.take_nonce(hotkey, nonce).await? {
            return Err(refused(NonceRefused::Used));
        }
        Ok(())
    }
}

fn refused(reason: NonceRefused) -> ApiError {
    match reason {
        NonceRefused::Used => ApiError::new(
            ErrorCode::ReplayedSignature,
            "The nonce of this request was used before; sign anew",
        ),
        NonceRefused::Full => ApiError {
            retry_after_seconds: Some((LARGEST_AGE + LARGEST_LEAD).as_secs()),
            ..ApiError::new(ErrorCode::RateLimited, "Too many signed requests at once")
        },
    }
}

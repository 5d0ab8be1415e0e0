//! Requests that validators sign by headers (`btauth/1`), instead of showing a token.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, Request};
use resi_protocol::btauth::{self, BtauthError, Credentials, Nonce};
use resi_protocol::wire::ErrorCode;
use resi_protocol::{Hotkey, Timestamp};

use crate::app::App;
use crate::error::ApiError;
use crate::http::body;
use crate::http::layer::Scope;

const SIGNATURE: &str = "x-bittensor-signature";
const HOTKEY: &str = "x-bittensor-hotkey";

/// Who signed a request, proved; its nonce is still to be taken.
#[derive(Clone, Copy, Debug)]
pub struct Signer {
    /// Who may act as a validator.
    pub hotkey: Hotkey,
    /// When it was signed.
    pub nonce: Nonce,
}

/// Whether the headers of a request carry a signature.
pub fn is_signed(headers: &HeaderMap) -> bool {
    headers.contains_key(SIGNATURE)
}

/// Reads the headers of a signed request; `None` where there are none.
///
/// # Errors
/// 401 when they do not make up a signed request, 400 when the hotkey is none.
pub fn read(headers: &HeaderMap) -> Result<Option<Credentials>, ApiError> {
    let pairs = headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
    Credentials::read(pairs).map_err(unproved)
}

/// Proves that a validator signed this request, and hands the request back with its body, of at most `limit` bytes.
/// What costs little comes first: the limit of the client's address, receiver and time, then body and signature.
///
/// # Errors
/// 429 when the address is over its limit, 400 when it was not signed just now, 401 when the signature is not of this
/// request for this service, 403 and 503 as the registry says, 408 and 413 for the body.
pub async fn prove(
    app: &App,
    scope: &Scope,
    credentials: Credentials,
    request: Request<Body>,
    limit: usize,
) -> Result<(Signer, Request<Body>), ApiError> {
    let Credentials { hotkey, nonce, .. } = credentials;
    scope.claimed(hotkey);
    let now = app.clock.now();
    app.limit_address(scope, now)?;
    credentials
        .check(app.service_hotkey, now)
        .map_err(|error| out_of_time(error, nonce, now).unwrap_or_else(|| unproved(error)))?;
    let (parts, body) = request.into_parts();
    let body = body::read(&parts.headers, body, limit).await?;
    let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
    let signed = btauth::Request::new(parts.method.as_str(), target, &body);
    credentials.verify(&signed, app.service_hotkey, now).map_err(unproved)?;
    scope.proved(Arc::from(hotkey.to_string()));
    app.require_fresh_registry()?;
    app.require_validator(&hotkey)?;
    Ok((Signer { hotkey, nonce }, Request::from_parts(parts, body.into())))
}

/// Whom a request to a mock names: nothing is checked there.
///
/// # Errors
/// 400 when that is no hotkey.
pub fn named(headers: &HeaderMap) -> Result<Hotkey, ApiError> {
    let text = headers.get(HOTKEY).and_then(|value| value.to_str().ok()).unwrap_or_default();
    Hotkey::of_signer(text).map_err(|error| unproved(BtauthError::InvalidHotkey(error)))
}

fn unproved(error: BtauthError) -> ApiError {
    let code = match error {
        BtauthError::InvalidHotkey(_) => ErrorCode::InvalidHotkey,
        _ => ErrorCode::InvalidSignature,
    };
    ApiError::new(code, error.to_string())
}

fn out_of_time(error: BtauthError, nonce: Nonce, now: Timestamp) -> Option<ApiError> {
    if !matches!(error, BtauthError::TooOld | BtauthError::TooFarAhead) {
        return None;
    }
    let signed_at = i64::try_from(nonce.nanos() / 1_000_000_000).unwrap_or(i64::MAX);
    let skew = signed_at.saturating_sub(now.seconds());
    Some(ApiError {
        skew: Some((now.seconds(), skew)),
        ..ApiError::new(ErrorCode::TimestampOutOfRange, error.to_string())
    })
}

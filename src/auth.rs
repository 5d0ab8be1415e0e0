//! Who a request is from: a handler that takes a [`Validator`] cannot be reached without a proof.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use resi_protocol::wire::ErrorCode;
use resi_protocol::{Hotkey, Keypair, Sources, Timestamp};
use resi_store::Quota;

use crate::app::AppState;
use crate::error::ApiError;
use crate::http::layer::Scope;

/// A hotkey that proved itself with a token and may act as a validator now.
#[derive(Clone, Debug)]
pub struct Validator {
    /// Whose token it is.
    pub hotkey: Hotkey,
    /// The sources that were granted.
    pub sources: Sources,
}

impl Validator {
    /// Counts a request of this validator.
    ///
    /// # Errors
    /// 429 when its hour is used up.
    pub fn count_request(&self, app: &AppState, now: Timestamp) -> Result<Option<Quota>, ApiError> {
        if app.mock {
            return Ok(None);
        }
        let counted = app.limits.requests.count(self.hotkey, now);
        counted.map_err(|quota| ApiError::limited("requests an hour", quota, now))
    }
}

impl FromRequestParts<AppState> for Validator {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, ApiError> {
        let token = bearer(&parts.headers)?;
        let holder = app.tokens.verify(token, app.clock.now())?;
        if let Some(scope) = parts.extensions.get::<Scope>() {
            scope.proved(Arc::clone(&holder.address));
        }
        app.require_validator(&holder.hotkey)?;
        Ok(Self { hotkey: holder.hotkey, sources: holder.sources })
    }
}

fn bearer(headers: &HeaderMap) -> Result<&str, ApiError> {
    let missing = || {
        ApiError::new(ErrorCode::MissingToken, "An access token is needed: Authorization: Bearer …")
    };
    let invalid = || {
        ApiError::new(
            ErrorCode::InvalidToken,
            "The Authorization header is not of the form Bearer …",
        )
    };
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next().ok_or_else(missing)?;
    if values.next().is_some() {
        return Err(invalid());
    }
    let text = value.to_str().map_err(|_| invalid())?.trim();
    let (scheme, token) = text.split_once(' ').unwrap_or((text, ""));
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(if text.is_empty() { missing() } else { invalid() });
    }
    match token.trim() {
        "" => Err(missing()),
        token => Ok(token),
    }
}

/// A [`Validator`]; in mock mode, where reports need no token, a stand-in where there is none.
#[derive(Clone, Debug)]
pub struct Reporter(pub Validator);

impl FromRequestParts<AppState> for Reporter {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, ApiError> {
        if app.mock && !parts.headers.contains_key(header::AUTHORIZATION) {
            let hotkey = Keypair::development("Alice").hotkey();
            return Ok(Self(Validator { hotkey, sources: app.enabled_sources }));
        }
        Validator::from_request_parts(parts, app).await.map(Self)
    }
}

//! Who a request is from: a handler that takes a request [`ByValidator`] cannot be reached without a proof.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::FromRequest;
use axum::http::{HeaderMap, Request, header};
use resi_protocol::btauth::Nonce;
use resi_protocol::wire::ErrorCode;
use resi_protocol::{Hotkey, Keypair, Sources, Timestamp};
use resi_store::Quota;

use crate::app::{AppState, Limits};
use crate::endpoints::assignment_status::MAX_BODY;
use crate::error::ApiError;
use crate::http::layer::Scope;
use crate::http::quota;
use crate::shared_limit::SharedLimit;
use crate::signed::{self, Signer};

/// A hotkey that proved itself, with a token or a signature, and may act as a validator now. Who it is comes out
/// when its request is [admitted](Self::admit).
#[derive(Clone, Debug)]
pub struct Validator {
    /// The sources that were granted.
    pub sources: Sources,
    hotkey: Hotkey,
    signer: Option<Signer>,
}

/// A request that counts.
#[derive(Clone, Copy, Debug)]
pub struct Admitted {
    /// Whose it is.
    pub hotkey: Hotkey,
    /// How many more requests its hour has.
    pub quota: Option<Quota>,
    /// The nonce of a signed request, taken here; what changes something uses it up in the store, too.
    pub nonce: Option<Nonce>,
}

impl Validator {
    /// Counts the request, and takes its nonce where it is signed. To be called when nothing else is wrong with it: only
    /// what will be answered counts and takes a nonce.
    ///
    /// # Errors
    /// 401 when the nonce was used before, 429 when the hour is used up.
    pub fn admit(self, app: &AppState, now: Timestamp) -> Result<Admitted, ApiError> {
        self.within(app, &[(&app.limits.requests, "requests an hour")], now)
    }

    /// The same of a report, which has a limit of its own besides.
    ///
    /// # Errors
    /// Those of [`admit`](Self::admit).
    pub fn admit_report(self, app: &AppState, now: Timestamp) -> Result<Admitted, ApiError> {
        let Limits { requests, reports, .. } = &app.limits;
        self.within(app, &[(requests, "requests an hour"), (reports, "reports an hour")], now)
    }

    fn within(
        self,
        app: &AppState,
        limits: &[(&SharedLimit, &str)],
        now: Timestamp,
    ) -> Result<Admitted, ApiError> {
        let hotkey = self.hotkey;
        if app.mock {
            return Ok(Admitted { hotkey, quota: None, nonce: None });
        }
        let count = || {
            let limited = |what| move |quota| ApiError::limited(what, quota, now);
            // What one of them refuses does not count by the others.
            for (limit, what) in limits.iter().skip(1) {
                limit.look(hotkey, now).map_err(limited(*what))?;
            }
            limits.iter().try_fold(None, |tightest, (limit, what)| {
                let counted = limit.count(hotkey, now).map_err(limited(*what))?;
                Ok(quota::tighter(tightest, counted))
            })
        };
        let nonce = self.signer.map(|signer| signer.nonce);
        let quota = match nonce {
            Some(nonce) => app.nonces.take(hotkey, nonce, now, count)?,
            None => count()?,
        };
        Ok(Admitted { hotkey, quota, nonce })
    }
}

/// A request, and the validator that proved to have sent it.
#[derive(Debug)]
pub struct ByValidator {
    /// Who sent it.
    pub validator: Validator,
    /// The request with its body; a body that was signed has been read, and is whole.
    pub request: Request<Body>,
}

impl FromRequest<AppState> for ByValidator {
    type Rejection = ApiError;

    async fn from_request(request: Request<Body>, app: &AppState) -> Result<Self, ApiError> {
        let headers = request.headers();
        let scope = Scope::of(request.extensions())?;
        if headers.contains_key(header::AUTHORIZATION) {
            if signed::is_signed(headers) {
                let message = "either a token or a signature by headers, not both";
                return Err(ApiError::invalid("Authorization", message));
            }
            let holder = app.tokens.verify(bearer(headers)?, app.clock.now())?;
            scope.proved(Arc::clone(&holder.address));
            app.require_validator(&holder.hotkey)?;
            // A source may have been disabled since the token was made.
            let sources = holder.sources.intersection(app.enabled_sources);
            let hotkey = holder.hotkey;
            return Ok(Self { validator: Validator { sources, hotkey, signer: None }, request });
        }
        let sources = app.enabled_sources;
        if app.mock && signed::is_signed(headers) {
            let validator = Validator { sources, hotkey: signed::named(headers)?, signer: None };
            return Ok(Self { validator, request });
        }
        let credentials = signed::read(headers)?.ok_or_else(missing)?;
        // Boxed, so that requests with a token do not carry the room of what they do not take.
        let proof = Box::pin(signed::prove(app, &scope, credentials, request, MAX_BODY));
        let (signer, request) = proof.await?;
        let validator = Validator { sources, hotkey: signer.hotkey, signer: Some(signer) };
        Ok(Self { validator, request })
    }
}

fn missing() -> ApiError {
    ApiError::new(
        ErrorCode::MissingToken,
        "An access token is needed, Authorization: Bearer …, or a signature by headers, X-Bittensor-…",
    )
}

fn bearer(headers: &HeaderMap) -> Result<&str, ApiError> {
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

/// A request [`ByValidator`]; in mock mode, where reports need no token, of a stand-in where there is none.
#[derive(Debug)]
pub struct ByReporter(pub ByValidator);

impl FromRequest<AppState> for ByReporter {
    type Rejection = ApiError;

    async fn from_request(request: Request<Body>, app: &AppState) -> Result<Self, ApiError> {
        let headers = request.headers();
        let is_bare = !headers.contains_key(header::AUTHORIZATION) && !signed::is_signed(headers);
        if app.mock && is_bare {
            let hotkey = Keypair::development("Alice").hotkey();
            let validator = Validator { sources: app.enabled_sources, hotkey, signer: None };
            return Ok(Self(ByValidator { validator, request }));
        }
        ByValidator::from_request(request, app).await.map(Self)
    }
}

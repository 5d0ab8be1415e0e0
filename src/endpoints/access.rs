use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, Request, header};
use axum::response::{IntoResponse, Response};
use resi_protocol::rotation::MAX_BATCHES;
use resi_protocol::wire::{
    AccessGrant, AccessRequest, ErrorBody, ErrorCode, RateLimits, SignedAccessRequest,
    signing_message,
};
use resi_protocol::{Hotkey, Signature, Sources, Timestamp};
use resi_store::{GrantAttempt, GrantOutcome, Proof, Quota};

use crate::app::AppState;
use crate::error::ApiError;
use crate::http::layer::Scope;
use crate::http::{body, quota};
use crate::nonces;
use crate::signed::{self, Signer};

const MAX_BODY: usize = 4 * 1024;
/// How far the timestamp of a request may be from the clock, either way.
const MAX_SKEW_SECONDS: i64 = 300;
/// How long after its timestamp a signature is remembered: longer than it could still pass.
const REMEMBERED: Duration = Duration::from_secs(360);

/// Prove a hotkey and get an access token
///
/// The signature is sr25519 by the hotkey over `api:data:request:{hotkey}:{timestamp}:{sources}`, hotkey and sources
/// exactly as sent. Each signature grants access once. Where the whole request is signed by headers (`btauth`), the body
/// needs `sources` only.
#[utoipa::path(
    post, path = "/get-validator-access", tag = "validators",
    security((), ("btauth" = [])),
    request_body = AccessRequest,
    responses(
        (status = 200, description = "Access is granted", body = AccessGrant),
        (status = 400, description = "`INVALID_REQUEST`, `INVALID_HOTKEY`, `TIMESTAMP_OUT_OF_RANGE`, `UNKNOWN_SOURCE`", body = ErrorBody),
        (status = 401, description = "`INVALID_SIGNATURE`, `REPLAYED_SIGNATURE`", body = ErrorBody),
        (status = 403, description = "`NOT_A_VALIDATOR`, `SOURCE_NOT_AUTHORIZED`", body = ErrorBody),
        (status = 408, description = "`REQUEST_TIMEOUT`", body = ErrorBody),
        (status = 413, description = "`BODY_TOO_LARGE`", body = ErrorBody),
        (status = 429, description = "`RATE_LIMITED`", body = ErrorBody),
        (status = 503, description = "`REGISTRY_STALE`, `STORAGE_UNAVAILABLE`, `NOT_READY`", body = ErrorBody),
    )
)]
pub(crate) async fn get_validator_access(
    State(app): State<AppState>,
    scope: Scope,
    request: Request<Body>,
) -> Result<Response, ApiError> {
    let answer = grant(&app, request, &scope).await;
    match &answer {
        Ok(_) => app.metrics.granted(),
        Err(error) => app.metrics.refused(error.code),
    }
    answer
}

async fn grant(
    app: &AppState,
    request: Request<Body>,
    scope: &Scope,
) -> Result<Response, ApiError> {
    match signed::is_signed(request.headers()) {
        // Boxed, so that requests signed in their body do not carry the room for it.
        true => Box::pin(grant_by_headers(app, request, scope)).await,
        false => grant_by_body(app, request, scope).await,
    }
}

async fn grant_by_body(
    app: &AppState,
    request: Request<Body>,
    scope: &Scope,
) -> Result<Response, ApiError> {
    let asked: AccessRequest = body::json(request, MAX_BODY).await?;
    let now = app.clock.now();

    let hotkey = Hotkey::of_signer(&asked.hotkey)
        .map_err(|error| ApiError::new(ErrorCode::InvalidHotkey, format!("hotkey: {error}")))?;
    scope.claimed(hotkey);
    app.limit_address(scope, now)?;
    check_skew(asked.timestamp, now)?;
    app.require_sound_clock()?;
    let signature = if app.mock { None } else { Some(check_signature(&asked, &hotkey)?) };
    scope.proved(Arc::from(asked.hotkey.as_str()));
    app.require_fresh_registry()?;
    app.require_validator(&hotkey)?;
    let sources = granted_sources(app, &asked.sources)?;
    let granted = match signature {
        Some(signature) => {
            let remember_until = Timestamp::from_seconds(asked.timestamp).plus(REMEMBERED);
            let proof = Proof::Signature { signature, remember_until };
            consume(app, hotkey, proof, scope, now).await?
        }
        None => None,
    };
    answer(app, hotkey, sources, granted, now)
}

/// Headers that sign the whole request leave nothing for the body to say but the sources.
async fn grant_by_headers(
    app: &AppState,
    request: Request<Body>,
    scope: &Scope,
) -> Result<Response, ApiError> {
    let now = app.clock.now();
    if app.mock {
        let hotkey = signed::named(request.headers())?;
        let asked: SignedAccessRequest = body::json(request, MAX_BODY).await?;
        return answer(app, hotkey, granted_sources(app, &asked.sources)?, None, now);
    }
    app.require_sound_clock()?;
    let credentials = signed::read(request.headers())?
        .ok_or_else(|| ApiError::internal("a signature that is there and is not"))?;
    let (signer, request) = signed::prove(app, scope, credentials, request, MAX_BODY).await?;
    let Signer { hotkey, nonce } = signer;
    let asked: SignedAccessRequest = body::json(request, MAX_BODY).await?;
    let sources = granted_sources(app, &asked.sources)?;
    app.nonces.look(hotkey, nonce, now)?;
    let granted = consume(app, hotkey, Proof::Nonce(nonce), scope, now).await?;
    // The store has it; here it is told apart sooner, where there is a place.
    let _ = app.nonces.take(hotkey, nonce, now, || Ok(()));
    answer(app, hotkey, sources, granted, now)
}

fn granted_sources(app: &AppState, asked: &str) -> Result<Sources, ApiError> {
    let sources = asked.parse::<Sources>()?.intersection(app.enabled_sources);
    if sources.is_empty() {
        let message = format!(
            "None of the sources asked for can be granted; enabled are {}",
            app.enabled_sources
        );
        return Err(ApiError::new(ErrorCode::SourceNotAuthorized, message));
    }
    Ok(sources)
}

fn check_skew(timestamp: i64, now: Timestamp) -> Result<(), ApiError> {
    let skew = timestamp.saturating_sub(now.seconds());
    if skew.checked_abs().is_some_and(|skew| skew <= MAX_SKEW_SECONDS) {
        return Ok(());
    }
    let message = format!(
        "timestamp: is {skew} s from the clock of the service; at most {MAX_SKEW_SECONDS} s are accepted"
    );
    Err(ApiError {
        skew: Some((now.seconds(), skew)),
        ..ApiError::new(ErrorCode::TimestampOutOfRange, message)
    })
}

fn check_signature(asked: &AccessRequest, hotkey: &Hotkey) -> Result<Signature, ApiError> {
    let refuse =
        |reason: String| ApiError::new(ErrorCode::InvalidSignature, format!("signature: {reason}"));
    let signature: Signature =
        asked.signature.parse().map_err(|error| refuse(format!("{error}")))?;
    let message = signing_message(&asked.hotkey, asked.timestamp, &asked.sources);
    hotkey.verify(message.as_bytes(), &signature).map_err(|error| refuse(format!("{error}")))?;
    Ok(signature)
}

async fn consume(
    app: &AppState,
    hotkey: Hotkey,
    proof: Proof,
    scope: &Scope,
    now: Timestamp,
) -> Result<Option<Quota>, ApiError> {
    let limit = app.limits.settings.access_per_minute;
    let limit = (limit > 0).then_some(limit);
    let origin = scope.origin();
    let attempt = GrantAttempt { hotkey, proof, now, limit, origin };
    let outcome = app.store.grant_access(attempt).await;
    app.board.wrote(&outcome, app.clock.monotonic());
    match outcome? {
        GrantOutcome::Granted(quota) => Ok(quota),
        GrantOutcome::Replayed => Err(match proof {
            Proof::Nonce(_) => nonces::replayed(),
            Proof::Signature { .. } => ApiError::new(
                ErrorCode::ReplayedSignature,
                "This signature was used before; sign anew",
            ),
        }),
        GrantOutcome::Limited(quota) => Err(ApiError::limited("grants a minute", quota, now)),
    }
}

fn answer(
    app: &AppState,
    hotkey: Hotkey,
    sources: Sources,
    granted: Option<Quota>,
    now: Timestamp,
) -> Result<Response, ApiError> {
    let (access_token, expires_at) =
        app.tokens.issue(hotkey, sources, app.ids.next(now), now).map_err(ApiError::internal)?;
    let grant = AccessGrant {
        access_token,
        token_type: "Bearer".into(),
        expires_at,
        expiry_seconds: expires_at.seconds().abs_diff(now.seconds()),
        sources_authorized: sources,
        rate_limits: RateLimits {
            requests_per_hour: app.limits.settings.requests_per_hour,
            max_batch_size: MAX_BATCHES as u32,
        },
        mock: app.mock,
    };
    let mut response = Json(grant).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    quota::write(headers, granted, now);
    Ok(response)
}

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use resi_protocol::Timestamp;
use resi_protocol::wire::{
    Check, Checks, EpochProgress, ErrorBody, ErrorCode, Health, HealthStatus, RegistryHealth,
};

use super::allow_any_origin;
use crate::app::{App, AppState};
use crate::error::ApiError;
use crate::registry::Freshness;
use crate::rotation::missing_key;

/// How the service is
///
/// Answered from memory, so it may be asked often.
#[utoipa::path(
    get, path = "/health", tag = "operation",
    responses(
        (status = 200, description = "Healthy, or degraded: blocks are dealt", body = Health),
        (status = 503, description = "Unhealthy: no blocks are dealt", body = Health),
    )
)]
pub(crate) async fn get_health(State(app): State<AppState>) -> Response {
    let now = app.clock.now();
    let (status, body) = app.board.health_page(now, || {
        let health = assess(&app, now);
        let status = if health.status == HealthStatus::Unhealthy { 503 } else { 200 };
        (status, serde_json::to_vec(&health).unwrap_or_default())
    });
    page(status, body)
}

/// Whether the process answers
#[utoipa::path(
    get, path = "/livez", tag = "operation",
    responses((status = 200, description = "It does", body = String, content_type = "text/plain", example = "ok"))
)]
pub(crate) async fn get_livez() -> &'static str {
    "ok"
}

/// Whether requests should be sent here
///
/// Also while the database is away, since blocks are dealt without it; not while the service starts or stops.
#[utoipa::path(
    get, path = "/readyz", tag = "operation",
    responses(
        (status = 200, description = "They should", body = String, content_type = "text/plain", example = "ok"),
        (status = 503, description = "`NOT_READY`", body = ErrorBody),
    )
)]
pub(crate) async fn get_readyz(State(app): State<AppState>) -> Result<&'static str, ApiError> {
    if app.board.is_draining() {
        return Err(ApiError::new(ErrorCode::NotReady, "The service is about to stop"));
    }
    let health = assess(&app, app.clock.now());
    if health.status == HealthStatus::Unhealthy {
        return Err(ApiError::new(ErrorCode::NotReady, health.problems.join("; ")));
    }
    Ok("ok")
}

/// How everything stands at `now`.
pub(crate) fn assess(app: &App, now: Timestamp) -> Health {
    let (database, database_problem) = app.board.database(app.clock.monotonic());
    let clock_problem = app.clock_watch.problem(&*app.clock);
    let clock = if clock_problem.is_some() { Check::Fault } else { Check::Ok };
    let (rotation, rotation_problem) = match app.deck.prepared_at(now) {
        Some(Ok(_)) => (Check::Ok, None),
        Some(Err(reason)) => (Check::Fault, Some(reason.to_string())),
        None => {
            (Check::Unavailable, Some("the deal of the running epoch is not prepared".to_owned()))
        }
    };
    let registry = match app.registry.freshness(now) {
        Freshness::Fresh => Check::Ok,
        Freshness::Stale | Freshness::Expired => Check::Stale,
    };
    let missing_key = app.deck.missing_key(now).map(|change| missing_key(&change).to_string());
    let status = if rotation != Check::Ok || clock != Check::Ok {
        HealthStatus::Unhealthy
    } else if database != Check::Ok || registry != Check::Ok || missing_key.is_some() {
        HealthStatus::Degraded
    } else {
        HealthStatus::Healthy
    };
    // What the database or a file says is for the log; strangers read this.
    let database_problem = database_problem.map(|_| "the database is not available".to_owned());
    let registry_problem =
        app.registry.problem().map(|_| "the registry could not be read".to_owned());
    let schedule = app.deck.parameters().schedule;
    let epoch = app.deck.epoch_at(now);
    let ends_at = schedule.ends_at(epoch);
    Health {
        status,
        timestamp: now,
        total_zipcodes: app.deck.set_at(now).pool_size,
        active_assignments: app.board.tally().started,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        epoch: EpochProgress {
            id: schedule.id(epoch),
            ends_at,
            seconds_left: ends_at.since(now).as_micros().div_ceil(1_000_000) as u64,
        },
        checks: Checks { database, registry, rotation, clock },
        registry: RegistryHealth {
            kind: app.registry.kind().to_owned(),
            validators: app.registry.validators(),
            age_seconds: app.registry.age(now).map(|age| age.as_secs()),
        },
        problems: [
            rotation_problem,
            missing_key,
            clock_problem,
            database_problem,
            registry_problem,
        ]
        .into_iter()
        .flatten()
        .collect(),
        mock: app.mock,
    }
}

/// Each check by name, and whether it is ok.
pub(crate) fn flags(checks: Checks) -> [(&'static str, bool); 4] {
    let Checks { database, registry, rotation, clock } = checks;
    [("database", database), ("registry", registry), ("rotation", rotation), ("clock", clock)]
        .map(|(name, check)| (name, check == Check::Ok))
}

/// A page that is good for the second.
pub(super) fn page(status: u16, body: Bytes) -> Response {
    let mut response = Body::from(body).into_response();
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    allow_any_origin(headers);
    response
}

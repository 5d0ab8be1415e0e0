use std::time::Duration;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use resi_protocol::EpochId;
use resi_protocol::wire::{EpochList, EpochResource, ErrorBody, ErrorCode};

use super::allow_any_origin;
use crate::app::AppState;
use crate::error::ApiError;
use crate::http::layer::Scope;
use crate::http::query::{AtLeastOne, Query, page_size};
use crate::rotation::Published;

const PARAMETERS: &[(&str, ErrorCode)] =
    &[("cursor", ErrorCode::InvalidRequest), ("limit", ErrorCode::InvalidRequest)];
const DEFAULT_LIMIT: u32 = 20;
const MAX_LIMIT: u32 = 100;
/// For what never changes again.
pub(super) const FOR_EVER: HeaderValue =
    HeaderValue::from_static("public, max-age=31536000, immutable");

/// The running epoch
///
/// Key and parameters; the proof and the zipcodes are shown when the epoch has ended.
#[utoipa::path(
    get, path = "/api/v1/epochs/current", tag = "public",
    responses(
        (status = 200, description = "The epoch", body = EpochResource),
        (status = 503, description = "`NOT_READY`", body = ErrorBody),
    )
)]
pub(crate) async fn get_current_epoch(State(app): State<AppState>) -> Result<Response, ApiError> {
    let now = app.clock.now();
    let deal = app.deal_at(now).await?;
    Ok(open(&app.archive.running(&deal, now)))
}

/// The epochs, newest first
///
/// Without their zipcodes. `next_cursor` of one page is the `cursor` of the next.
#[utoipa::path(
    get, path = "/api/v1/epochs", tag = "public",
    params(
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before", pattern = "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}-[0-9]{2}-[0-9]{2}$", example = "2025-01-15T08-00-00"),
        ("limit" = inline(Option<AtLeastOne>), Query, description = "The size of a page, from 1 on; above 100 it is read as 100. 20 by default", example = 20),
    ),
    responses(
        (status = 200, description = "A page", body = EpochList),
        (status = 400, description = "`INVALID_REQUEST`", body = ErrorBody),
        (status = 429, description = "`RATE_LIMITED`", body = ErrorBody),
        (status = 503, description = "`STORAGE_UNAVAILABLE`", body = ErrorBody),
    )
)]
pub(crate) async fn list_epochs(
    State(app): State<AppState>,
    scope: Scope,
    RawQuery(raw): RawQuery,
) -> Result<Response, ApiError> {
    app.limit_address(&scope, app.clock.now())?;
    let query = Query::parse(raw.as_deref(), PARAMETERS)?;
    let limit = page_size(&query, DEFAULT_LIMIT, MAX_LIMIT)?;
    let now = app.public_time();
    // Records are written ahead; what has not begun is nobody's business.
    let coming = EpochId::starting_at(now.plus(Duration::from_secs(1)));
    let before = match query.get("cursor") {
        None => coming,
        Some(cursor) => {
            let cursor: EpochId = cursor.parse().map_err(|_| {
                ApiError::invalid("cursor", "is not the next_cursor of an earlier page")
            })?;
            cursor.min(coming)
        }
    };
    let mut records =
        app.store.epoch_records(app.deck.parameters().netuid, before, limit + 1).await?;
    let more = records.len() > limit as usize;
    records.truncate(limit as usize);
    let epochs: Vec<_> =
        records.iter().map(|record| app.archive.summary(&app.deck, record, now)).collect();
    let next_cursor = epochs.last().filter(|_| more).map(|last| last.epoch.id.to_string());
    Ok(open(&EpochList { epochs, next_cursor }))
}

/// One epoch
///
/// The proof and the zipcodes are there when it has ended; an epoch that has not begun does not exist.
#[utoipa::path(
    get, path = "/api/v1/epochs/{id}", tag = "public",
    params(("id" = String, Path, description = "The UTC start of the epoch", pattern = "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}-[0-9]{2}-[0-9]{2}$", example = "2025-01-15T08-00-00")),
    responses(
        (status = 200, description = "The epoch", body = EpochResource),
        (status = 304, description = "The client has it already"),
        (status = 400, description = "`INVALID_REQUEST`", body = ErrorBody),
        (status = 404, description = "`NOT_FOUND`", body = ErrorBody),
        (status = 429, description = "`RATE_LIMITED`", body = ErrorBody),
        (status = 503, description = "`STORAGE_UNAVAILABLE`", body = ErrorBody),
    )
)]
pub(crate) async fn get_epoch(
    State(app): State<AppState>,
    scope: Scope,
    path: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let Path(id) = path.map_err(|error| ApiError::invalid("id", error.body_text()))?;
    let id: EpochId = id.parse().map_err(|error| ApiError::invalid("id", error))?;
    if !app.archive.is_ready(&id.to_string()) {
        app.limit_address(&scope, app.clock.now())?;
    }
    let now = app.public_time();
    match app.archive.epoch(&app.deck, id, now).await? {
        None => Err(ApiError::not_found("epoch")),
        Some(Published::Open(resource)) => Ok(open(&resource)),
        Some(Published::Settled(ready)) => {
            Ok(for_ever(ready.respond(&headers, &[(header::CACHE_CONTROL, FOR_EVER)])))
        }
    }
}

fn open(body: &impl serde::Serialize) -> Response {
    let mut response = Json(body).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    allow_any_origin(response.headers_mut());
    response
}

/// A settled resource, whatever page reads it.
pub(super) fn for_ever(mut response: Response) -> Response {
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    allow_any_origin(response.headers_mut());
    response
}

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use resi_protocol::Timestamp;
use resi_protocol::wire::{
    AssignmentId, AssignmentList, AssignmentStatus, AssignmentView, ErrorBody, ErrorCode,
};
use resi_store::{Assignment, AssignmentQuery, Quota};

use crate::app::{ASSIGNMENT_TIMEOUT, AppState};
use crate::auth::{Admitted, ByReporter, ByValidator};
use crate::error::ApiError;
use crate::http::query::{AtLeastOne, Query, page_size};
use crate::http::quota;

const PARAMETERS: &[(&str, ErrorCode)] = &[
    ("status", ErrorCode::InvalidRequest),
    ("cursor", ErrorCode::InvalidRequest),
    ("limit", ErrorCode::InvalidRequest),
];
const DEFAULT_LIMIT: u32 = 50;
const MAX_LIMIT: u32 = 200;

/// A validator's own assignments
///
/// Newest first. `next_cursor` of one page is the `cursor` of the next.
#[utoipa::path(
    get, path = "/api/v1/assignments", tag = "validators",
    security(("token" = []), ("btauth" = [])),
    params(
        ("status" = Option<AssignmentStatus>, Query, description = "Only those that stand so", example = "completed"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before", pattern = "^[0-9]{1,18}$", example = "4711"),
        ("limit" = inline(Option<AtLeastOne>), Query, description = "The size of a page, from 1 on; above 200 it is read as 200. 50 by default", example = 50),
    ),
    responses(
        (status = 200, description = "A page", body = AssignmentList),
        (status = 400, description = "`INVALID_REQUEST`, `INVALID_HOTKEY`, `TIMESTAMP_OUT_OF_RANGE`", body = ErrorBody),
        (status = 401, description = "`MISSING_TOKEN`, `INVALID_TOKEN`, `TOKEN_EXPIRED`, `INVALID_SIGNATURE`, `REPLAYED_SIGNATURE`", body = ErrorBody),
        (status = 403, description = "`NOT_A_VALIDATOR`", body = ErrorBody),
        (status = 429, description = "`RATE_LIMITED`", body = ErrorBody),
        (status = 503, description = "`STORAGE_UNAVAILABLE`, `REGISTRY_STALE`", body = ErrorBody),
    )
)]
pub(crate) async fn list_assignments(
    State(app): State<AppState>,
    ByReporter(ByValidator { validator, request }): ByReporter,
) -> Result<Response, ApiError> {
    let query = Query::parse(request.uri().query(), PARAMETERS)?;
    let limit = page_size(&query, DEFAULT_LIMIT, MAX_LIMIT)?;
    let now = app.clock.now();
    let wanted = AssignmentQuery {
        status: query
            .get("status")
            .map(str::parse)
            .transpose()
            .map_err(|e| ApiError::invalid("status", e))?,
        expired_at_or_before: now.minus(ASSIGNMENT_TIMEOUT),
        before: query.get("cursor").map(cursor).transpose()?,
        limit: limit + 1,
    };
    let Admitted { hotkey, quota, .. } = validator.admit(&app, now)?;
    let mut found = app.store.assignments(hotkey, wanted).await?;
    // One more than the page was asked for, to know whether there is another page.
    let more = found.len() > limit as usize;
    found.truncate(limit as usize);
    let next_cursor = found.last().filter(|_| more).map(|last| last.position.to_string());
    let assignments = found.into_iter().map(|assignment| view(assignment, now)).collect();
    Ok(answer(&AssignmentList { assignments, next_cursor }, quota, now))
}

/// One of a validator's own assignments
#[utoipa::path(
    get, path = "/api/v1/assignments/{assignment_id}", tag = "validators",
    security(("token" = []), ("btauth" = [])),
    params(("assignment_id" = String, Path, description = "The validator's own name for it", min_length = 1, max_length = 128, pattern = "^[ -~]+$", example = "zipcode_assignment_20250115_1030_a1b2c3d4")),
    responses(
        (status = 200, description = "The assignment", body = AssignmentView),
        (status = 400, description = "`INVALID_REQUEST`, `INVALID_HOTKEY`, `TIMESTAMP_OUT_OF_RANGE`", body = ErrorBody),
        (status = 401, description = "`MISSING_TOKEN`, `INVALID_TOKEN`, `TOKEN_EXPIRED`, `INVALID_SIGNATURE`, `REPLAYED_SIGNATURE`", body = ErrorBody),
        (status = 403, description = "`NOT_A_VALIDATOR`", body = ErrorBody),
        (status = 404, description = "`NOT_FOUND`", body = ErrorBody),
        (status = 429, description = "`RATE_LIMITED`", body = ErrorBody),
        (status = 503, description = "`STORAGE_UNAVAILABLE`, `REGISTRY_STALE`", body = ErrorBody),
    )
)]
pub(crate) async fn get_assignment(
    State(app): State<AppState>,
    path: Result<Path<String>, PathRejection>,
    ByReporter(ByValidator { validator, .. }): ByReporter,
) -> Result<Response, ApiError> {
    let Path(id) = path.map_err(|error| ApiError::invalid("assignment_id", error.body_text()))?;
    let id: AssignmentId =
        id.try_into().map_err(|error| ApiError::invalid("assignment_id", error))?;
    let now = app.clock.now();
    let Admitted { hotkey, quota, .. } = validator.admit(&app, now)?;
    let found = app.store.assignment(hotkey, &id).await?;
    let assignment = found.ok_or_else(|| ApiError::not_found("assignment of this validator"))?;
    Ok(answer(&view(assignment, now), quota, now))
}

fn cursor(text: &str) -> Result<i64, ApiError> {
    let digits = (1..=18).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    let position = digits.then(|| text.parse().ok()).flatten();
    position.ok_or_else(|| ApiError::invalid("cursor", "is not the next_cursor of an earlier page"))
}

fn view(assignment: Assignment, now: Timestamp) -> AssignmentView {
    AssignmentView {
        status: assignment.status_at(now, ASSIGNMENT_TIMEOUT),
        late: assignment.late,
        epoch_id: assignment.epoch,
        assignment_id: assignment.report.assignment_id,
        statistics: assignment.report.statistics,
        consensus_hash: assignment.report.consensus_hash,
        first_reported_at: assignment.first_reported_at,
        updated_at: assignment.updated_at,
    }
}

fn answer(body: &impl serde::Serialize, counted: Option<Quota>, now: Timestamp) -> Response {
    let mut response = Json(body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    quota::write(headers, counted, now);
    response
}

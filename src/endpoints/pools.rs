use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, header};
use axum::response::Response;
use resi_protocol::Sha256Hash;
use resi_protocol::wire::{ErrorBody, PoolResource};

use super::epochs::{FOR_EVER, for_ever};
use crate::app::AppState;
use crate::error::ApiError;
use crate::http::layer::Scope;

/// A pool of zipcodes
///
/// In the order from which deals are drawn. A pool never changes: another one has another hash.
#[utoipa::path(
    get, path = "/api/v1/pools/{sha256}", tag = "public",
    params(("sha256" = String, Path, description = "SHA-256 over the zipcodes joined by a line feed", pattern = "^[0-9a-fA-F]{64}$", example = "b79462aa76c2d82e6c9dfa2aff9ab90323168639da9196e5249d08aa7801a977")),
    responses(
        (status = 200, description = "The pool", body = PoolResource),
        (status = 304, description = "The client has it already"),
        (status = 400, description = "`INVALID_REQUEST`", body = ErrorBody),
        (status = 404, description = "`NOT_FOUND`", body = ErrorBody),
        (status = 429, description = "`RATE_LIMITED`", body = ErrorBody),
        (status = 503, description = "`STORAGE_UNAVAILABLE`", body = ErrorBody),
    )
)]
pub(crate) async fn get_pool(
    State(app): State<AppState>,
    scope: Scope,
    path: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let Path(sha256) = path.map_err(|error| ApiError::invalid("sha256", error.body_text()))?;
    let sha256: Sha256Hash = sha256.parse().map_err(|error| ApiError::invalid("sha256", error))?;
    if !app.archive.is_ready(&sha256.to_string()) {
        app.limit_address(&scope, app.clock.now())?;
    }
    let pool =
        app.archive.pool(&app.deck, sha256).await?.ok_or_else(|| ApiError::not_found("pool"))?;
    Ok(for_ever(pool.respond(&headers, &[(header::CACHE_CONTROL, FOR_EVER)])))
}

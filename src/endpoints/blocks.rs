use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use resi_protocol::Sources;
use resi_protocol::rotation::MAX_BLOCK_SIZE;
use resi_protocol::wire::{ErrorBody, ErrorCode, ValidatorData};
use resi_store::Pull;

use crate::app::AppState;
use crate::auth::{Admitted, ByValidator};
use crate::error::{ApiError, seconds_until};
use crate::http::layer::Scope;
use crate::http::query::{AtLeastOne, Query, capped_number};
use crate::http::quota;

const DEFAULT_BLOCK_SIZE: u32 = 20;
const PARAMETERS: &[(&str, ErrorCode)] = &[
    ("sources", ErrorCode::UnknownSource),
    ("block_size", ErrorCode::InvalidBlockSize),
    ("format", ErrorCode::UnsupportedFormat),
];

/// The blocks of the running epoch
///
/// All validators of an epoch get slices of one deal, with the proof that it was drawn honestly. The same request gets
/// the same bytes for as long as the epoch runs.
#[utoipa::path(
    get, path = "/api/v1/validator-data", tag = "validators",
    security(("token" = []), ("btauth" = [])),
    params(
        ("sources" = Option<String>, Query, description = "Sources separated by commas", example = "ZILLOW_SOLD"),
        ("block_size" = inline(Option<AtLeastOne>), Query, description = "Zipcodes a batch, from 1 on; above 50 it is read as 50. 20 by default", example = 20),
        ("format" = Option<String>, Query, description = "Only `json`", example = "json"),
    ),
    responses(
        (status = 200, description = "The blocks", body = ValidatorData, headers(
            ("ETag" = String, description = "Changes with the epoch"),
            ("Cache-Control" = String, description = "Private, until the epoch ends"),
        )),
        (status = 304, description = "The client has these blocks already"),
        (status = 400, description = "`INVALID_BLOCK_SIZE`, `UNKNOWN_SOURCE`, `UNSUPPORTED_FORMAT`, `INVALID_REQUEST`, `INVALID_HOTKEY`, `TIMESTAMP_OUT_OF_RANGE`", body = ErrorBody),
        (status = 401, description = "`MISSING_TOKEN`, `INVALID_TOKEN`, `TOKEN_EXPIRED`, `INVALID_SIGNATURE`, `REPLAYED_SIGNATURE`", body = ErrorBody),
        (status = 403, description = "`NOT_A_VALIDATOR`, `SOURCE_NOT_AUTHORIZED`", body = ErrorBody),
        (status = 429, description = "`RATE_LIMITED`", body = ErrorBody),
        (status = 503, description = "`NOT_READY`, `REGISTRY_STALE`", body = ErrorBody),
    )
)]
pub(crate) async fn get_validator_data(
    State(app): State<AppState>,
    scope: Scope,
    ByValidator { validator, request }: ByValidator,
) -> Result<Response, ApiError> {
    let (sources, block_size) = parameters(request.uri().query())?;
    let sources = sources.intersection(validator.sources);
    if sources.is_empty() {
        let message = match validator.sources {
            granted if granted.is_empty() => "The token is for no source that is enabled".into(),
            granted => format!("The token is for {granted}"),
        };
        return Err(ApiError::new(ErrorCode::SourceNotAuthorized, message));
    }
    let now = app.clock.now();
    let Admitted { hotkey, quota, .. } = validator.admit(&app, now)?;
    let deal = app.deal_at(now).await?;
    let seconds_left = seconds_until(deal.epoch.ends_at, now);
    let max_age = format!("private, max-age={seconds_left}");
    let cache_control = HeaderValue::try_from(max_age).map_err(ApiError::internal)?;
    let mut response = deal.with_answer(sources, block_size, |answer| {
        answer.respond(
            request.headers(),
            &[
                (header::CACHE_CONTROL, cache_control),
                (header::VARY, HeaderValue::from_static("Authorization, Accept-Encoding")),
            ],
        )
    });
    quota::write(response.headers_mut(), quota, now);
    app.pulls.note(Pull {
        netuid: deal.parameters.netuid,
        epoch: deal.epoch.id,
        hotkey,
        sources,
        block_size,
        at: now,
        origin: scope.origin(),
    });
    app.metrics.dealt();
    Ok(response)
}

/// The sources and the block size that a query asks for.
///
/// # Errors
/// When it has a parameter that is not one of blocks.
pub(crate) fn parameters(raw: Option<&str>) -> Result<(Sources, u32), ApiError> {
    let query = Query::parse(raw, PARAMETERS)?;
    let block_size = match query.get("block_size") {
        None => DEFAULT_BLOCK_SIZE,
        Some(text) => capped_number(text, MAX_BLOCK_SIZE).ok_or_else(|| {
            ApiError::new(
                ErrorCode::InvalidBlockSize,
                "block_size: must be a whole number from 1 on",
            )
        })?,
    };
    let sources = query.get("sources").map_or(Ok(Sources::DEFAULT), str::parse)?;
    match query.get("format") {
        None | Some("json") => Ok((sources, block_size)),
        Some(_) => {
            Err(ApiError::new(ErrorCode::UnsupportedFormat, "format: only json is supported"))
        }
    }
}

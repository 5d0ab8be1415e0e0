//! The endpoints: one file each, with its handler. The router and the OpenAPI document come from the same list.

pub mod access;
pub mod assignment_status;
pub mod assignments;
pub mod blocks;
pub mod dashboard;
pub mod epochs;
pub mod health;
pub mod openapi;
pub mod pools;
pub mod rotation_keys;
pub mod statistics;

use axum::Router;
use axum::http::header;
use axum::http::{HeaderMap, HeaderValue};
use resi_protocol::wire::ErrorCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::AppState;
use crate::error::ApiError;
use crate::http::layer::Observe;

/// The routes, and the document that describes them.
pub(crate) fn api() -> OpenApiRouter<AppState> {
    OpenApiRouter::with_openapi(openapi::document())
        .routes(routes!(access::get_validator_access))
        .routes(routes!(blocks::get_validator_data))
        .routes(routes!(assignment_status::post_assignment_status))
        .routes(routes!(assignments::list_assignments))
        .routes(routes!(assignments::get_assignment))
        .routes(routes!(health::get_health))
        .routes(routes!(health::get_livez))
        .routes(routes!(health::get_readyz))
        .routes(routes!(statistics::get_statistics))
        .routes(routes!(epochs::get_current_epoch))
        .routes(routes!(epochs::list_epochs))
        .routes(routes!(epochs::get_epoch))
        .routes(routes!(pools::get_pool))
        .routes(routes!(rotation_keys::get_rotation_keys))
}

/// Everything that is served, with its state.
pub fn router(app: AppState) -> Router {
    let (router, document) = api().split_for_parts();
    router
        .merge(openapi::router(&document))
        .merge(dashboard::router())
        .fallback(async || ApiError::not_found("page"))
        .method_not_allowed_fallback(async || {
            ApiError::new(
                ErrorCode::MethodNotAllowed,
                "This path does not take this method; see Allow",
            )
        })
        .layer(Observe(app.clone()))
        .with_state(app)
}

/// Public answers may be read by pages of any origin.
pub(crate) fn allow_any_origin(headers: &mut HeaderMap) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
}

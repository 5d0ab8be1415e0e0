use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use resi_protocol::rotation::RotationKeys;

use super::allow_any_origin;
use crate::app::AppState;

/// The rotation key and parameters in force, and every announced change
///
/// A change is announced at least six epochs ahead, signed by the key that counts until then. Whoever knows that key may
/// follow it; a change that is not here, or is signed by another key, is not to be trusted.
#[utoipa::path(
    get, path = "/api/v1/rotation/keys", tag = "public",
    responses((status = 200, description = "Key, parameters, changes", body = RotationKeys))
)]
pub(crate) async fn get_rotation_keys(State(app): State<AppState>) -> Response {
    let current = app.deck.set_at(app.clock.now());
    let announced = app.deck.announcements().to_vec();
    let keys = RotationKeys::new(app.deck.parameters().netuid, current, announced);
    let mut response = Json(keys).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=60"));
    allow_any_origin(headers);
    response
}

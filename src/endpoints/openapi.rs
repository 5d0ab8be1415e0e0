use axum::Router;
use axum::http::header;
use axum::routing::get;
use resi_protocol::wire::ErrorCode;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{Components, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder};
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::app::AppState;

/// What the document says beside its endpoints.
pub(super) fn document() -> OpenApi {
    let codes: Vec<_> = ErrorCode::ALL
        .iter()
        .map(|code| format!("| `{code}` | {} | {} |", code.status(), code.meaning()))
        .collect();
    let description = format!(
        "Coordinates the validators of the RESI data network: every validator of an epoch gets the same zipcodes, \
         nobody can foresee them, and anybody can check afterwards that they were drawn honestly.\n\n\
         Every error has the same shape, with a code that keeps its meaning:\n\n\
         | code | status | meaning |\n| --- | --- | --- |\n{}\n\n\
         `INTERNAL_ERROR`, `NOT_FOUND`, `METHOD_NOT_ALLOWED` and, where there is a body, `REQUEST_TIMEOUT` may come \
         from everywhere.",
        codes.join("\n")
    );
    let mut components = Components::new();
    components
        .add_security_scheme("token", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
    OpenApiBuilder::new()
        .info(
            InfoBuilder::new()
                .title("RESI data API")
                .version(env!("CARGO_PKG_VERSION"))
                .description(Some(description))
                .license(Some(LicenseBuilder::new().name("MIT OR Apache-2.0").build()))
                .build(),
        )
        .components(Some(components))
        .build()
}

/// The OpenAPI document of the service, as it is checked in and served.
pub fn text() -> String {
    let mut text = super::api().into_openapi().to_pretty_json().unwrap_or_default();
    text.push('\n');
    text
}

/// The document and a page to read it.
pub(super) fn router(document: &OpenApi) -> Router<AppState> {
    let json = bytes::Bytes::from(document.to_json().unwrap_or_default());
    let serve = get(async move || {
        let origin = (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*");
        ([(header::CONTENT_TYPE, "application/json"), origin], json)
    });
    let page: Router<AppState> =
        SwaggerUi::new("/docs").config(Config::from("/openapi.json")).into();
    Router::new().route("/openapi.json", serve).merge(page)
}

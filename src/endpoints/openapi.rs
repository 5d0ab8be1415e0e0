use axum::Router;
use axum::http::header;
use axum::routing::get;
use resi_protocol::wire::ErrorCode;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Components, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder};
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::app::AppState;

const HOW_TO_SIGN: &str = "Instead of a token, a request may be signed by its headers (`btauth/1`):\n\n\
    | header | value |\n| --- | --- |\n\
    | `X-Bittensor-Version` | `1` |\n\
    | `X-Bittensor-Hotkey` | SS58 address of the validator's hotkey |\n\
    | `X-Bittensor-Receiver` | SS58 address of the hotkey of this service; left out where it has none |\n\
    | `X-Bittensor-Nonce` | nanoseconds since 1970, at most 10 s back and 2 s ahead, each used once |\n\
    | `X-Bittensor-Signature` | `0x` and 128 hex digits |\n\n\
    The signature is sr25519 by the hotkey over eight lines joined by `\\n`, without one at the end: `btauth/1`, `sr25519`, \
    the method in upper case, path and query exactly as sent, the SHA-256 of the body in lower-case hex (of no bytes where \
    there is none), the nonce, the hotkey, the receiver (`-` where there is none). A request carries a token or a \
    signature, not both. It is good for all enabled sources.";

/// What the document says beside its endpoints.
pub(super) fn document() -> OpenApi {
    let codes: Vec<_> = ErrorCode::ALL
        .iter()
        .map(|code| format!("| `{code}` | {} | {} |", code.status(), code.meaning()))
        .collect();
    let description = format!(
        "Coordinates the validators of the RESI data network: every validator of an epoch gets the same zipcodes, \
         nobody without the rotation key can foresee them, and anybody can check afterwards that they follow from it.\n\n\
         Every error has the same shape, with a code that keeps its meaning:\n\n\
         | code | status | meaning |\n| --- | --- | --- |\n{}\n\n\
         `INTERNAL_ERROR`, `NOT_FOUND`, `METHOD_NOT_ALLOWED` and, where there is a body, `REQUEST_TIMEOUT` may come \
         from everywhere.",
        codes.join("\n")
    );
    let mut components = Components::new();
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("The token that `POST /get-validator-access` grants."));
    components.add_security_scheme("token", SecurityScheme::Http(bearer.build()));
    let signature = ApiKeyValue::with_description("X-Bittensor-Signature", HOW_TO_SIGN);
    components.add_security_scheme("btauth", SecurityScheme::ApiKey(ApiKey::Header(signature)));
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

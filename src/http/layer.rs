//! The one layer around every endpoint: request id, panics, error bodies, log line, metrics. One layer instead of six
//! stacked ones, since it is on the path of every request.

use std::convert::Infallible;
use std::future::Future;
use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use axum::body::Body;
use axum::extract::{FromRequestParts, MatchedPath};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderName, HeaderValue, Method, Request, Response, Version, header};
use axum::response::IntoResponse;
use futures_util::FutureExt;
use resi_protocol::Hotkey;
use resi_protocol::wire::{ErrorBody, ErrorCode};
use resi_store::Origin;
use tower::{Layer, Service};

use super::client_address::Peer;
use super::quota;
use crate::app::AppState;
use crate::endpoints::allow_any_origin;
use crate::error::ApiError;
use crate::ids;
use crate::log::RequestLine;
use crate::refusals::{self, Refusal};

/// In the extensions of an answer to rubbish, or to more than was allowed: nobody has a right to it soon.
#[derive(Clone, Copy, Debug)]
pub struct Unwelcome;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What is known of a request while it is answered; in its extensions.
#[derive(Clone, Debug)]
pub struct Scope(Arc<ScopeInner>);

#[derive(Debug)]
struct ScopeInner {
    request_id: String,
    client: Option<IpAddr>,
    claimed: OnceLock<Hotkey>,
    hotkey: OnceLock<Arc<str>>,
}

impl Scope {
    /// What is known of the request with these extensions.
    ///
    /// # Errors
    /// 500 when the layer was not passed.
    pub fn of(extensions: &Extensions) -> Result<Self, ApiError> {
        let scope = extensions.get::<Self>().cloned();
        scope.ok_or_else(|| ApiError::internal("an endpoint without its layer"))
    }

    /// The address of the client, where the connection has one.
    pub fn client(&self) -> Option<IpAddr> {
        self.0.client
    }

    /// What the store is told of the request.
    pub fn origin(&self) -> Origin {
        Origin { request_id: self.0.request_id.as_str().into(), address: self.0.client }
    }

    /// Notes who asks by their own word.
    pub fn claimed(&self, hotkey: Hotkey) {
        let _ = self.0.claimed.set(hotkey);
    }

    /// Notes who asked, once that is proved.
    pub fn proved(&self, hotkey: Arc<str>) {
        // The first proof stands; there is only one a request.
        let _ = self.0.hotkey.set(hotkey);
    }
}

impl FromRequestParts<AppState> for Scope {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &AppState) -> Result<Self, ApiError> {
        Self::of(&parts.extensions)
    }
}

/// Wraps endpoints in [`Observed`].
#[derive(Clone, Debug)]
pub struct Observe(pub AppState);

impl<S> Layer<S> for Observe {
    type Service = Observed<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Observed { inner, app: self.0.clone() }
    }
}

/// An endpoint with request id, error body, log line and metrics.
#[derive(Clone, Debug)]
pub struct Observed<S> {
    inner: S,
    app: AppState,
}

impl<S> Service<Request<Body>> for Observed<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>
        + Clone
        + Send
        + 'static,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let app = self.app.clone();
        let started = app.clock.monotonic();
        let sent = request.headers().get(REQUEST_ID).and_then(|id| id.to_str().ok());
        let request_id = match sent.filter(|id| ids::is_sane(id)) {
            Some(id) => id.to_owned(),
            None => app.ids.next(app.clock.now()),
        };
        let peer = request.extensions().get::<Peer>().copied();
        let client = peer.map(|Peer(peer)| app.client(peer.ip(), request.headers()));
        let (claimed, hotkey) = (OnceLock::new(), OnceLock::new());
        let scope = Scope(Arc::new(ScopeInner { request_id, client, claimed, hotkey }));
        request.extensions_mut().insert(scope.clone());
        let route = request.extensions().get::<MatchedPath>().cloned();
        let method = request.method().clone();
        let version = request.version();
        let path = if route.is_none() { request.uri().path().to_owned() } else { String::new() };

        let answer = AssertUnwindSafe(self.inner.call(request)).catch_unwind();
        Box::pin(async move {
            let mut response = match answer.await {
                Ok(Ok(response)) => response,
                Err(panic) => ApiError::internal(format_args!("panic: {}", panic_text(&*panic)))
                    .into_response(),
            };
            let error = response.extensions_mut().remove::<ApiError>();
            let error = error.or_else(|| foreign_error(&response));
            if let Some(error) = &error {
                if let Some(internal) = &error.internal {
                    let request_id = scope.0.request_id.as_str();
                    tracing::error!(request_id, error_code = error.code.name(), "{internal}");
                }
                if refusals::is_refusal(error.code) {
                    note_refusal(&app, &scope, error.code, route.as_ref());
                }
                write_error(&app, &scope, &method, error, &mut response);
                if matches!(error.code, ErrorCode::InvalidSignature | ErrorCode::RateLimited) {
                    response.extensions_mut().insert(Unwelcome);
                }
            }
            if let Ok(value) = HeaderValue::try_from(scope.0.request_id.as_str()) {
                response.headers_mut().insert(REQUEST_ID, value);
            }
            if version <= Version::HTTP_11 && app.board.is_draining() {
                // Connections end with an answer, not while a client may be sending on them.
                let close = HeaderValue::from_static("close");
                response.headers_mut().insert(header::CONNECTION, close);
            }
            let duration = app.clock.monotonic().saturating_sub(started);
            let route = route.as_ref().map(MatchedPath::as_str);
            app.metrics.request(route, response.status(), duration);
            app.request_log.write(&RequestLine {
                at: app.clock.now(),
                request_id: &scope.0.request_id,
                method: method.as_str(),
                route,
                path: &path,
                status: response.status().as_u16(),
                error_code: error.as_ref().map(|error| error.code.name()),
                duration,
                hotkey: scope.0.hotkey.get().map(|hotkey| &**hotkey),
            });
            Ok(response)
        })
    }
}

/// Errors that a library answered by itself get the shape of ours. Those that say something in JSON, such as
/// `/health`, are no errors of a library.
fn foreign_error(response: &Response<Body>) -> Option<ApiError> {
    let status = response.status();
    let is_json = || {
        response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/json")
    };
    if !(status.is_client_error() || status.is_server_error()) || is_json() {
        return None;
    }
    Some(match status.as_u16() {
        404 => ApiError::not_found("page"),
        400..500 => {
            ApiError::invalid("request", status.canonical_reason().unwrap_or("is not valid"))
        }
        _ => ApiError::internal(format_args!("a library answered {status}")),
    })
}

fn note_refusal(app: &AppState, scope: &Scope, code: ErrorCode, route: Option<&MatchedPath>) {
    let proved = scope.0.hotkey.get().and_then(|address| address.parse().ok());
    app.refusals.note(Refusal {
        at: app.clock.now(),
        code,
        hotkey: proved.or_else(|| scope.0.claimed.get().copied()),
        proved: proved.is_some(),
        route: route.map_or("none", MatchedPath::as_str).to_owned(),
        origin: scope.origin(),
    });
}

fn write_error(
    app: &AppState,
    scope: &Scope,
    method: &Method,
    error: &ApiError,
    response: &mut Response<Body>,
) {
    let now = app.clock.now();
    let body = ErrorBody {
        error: error.message.clone(),
        error_code: error.code,
        timestamp: now,
        request_id: scope.0.request_id.clone(),
        detail: error.message.clone(),
        server_time: error.skew.map(|(server_time, _)| server_time),
        skew_seconds: error.skew.map(|(_, skew)| skew),
    };
    let json = serde_json::to_vec(&body).unwrap_or_default();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(json.len()));
    quota::write(headers, error.quota, now);
    if let Some(seconds) = error.retry_after_seconds {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    if matches!(
        error.code,
        ErrorCode::MissingToken | ErrorCode::InvalidToken | ErrorCode::TokenExpired
    ) {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if *method == Method::GET {
        // Pages of other origins may read public answers, so also why there is none.
        allow_any_origin(headers);
    }
    if *method != Method::HEAD {
        *response.body_mut() = Body::from(json);
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a message")
}

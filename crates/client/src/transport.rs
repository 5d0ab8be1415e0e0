use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{ACCEPT, CONTENT_TYPE, DATE, HeaderMap, LOCATION, RETRY_AFTER};
use reqwest::{Method, Response, StatusCode, Url};
use resi_protocol::Timestamp;
use resi_protocol::wire::ErrorCode;
use rustls_platform_verifier::BuilderVerifierExt;
use serde::Deserialize;

use crate::Error;
use crate::calls::Call;
use crate::error::{LONGEST_TEXT, Refusal};

/// Larger answers are not of this service, where a request says nothing else. So much is read of what is no answer.
const MAX_ERROR: usize = 64 * 1024;
/// Nobody is to be left alone for longer.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 3_600);
const CONNECT_DEADLINE: Duration = Duration::from_secs(5);
const USER_AGENT: &str = concat!("resi-client/", env!("CARGO_PKG_VERSION"));
const X_REQUEST_ID: &str = "x-request-id";

/// What is asked for. Holds no secret: the token is added for each try.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    method: Method,
    path: Vec<String>,
    query: Vec<(&'static str, String)>,
    body: Option<Vec<u8>>,
    most_bytes: usize,
    is_answer: fn(StatusCode, &[u8]) -> bool,
}

impl Request {
    pub(crate) fn get<const N: usize>(path: [&str; N]) -> Self {
        Self {
            method: Method::GET,
            path: path.map(str::to_owned).into(),
            query: Vec::new(),
            body: None,
            most_bytes: MAX_ERROR,
            is_answer: |status, _| status == StatusCode::OK,
        }
    }

    pub(crate) fn post<const N: usize>(path: [&str; N], body: &impl serde::Serialize) -> Self {
        let body = serde_json::to_vec(body)
            .unwrap_or_else(|error| unreachable!("bodies of requests are JSON: {error}"));
        Self { method: Method::POST, body: Some(body), ..Self::get(path) }
    }

    pub(crate) fn query(mut self, name: &'static str, value: Option<impl ToString>) -> Self {
        self.query.extend(value.map(|value| (name, value.to_string())));
        self
    }

    /// How large an answer is at most, once it is unpacked.
    pub(crate) fn at_most(self, bytes: usize) -> Self {
        Self { most_bytes: bytes, ..self }
    }

    /// What is an answer, and what an error: by default 200 is an answer and all else an error.
    pub(crate) fn answered_by(self, is_answer: fn(StatusCode, &[u8]) -> bool) -> Self {
        Self { is_answer, ..self }
    }
}

/// A whole answer that is no error.
#[derive(Debug)]
pub(crate) struct Answer {
    body: Vec<u8>,
    url: String,
    request_id: Option<String>,
}

impl Answer {
    /// What it says, once it is shown to be an answer to `call`.
    pub(crate) fn to<C: Call>(&self, call: &C, now: Timestamp) -> Result<C::Answer, Error> {
        let parsed = serde_json::from_slice(&self.body).map_err(|error| error.to_string());
        let checked = parsed.and_then(|answer| call.check(&answer, now).map(|()| answer));
        checked.map_err(|reason| Error::Nonsense {
            url: self.url.clone(),
            reason: reason.chars().take(LONGEST_TEXT).collect(),
            request_id: self.request_id.clone(),
        })
    }
}

/// One try of one request.
#[derive(Debug)]
pub(crate) struct Transport {
    http: reqwest::Client,
    base: Url,
    try_timeout: Duration,
}

impl Transport {
    pub(crate) fn new(base: Url, try_timeout: Duration) -> Result<Self, String> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(BuilderVerifierExt::with_platform_verifier)
            .map_err(|error| error.to_string())?
            .with_no_client_auth();
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .user_agent(USER_AGENT)
            .connect_timeout(CONNECT_DEADLINE)
            .timeout(try_timeout)
            // A signed request is for the address it was made for.
            .redirect(reqwest::redirect::Policy::none())
            // Tries are counted, and signed anew, by the session.
            .retry(reqwest::retry::never())
            .build()
            .map_err(|error| error.to_string())?;
        Ok(Self { http, base, try_timeout })
    }

    pub(crate) fn base(&self) -> &Url {
        &self.base
    }

    fn url(&self, request: &Request) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(&request.path);
        }
        if !request.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&request.query);
        }
        url
    }

    /// Sends `request` and reads the whole answer.
    ///
    /// # Errors
    /// Also for every answer that is an error.
    pub(crate) async fn send(
        &self,
        request: &Request,
        token: Option<&str>,
    ) -> Result<Answer, Error> {
        let url = self.url(request);
        let mut builder = self.http.request(request.method.clone(), url.clone());
        builder = builder.header(ACCEPT, "application/json");
        if let Some(token) = token {
            builder = builder.bearer_auth(token);
        }
        if let Some(body) = &request.body {
            builder = builder.header(CONTENT_TYPE, "application/json").body(body.clone());
        }
        let response = builder.send().await.map_err(|error| self.fault(&url, error, false))?;
        let status = response.status();
        let headers = response.headers().clone();
        let request_id = request_id(&headers);
        let most_bytes = if status.is_success() { request.most_bytes } else { MAX_ERROR };
        let Some(body) = self.read(&url, response, most_bytes).await? else {
            if status.is_success() {
                let reason = format!("it is larger than {most_bytes} bytes");
                return Err(Error::Nonsense { url: url.into(), reason, request_id });
            }
            return Err(Error::Refused(refusal(status, &headers, &[])));
        };
        if (request.is_answer)(status, &body) {
            return Ok(Answer { body, url: url.into(), request_id });
        }
        let reason = if status.is_success() {
            format!("it has the status {}, and 200 was expected", status.as_u16())
        } else if let Some(to) =
            text(&headers, LOCATION.as_str()).filter(|_| status.is_redirection())
        {
            format!("it sends elsewhere, to {to}; use that address as base URL")
        } else {
            return Err(Error::Refused(refusal(status, &headers, &body)));
        };
        Err(Error::Nonsense { url: url.into(), reason, request_id })
    }

    /// The whole body, unpacked; nothing where it is larger than `most_bytes`.
    async fn read(
        &self,
        url: &Url,
        mut response: Response,
        most_bytes: usize,
    ) -> Result<Option<Vec<u8>>, Error> {
        let mut body = Vec::new();
        while let Some(chunk) =
            response.chunk().await.map_err(|error| self.fault(url, error, true))?
        {
            if body.len() + chunk.len() > most_bytes {
                return Ok(None);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Some(body))
    }

    fn fault(&self, url: &Url, error: reqwest::Error, has_begun: bool) -> Error {
        let (url, error) = (url.to_string(), error.without_url());
        if error.is_timeout() && !error.is_connect() {
            Error::TimedOut { url, after: self.try_timeout }
        } else if has_begun {
            Error::BrokenOff { url, cause: Arc::new(error) }
        } else {
            Error::Unreachable { url, cause: Arc::new(error) }
        }
    }
}

/// What is read of an error's body; proxies send bodies of their own.
#[derive(Default, Deserialize)]
struct ErrorAnswer {
    #[serde(default)]
    error: Option<String>,
    #[serde(default)]
    error_code: Option<String>,
    #[serde(default)]
    request_id: Option<String>,
    #[serde(default)]
    server_time: Option<i64>,
}

fn refusal(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Refusal {
    let body: ErrorAnswer = serde_json::from_slice(body).unwrap_or_default();
    let message = body.error.filter(|message| !message.trim().is_empty());
    Refusal {
        status: status.as_u16(),
        code: body.error_code.as_deref().and_then(ErrorCode::from_name),
        message: message.map_or_else(
            || status.canonical_reason().unwrap_or("no reason given").to_owned(),
            |message| message.chars().take(LONGEST_TEXT).collect(),
        ),
        request_id: body.request_id.filter(|id| is_id(id)).or_else(|| request_id(headers)),
        retry_after: retry_after(headers),
        server_time: body.server_time.map(Timestamp::from_seconds),
    }
}

/// Seconds, or a date; a date is read by the clock of who sent it, since the one here may be off.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let asked = text(headers, RETRY_AFTER.as_str())?;
    let seconds = asked.trim();
    let wait = if !seconds.is_empty() && seconds.bytes().all(|byte| byte.is_ascii_digit()) {
        Duration::from_secs(seconds.parse().unwrap_or(u64::MAX))
    } else {
        let until = httpdate::parse_http_date(&asked).ok()?;
        let now = httpdate::parse_http_date(&text(headers, DATE.as_str())?).ok()?;
        until.duration_since(now).unwrap_or_default()
    };
    Some(wait.min(LONGEST_WAIT))
}

fn request_id(headers: &HeaderMap) -> Option<String> {
    text(headers, X_REQUEST_ID).filter(|id| is_id(id))
}

/// Ids go into logs and messages; what is none is not worth to be shown.
fn is_id(text: &str) -> bool {
    (1..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    let value = headers.get(name)?.to_str().ok()?;
    Some(value.chars().take(LONGEST_TEXT).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(base: &str, request: &Request) -> String {
        let base = base.parse().expect("a URL");
        Transport::new(base, Duration::from_secs(1)).expect("built").url(request).to_string()
    }

    #[test]
    fn paths_go_below_the_base_and_names_are_escaped() {
        let request = Request::get(["api", "v1", "assignments", "a/b c?"]);
        for base in ["https://resi.example/under/", "https://resi.example/under"] {
            assert_eq!(
                url(base, &request),
                "https://resi.example/under/api/v1/assignments/a%2Fb%20c%3F"
            );
        }
        let request = Request::get(["health"]).query("limit", Some(5)).query("cursor", None::<u8>);
        assert_eq!(url("http://[::1]:8000", &request), "http://[::1]:8000/health?limit=5");
    }

    #[test]
    fn an_error_of_a_proxy_is_told_as_well_as_can_be() {
        let headers = HeaderMap::from_iter([(RETRY_AFTER, "7".parse().expect("a header"))]);
        let refused = refusal(StatusCode::BAD_GATEWAY, &headers, b"<html>");
        assert_eq!(refused.to_string(), "Bad Gateway (HTTP 502)");
        assert_eq!((refused.code, refused.retry_after), (None, Some(Duration::from_secs(7))));

        let body = br#"{"error": "New", "error_code": "NEWER_THAN_THIS", "request_id": "r1"}"#;
        let refused = refusal(StatusCode::CONFLICT, &HeaderMap::new(), body);
        assert_eq!(refused.to_string(), "New (HTTP 409, request r1)");
    }

    #[test]
    fn a_date_to_come_back_at_is_counted_from_the_answers_own_date() {
        let wait = |asked: &str, date: Option<&str>| {
            let mut headers =
                HeaderMap::from_iter([(RETRY_AFTER, asked.parse().expect("a header"))]);
            headers.extend(date.map(|date| (DATE, date.parse().expect("a header"))));
            refusal(StatusCode::SERVICE_UNAVAILABLE, &headers, b"").retry_after
        };
        let (noon, later) = ("Wed, 15 Jan 2025 12:00:00 GMT", "Wed, 15 Jan 2025 12:01:30 GMT");
        assert_eq!(wait(later, Some(noon)), Some(Duration::from_secs(90)));
        assert_eq!(wait(noon, Some(later)), Some(Duration::ZERO));
        assert_eq!(wait(later, None), None);
        assert_eq!(wait("soon", Some(noon)), None);
    }
}

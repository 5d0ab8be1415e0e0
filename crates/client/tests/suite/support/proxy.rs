use std::collections::VecDeque;
use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, Method, Request, Response, StatusCode};
use futures_util::{StreamExt, stream};
use resi_protocol::Timestamp;
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

use super::clock::TestClock;

/// What goes wrong with one request.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// Answered by somebody in between.
    Status(u16, Option<u32>),
    /// Half of the answer, then the connection ends.
    Cut,
    /// No answer ever.
    Hang,
    /// An answer of another time or place.
    Answer(u16, String),
    /// Sent to another address.
    Elsewhere(String),
    /// So many blanks, packed.
    Packed(usize),
    /// The service's answer, with one text replaced by another.
    Replace(String, String),
}

/// A request that came by.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) path: String,
    pub(crate) at: Timestamp,
    pub(crate) body: String,
}

/// Stands between clients and a service, counts, and makes trouble when told to.
#[derive(Debug)]
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
    served: AbortHandle,
}

#[derive(Debug)]
struct Shared {
    clock: TestClock,
    to: Mutex<SocketAddr>,
    http: reqwest::Client,
    faults: Mutex<VecDeque<(&'static str, Fault)>>,
    seen: Mutex<Vec<Seen>>,
}

impl Proxy {
    pub(crate) async fn start(to: SocketAddr, clock: TestClock) -> Self {
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = tcp.local_addr().unwrap();
        let shared = Arc::new(Shared {
            clock,
            to: Mutex::new(to),
            http: plain_http(),
            faults: Mutex::default(),
            seen: Mutex::default(),
        });
        let router = Router::new().fallback(pass).with_state(Arc::clone(&shared));
        let served = tokio::spawn(async move { axum::serve(tcp, router).await.unwrap() });
        Self { address, shared, served: served.abort_handle() }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn send_to(&self, to: SocketAddr) {
        *self.shared.to.lock().unwrap() = to;
    }

    /// The next request whose path contains `path` meets `fault`.
    pub(crate) fn once(&self, path: &'static str, fault: Fault) {
        self.shared.faults.lock().unwrap().push_back((path, fault));
    }

    pub(crate) fn times(&self, count: usize, path: &'static str, fault: &Fault) {
        for _ in 0..count {
            self.once(path, fault.clone());
        }
    }

    pub(crate) fn seen(&self, path: &str) -> Vec<Seen> {
        let seen = self.shared.seen.lock().unwrap();
        seen.iter().filter(|seen| seen.path.contains(path)).cloned().collect()
    }

    pub(crate) fn count(&self, path: &str) -> usize {
        self.seen(path).len()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.served.abort();
    }
}

/// For loopback only.
fn plain_http() -> reqwest::Client {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    reqwest::Client::builder().tls_backend_preconfigured(tls).no_proxy().no_gzip().build().unwrap()
}

impl Shared {
    fn fault(&self, path: &str) -> Option<Fault> {
        let mut faults = self.faults.lock().unwrap();
        let at = faults.iter().position(|(part, _)| path.contains(part))?;
        faults.remove(at).map(|(_, fault)| fault)
    }
}

async fn pass(State(shared): State<Arc<Shared>>, request: Request<Body>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let text = String::from_utf8_lossy(&body).into_owned();
    shared.seen.lock().unwrap().push(Seen {
        path: path.clone(),
        at: shared.clock.now(),
        body: text,
    });
    let fault = shared.fault(&path);
    match fault {
        Some(Fault::Status(status, retry_after)) => {
            let mut response = Response::builder().status(status);
            if let Some(seconds) = retry_after {
                response = response.header("retry-after", seconds);
            }
            return response.body(Body::from("busy")).unwrap();
        }
        Some(Fault::Hang) => return std::future::pending().await,
        Some(Fault::Answer(status, text)) => {
            return Response::builder().status(status).body(Body::from(text)).unwrap();
        }
        Some(Fault::Elsewhere(location)) => {
            let response = Response::builder().status(308).header("location", location);
            return response.body(Body::empty()).unwrap();
        }
        Some(Fault::Packed(blanks)) => {
            let response = Response::builder().header("content-encoding", "gzip");
            return response.body(Body::from(packed(blanks))).unwrap();
        }
        _ => {}
    }
    let Ok((status, headers, answer)) =
        forward(&shared, parts.method, &path, parts.headers, body).await
    else {
        return Response::builder().status(502).body(Body::empty()).unwrap();
    };
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    for name in ["content-type", "retry-after", "x-request-id"].map(HeaderName::from_static) {
        if let Some(value) = headers.get(&name) {
            response.headers_mut().insert(name, value.clone());
        }
    }
    *response.body_mut() = match fault {
        Some(Fault::Cut) => {
            response.headers_mut().insert("content-length", answer.len().into());
            let half = answer.slice(..answer.len() / 2);
            // The connection sends what it has while it waits for more.
            let cut = async {
                tokio::task::yield_now().await;
                Err(std::io::Error::other("cut"))
            };
            Body::from_stream(stream::once(async { Ok(half) }).chain(stream::once(cut)))
        }
        Some(Fault::Replace(old, new)) => {
            let text = String::from_utf8(answer.to_vec()).unwrap();
            assert!(text.contains(&old), "{old} is not in the answer");
            Body::from(text.replacen(&old, &new, 1))
        }
        _ => Body::from(answer),
    };
    response
}

/// A thousandth of what it unpacks to.
fn packed(blanks: usize) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packer.write_all(&vec![b' '; blanks]).unwrap();
    packer.finish().unwrap()
}

async fn forward(
    shared: &Shared,
    method: Method,
    path: &str,
    mut headers: HeaderMap,
    body: Bytes,
) -> reqwest::Result<(StatusCode, HeaderMap, Bytes)> {
    for name in ["host", "accept-encoding", "content-length"] {
        headers.remove(name);
    }
    let url = format!("http://{}{path}", *shared.to.lock().unwrap());
    let response = shared.http.request(method, url).headers(headers).body(body).send().await?;
    let (status, headers) = (response.status(), response.headers().clone());
    Ok((status, headers, response.bytes().await?))
}

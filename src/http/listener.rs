//! Taking connections: bounded in number, every head and idle time bounded, HTTP/1.1 and HTTP/2.

use std::convert::Infallible;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tower::Service;

use super::client_address::Peer;

/// In which time a head must have arrived; also how long a connection may be idle.
const HEAD_DEADLINE: Duration = Duration::from_secs(15);
/// Larger heads are answered by the HTTP layer.
const MAX_HEAD: usize = 64 * 1024;
/// More connections wait to be accepted.
const MAX_CONNECTIONS: usize = 16_384;
/// Requests that one HTTP/2 connection may have under way.
const MAX_STREAMS: u32 = 100;
/// How long requests may go on once the listener is closed.
const SHUTDOWN_DEADLINE: Duration = Duration::from_secs(20);

/// Serves `routers` (whichever is current when a connection comes) until `stop`, then lets running requests end.
pub async fn serve(
    listener: TcpListener,
    routers: watch::Receiver<Router>,
    stop: CancellationToken,
) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let graceful = GracefulShutdown::new();
    let builder = builder();
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { break };
        let (stream, peer) = tokio::select! {
            accepted = accept(&listener) => accepted,
            () = stop.cancelled() => break,
        };
        let router = routers.borrow().clone();
        let seen = Arc::new(AtomicBool::new(false));
        let service = service_fn({
            let seen = Arc::clone(&seen);
            move |request: Request<Incoming>| {
                seen.store(true, Ordering::Relaxed);
                answer(router.clone(), request, peer)
            }
        });
        let connection = builder.serve_connection(TokioIo::new(stream), service).into_owned();
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            let _place = place;
            let mut connection = pin!(connection);
            // Until the first head has come, hyper's own deadlines do not count: it still waits for the version.
            let first = timeout(HEAD_DEADLINE, connection.as_mut()).await;
            if first.is_err() && seen.load(Ordering::Relaxed) {
                // What goes wrong on one connection is its client's business.
                let _ = connection.await;
            }
        });
    }
    drop(listener);
    if timeout(SHUTDOWN_DEADLINE, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests were still running after {} s", SHUTDOWN_DEADLINE.as_secs());
    }
}

fn builder() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_DEADLINE)
        .max_buf_size(MAX_HEAD)
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(HEAD_DEADLINE)
        .keep_alive_timeout(HEAD_DEADLINE)
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(MAX_HEAD as u32);
    builder
}

async fn answer(
    mut router: Router,
    request: Request<Incoming>,
    peer: SocketAddr,
) -> Result<axum::response::Response, Infallible> {
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(Peer(peer));
    router.call(request).await
}

async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                // Answers are small and written at once: waiting for more only delays them.
                let _ = stream.set_nodelay(true);
                return (stream, peer);
            }
            Err(error) if is_of_connection(error.kind()) => {}
            Err(error) => {
                // Out of file descriptors, most likely: some will be free soon.
                tracing::error!("cannot accept connections: {error}");
                sleep(Duration::from_millis(200)).await;
            }
        }
    }
}

fn is_of_connection(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset | ErrorKind::ConnectionRefused
    )
}

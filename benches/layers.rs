//! What each layer around an endpoint costs a request. Standard error takes the lines of the log: `2>/dev/null`.

use std::convert::Infallible;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use axum::routing::get;
use axum::{Router, response::Response};
use criterion::{Criterion, criterion_group, criterion_main};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use resi_data_api::clock::{Clock, SystemClock};
use resi_data_api::ids::Ids;
use resi_data_api::log::{LogFormat, LogSink, RequestLine, RequestLog};
use resi_data_api::metrics::Metrics;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::Runtime;

fn request_id(criterion: &mut Criterion) {
    let (ids, clock) = (Ids::new([7; 16]), SystemClock::new());
    criterion.bench_function("request id", |b| b.iter(|| ids.next(clock.now())));
}

fn metrics(criterion: &mut Criterion) {
    let (metrics, duration) = (Metrics::new(), Duration::from_micros(40));
    criterion.bench_function("metrics", |b| {
        b.iter(|| metrics.request(Some("/health"), StatusCode::OK, black_box(duration)));
    });
}

fn logging(criterion: &mut Criterion) {
    let clock = SystemClock::new();
    for (name, format) in [("json", LogFormat::Json), ("pretty", LogFormat::Pretty)] {
        let log = RequestLog::new(LogSink::start(), format);
        criterion.bench_function(&format!("log line, {name}"), |b| {
            b.iter(|| {
                log.write(&RequestLine {
                    at: clock.now(),
                    request_id: "01JHM5ZJ8V3QK4T2N6W7X8Y9ZA",
                    method: "GET",
                    route: Some("/health"),
                    path: "",
                    status: 200,
                    error_code: None,
                    duration: Duration::from_micros(40),
                    hotkey: None,
                });
            });
        });
    }
}

/// A connection in memory whose server answers with a hundred bytes, with and without a deadline for heads.
fn deadline_of_heads(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    for (name, deadline) in [("without", None), ("with", Some(Duration::from_secs(15)))] {
        let (mut client, server) = tokio::io::duplex(64 * 1024);
        runtime.spawn(async move {
            let router =
                Router::new().route("/health", get(|| std::future::ready("x".repeat(100))));
            let service = service_fn(move |request: Request<Incoming>| {
                let mut router = router.clone();
                async move { answer(&mut router, request.map(Body::new)).await }
            });
            let mut builder = http1::Builder::new();
            builder.timer(TokioTimer::new()).header_read_timeout(deadline);
            let _ = builder.serve_connection(TokioIo::new(server), service).await;
        });
        let mut answer = vec![0; 4096];
        criterion.bench_function(&format!("a request {name} a deadline for its head"), |b| {
            b.iter(|| {
                runtime.block_on(async {
                    client.write_all(b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n").await?;
                    client.read(&mut answer).await
                })
            });
        });
    }
}

async fn answer(router: &mut Router, request: Request<Body>) -> Result<Response, Infallible> {
    tower::Service::call(router, request).await
}

/// The clocks that a request reads: when it came, when it was answered, how long it took.
fn clocks(criterion: &mut Criterion) {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    criterion.bench_function("clocks", |b| {
        b.iter(|| (clock.now(), clock.monotonic(), clock.now(), clock.monotonic()));
    });
}

criterion_group!(layers, request_id, metrics, logging, deadline_of_heads, clocks);
criterion_main!(layers);

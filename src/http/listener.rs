//! Taking connections: bounded in number, every head and idle time bounded, HTTP/1.1 and HTTP/2.

use std::convert::Infallible;
use std::future::{Future as _, poll_fn};
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tower::Service;

use super::client_address::Peer;
use super::connections::{Connections, LOOK_INTERVAL, Listed, Order, Refused, Watched};
use super::layer::Unwelcome;
use super::places::Places;

/// Larger heads are answered by the HTTP layer.
const MAX_HEAD: usize = 64 * 1024;
/// Requests that one HTTP/2 connection may have under way.
const MAX_STREAMS: u32 = 100;
/// How long the other side of an HTTP/2 connection may take to answer a ping, and how often it is sent one.
const PING_DEADLINE: Duration = Duration::from_secs(15);
/// How long whoever sends rubbish, or too much, waits for an answer at least: a flood is then no faster than it has
/// connections.
const UNWELCOME_DELAY: Duration = Duration::from_millis(100);
/// How much longer some wait than others: those that were answered together would send the next together.
const UNWELCOME_SPREAD: Duration = Duration::from_millis(50);
/// How long requests may go on once the listener is closed.
const SHUTDOWN_DEADLINE: Duration = Duration::from_secs(20);

/// Serves `routers` (whichever is current when a connection comes) until `stop`, then lets running requests end.
pub async fn serve(
    listener: TcpListener,
    routers: watch::Receiver<Router>,
    places: Places,
    stop: CancellationToken,
) {
    let free = Arc::new(Semaphore::new(places.total));
    let connections = Arc::new(Connections::new(places.per_address));
    let builder = builder();
    let mut looks = interval(LOOK_INTERVAL);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut place = None;
    let take = |(stream, peer): (TcpStream, SocketAddr), place: Option<OwnedSemaphorePermit>| {
        let Some(listed) = connections.add(places.address(peer.ip())) else { return };
        // Answers are small and written at once: waiting for more only delays them.
        let _ = stream.set_nodelay(true);
        let (builder, router) = (builder.clone(), routers.borrow().clone());
        tokio::spawn(async move {
            let _place = place;
            serve_connection(&builder, stream, peer, router, &listed).await;
        });
    };
    loop {
        if place.is_none() {
            place = Arc::clone(&free).try_acquire_owned().ok();
        }
        tokio::select! {
            accepted = accept(&listener), if place.is_some() => take(accepted, place.take()),
            freed = Arc::clone(&free).acquire_owned(), if place.is_none() => place = freed.ok(),
            _ = looks.tick() => look_after(&connections, places.per_address),
            () = stop.cancelled() => break,
        }
    }
    for waiting in close(listener) {
        take(waiting, None);
    }
    if timeout(SHUTDOWN_DEADLINE, connections.finish()).await.is_err() {
        tracing::warn!("some requests were still running after {} s", SHUTDOWN_DEADLINE.as_secs());
    }
}

fn look_after(connections: &Connections, per_address: u32) {
    connections.look_after();
    if let Some(Refused { times, address }) = connections.take_refused() {
        tracing::warn!(
            times,
            %address,
            "connections were closed at once: an address may have {per_address} open; a proxy is to be named in \
             --trusted-proxies"
        );
    }
}

/// Serves one connection to its end. What goes wrong on it is its client's business.
async fn serve_connection(
    builder: &auto::Builder<TokioExecutor>,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: SocketAddr,
    router: Router,
    listed: &Listed,
) {
    let line = listed.line();
    let unwelcome_delay = unwelcome_delay(listed.number());
    let service = service_fn(|request: Request<Incoming>| {
        let (in_flight, router) = (line.begin(), router.clone());
        async move {
            let _in_flight = in_flight;
            answer(router, request, peer, unwelcome_delay).await
        }
    });
    let stream = TokioIo::new(Watched::new(stream, Arc::clone(line)));
    let mut connection = pin!(builder.serve_connection(stream, service));
    let mut finishing = false;
    poll_fn(|context| {
        match line.order(context) {
            Order::GoOn => {}
            Order::Cut => return Poll::Ready(()),
            Order::Finish => {
                if !std::mem::replace(&mut finishing, true) {
                    connection.as_mut().graceful_shutdown();
                }
            }
        }
        connection.as_mut().poll(context).map(|_| ())
    })
    .await;
}

fn builder() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        // The list of connections has the deadlines.
        .header_read_timeout(None)
        .max_buf_size(MAX_HEAD)
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(PING_DEADLINE)
        .keep_alive_timeout(PING_DEADLINE)
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(MAX_HEAD as u32);
    builder
}

async fn answer(
    mut router: Router,
    request: Request<Incoming>,
    peer: SocketAddr,
    unwelcome_delay: Duration,
) -> Result<axum::response::Response, Infallible> {
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(Peer(peer));
    let response = router.call(request).await?;
    if response.extensions().get::<Unwelcome>().is_some() {
        sleep(unwelcome_delay).await;
    }
    Ok(response)
}

/// By the golden ratio, so that the delays of any connections in a row lie as far apart as they can.
fn unwelcome_delay(connection: u64) -> Duration {
    let part = (connection.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u32;
    UNWELCOME_DELAY + UNWELCOME_SPREAD * part / 256
}

async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    let mut is_told = false;
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(error) if is_of_connection(error.kind()) => {}
            Err(error) => {
                // Out of file descriptors, most likely: some will be free soon.
                if !std::mem::replace(&mut is_told, true) {
                    tracing::error!("cannot accept connections: {error}");
                }
                sleep(Duration::from_millis(200)).await;
            }
        }
    }
}

/// The connections that wait to be accepted: closing the listener would reset them, with the requests that were sent on
/// them already.
fn close(listener: TcpListener) -> impl Iterator<Item = (TcpStream, SocketAddr)> {
    let listener = listener.into_std();
    std::iter::from_fn(move || {
        let (stream, peer) = listener.as_ref().ok()?.accept().ok()?;
        stream.set_nonblocking(true).ok()?;
        Some((TcpStream::from_std(stream).ok()?, peer))
    })
}

fn is_of_connection(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset | ErrorKind::ConnectionRefused
    )
}

#[cfg(test)]
mod tests {
    use axum::Extension;
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
    use tokio::task::JoinHandle;

    use super::*;
    use crate::clock::{Clock, SystemClock};
    use crate::http::client_address::{DEFAULT_HEADER, TrustedProxies};

    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n";

    /// A connection in memory, whose pipe holds `room` bytes, to a service that answers with `body`.
    fn connected(
        connections: &Arc<Connections>,
        room: usize,
        body: &'static str,
    ) -> (DuplexStream, JoinHandle<()>) {
        let (client, server) = duplex(room);
        let listed = connections.add(None).expect("a place");
        let peer = SocketAddr::from(([127, 0, 0, 1], 9));
        let router = Router::new().route("/", get(move || std::future::ready(body)));
        let served = tokio::spawn(async move {
            serve_connection(&builder(), server, peer, router, &listed).await;
        });
        (client, served)
    }

    async fn read_answer(client: &mut DuplexStream) {
        let mut head = [0; 1024];
        assert!(client.read(&mut head).await.expect("an answer") > 0);
    }

    /// As many looks as it takes to cut what is quiet, and whether it was.
    async fn is_cut(connections: &Connections, served: &JoinHandle<()>) -> bool {
        for _ in 0..4 {
            connections.look_after();
            tokio::task::yield_now().await;
        }
        tokio::task::yield_now().await;
        served.is_finished()
    }

    #[tokio::test]
    async fn one_that_is_silent_idle_or_dribbles_is_cut() {
        let connections = Arc::new(Connections::default());
        let (_silent, served) = connected(&connections, 1024, "x");
        assert!(is_cut(&connections, &served).await);

        let (mut idle, served) = connected(&connections, 1024, "x");
        idle.write_all(REQUEST).await.expect("written");
        read_answer(&mut idle).await;
        assert!(is_cut(&connections, &served).await);

        let (mut dribbling, served) = connected(&connections, 1024, "x");
        for byte in REQUEST.chunks(1).take(6) {
            let _ = dribbling.write_all(byte).await;
            connections.look_after();
            tokio::task::yield_now().await;
            tokio::task::yield_now().await;
        }
        assert!(served.is_finished());
    }

    #[tokio::test]
    async fn one_whose_client_does_not_read_is_cut_and_one_that_reads_slowly_is_not() {
        let connections = Arc::new(Connections::default());
        let body: &'static str = "x".repeat(4_000).leak();
        let (mut slow, served) = connected(&connections, 256, body);
        slow.write_all(REQUEST).await.expect("written");
        for _ in 0..12 {
            let mut piece = [0; 200];
            slow.read_exact(&mut piece).await.expect("a piece");
            connections.look_after();
            tokio::task::yield_now().await;
        }
        assert!(!served.is_finished());
        assert!(is_cut(&connections, &served).await, "now it does not read");
    }

    #[tokio::test]
    async fn rubbish_is_answered_late() {
        let connections = Arc::new(Connections::default());
        let (mut client, server) = duplex(1024);
        let listed = connections.add(None).expect("a place");
        let peer = SocketAddr::from(([127, 0, 0, 1], 9));
        let router = Router::new().route("/", get(async || Extension(Unwelcome)));
        tokio::spawn(async move {
            serve_connection(&builder(), server, peer, router, &listed).await;
        });
        let clock = SystemClock::new();
        client.write_all(REQUEST).await.expect("written");
        read_answer(&mut client).await;
        assert!(clock.monotonic() >= UNWELCOME_DELAY);
    }

    #[test]
    fn a_flood_is_not_answered_all_at_once() {
        let mut delays: Vec<_> = (1_000..1_032).map(unwelcome_delay).collect();
        delays.sort_unstable();
        assert!(delays[0] >= UNWELCOME_DELAY);
        // In every eighth of the spread some, and nowhere many.
        for eighth in 0..8 {
            let from = UNWELCOME_DELAY + UNWELCOME_SPREAD * eighth / 8;
            let to = from + UNWELCOME_SPREAD / 8;
            let within = delays.iter().filter(|delay| (from..to).contains(delay)).count();
            assert!((3..=5).contains(&within), "{within} in {from:?}..{to:?}");
        }
    }

    #[tokio::test]
    async fn requests_that_came_before_the_end_are_answered() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let router = Router::new().route("/", get(async || "x"));
        let (_current, routers) = watch::channel(router);
        let stop = CancellationToken::new();
        stop.cancel();
        let mut clients = Vec::new();
        for _ in 0..8 {
            let mut client = TcpStream::connect(address).await.expect("connected");
            client.write_all(REQUEST).await.expect("sent");
            clients.push(client);
        }
        let served = tokio::spawn(serve(listener, routers, Places::of_all(100), stop));
        for mut client in clients {
            let mut head = [0; 12];
            client.read_exact(&mut head).await.expect("an answer");
            assert_eq!(&head, b"HTTP/1.1 200");
        }
        served.await.expect("no panic");
    }

    async fn answers(client: &mut TcpStream) -> bool {
        let mut head = [0; 12];
        client.write_all(REQUEST).await.is_ok() && client.read_exact(&mut head).await.is_ok()
    }

    #[tokio::test]
    async fn one_address_has_its_connections_and_no_more_unless_it_is_a_proxy() {
        for (trusted, answered) in [("10.0.0.0/8", [true, true, false]), ("127.0.0.0/8", [true; 3])]
        {
            let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
            let address = listener.local_addr().expect("an address");
            let (_current, routers) = watch::channel(Router::new().route("/", get(async || "x")));
            let networks = vec![trusted.parse().expect("a network")];
            let proxies = TrustedProxies::new(networks, DEFAULT_HEADER);
            let places = Places { total: 9, per_address: 2, proxies };
            let stop = CancellationToken::new();
            let served = tokio::spawn(serve(listener, routers, places, stop.clone()));
            let mut clients = Vec::new();
            for answered in answered {
                let mut client = TcpStream::connect(address).await.expect("connected");
                assert_eq!(answers(&mut client).await, answered, "{trusted}");
                clients.push(client);
            }
            drop(clients);
            stop.cancel();
            served.await.expect("no panic");
        }
    }

    #[tokio::test]
    async fn a_new_one_may_ask_once_before_it_finishes() {
        let connections = Arc::new(Connections::default());
        let (mut client, served) = connected(&connections, 1024, "x");
        let finishing = tokio::spawn({
            let connections = Arc::clone(&connections);
            async move { connections.finish().await }
        });
        tokio::task::yield_now().await;
        client.write_all(REQUEST).await.expect("written");
        read_answer(&mut client).await;
        drop(client);
        finishing.await.expect("no panic");
        served.await.expect("no panic");
    }

    #[tokio::test]
    async fn one_that_is_used_goes_on_and_finishes_when_told() {
        let connections = Arc::new(Connections::default());
        let (mut used, served) = connected(&connections, 1024, "x");
        for _ in 0..10 {
            used.write_all(REQUEST).await.expect("written");
            read_answer(&mut used).await;
            connections.look_after();
            connections.look_after();
        }
        assert!(!served.is_finished());
        connections.finish().await;
        served.await.expect("no panic");
    }
}

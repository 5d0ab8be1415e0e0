use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use axum::Router;
use axum::http::{StatusCode, Uri, header};
use axum::response::IntoResponse;
use axum::routing::get;
use resi_protocol::rotation::RotationKey;
use resi_protocol::wire::{ErrorBody, ErrorCode};
use resi_store::Store;
use resi_zipcodes::ZipcodeTable;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::opening;
use crate::app::{App, AppState, Parts};
use crate::background::{
    self, PRUNE_INTERVAL, REGISTRY_INTERVAL, SHARE_INTERVAL, SWEEP_INTERVAL, TEND_INTERVAL,
};
use crate::board::PROBE_INTERVAL;
use crate::clock::{Clock, SystemClock};
use crate::endpoints;
use crate::http::client_address::TrustedProxies;
use crate::http::listener;
use crate::http::places::{self, Places};
use crate::http::port::Port;
use crate::ids::Ids;
use crate::lifecycle::{Signals, Stop, Tasks};
use crate::log::{LogFormat, LogSink, RequestLog};
use crate::registry::{self, Registry};
use crate::rotation::{Archive, Deck, PoolTable, pool_entries, with_honeypots};
use crate::settings::{Keys, RegistrySetting, Reveal, Settings, random};
use crate::tokens::Tokens;

/// How long nobody listens while the database is opened: a proxy goes to another replica then, which is better than an
/// answer that says to come back later. After that somebody may want to know that the process lives.
const UNHEARD: Duration = Duration::from_secs(10);
/// How long the store may take to write what waits when the service stops.
const CLOSE_DEADLINE: Duration = Duration::from_secs(10);
/// Fewer connections than this are worth a word.
const FEW_CONNECTIONS: usize = 1_024;
/// Who reads metrics needs few, and must not take the files of those who read everything else.
const METRICS_CONNECTIONS: usize = 64;

/// Runs the service until it is told to stop.
///
/// # Errors
/// What kept it from starting, or ended it.
pub async fn run(settings: Settings, sink: LogSink) -> Result<()> {
    let mut signals = Signals::listen()?;
    let places = places(&settings);
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let keys = Keys::load(&settings)?;
    let pool = read_pool(&settings, Some(&keys.rotation))?;
    let registry = registry::open(&settings, clock.now())?;
    let port = Port::take(settings.listen)
        .with_context(|| format!("cannot listen on {}", settings.listen))?;
    let metrics_tcp = match settings.metrics {
        Some(address) => Some(bind(address).await?),
        None => None,
    };
    let address = port.address();
    let metrics_address = metrics_tcp.as_ref().map(TcpListener::local_addr).transpose()?;

    let stop = CancellationToken::new();
    let mut tasks = Tasks::new(stop.clone());
    let (router, routers) = watch::channel(starting(Arc::clone(&clock)));
    let (listening, closed) = watch::channel(());
    let mut front = Front { port: Some(port), routers, places, stop: stop.clone(), listening };

    let store = {
        let mut opening = pin!(opening::wait_for_store(&settings));
        loop {
            tokio::select! {
                store = &mut opening => break store?,
                () = sleep(UNHEARD), if front.port.is_some() => front.open(&mut tasks)?,
                stop = signals.next() => return Err(anyhow!("stopped by {stop:?} before the database was there")),
                ended = tasks.failure() => return ended,
            }
        }
    };
    // Lines of requests are of level info, and kept back with the rest of that level.
    let request_log = match tracing::enabled!(tracing::Level::INFO) {
        true => RequestLog::new(sink, settings.log_format),
        false => RequestLog::off(),
    };
    let app = build(&settings, keys, registry, pool, clock, Arc::clone(&store), request_log)?;
    let app = Arc::new(app);
    #[cfg(feature = "chain")]
    if let Some(chain) = app.registry.chain() {
        chain.restore(&*app.store, app.clock.now()).await;
        tasks.spawn("chain", follow_chain(Arc::clone(&app), stop.clone()));
    }
    // The clock is compared before anything is agreed by it.
    background::probe(&app).await;
    background::tend_deck(&app).await;
    background::share_limits(&app).await;
    spawn_background(&mut tasks, &app);
    if let Some(tcp) = metrics_tcp {
        spawn_metrics(&mut tasks, tcp, &app, stop.clone());
    }
    drop(router.send_replace(endpoints::router(AppState(Arc::clone(&app)))));
    front.open(&mut tasks)?;
    drop(front);
    announce(&settings, address, metrics_address, &app);

    let ended = tokio::select! {
        stop = signals.next() => Ok(stop),
        ended = tasks.failure() => Err(ended.err().unwrap_or_else(|| anyhow!("a background task ended"))),
        name = store.background_failure() => Err(anyhow!("the background task {name:?} of the store ended")),
    };
    let drain = if matches!(ended, Ok(Stop::Terminate)) { settings.drain } else { Duration::ZERO };
    app.board.drain();
    tracing::info!(drain_seconds = drain.as_secs(), "stopping; a second signal aborts");
    tokio::select! {
        () = shut_down(&app, stop, drain, closed, tasks) => {}
        _ = signals.next() => tracing::error!("aborted by a second signal"),
    }
    ended.map(drop)
}

/// Where requests come in.
struct Front {
    /// `None` once it is listened on.
    port: Option<Port>,
    routers: watch::Receiver<Router>,
    places: Places,
    stop: CancellationToken,
    /// Nobody holds it any more when the listener has ended.
    listening: watch::Sender<()>,
}

impl Front {
    fn open(&mut self, tasks: &mut Tasks) -> Result<()> {
        let Some(port) = self.port.take() else { return Ok(()) };
        let address = port.address();
        let tcp = port.listen().with_context(|| format!("cannot listen on {address}"))?;
        let (routers, places, stop) =
            (self.routers.clone(), self.places.clone(), self.stop.clone());
        let listening = self.listening.clone();
        tasks.spawn("listener", async move {
            let _listening = listening;
            listener::serve(tcp, routers, places, stop).await;
        });
        Ok(())
    }
}

async fn shut_down(
    app: &App,
    stop: CancellationToken,
    drain: Duration,
    mut closed: watch::Receiver<()>,
    tasks: Tasks,
) {
    sleep(drain).await;
    stop.cancel();
    // Ends when the listener's side is dropped.
    while closed.changed().await.is_ok() {}
    background::write_pulls(app).await;
    background::write_all_refusals(app).await;
    if timeout(CLOSE_DEADLINE, app.store.close()).await.is_err() {
        tracing::warn!("the database did not close within {} s", CLOSE_DEADLINE.as_secs());
    }
    tasks.finish().await;
    tracing::info!("stopped");
}

/// How many connections there may be, by how many files this process may open.
fn places(settings: &Settings) -> Places {
    let files = raise_open_files();
    let total = places::within(files);
    if total < FEW_CONNECTIONS {
        tracing::warn!(
            connections = total,
            "this process may open few files, and keeps some for its database: raise the limit on open files"
        );
    }
    Places {
        total,
        per_address: settings.limits.connections_per_address,
        proxies: trusted_proxies(settings),
    }
}

/// Thousands of idle connections are more than the usual soft limit on open files; returns what the limit is then.
fn raise_open_files() -> Option<u64> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    // Where it is not allowed, the limit stays.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    getrlimit(Resource::Nofile).current
}

fn trusted_proxies(settings: &Settings) -> TrustedProxies {
    let header = settings.client_address_header.clone();
    TrustedProxies::new(settings.trusted_proxies.clone(), header)
}

async fn bind(address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))
}

/// The pool of the settings; decoys are among it where the key is there that chooses them.
pub(super) fn read_pool(settings: &Settings, key: Option<&RotationKey>) -> Result<PoolTable> {
    let pool = match &settings.zipcodes {
        None => resi_zipcodes::embedded_pool(settings.pool_size)?,
        Some(path) => ZipcodeTable::read_file(path)?.pool(settings.pool_size)?,
    };
    let mut entries = pool_entries(&pool);
    if let Some(key) = key {
        entries = with_honeypots(entries, settings.honeypots, settings.zipcodes_per_epoch, key)?;
    }
    Ok(PoolTable::new(entries)?)
}

/// Reads the members from the chain from time to time, until `stop`.
#[cfg(feature = "chain")]
async fn follow_chain(app: Arc<App>, stop: CancellationToken) {
    let Some(chain) = app.registry.chain() else { return };
    let follow = async {
        loop {
            chain.sync(&*app.store, app.clock.now()).await;
            let random = random().map_or(u32::MAX, u32::from_le_bytes);
            sleep(chain.next_sync_in(random)).await;
        }
    };
    tokio::select! {
        () = follow => {}
        () = stop.cancelled() => {}
    }
}

fn build(
    settings: &Settings,
    keys: Keys,
    registry: Box<dyn Registry>,
    pool: PoolTable,
    clock: Arc<dyn Clock>,
    store: Arc<dyn Store>,
    request_log: RequestLog,
) -> Result<App> {
    let issuer = if settings.mock { "resi-mock" } else { "resi-data-api" };
    let parts = Parts {
        replica: i64::from_le_bytes(random()?),
        ids: Ids::new(random()?),
        deck: Deck::new(
            keys.rotation,
            settings.netuid,
            settings.schedule,
            pool,
            settings.zipcodes_per_epoch,
            Arc::clone(&store),
        )
        .with_next_key(keys.next_rotation),
        registry,
        archive: Archive::new(settings.reveal == Reveal::AtStart),
        tokens: Tokens::new(&keys.jwt, issuer, settings.netuid),
        limits: settings.limits,
        retention: settings.retention,
        request_log,
        trusted_proxies: trusted_proxies(settings),
        service_hotkey: settings.service_hotkey,
        enabled_sources: settings.enabled_sources,
        mock: settings.mock,
    };
    Ok(App::new(parts, store, clock))
}

fn spawn_background(tasks: &mut Tasks, app: &Arc<App>) {
    every(tasks, "deck", TEND_INTERVAL, app, async |app| background::tend_deck(&app).await);
    every(tasks, "pulls", TEND_INTERVAL, app, async |app| background::write_pulls(&app).await);
    every(tasks, "limits", SHARE_INTERVAL, app, async |app| background::share_limits(&app).await);
    every(tasks, "refusals", TEND_INTERVAL, app, async |app| {
        background::write_refusals(&app).await
    });
    every(tasks, "prune", PRUNE_INTERVAL, app, async |app| background::prune(&app).await);
    every(tasks, "sweep", SWEEP_INTERVAL, app, async |app| background::sweep(&app).await);
    every(tasks, "probe", PROBE_INTERVAL, app, async |app| background::probe(&app).await);
    every(tasks, "registry", REGISTRY_INTERVAL, app, async |app| {
        app.registry.refresh(app.clock.now())
    });
}

fn every<T, F>(tasks: &mut Tasks, name: &'static str, period: Duration, app: &Arc<App>, mut turn: T)
where
    T: FnMut(Arc<App>) -> F + Send + 'static,
    F: Future<Output = ()> + Send,
{
    let app = Arc::clone(app);
    tasks.every(name, period, move || turn(Arc::clone(&app)));
}

fn spawn_metrics(tasks: &mut Tasks, tcp: TcpListener, app: &Arc<App>, stop: CancellationToken) {
    let app = Arc::clone(app);
    let page = get(async move || {
        let text =
            (header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8");
        ([text], app.metrics.render())
    });
    let router = Router::new().route("/metrics", page);
    let (current, routers) = watch::channel(router);
    tasks.spawn("metrics", async move {
        let _current = current;
        listener::serve(tcp, routers, Places::of_all(METRICS_CONNECTIONS), stop).await;
    });
}

/// What is served until the database is there.
fn starting(clock: Arc<dyn Clock>) -> Router {
    Router::new().fallback(async move |uri: Uri| {
        // These connections are not kept: the next one meets the real service.
        let close = (header::CONNECTION, "close");
        if uri.path() == "/livez" {
            return ([close], "ok").into_response();
        }
        let error = "The service is starting".to_owned();
        let body = ErrorBody {
            detail: error.clone(),
            error,
            error_code: ErrorCode::NotReady,
            timestamp: clock.now(),
            request_id: String::new(),
            server_time: None,
            skew_seconds: None,
        };
        (StatusCode::SERVICE_UNAVAILABLE, [close, (header::RETRY_AFTER, "2")], axum::Json(body))
            .into_response()
    })
}

/// Says where to look and what is in force: to people as a page, to programs as one line.
fn announce(settings: &Settings, address: SocketAddr, metrics: Option<SocketAddr>, app: &App) {
    let public_key = app.deck.public_key();
    if settings.log_format == LogFormat::Pretty {
        let page = format!(
            "\nresi-data-api {} is up\n\n  dashboard     http://{address}/\n  API docs      http://{address}/docs\n  \
             health        http://{address}/health\n  rotation key  {public_key}\n\nIn force (flags before environment before \
             file; --help explains each):\n\n{}\n",
            env!("CARGO_PKG_VERSION"),
            settings.in_force().lines().map(|line| format!("  {line}\n")).collect::<String>()
        );
        print!("{page}");
    } else {
        tracing::info!(
            version = env!("CARGO_PKG_VERSION"),
            %address,
            metrics_address = metrics.map(tracing::field::display),
            database = %settings.database,
            registry = %settings.registry,
            netuid = settings.netuid,
            epoch_seconds = settings.schedule.seconds(),
            pool_size = app.deck.parameters().pool_size,
            pool_sha256 = %app.deck.parameters().pool_sha256,
            rotation_key = %public_key,
            "ready"
        );
    }
    if settings.mock {
        tracing::warn!("MOCK MODE: no signature is checked; for the development of clients only");
    } else if settings.registry == RegistrySetting::Open {
        tracing::warn!(
            "OPEN REGISTRY: every hotkey may act as a validator; for production name one with --registry chain or file:PATH"
        );
    }
}

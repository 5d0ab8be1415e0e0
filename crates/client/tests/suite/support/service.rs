use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use resi_data_api::app::{App, AppState, LimitSettings, Parts};
use resi_data_api::background;
use resi_data_api::clock::Clock;
use resi_data_api::endpoints;
use resi_data_api::http::client_address::TrustedProxies;
use resi_data_api::http::listener;
use resi_data_api::http::places::Places;
use resi_data_api::ids::Ids;
use resi_data_api::log::RequestLog;
use resi_data_api::registry::OpenRegistry;
use resi_data_api::rotation::{Archive, Deck, PoolTable, pool_entries, with_honeypots};
use resi_data_api::tokens::Tokens;
use resi_protocol::EpochSchedule;
use resi_protocol::rotation::{RotationKey, RotationPublicKey};
use resi_store::contract::postgres_server;
use resi_store::{Migrations, Store};
use resi_store_postgres::PostgresStore;
use resi_store_sqlite::{SqliteLocation, SqliteStore};
use sqlx::{Connection, PgConnection};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A database of a test's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Backend {
    Sqlite,
    Postgres,
}

#[derive(Debug)]
pub(crate) enum Database {
    Sqlite(tempfile::TempDir),
    Postgres { server: String, name: String },
}

impl Database {
    pub(crate) async fn new(backend: Backend) -> Self {
        match backend {
            Backend::Sqlite => Self::Sqlite(tempfile::tempdir().unwrap()),
            Backend::Postgres => {
                let server = postgres_server();
                static COUNT: AtomicU32 = AtomicU32::new(0);
                let count = COUNT.fetch_add(1, Ordering::Relaxed);
                let name = format!("client_{}_{count}", std::process::id());
                execute(&server, format!("CREATE DATABASE {name}")).await;
                Self::Postgres { server, name }
            }
        }
    }

    async fn open(&self) -> Arc<dyn Store> {
        match self {
            Self::Sqlite(folder) => {
                let location = SqliteLocation::File(folder.path().join("resi.sqlite"));
                Arc::new(SqliteStore::open(location, Migrations::Run).await.unwrap())
            }
            Self::Postgres { server, name } => {
                let url = format!("{}/{name}", server.rsplit_once('/').unwrap().0);
                Arc::new(PostgresStore::connect(&url, 4, Migrations::Run).await.unwrap())
            }
        }
    }

    pub(crate) async fn remove(self) {
        if let Self::Postgres { server, name } = self {
            execute(&server, format!("DROP DATABASE {name} WITH (FORCE)")).await;
        }
    }
}

async fn execute(server: &str, statement: String) {
    let mut connection = PgConnection::connect(server).await.unwrap();
    sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

/// What a test may want otherwise.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options {
    pub(crate) mini_secret: [u8; 32],
    pub(crate) next_mini_secret: Option<[u8; 32]>,
    pub(crate) jwt_key: &'static str,
    pub(crate) epoch_seconds: u32,
    pub(crate) honeypots: u32,
    pub(crate) requests_per_hour: u32,
    pub(crate) enabled_sources: &'static str,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            mini_secret: [42; 32],
            next_mini_secret: None,
            jwt_key: "abababababababababababababababababababababababababababababababab",
            epoch_seconds: 14_400,
            honeypots: 0,
            requests_per_hour: 0,
            enabled_sources: "ZILLOW_SOLD",
        }
    }
}

/// The real service, listening.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) address: SocketAddr,
    pub(crate) rotation_key: RotationPublicKey,
    pub(crate) store: Arc<dyn Store>,
    stop: CancellationToken,
    served: JoinHandle<()>,
}

impl Service {
    pub(crate) async fn start(
        database: &Database,
        clock: Arc<dyn Clock>,
        options: Options,
    ) -> Self {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        Self::start_at(any, database, clock, options).await
    }

    pub(crate) async fn start_at(
        address: SocketAddr,
        database: &Database,
        clock: Arc<dyn Clock>,
        options: Options,
    ) -> Self {
        let store = database.open().await;
        let app = app(Arc::clone(&store), clock, options);
        background::tend_deck(&app).await;
        background::probe(&app).await;
        // The clock of a Postgres cannot be moved; comparing it with this one would always find a fault.
        app.clock_watch.trust_database(app.clock.now(), app.clock.monotonic());
        let rotation_key = app.deck.public_key();
        let tcp = TcpListener::bind(address).await.unwrap();
        let address = tcp.local_addr().unwrap();
        let stop = CancellationToken::new();
        let (router, routers) = watch::channel(endpoints::router(AppState(Arc::new(app))));
        let stopped = stop.clone();
        let served = tokio::spawn(async move {
            let _router = router;
            listener::serve(tcp, routers, Places::of_all(1_000), stopped).await;
        });
        Self { address, rotation_key, store, stop, served }
    }

    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.served.await.unwrap();
        self.store.close().await;
    }
}

/// A number that no other replica of these tests has.
fn replica() -> i64 {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    COUNT.fetch_add(1, Ordering::Relaxed).into()
}

fn app(store: Arc<dyn Store>, clock: Arc<dyn Clock>, options: Options) -> App {
    let pool = resi_zipcodes::embedded_pool(7_572).unwrap();
    let key = RotationKey::from_mini_secret(&options.mini_secret);
    let entries = with_honeypots(pool_entries(&pool), options.honeypots, 1_000, &key).unwrap();
    let limits =
        LimitSettings { requests_per_hour: options.requests_per_hour, ..LimitSettings::DEFAULT };
    let parts = Parts {
        replica: replica(),
        ids: Ids::new([7; 16]),
        deck: Deck::new(
            key,
            46,
            EpochSchedule::new(options.epoch_seconds).unwrap(),
            PoolTable::new(entries).unwrap(),
            1_000,
            Arc::clone(&store),
        )
        .with_next_key(options.next_mini_secret.as_ref().map(RotationKey::from_mini_secret)),
        registry: Box::new(OpenRegistry { kind: "open" }),
        archive: Archive::new(false),
        tokens: Tokens::new(
            &format!("test:{}", options.jwt_key).parse().unwrap(),
            "resi-data-api",
            46,
        ),
        limits,
        retention: None,
        request_log: RequestLog::off(),
        trusted_proxies: TrustedProxies::default(),
        service_hotkey: None,
        enabled_sources: options.enabled_sources.parse().unwrap(),
        mock: false,
    };
    App::new(parts, store, clock)
}

use std::net::SocketAddr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use axum::{Router, response};
use http_body_util::BodyExt;
use resi_data_api::app::{App, AppState, LimitSettings, Parts};
use resi_data_api::background;
use resi_data_api::clock::Clock;
use resi_data_api::endpoints;
use resi_data_api::http::client_address::{DEFAULT_HEADER, Peer, TrustedProxies};
use resi_data_api::ids::Ids;
use resi_data_api::log::RequestLog;
use resi_data_api::registry::{OpenRegistry, Registry};
use resi_data_api::rotation::{Archive, Deck, PoolTable, pool_entries, with_honeypots};
use resi_data_api::tokens::Tokens;
use resi_protocol::btauth::{self, Credentials, Nonce};
use resi_protocol::rotation::RotationKey;
use resi_protocol::wire::signing_message;
use resi_protocol::{EpochSchedule, Hotkey, Keypair, Timestamp};
use resi_store::Store;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::database::rand_bytes;
pub(crate) use crate::database::{Backend, Database};

/// Wednesday 2025-01-15, an hour and a half into the epoch of 08:00.
pub(crate) const START: i64 = 1_736_933_400;
pub(crate) const EPOCH_SECONDS: u32 = 14_400;
pub(crate) const MINI_SECRET: [u8; 32] = [42; 32];

/// A clock that stands until it is moved.
#[derive(Debug)]
pub(crate) struct TestClock {
    micros: AtomicI64,
    monotonic: AtomicI64,
}

impl TestClock {
    pub(crate) fn at(seconds: i64) -> Arc<Self> {
        Arc::new(Self { micros: AtomicI64::new(seconds * 1_000_000), monotonic: AtomicI64::new(0) })
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.micros.fetch_add(by.as_micros() as i64, Ordering::SeqCst);
        self.monotonic.fetch_add(by.as_micros() as i64, Ordering::SeqCst);
    }

    /// As if somebody had set the wall clock.
    pub(crate) fn jump(&self, seconds: i64) {
        self.micros.fetch_add(seconds * 1_000_000, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.micros.load(Ordering::SeqCst))
    }

    fn monotonic(&self) -> Duration {
        Duration::from_micros(self.monotonic.load(Ordering::SeqCst) as u64)
    }
}

/// What a test may want otherwise.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) limits: LimitSettings,
    pub(crate) registry: Box<dyn Registry>,
    pub(crate) enabled_sources: &'static str,
    pub(crate) service_hotkey: Option<Hotkey>,
    pub(crate) mock: bool,
    pub(crate) reveal_at_start: bool,
    pub(crate) trusted_proxies: Vec<&'static str>,
    pub(crate) epoch_seconds: u32,
    pub(crate) zipcodes_per_epoch: u32,
    pub(crate) pool_size: u32,
    pub(crate) honeypots: u32,
    pub(crate) mini_secret: [u8; 32],
    pub(crate) next_mini_secret: Option<[u8; 32]>,
    pub(crate) clock: Arc<TestClock>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            limits: LimitSettings::DEFAULT,
            registry: Box::new(OpenRegistry { kind: "open" }),
            enabled_sources: "ZILLOW_SOLD",
            service_hotkey: None,
            mock: false,
            reveal_at_start: false,
            trusted_proxies: Vec::new(),
            epoch_seconds: EPOCH_SECONDS,
            zipcodes_per_epoch: 1_000,
            pool_size: 7_572,
            honeypots: 0,
            mini_secret: MINI_SECRET,
            next_mini_secret: None,
            clock: TestClock::at(START),
        }
    }
}

/// A replica of the service.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) app: AppState,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) database: Option<Database>,
    router: Router,
    nonce: Mutex<Nonce>,
}

impl Service {
    pub(crate) async fn start(backend: Backend) -> Self {
        Self::with(backend, Options::default()).await
    }

    pub(crate) async fn with(backend: Backend, options: Options) -> Self {
        let database = Database::new(backend).await;
        let mut service = Self::on(&database, options).await;
        service.database = Some(database);
        service
    }

    /// A replica on a database that others may share.
    pub(crate) async fn on(database: &Database, options: Options) -> Self {
        Self::on_store(database.open().await, options).await
    }

    pub(crate) async fn on_store(store: Arc<dyn Store>, options: Options) -> Self {
        let clock: Arc<dyn Clock> = options.clock.clone();
        let pool = resi_zipcodes::embedded_pool(options.pool_size).unwrap();
        let key = RotationKey::from_mini_secret(&options.mini_secret);
        let entries = with_honeypots(
            pool_entries(&pool),
            options.honeypots,
            options.zipcodes_per_epoch,
            &key,
        )
        .unwrap();
        let schedule = EpochSchedule::new(options.epoch_seconds).unwrap();
        let keys = format!("test:{}", "ab".repeat(32)).parse().unwrap();
        let parts = Parts {
            replica: i64::from_le_bytes(rand_bytes()),
            ids: Ids::new([7; 16]),
            deck: Deck::new(
                key,
                46,
                schedule,
                PoolTable::new(entries).unwrap(),
                options.zipcodes_per_epoch,
                Arc::clone(&store),
            )
            .with_next_key(options.next_mini_secret.as_ref().map(RotationKey::from_mini_secret)),
            registry: options.registry,
            archive: Archive::new(options.reveal_at_start),
            tokens: Tokens::new(
                &keys,
                if options.mock { "resi-mock" } else { "resi-data-api" },
                46,
            ),
            limits: options.limits,
            retention: Some(Duration::from_secs(90 * 24 * 60 * 60)),
            request_log: RequestLog::off(),
            trusted_proxies: TrustedProxies::new(
                options.trusted_proxies.iter().map(|network| network.parse().unwrap()).collect(),
                DEFAULT_HEADER,
            ),
            service_hotkey: options.service_hotkey,
            enabled_sources: options.enabled_sources.parse().unwrap(),
            mock: options.mock,
        };
        let app = AppState(Arc::new(App::new(parts, store, clock)));
        let service = Self {
            router: endpoints::router(app.clone()),
            app,
            clock: options.clock,
            database: None,
            nonce: Mutex::new(Nonce::from_nanos(0)),
        };
        service.turn().await;
        service
    }

    /// One turn of everything that is done in the background.
    pub(crate) async fn turn(&self) {
        background::tend_deck(&self.app).await;
        background::write_pulls(&self.app).await;
        background::write_refusals(&self.app).await;
        background::share_limits(&self.app).await;
        background::prune(&self.app).await;
        background::sweep(&self.app).await;
        background::probe(&self.app).await;
        // The clock of a Postgres cannot be moved; comparing it with this one would always find a fault.
        self.app.clock_watch.trust_database(self.clock.now(), self.clock.monotonic());
    }

    pub(crate) async fn stop(self) {
        self.app.store.close().await;
        if let Some(database) = self.database {
            database.remove().await;
        }
    }

    pub(crate) fn now(&self) -> i64 {
        self.app.clock.now().seconds()
    }

    /// What one background task alone has to do for refusals to be in the audit.
    pub(crate) async fn write_refusals(&self) {
        background::write_refusals(&self.app).await;
    }

    pub(crate) async fn send(&self, mut request: Request<Body>) -> Answer {
        if request.extensions().get::<Peer>().is_none() {
            request.extensions_mut().insert(Peer(SocketAddr::from(([127, 0, 0, 1], 9))));
        }
        Answer::read(self.router.clone().oneshot(request).await.unwrap()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn get_with(&self, path: &str, token: &str) -> Answer {
        self.send(bearer(Method::GET, path, token).body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn post(&self, path: &str, body: impl Into<Body>) -> Answer {
        self.send(Request::post(path).body(body.into()).unwrap()).await
    }

    pub(crate) async fn ask(&self, body: &Value) -> Answer {
        self.post("/get-validator-access", body.to_string()).await
    }

    /// A token of the development key `name`.
    pub(crate) async fn token(&self, name: &str) -> String {
        let answer = self.ask(&self.access_body(name, "ZILLOW_SOLD")).await;
        answer.json["access_token"].as_str().unwrap_or_else(|| panic!("{answer:?}")).to_owned()
    }

    pub(crate) fn access_body(&self, name: &str, sources: &str) -> Value {
        access_body(name, self.now(), sources)
    }

    /// Sends what `key` signs by headers just now, for this service.
    pub(crate) async fn send_signed(&self, key: &str, request: &Unsigned<'_>) -> Answer {
        self.send(request.sign(key, self.app.service_hotkey, self.nonce())).await
    }

    /// The nonce of this moment; later than all that came before.
    pub(crate) fn nonce(&self) -> Nonce {
        let mut last = self.nonce.lock().unwrap();
        *last = last.next(self.app.clock.now());
        *last
    }

    pub(crate) async fn report(&self, token: &str, body: &Value) -> Answer {
        let request = bearer(Method::POST, "/api/v1/assignment-status", token);
        self.send(request.body(body.to_string().into()).unwrap()).await
    }
}

pub(crate) fn bearer(method: Method, path: &str, token: &str) -> axum::http::request::Builder {
    Request::builder().method(method).uri(path).header("Authorization", format!("Bearer {token}"))
}

/// A signed request for access.
pub(crate) fn access_body(name: &str, timestamp: i64, sources: &str) -> Value {
    let key = Keypair::development(name);
    let hotkey = key.hotkey().to_string();
    let signature = key.sign(signing_message(&hotkey, timestamp, sources).as_bytes()).to_hex();
    json!({ "hotkey": hotkey, "timestamp": timestamp, "signature": signature, "sources": sources })
}

/// A request that is to be signed by headers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unsigned<'a> {
    pub(crate) method: &'a str,
    pub(crate) target: &'a str,
    pub(crate) body: &'a str,
}

impl Unsigned<'_> {
    pub(crate) fn sign(&self, key: &str, receiver: Option<Hotkey>, nonce: Nonce) -> Request<Body> {
        self.carrying(&self.credentials(key, receiver, nonce))
    }

    pub(crate) fn credentials(
        &self,
        key: &str,
        receiver: Option<Hotkey>,
        nonce: Nonce,
    ) -> Credentials {
        let signed = btauth::Request::new(self.method, self.target, self.body.as_bytes());
        Credentials::sign(&Keypair::development(key), &signed, receiver, nonce)
    }

    /// This request with headers that may have been made for another one.
    pub(crate) fn carrying(&self, credentials: &Credentials) -> Request<Body> {
        let mut request = Request::builder().method(self.method).uri(self.target);
        for (name, value) in credentials.headers() {
            request = request.header(name, value);
        }
        request.body(self.body.to_owned().into()).unwrap()
    }
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    pub(crate) json: Value,
}

impl Answer {
    async fn read(response: response::Response) -> Self {
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes().to_vec();
        let json = serde_json::from_slice(&body).unwrap_or(Value::Null);
        Self { status: parts.status, headers: parts.headers, body, json }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn code(&self) -> &str {
        self.json["error_code"].as_str().unwrap_or("none")
    }

    /// The answer is an error of this status and code, and has the shape of all errors.
    #[track_caller]
    pub(crate) fn is_error(&self, status: u16, code: &str) {
        assert_eq!((self.status.as_u16(), self.code()), (status, code), "{self:?}");
        assert_eq!(self.json["error"], self.json["detail"]);
        assert!(self.json["error"].as_str().is_some_and(|text| !text.is_empty()));
        assert_eq!(self.json["request_id"].as_str(), self.header("x-request-id"));
        assert!(self.json["timestamp"].as_str().unwrap().ends_with('Z'));
        assert_eq!(self.header("content-type"), Some("application/json"));
    }

    #[track_caller]
    pub(crate) fn is_ok(&self) -> &Value {
        assert_eq!(self.status, StatusCode::OK, "{self:?}");
        &self.json
    }
}

/// Makes a test of each function on each backend.
macro_rules! on_both {
    ($($name:ident),+ $(,)?) => {
        mod on_sqlite {
            $(#[tokio::test] async fn $name() { super::$name(crate::harness::Backend::Sqlite).await; })+
        }
        mod on_postgres {
            $(#[tokio::test] async fn $name() { super::$name(crate::harness::Backend::Postgres).await; })+
        }
    };
}
pub(crate) use on_both;

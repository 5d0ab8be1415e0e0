//! The service without its listener: what all endpoints share.

use std::net::IpAddr;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use resi_protocol::wire::{AssignmentConfig, ErrorCode};
use resi_protocol::{Hotkey, Sources, Timestamp};
use resi_store::{Counted, Quota, Store};

use crate::board::Board;
use crate::clock::{Clock, ClockWatch};
use crate::error::ApiError;
use crate::http::client_address::TrustedProxies;
use crate::http::layer::Scope;
use crate::ids::Ids;
use crate::known_epochs::KnownEpochs;
use crate::limits::{AddressKey, AddressLimit, SlidingLimit};
use crate::log::RequestLog;
use crate::metrics::Metrics;
use crate::nonces::Nonces;
use crate::pulls::Pulls;
use crate::refusals::Refusals;
use crate::registry::{Freshness, Registry, Standing};
use crate::rotation::{Archive, Deal, Deck, NoDeal};
use crate::shared_limit::{Exchange, SharedLimit};
use crate::tokens::Tokens;

const HOUR: Duration = Duration::from_secs(60 * 60);
/// Requests of one address that may come at once.
const ADDRESS_BURST: u32 = 200;
/// Hotkeys and addresses that limits remember.
const REMEMBERED_HOTKEYS: usize = 10_000;
const REMEMBERED_READERS: usize = 2_000;
const REMEMBERED_ADDRESSES: usize = 50_000;

/// How much of everything may be done; 0 means no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitSettings {
    /// Grants a minute for a hotkey.
    pub access_per_minute: u32,
    /// Requests of a validator an hour for a hotkey.
    pub requests_per_hour: u32,
    /// Status reports an hour for a hotkey.
    pub reports_per_hour: u32,
    /// New assignments an epoch for a hotkey.
    pub assignments_per_epoch: u32,
    /// Statistics an hour for an address.
    pub statistics_per_hour: u32,
    /// Requests a minute for an address: with a signature before it is checked, and public ones that no cache answers.
    pub address_per_minute: u32,
    /// Connections that an address may have open.
    pub connections_per_address: u32,
}

impl LimitSettings {
    /// The defaults.
    pub const DEFAULT: Self = Self {
        access_per_minute: 10,
        requests_per_hour: 100,
        reports_per_hour: 100,
        assignments_per_epoch: 64,
        statistics_per_hour: 600,
        address_per_minute: 1_200,
        connections_per_address: 256,
    };

    /// No limits at all.
    pub const NONE: Self = Self {
        access_per_minute: 0,
        requests_per_hour: 0,
        reports_per_hour: 0,
        assignments_per_epoch: 0,
        statistics_per_hour: 0,
        address_per_minute: 0,
        connections_per_address: 0,
    };
}

/// The limits that are decided from memory.
#[derive(Debug)]
pub struct Limits {
    /// As set.
    pub settings: LimitSettings,
    /// Requests of validators, over all replicas.
    pub requests: SharedLimit,
    /// Status reports, over all replicas.
    pub reports: SharedLimit,
    /// How the other replicas are told.
    pub exchange: Exchange,
    /// Statistics.
    pub statistics: SlidingLimit<AddressKey>,
    /// Requests with a signature to check, and those that the database must be asked for.
    pub addresses: AddressLimit,
}

impl Limits {
    /// Nothing counted yet, by the replica with this number, which no other has or had.
    pub fn new(settings: LimitSettings, replica: i64) -> Self {
        let shared = |counted, limit| SharedLimit::new(counted, limit, REMEMBERED_HOTKEYS);
        Self {
            settings,
            requests: shared(Counted::Requests, settings.requests_per_hour),
            reports: shared(Counted::Reports, settings.reports_per_hour),
            exchange: Exchange::new(replica),
            statistics: SlidingLimit::new(settings.statistics_per_hour, HOUR, REMEMBERED_READERS),
            addresses: AddressLimit::new(
                settings.address_per_minute,
                ADDRESS_BURST,
                REMEMBERED_ADDRESSES,
            ),
        }
    }
}

/// After how long an assignment that was not reported ended is expired.
pub const ASSIGNMENT_TIMEOUT: Duration =
    Duration::from_secs(AssignmentConfig::DEFAULT.assignment_timeout_hours as u64 * 60 * 60);

/// Everything that endpoints and background tasks share.
#[derive(Debug)]
pub struct App {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Whether it can be believed.
    pub clock_watch: ClockWatch,
    /// Ids of requests and tokens.
    pub ids: Ids,
    /// What is remembered.
    pub store: Arc<dyn Store>,
    /// Who may act as a validator.
    pub registry: Box<dyn Registry>,
    /// The deals.
    pub deck: Deck,
    /// What everybody may know of them.
    pub archive: Archive,
    /// Access tokens.
    pub tokens: Tokens,
    /// The limits.
    pub limits: Limits,
    /// What the last probe found.
    pub board: Board,
    /// What Prometheus is told.
    pub metrics: Metrics,
    /// Who pulled blocks.
    pub pulls: Pulls,
    /// What was refused.
    pub refusals: Refusals,
    /// How long the audit and assignments are kept; `None` for ever.
    pub retention: Option<Duration>,
    /// The lines of requests.
    pub request_log: RequestLog,
    /// Whose word about a client's address is taken.
    pub trusted_proxies: TrustedProxies,
    /// Whom requests must be signed for; `None` where they must be for anybody.
    pub service_hotkey: Option<Hotkey>,
    /// The nonces of signed requests.
    pub nonces: Nonces,
    /// The epochs that reports may name.
    pub known_epochs: KnownEpochs,
    /// The sources that can be granted.
    pub enabled_sources: Sources,
    /// Whether signatures are not checked.
    pub mock: bool,
    /// When the service started, on the monotonic clock.
    pub started: Duration,
}

/// What has to be known to make an [`App`].
#[derive(Debug)]
pub struct Parts {
    /// The number of this replica, which no other has or had.
    pub replica: i64,
    /// See [`App::ids`].
    pub ids: Ids,
    /// See [`App::registry`].
    pub registry: Box<dyn Registry>,
    /// See [`App::deck`].
    pub deck: Deck,
    /// See [`App::archive`].
    pub archive: Archive,
    /// See [`App::tokens`].
    pub tokens: Tokens,
    /// See [`App::limits`].
    pub limits: LimitSettings,
    /// See [`App::retention`].
    pub retention: Option<Duration>,
    /// See [`App::request_log`].
    pub request_log: RequestLog,
    /// See [`App::trusted_proxies`].
    pub trusted_proxies: TrustedProxies,
    /// See [`App::service_hotkey`].
    pub service_hotkey: Option<Hotkey>,
    /// See [`App::enabled_sources`].
    pub enabled_sources: Sources,
    /// See [`App::mock`].
    pub mock: bool,
}

/// Shared by all requests.
#[derive(Clone, Debug)]
pub struct AppState(pub Arc<App>);

impl Deref for AppState {
    type Target = App;

    fn deref(&self) -> &App {
        &self.0
    }
}

impl App {
    /// An app that has not done anything yet.
    pub fn new(parts: Parts, store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        Self {
            ids: parts.ids,
            store,
            registry: parts.registry,
            deck: parts.deck,
            archive: parts.archive,
            tokens: parts.tokens,
            limits: Limits::new(parts.limits, parts.replica),
            board: Board::new(),
            metrics: Metrics::new(),
            pulls: Pulls::default(),
            refusals: Refusals::default(),
            retention: parts.retention,
            request_log: parts.request_log,
            trusted_proxies: parts.trusted_proxies,
            service_hotkey: parts.service_hotkey,
            nonces: Nonces::default(),
            known_epochs: KnownEpochs::default(),
            enabled_sources: parts.enabled_sources,
            mock: parts.mock,
            started: clock.monotonic(),
            clock_watch: ClockWatch::new(&*clock),
            clock,
        }
    }

    /// Lets only validators pass.
    ///
    /// # Errors
    /// 403 for everybody else, 503 while nothing is known of anybody.
    pub fn require_validator(&self, hotkey: &Hotkey) -> Result<(), ApiError> {
        match self.registry.standing(hotkey) {
            Standing::Validator => Ok(()),
            Standing::Stranger => Err(ApiError::new(
                ErrorCode::NotAValidator,
                "The hotkey may not act as a validator of this subnet",
            )),
            Standing::Unknown => Err(registry_stale()),
        }
    }

    /// Lets nobody in anew by a registry that is too old.
    ///
    /// # Errors
    /// 503 when it is.
    pub fn require_fresh_registry(&self) -> Result<(), ApiError> {
        match self.registry.freshness(self.clock.now()) {
            Freshness::Fresh | Freshness::Stale => Ok(()),
            Freshness::Expired => Err(registry_stale()),
        }
    }

    /// Lets only so many requests of one address come to have their signature checked, or the database asked.
    ///
    /// # Errors
    /// 429 when there are more.
    pub fn limit_address(&self, scope: &Scope, now: Timestamp) -> Result<(), ApiError> {
        let Some(client) = scope.client().filter(|_| !self.mock) else { return Ok(()) };
        self.limits.addresses.take(client, now).map_err(|next| {
            let limit = self.limits.settings.address_per_minute;
            let quota = Quota { limit, remaining: 0, resets_at: next };
            ApiError::limited("requests a minute from one address", quota, now)
        })
    }

    /// Lets nobody in anew by a clock that is wrong: what it takes for fresh may have been used and forgotten.
    ///
    /// # Errors
    /// 503 when it is.
    pub fn require_sound_clock(&self) -> Result<(), ApiError> {
        match self.clock_watch.problem(&*self.clock) {
            None => Ok(()),
            Some(problem) => Err(NoDeal(problem.into()).into()),
        }
    }

    /// The deal of the epoch that runs at `now`. While the clock is wrong, only one that was made before.
    ///
    /// # Errors
    /// When this replica must not deal.
    pub async fn deal_at(&self, now: Timestamp) -> Result<Arc<Deal>, ApiError> {
        if let Some(deal) = self.deck.prepared_at(now) {
            return Ok(deal?);
        }
        self.require_sound_clock()?;
        // Boxed, so that requests for a prepared deal do not carry the room for making one.
        Ok(Box::pin(self.deck.deal_at(now)).await?)
    }

    /// The time by which epochs are public: never ahead of what it should be.
    pub fn public_time(&self) -> Timestamp {
        let now = self.clock.now();
        match self.clock_watch.problem(&*self.clock) {
            None => now,
            Some(_) => now.min(self.clock_watch.expected(self.clock.monotonic())),
        }
    }

    /// The client of a request that came from `peer`.
    pub fn client(&self, peer: IpAddr, headers: &axum::http::HeaderMap) -> IpAddr {
        self.trusted_proxies.client(peer, headers)
    }
}

fn registry_stale() -> ApiError {
    ApiError {
        retry_after_seconds: Some(60),
        ..ApiError::new(
            ErrorCode::RegistryStale,
            "The registry of validators is too old to let anybody in by it",
        )
    }
}

impl From<NoDeal> for ApiError {
    fn from(reason: NoDeal) -> Self {
        Self {
            internal: Some(reason.0),
            retry_after_seconds: Some(60),
            ..Self::new(
                ErrorCode::NotReady,
                "This replica cannot deal blocks now; /health says why",
            )
        }
    }
}

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use resi_data_api::clock::Clock;
use resi_protocol::rotation::{Announcement, RotationKey, RotationSet};
use resi_protocol::wire::signing_message;
use resi_protocol::{EpochId, EpochIndex, EpochSchedule, Keypair, Timestamp};
use serde_json::{Value, json};

use crate::book::{Book, Page, Recorded};
use crate::openapi::{Document, Operation};
use crate::plain_http::{Answer, ask};
use crate::service::{Backend, Database, Options, Service};

/// Three years, so that no epoch ends while tests run that cannot move the clock of a process.
pub const EPOCH_SECONDS: u32 = 100_000_000;
/// Zipcodes in a block, unless a client asks for another size.
pub const BLOCK_SIZE: u32 = 5;
/// The first of [`MOMENTS`], when a change of key is announced, for the one before the last.
pub const ANNOUNCED: usize = 0;
/// The last but one.
pub const BEFORE: usize = 2;
/// The last, at which the running epoch is the one of the clock that the stage was given.
pub const NOW: usize = 3;
/// How many epochs each is before that.
const MOMENTS: [u64; 4] = [8, 2, 1, 0];
/// The epoch from which the other key counts is so many before the running one.
const CHANGED: u64 = 1;
const OLD: [u8; 32] = [42; 32];
const NEW: [u8; 32] = [9; 32];
const NETUID: u16 = 46;
const SOURCES: &str = "ZILLOW_SOLD";

/// What was recorded of a real service, with what a client has to know of it.
#[derive(Debug)]
pub struct Stage {
    /// Its answers.
    pub book: Arc<Book>,
    /// Its clock at each moment.
    pub clocks: Vec<Timestamp>,
}

impl Stage {
    /// Plays a service through several epochs, until `now`, and writes down all that it answers.
    pub fn play(now: Timestamp, honeypots: u32) -> Self {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(1).enable_all().build().unwrap();
        runtime.block_on(play(now, honeypots))
    }

    /// The epochs of which there are records, oldest first.
    pub fn epochs(&self) -> Vec<EpochId> {
        self.clocks.iter().map(|clock| id_at(*clock)).collect()
    }

    /// Key and parameters that count at the moment of this number, as `rotation/keys` says them.
    pub fn known(&self, moment: usize) -> RotationSet {
        let keys = &self.book.answer(moment, "GET /api/v1/rotation/keys").answer;
        serde_json::from_value(keys["current"].clone()).unwrap()
    }
}

fn schedule() -> EpochSchedule {
    EpochSchedule::new(EPOCH_SECONDS).unwrap()
}

fn id_at(clock: Timestamp) -> EpochId {
    schedule().id(schedule().index_at(clock).unwrap())
}

async fn play(now: Timestamp, honeypots: u32) -> Stage {
    let options = Options {
        mini_secret: OLD,
        next_mini_secret: Some(NEW),
        epoch_seconds: EPOCH_SECONDS,
        pool_size: 60,
        zipcodes_per_epoch: 12,
        honeypots,
        enabled_sources: "ZILLOW_SOLD,REDFIN",
        ..Options::default()
    };
    let database = Database::new(Backend::Sqlite).await;
    let running = schedule().index_at(now).unwrap().0;
    let clocks: Vec<_> = MOMENTS
        .iter()
        .map(|before| match before {
            0 => now,
            _ => schedule()
                .starts_at(EpochIndex(running - before))
                .plus(Duration::from_secs(1_000)),
        })
        .collect();
    let mut stage = Stage { book: Arc::default(), clocks };
    let clock = Arc::new(Standing(AtomicI64::new(0)));
    let mut book = Book::default();
    for (moment, at) in stage.clocks.clone().into_iter().enumerate() {
        clock.0.store(at.micros(), Ordering::SeqCst);
        let service = Service::start(&database, clock.clone(), options).await;
        if moment == ANNOUNCED {
            announce(&service, at, schedule().id(EpochIndex(running - CHANGED))).await;
        }
        let asking = Asking::new(&service, at).await;
        asking.report(moment).await;
        service.stop().await;
        // What was reported is in the statistics of one that starts.
        let service = Service::start(&database, clock.clone(), options).await;
        let asking = Asking::new(&service, at).await;
        book.pages.push(asking.page(&stage.epochs(), &mut book.refusals).await);
        service.stop().await;
    }
    stage.book = Arc::new(book);
    stage
}

async fn announce(service: &Service, now: Timestamp, from: EpochId) {
    let keys = ask(service.address, "GET", "/api/v1/rotation/keys", None, "").await;
    let current: RotationSet = serde_json::from_value(keys.json()["current"].clone()).unwrap();
    let before = current.parameters(NETUID).unwrap();
    let after = RotationSet::new(RotationKey::from_mini_secret(&NEW).public(), &before);
    let old = RotationKey::from_mini_secret(&OLD);
    let change = Announcement::sign(&old, NETUID, from, now, &before, after);
    assert_eq!(service.store.announce(&change, 0).await, Ok(true));
}

/// Somebody who asks the real service.
struct Asking<'a> {
    service: &'a Service,
    now: Timestamp,
    /// Of one validator for one source, and of another for two.
    tokens: [String; 2],
}

impl<'a> Asking<'a> {
    async fn new(service: &'a Service, now: Timestamp) -> Self {
        let mut tokens = [const { String::new() }; 2];
        for (token, (name, sources)) in
            tokens.iter_mut().zip([("Alice", SOURCES), ("Bob", "ZILLOW_SOLD,REDFIN")])
        {
            // Each start of the service is a second later, or the signature would be another's.
            let granted = ask(
                service.address,
                "POST",
                "/get-validator-access",
                None,
                &access_request(name, now, sources),
            )
            .await;
            *token = granted.json()["access_token"].as_str().unwrap().to_owned();
        }
        Self { service, now, tokens }
    }

    async fn ask(&self, method: &str, target: &str, token: Option<usize>, body: &str) -> Answer {
        let token = token.map(|token| self.tokens[token].as_str());
        ask(self.service.address, method, target, token, body).await
    }

    async fn report(&self, moment: usize) {
        let of = |id: &str| json!({ "assignment_id": id, "status": "started" });
        let reports = match moment {
            BEFORE => vec![report_of_the_first(), of("second")],
            NOW => vec![of("third")],
            _ => Vec::new(),
        };
        for report in reports {
            let answer = self
                .ask("POST", "/api/v1/assignment-status", Some(0), &report.to_string())
                .await;
            assert_eq!(answer.status, 200, "{answer:?}");
        }
    }

    async fn page(&self, epochs: &[EpochId], refusals: &mut Vec<Recorded>) -> Page {
        let mut page = BTreeMap::new();
        for operation in Document::checked_in().operations() {
            let (name, method) = (operation.name(), operation.method.as_str());
            for (target, body, token) in self.requests(&operation, epochs).await {
                let answer = self.ask(method, &target, token, &body).await;
                let request = format!("{method} {target}");
                let recorded = Recorded::new(name.clone(), request.clone(), answer.status, answer.body);
                match answer.status {
                    200 => drop(page.insert(request, recorded)),
                    404 | 503 if method == "GET" => {}
                    status => panic!("{request} was answered with {status}: {}", recorded.answer),
                }
            }
            if !refusals.iter().any(|refusal| refusal.operation == name) {
                refusals.extend(self.refusal(&operation).await);
            }
        }
        Page(page)
    }

    /// Targets, bodies, and whose token goes with them.
    async fn requests(
        &self,
        operation: &Operation<'_>,
        epochs: &[EpochId],
    ) -> Vec<(String, String, Option<usize>)> {
        let target = |target: String| (target, String::new(), Some(0));
        let path = operation.path;
        match operation.name().as_str() {
            "POST /get-validator-access" => {
                // A second later than before: the first signature is used up.
                let later = self.now.plus(Duration::from_secs(1));
                vec![(path.into(), access_request("Alice", later, SOURCES), None)]
            }
            "POST /api/v1/assignment-status" => {
                let id = format!("begun-{}", self.now.seconds());
                let report = json!({ "assignment_id": id, "status": "started" });
                vec![(path.into(), report.to_string(), Some(0))]
            }
            "GET /api/v1/validator-data" => {
                let of = |sources: &str, size: u32, token: usize| {
                    let sources = sources.replace(',', "%2C");
                    let target = format!("{path}?sources={sources}&block_size={size}");
                    (target, String::new(), Some(token))
                };
                vec![
                    of(SOURCES, BLOCK_SIZE, 0),
                    of(SOURCES, 4, 0),
                    of("REDFIN", BLOCK_SIZE, 1),
                    of("ZILLOW_SOLD,REDFIN", BLOCK_SIZE, 1),
                ]
            }
            "GET /api/v1/epochs" => {
                let newest = epochs.last().unwrap();
                ["?limit=3".into(), "?limit=100".into(), format!("?limit=2&cursor={newest}")]
                    .map(|query: String| target(format!("{path}{query}")))
                    .into()
            }
            "GET /api/v1/assignments" => {
                ["?limit=20", "?limit=2", "?status=started&limit=20"]
                    .map(|query| target(format!("{path}{query}")))
                    .into()
            }
            _ => {
                assert_eq!(operation.method, "GET", "say what to send to {path}");
                let values = match path.split_once('{').map(|(_, rest)| rest) {
                    None => return vec![target(path.into())],
                    Some("id}") => epochs.iter().map(ToString::to_string).collect(),
                    Some("assignment_id}") => vec!["first".into(), "second".into(), "third".into()],
                    Some("sha256}") => vec![self.pool().await],
                    Some(other) => panic!("say what to put into {path} for {other}"),
                };
                let base = path.split('{').next().unwrap_or_default();
                values.iter().map(|value: &String| target(format!("{base}{value}"))).collect()
            }
        }
    }

    async fn pool(&self) -> String {
        let keys = self.ask("GET", "/api/v1/rotation/keys", None, "").await;
        keys.json()["current"]["pool_sha256"].as_str().unwrap().to_owned()
    }

    /// One refusal of an operation, where there is an easy one.
    async fn refusal(&self, operation: &Operation<'_>) -> Option<Recorded> {
        let method = operation.method.as_str();
        let target = match operation.name().as_str() {
            "POST /get-validator-access" => operation.path.to_owned(),
            "POST /api/v1/assignment-status" => operation.path.to_owned(),
            "GET /api/v1/epochs" => format!("{}?limit=none", operation.path),
            _ => match operation.path.split_once('{') {
                Some((base, _)) => format!("{base}2000-01-01T00-00-01"),
                None => operation.path.to_owned(),
            },
        };
        // Long ago, so that it says how far the clocks are apart.
        let old = self.now.minus(Duration::from_secs(10_000));
        let body = match method {
            "POST" => access_request("Alice", old, SOURCES),
            _ => String::new(),
        };
        let answer = self.ask(method, &target, None, &body).await;
        let request = format!("{method} {target}");
        let refused = answer.status >= 400 && answer.json().get("error_code").is_some();
        refused.then(|| Recorded::new(operation.name(), request, answer.status, answer.body))
    }
}

fn report_of_the_first() -> Value {
    json!({
        "assignment_id": "first", "status": "completed",
        "statistics": {
            "total_miners_assigned": 40, "responses_received": 38, "consensus_achieved": 35,
            "anomalies_detected": 2, "total_properties_scraped": 9450,
            "average_response_time_minutes": 45.5, "success_rate": 0.95, "region": "TX"
        },
        "consensus_hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
    })
}

fn access_request(name: &str, now: Timestamp, sources: &str) -> String {
    let key = Keypair::development(name);
    let (hotkey, timestamp) = (key.hotkey().to_string(), now.seconds());
    let signature = key.sign(signing_message(&hotkey, timestamp, sources).as_bytes()).to_hex();
    json!({ "hotkey": hotkey, "timestamp": timestamp, "signature": signature, "sources": sources })
        .to_string()
}

/// A clock that stands until it is moved.
#[derive(Debug)]
struct Standing(AtomicI64);

impl Clock for Standing {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }

    fn monotonic(&self) -> Duration {
        self.now().since(Timestamp::UNIX_EPOCH)
    }
}

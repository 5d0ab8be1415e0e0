use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use resi_data_api::clock::{Clock, SystemClock};
use resi_protocol::Timestamp;
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::service::{Backend, Database, Options, Service};

/// A service, and a home folder for the command.
pub(crate) struct Stage {
    pub(crate) runtime: Runtime,
    pub(crate) database: Database,
    pub(crate) service: Service,
    pub(crate) home: TempDir,
}

pub(crate) struct Outcome {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) errors: String,
}

impl Outcome {
    #[track_caller]
    pub(crate) fn ok(self) -> String {
        assert_eq!((self.code, self.errors.as_str()), (0, ""), "{}", self.out);
        self.out
    }

    #[track_caller]
    pub(crate) fn json(self) -> Value {
        serde_json::from_str(&self.ok()).unwrap()
    }

    /// What is shown of an answer that is not wrong, and not vouched for in full.
    #[track_caller]
    pub(crate) fn open(self) -> String {
        assert_eq!((self.code, self.errors.as_str()), (9, ""), "{}", self.out);
        self.out
    }

    #[track_caller]
    pub(crate) fn fails(self, code: i32, words: &str) {
        assert_eq!((self.code, self.out.as_str()), (code, ""), "{}", self.errors);
        assert!(self.errors.contains(words), "{}", self.errors);
    }
}

impl Stage {
    pub(crate) fn new() -> Self {
        Self::on(Backend::Sqlite, Arc::new(SystemClock::new()), Options::default())
    }

    pub(crate) fn on(backend: Backend, clock: Arc<dyn Clock>, options: Options) -> Self {
        let runtime = Runtime::new().unwrap();
        let (database, service) = runtime.block_on(async {
            let database = Database::new(backend).await;
            let service = Service::start(&database, clock, options).await;
            (database, service)
        });
        Self { runtime, database, service, home: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Outcome {
        self.run_with(&[("DATA_API_URL", &self.url())], arguments)
    }

    pub(crate) fn alice(&self, arguments: &[&str]) -> Outcome {
        self.run(&[&["--wallet-uri", "//Alice"], arguments].concat())
    }

    pub(crate) fn run_with(&self, environment: &[(&str, &str)], arguments: &[&str]) -> Outcome {
        let output = Command::new(env!("CARGO_BIN_EXE_resi-validator"))
            .args(arguments)
            .env_clear()
            .env("HOME", self.home.path())
            .envs(environment.iter().copied())
            .output()
            .unwrap();
        Outcome {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            errors: String::from_utf8(output.stderr).unwrap(),
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.service.address)
    }

    /// The service again, in the epoch that runs now.
    pub(crate) fn restart(&mut self, clock: Arc<dyn Clock>, options: Options) {
        let (runtime, database) = (&self.runtime, &self.database);
        let new = runtime.block_on(Service::start(database, clock, options));
        runtime.block_on(std::mem::replace(&mut self.service, new).stop());
    }

    pub(crate) fn end(self) {
        self.runtime.block_on(async {
            self.service.stop().await;
            self.database.remove().await;
        });
    }
}

/// The clock of a service that is far from that of this machine, and stands until it is moved.
#[derive(Debug)]
pub(crate) struct Standing(pub(crate) AtomicI64);

impl Standing {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(1_736_933_400)))
    }
}

impl Clock for Standing {
    fn now(&self) -> Timestamp {
        Timestamp::from_seconds(self.0.load(Ordering::SeqCst))
    }

    fn monotonic(&self) -> Duration {
        self.now().since(Timestamp::UNIX_EPOCH)
    }
}

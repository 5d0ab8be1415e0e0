pub(crate) mod clock;
pub(crate) mod proxy;
pub(crate) mod service;

use std::sync::Arc;
use std::time::Duration;

use resi_client::{Client, ClientBuilder, Wallet};
use resi_protocol::wire::{AssignmentReport, ReportedStatus};
use tempfile::TempDir;

use self::clock::{Always, TestClock};
use self::proxy::Proxy;
use self::service::{Backend, Database, Options, Service};

/// Wednesday 2025-01-15, an hour and a half into the epoch of 08:00.
pub(crate) const START: i64 = 1_736_933_400;

/// A service with a proxy before it, and a folder for what clients keep.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) clock: TestClock,
    pub(crate) database: Database,
    pub(crate) service: Service,
    pub(crate) proxy: Proxy,
    pub(crate) folder: TempDir,
}

impl World {
    pub(crate) async fn new(backend: Backend, clock: TestClock) -> Self {
        Self::with(backend, clock, Options::default()).await
    }

    pub(crate) async fn with(backend: Backend, clock: TestClock, options: Options) -> Self {
        let database = Database::new(backend).await;
        let service = Service::start(&database, Arc::new(clock.clone()), options).await;
        let proxy = Proxy::start(service.address, clock.clone()).await;
        Self { clock, database, service, proxy, folder: tempfile::tempdir().unwrap() }
    }

    /// Where nobody waits.
    pub(crate) async fn impatient(backend: Backend) -> Self {
        Self::new(backend, TestClock::impatient(START)).await
    }

    pub(crate) fn builder(&self) -> ClientBuilder {
        Client::builder()
            .base_url(self.proxy.url())
            .signer(Wallet::from_uri("//Alice").unwrap())
            .data_folder(self.folder.path())
            .clock(self.clock.clone())
            .jitter(Always(0.5))
            .try_timeout(Duration::from_secs(30))
    }

    pub(crate) fn client(&self) -> Client {
        self.builder().build().unwrap()
    }

    /// The service again, otherwise, on the same database and address.
    pub(crate) async fn restart(&mut self, options: Options) {
        let new = Service::start(&self.database, Arc::new(self.clock.clone()), options).await;
        self.proxy.send_to(new.address);
        std::mem::replace(&mut self.service, new).stop().await;
    }

    pub(crate) async fn end(self) {
        self.service.stop().await;
        self.database.remove().await;
    }
}

pub(crate) fn report(id: &str, status: ReportedStatus) -> AssignmentReport {
    AssignmentReport {
        assignment_id: id.parse().unwrap(),
        status,
        statistics: None,
        epoch_id: None,
        consensus_hash: None,
    }
}

/// Makes a test of each function on each backend.
macro_rules! on_both {
    ($($name:ident),+ $(,)?) => {
        mod on_sqlite {
            $(#[tokio::test] async fn $name() { super::$name(crate::support::service::Backend::Sqlite).await; })+
        }
        mod on_postgres {
            $(#[tokio::test] async fn $name() { super::$name(crate::support::service::Backend::Postgres).await; })+
        }
    };
}
pub(crate) use on_both;

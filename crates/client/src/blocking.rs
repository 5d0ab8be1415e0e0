//! The client for programs without an async runtime (feature `blocking`). It brings a small runtime of its own, so it
//! must not be used within one.
//!
//! ```no_run
//! use resi_client::{Client, Wallet, blocking};
//!
//! let wallet = Wallet::open("~/.bittensor/wallets", "validator", "default")?;
//! let client = blocking::Client::new(Client::builder().signer(wallet).build()?)?;
//! println!("{} zipcodes", client.blocks(Default::default())?.data().total_zipcodes);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::future::Future;
use std::io;
use std::pin::pin;

use futures_util::StreamExt;
use resi_protocol::wire::{
    AccessGrant, AssignmentAccepted, AssignmentId, AssignmentList, AssignmentReport,
    AssignmentView, EpochList, EpochResource, Health, Statistics,
};
use resi_protocol::{EpochId, Zipcode};
use tokio::runtime::{Builder, Runtime};

use crate::{AssignmentsRequest, BlocksRequest, Error, PageRequest, VerifiedBlocks, VerifiedEpoch};

/// A [`Client`](crate::Client) whose calls return when the answer is there. May be shared by threads.
///
/// ```no_run
/// # fn example(client: resi_client::blocking::Client) -> Result<(), resi_client::Error> {
/// for blocks in client.watch(Default::default()) {
///     println!("{}", blocks?.data().total_zipcodes);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Client {
    client: crate::Client,
    runtime: Runtime,
}

impl Client {
    /// Around `client`.
    ///
    /// ```
    /// use resi_client::{Client, Wallet, blocking};
    ///
    /// let client = Client::builder().base_url("https://resi.example").signer(Wallet::from_uri("//Alice")?).build()?;
    /// let client = blocking::Client::new(client)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn new(client: crate::Client) -> io::Result<Self> {
        // A worker of its own: connections are tended also while nobody waits.
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        Ok(Self { client, runtime })
    }

    fn wait<T>(&self, call: impl Future<Output = T>) -> T {
        self.runtime.block_on(call)
    }

    /// See [`Client::access`](crate::Client::access).
    ///
    /// ```no_run
    /// # fn example(client: resi_client::blocking::Client) -> Result<(), resi_client::Error> {
    /// println!("{}", client.access()?.expires_at);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Those of the same name there.
    pub fn access(&self) -> Result<AccessGrant, Error> {
        self.wait(self.client.access())
    }

    /// See [`Client::blocks`](crate::Client::blocks).
    ///
    /// ```no_run
    /// # fn example(client: resi_client::blocking::Client) -> Result<(), resi_client::Error> {
    /// println!("{}", client.blocks(Default::default())?.epoch().id);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Those of the same name there.
    pub fn blocks(&self, request: BlocksRequest) -> Result<VerifiedBlocks, Error> {
        self.wait(self.client.blocks(request))
    }

    /// See [`Client::watch`](crate::Client::watch): an iterator that waits for each epoch.
    ///
    /// ```no_run
    /// # fn example(client: resi_client::blocking::Client) {
    /// for blocks in client.watch(Default::default()) {
    ///     match blocks {
    ///         Ok(blocks) => println!("epoch {}", blocks.epoch().id),
    ///         Err(error) => eprintln!("{error}"),
    ///     }
    /// }
    /// # }
    /// ```
    pub fn watch(
        &self,
        request: BlocksRequest,
    ) -> impl Iterator<Item = Result<VerifiedBlocks, Error>> {
        let mut epochs = Box::pin(self.client.watch(request));
        std::iter::from_fn(move || self.wait(pin!(&mut epochs).next()))
    }

    /// See [`Client::report`](crate::Client::report).
    ///
    /// ```no_run
    /// # fn example(client: resi_client::blocking::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// use resi_client::protocol::wire::{AssignmentReport, ReportedStatus};
    ///
    /// client.report(&AssignmentReport {
    ///     assignment_id: "epoch-batch-7".parse()?,
    ///     status: ReportedStatus::Started,
    ///     statistics: None,
    ///     epoch_id: None,
    ///     consensus_hash: None,
    /// })?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Those of the same name there.
    pub fn report(&self, report: &AssignmentReport) -> Result<AssignmentAccepted, Error> {
        self.wait(self.client.report(report))
    }

    /// See [`Client::assignments`](crate::Client::assignments).
    ///
    /// ```no_run
    /// # fn example(client: resi_client::blocking::Client) -> Result<(), resi_client::Error> {
    /// println!("{}", client.assignments(Default::default())?.assignments.len());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Those of the same name there.
    pub fn assignments(&self, request: AssignmentsRequest) -> Result<AssignmentList, Error> {
        self.wait(self.client.assignments(request))
    }

    /// See [`Client::assignment`](crate::Client::assignment).
    ///
    /// ```no_run
    /// # fn example(client: resi_client::blocking::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// println!("{}", client.assignment(&"epoch-batch-7".parse()?)?.status.name());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Those of the same name there.
    pub fn assignment(&self, id: &AssignmentId) -> Result<AssignmentView, Error> {
        self.wait(self.client.assignment(id))
    }

    /// See [`Client::health`](crate::Client::health).
    ///
    /// ```no_run
    /// # fn example(client: resi_client::blocking::Client) -> Result<(), resi_client::Error> {
    /// println!("{:?}", client.health()?.status);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Those of the same name there.
    pub fn health(&self) -> Result<Health, Error> {
        self.wait(self.client.health())
    }

    /// See [`Client::statistics`](crate::Client::statistics).
    ///
    /// ```no_run
    /// # fn example(client: resi_client::blocking::Client) -> Result<(), resi_client::Error> {
    /// println!("{}", client.statistics()?.total_validators);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Those of the same name there.
    pub fn statistics(&self) -> Result<Statistics, Error> {
        self.wait(self.client.statistics())
    }

    /// See [`Client::current_epoch`](crate::Client::current_epoch).
    ///
    /// ```no_run
    /// # fn example(client: resi_client::blocking::Client) -> Result<(), resi_client::Error> {
    /// println!("{}", client.current_epoch()?.epoch.id);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Those of the same name there.
    pub fn current_epoch(&self) -> Result<EpochResource, Error> {
        self.wait(self.client.current_epoch())
    }

    /// See [`Client::epoch`](crate::Client::epoch).
    ///
    /// ```no_run
    /// # fn example(client: resi_client::blocking::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let id = client.current_epoch()?.epoch.id;
    /// println!("{:?}", client.epoch(id)?.epoch);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Those of the same name there.
    pub fn epoch(&self, id: EpochId) -> Result<EpochResource, Error> {
        self.wait(self.client.epoch(id))
    }

    /// See [`Client::verified_epoch`](crate::Client::verified_epoch).
    ///
    /// ```no_run
    /// # fn example(client: resi_client::blocking::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// println!("{}", client.verified_epoch("2025-01-15T08-00-00".parse()?)?.proof().zipcodes.len());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Those of the same name there.
    pub fn verified_epoch(&self, id: EpochId) -> Result<VerifiedEpoch, Error> {
        self.wait(self.client.verified_epoch(id))
    }

    /// See [`Client::honeypots`](crate::Client::honeypots).
    ///
    /// ```no_run
    /// # fn example(client: resi_client::blocking::Client, ended: &resi_client::VerifiedBlocks) -> Result<(), resi_client::Error> {
    /// println!("nobody sells homes in {:?}", client.honeypots(ended)?);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Those of the same name there.
    pub fn honeypots(&self, blocks: &VerifiedBlocks) -> Result<Vec<Zipcode>, Error> {
        self.wait(self.client.honeypots(blocks))
    }

    /// See [`Client::epochs`](crate::Client::epochs).
    ///
    /// ```no_run
    /// # fn example(client: resi_client::blocking::Client) -> Result<(), resi_client::Error> {
    /// println!("{}", client.epochs(Default::default())?.epochs.len());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Those of the same name there.
    pub fn epochs(&self, page: PageRequest) -> Result<EpochList, Error> {
        self.wait(self.client.epochs(page))
    }
}

use std::sync::Arc;
use std::time::Duration;

use futures_util::Stream;
use resi_protocol::rotation::{Pinned, Pool};
use resi_protocol::wire::{
    AccessGrant, AssignmentAccepted, AssignmentId, AssignmentList, AssignmentReport,
    AssignmentView, EpochList, EpochResource, Health, Statistics,
};
use resi_protocol::{EpochId, Hotkey, Sha256Hash, Timestamp, Zipcode};

use crate::blocks::Blocks;
use crate::builder::ClientBuilder;
use crate::calls::{AssignmentCall, EpochCall, HealthCall, ReportCall, StatisticsCall};
use crate::clock::Clock;
use crate::error::Error;
use crate::known_rotation::KnownRotation;
use crate::requests::{AssignmentsRequest, BlocksRequest, PageRequest};
use crate::session::Session;
use crate::verified_blocks::VerifiedBlocks;
use crate::verified_epoch::VerifiedEpoch;
use crate::watch;

/// Speaks to one service in the name of one hotkey. Cheap to clone: clones share token, blocks and connections.
///
/// It needs a tokio runtime with time and I/O enabled. See the [crate's page](crate) for the whole picture.
///
/// ```no_run
/// # async fn example(client: resi_client::Client) -> Result<(), resi_client::Error> {
/// let blocks = client.blocks(Default::default()).await?;
/// println!("{} zipcodes", blocks.data().total_zipcodes);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Client {
    session: Arc<Session>,
    blocks: Arc<Blocks>,
    spread: Duration,
}

impl Client {
    pub(crate) fn new(session: Arc<Session>, blocks: Arc<Blocks>, spread: Duration) -> Self {
        Self { session, blocks, spread }
    }

    /// How a client comes to be.
    ///
    /// ```
    /// use resi_client::{Client, Wallet};
    ///
    /// let client = Client::builder().base_url("https://resi.example").signer(Wallet::from_uri("//Alice")?).build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn builder() -> ClientBuilder {
        ClientBuilder::new()
    }

    /// Whom the client speaks for.
    ///
    /// ```
    /// # fn example(client: resi_client::Client) {
    /// println!("I am {}", client.hotkey());
    /// # }
    /// ```
    pub fn hotkey(&self) -> Hotkey {
        self.session.signer.hotkey()
    }

    /// The address of the service.
    ///
    /// ```
    /// # fn example(client: resi_client::Client) {
    /// println!("speaking to {}", client.base_url());
    /// # }
    /// ```
    pub fn base_url(&self) -> &str {
        self.session.transport.base().as_str()
    }

    /// The access this hotkey has, asked for if there is none that is good. Other calls do so by themselves: this one is
    /// for looking at the grant.
    ///
    /// ```no_run
    /// # async fn example(client: resi_client::Client) -> Result<(), resi_client::Error> {
    /// println!("access to {} until {}", client.access().await?.sources_authorized, client.access().await?.expires_at);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Refused`] when the hotkey may not act as a validator, [`Error::ClockOff`] when this machine's clock is
    /// off, [`Error::Signer`], and those of the network.
    pub async fn access(&self) -> Result<AccessGrant, Error> {
        Ok(self.session.token().await?.grant.clone())
    }

    /// The blocks of the running epoch, after every check. A request is sent only when there is no copy of an earlier
    /// one, of this client or of an earlier run.
    ///
    /// ```no_run
    /// # async fn example(client: resi_client::Client) -> Result<(), resi_client::Error> {
    /// use resi_client::BlocksRequest;
    ///
    /// let blocks = client.blocks(BlocksRequest::new().block_size(20)).await?;
    /// println!("{} zipcodes, {}", blocks.data().total_zipcodes, blocks.trust());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Unverified`] when the answer is not that of an honest service, or not of the one that was known before;
    /// [`Error::ClockOff`]; [`Error::DataFolder`] when what was trusted cannot be kept; and those of [`Client::access`].
    pub async fn blocks(&self, request: BlocksRequest) -> Result<VerifiedBlocks, Error> {
        self.blocks.get(request).await
    }

    /// The verified blocks of the running epoch, then of each new one. Never ends.
    ///
    /// It asks after the start of an epoch, at a moment of its own ([`ClientBuilder::spread`]), so that not all
    /// validators ask at once. What goes wrong is handed out, and the stream goes on: it pauses, longer each time, and
    /// tries again.
    ///
    /// ```no_run
    /// # async fn example(client: resi_client::Client) {
    /// use std::pin::pin;
    /// use futures_util::StreamExt;
    ///
    /// let mut epochs = pin!(client.watch(Default::default()));
    /// while let Some(blocks) = epochs.next().await {
    ///     match blocks {
    ///         Ok(blocks) => println!("epoch {}: {} batches", blocks.epoch().id, blocks.batches().count()),
    ///         Err(error) => eprintln!("{error}"),
    ///     }
    /// }
    /// # }
    /// ```
    pub fn watch(
        &self,
        request: BlocksRequest,
    ) -> impl Stream<Item = Result<VerifiedBlocks, Error>> + Send + 'static + use<> {
        watch::watch(self.clone(), request)
    }

    /// Reports how an assignment goes. When this returns, the report is on disk. Repeating a report changes nothing, so
    /// it is tried again when no answer came.
    ///
    /// ```no_run
    /// # async fn example(client: resi_client::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// use resi_client::protocol::wire::{AssignmentReport, ReportedStatus};
    ///
    /// let report = AssignmentReport {
    ///     assignment_id: "zipcode_assignment_20250115_1030_a1b2c3d4".parse()?,
    ///     status: ReportedStatus::Completed,
    ///     statistics: None,
    ///     epoch_id: None,
    ///     consensus_hash: None,
    /// };
    /// client.report(&report).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Refused`], such as `ASSIGNMENT_ENDED` when it has ended otherwise, and those of [`Client::access`].
    pub async fn report(&self, report: &AssignmentReport) -> Result<AssignmentAccepted, Error> {
        self.session.proven(&ReportCall(report)).await
    }

    /// A page of this validator's own assignments, newest first.
    ///
    /// ```no_run
    /// # async fn example(client: resi_client::Client) -> Result<(), resi_client::Error> {
    /// for assignment in client.assignments(Default::default()).await?.assignments {
    ///     println!("{} is {}", assignment.assignment_id, assignment.status.name());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Those of [`Client::access`], and [`Error::Refused`].
    pub async fn assignments(&self, request: AssignmentsRequest) -> Result<AssignmentList, Error> {
        self.session.proven(&request).await
    }

    /// One of this validator's own assignments.
    ///
    /// ```no_run
    /// # async fn example(client: resi_client::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// println!("{:?}", client.assignment(&"first".parse()?).await?.status);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Those of [`Client::access`], and [`Error::Refused`] with `NOT_FOUND`.
    pub async fn assignment(&self, id: &AssignmentId) -> Result<AssignmentView, Error> {
        self.session.proven(&AssignmentCall(id)).await
    }

    /// How the service is, also when it is unhealthy.
    ///
    /// ```no_run
    /// # async fn example(client: resi_client::Client) -> Result<(), resi_client::Error> {
    /// println!("{:?}", client.health().await?.status);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn health(&self) -> Result<Health, Error> {
        self.session.public(&HealthCall).await
    }

    /// What has happened on the service.
    ///
    /// ```no_run
    /// # async fn example(client: resi_client::Client) -> Result<(), resi_client::Error> {
    /// println!("{} validators so far", client.statistics().await?.total_validators);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Refused`], and those of the network.
    pub async fn statistics(&self) -> Result<Statistics, Error> {
        self.session.public(&StatisticsCall).await
    }

    /// The public record of the epoch that runs by the clock of this machine. Beside that, it is as the service says it:
    /// there is no proof yet.
    ///
    /// ```no_run
    /// # async fn example(client: resi_client::Client) -> Result<(), resi_client::Error> {
    /// println!("epoch {} is running", client.current_epoch().await?.epoch.id);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Refused`], [`Error::ClockOff`], [`Error::Unverified`] for an epoch that does not run, and those of the network.
    pub async fn current_epoch(&self) -> Result<EpochResource, Error> {
        self.blocks.current_epoch().await
    }

    /// The public record of an epoch, as the service says it: the parts of it fit together and it is of this epoch, and
    /// that is all. [`Client::verified_epoch`] verifies it.
    ///
    /// ```no_run
    /// # async fn example(client: resi_client::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let epoch = client.epoch("2025-01-15T08-00-00".parse()?).await?;
    /// println!("{} is to deal {} zipcodes", epoch.rotation.public_key, epoch.rotation.zipcodes_per_epoch);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Refused`] with `NOT_FOUND` for an epoch that has not begun or is no epoch, and those of the network.
    pub async fn epoch(&self, id: EpochId) -> Result<EpochResource, Error> {
        self.session.public(&EpochCall(id)).await
    }

    /// A page of the epochs, newest first, without their zipcodes.
    ///
    /// ```no_run
    /// # async fn example(client: resi_client::Client) -> Result<(), resi_client::Error> {
    /// use resi_client::PageRequest;
    ///
    /// let page = client.epochs(PageRequest::new().limit(10)).await?;
    /// if let Some(cursor) = page.next_cursor {
    ///     let older = client.epochs(PageRequest::new().limit(10).after(cursor)).await?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Refused`], and those of the network.
    pub async fn epochs(&self, page: PageRequest) -> Result<EpochList, Error> {
        self.session.public(&page).await
    }

    /// The public record of an epoch that has ended, verified with the pool and what is known of the rotation. What
    /// vouches for each part of it, [`VerifiedEpoch::proof`] says: where the key was not known before, or the record is
    /// not signed, it proves less.
    ///
    /// ```no_run
    /// # async fn example(client: resi_client::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let ended = client.verified_epoch("2025-01-15T08-00-00".parse()?).await?;
    /// println!("{} zipcodes were dealt", ended.proof().zipcodes.len());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Unverified`] while it is not revealed yet, or when it is not what an honest service shows; and those of
    /// [`Client::epoch`].
    pub async fn verified_epoch(&self, id: EpochId) -> Result<VerifiedEpoch, Error> {
        self.blocks.verified_epoch(id).await
    }

    /// The decoys among the zipcodes of blocks whose epoch has ended: zipcodes where no home is sold, so that whoever
    /// reports homes there made them up. They are those whose hash was in the blocks, and nothing else makes a zipcode a
    /// decoy; none where no decoys are dealt.
    ///
    /// ```no_run
    /// # async fn example(client: resi_client::Client) -> Result<(), resi_client::Error> {
    /// let blocks = client.blocks(Default::default()).await?;
    /// // …when the epoch has ended:
    /// let decoys = client.honeypots(&blocks).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Unverified`] while they are not revealed yet, or when they are others; and those of [`Client::epoch`].
    pub async fn honeypots(&self, blocks: &VerifiedBlocks) -> Result<Vec<Zipcode>, Error> {
        self.blocks.honeypots(blocks).await
    }

    /// The pool of that hash, fetched once and kept.
    ///
    /// ```no_run
    /// # async fn example(client: resi_client::Client) -> Result<(), resi_client::Error> {
    /// let sha256 = client.current_epoch().await?.rotation.pool_sha256;
    /// println!("{} zipcodes are in play", client.pool(sha256).await?.len());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Unverified`] when the answer is another pool, [`Error::Refused`], and those of the network.
    pub async fn pool(&self, sha256: Sha256Hash) -> Result<Arc<Pool>, Error> {
        self.blocks.pool(sha256).await
    }

    /// Key and parameters that were trusted at the first contact, where not all was pinned.
    ///
    /// ```no_run
    /// # async fn example(client: resi_client::Client) -> Result<(), resi_client::Error> {
    /// if let Some(known) = client.known_rotation().await? {
    ///     println!("trusting {} since {}", known.public_key, known.first_seen);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::DataFolder`].
    pub async fn known_rotation(&self) -> Result<Option<KnownRotation>, Error> {
        self.blocks.remembered().await
    }

    /// What answers are compared with: what was pinned, and where nothing was, what was trusted at the first contact. Each
    /// value says which it is.
    ///
    /// ```no_run
    /// # async fn example(client: resi_client::Client) -> Result<(), resi_client::Error> {
    /// match client.pinned().await?.public_key {
    ///     Some(key) => println!("{}, {}", key.value(), key.voucher()), // 0x…, remembered since 2025-01-15T08:00:00Z
    ///     None => println!("no key is known before the first contact"),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::DataFolder`].
    pub async fn pinned(&self) -> Result<Pinned, Error> {
        self.blocks.known().await
    }

    /// The same for a moment in the past: announced changes count from their epoch on.
    ///
    /// ```no_run
    /// # async fn example(client: resi_client::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let epoch = client.epoch("2025-01-15T08-00-00".parse()?).await?;
    /// client.pinned_at(epoch.epoch.starts_at).await?.check(&epoch.rotation)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::DataFolder`].
    pub async fn pinned_at(&self, moment: Timestamp) -> Result<Pinned, Error> {
        self.blocks.known_at(moment).await
    }

    /// Forgets what was trusted at the first contact: the next blocks are a first contact again. For a change of key or
    /// parameters that was announced, and that you looked up.
    ///
    /// ```no_run
    /// # async fn example(client: resi_client::Client) -> Result<(), resi_client::Error> {
    /// client.forget_rotation().await
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::DataFolder`].
    pub async fn forget_rotation(&self) -> Result<(), Error> {
        self.blocks.forget().await
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.session.clock
    }

    pub(crate) fn jitter(&self) -> f64 {
        self.session.jitter.fraction()
    }

    pub(crate) fn spread(&self) -> Duration {
        self.spread
    }
}

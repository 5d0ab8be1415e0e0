//! What the service remembers: one object-safe trait of domain verbs, each atomic, and the rules behind them as pure
//! functions that every backend shares.
//!
//! Arguments carry the time; a store reads no clock of its own, except to answer [`Store::time`].

use std::time::Duration;

use async_trait::async_trait;
use resi_protocol::rotation::{Parameters, RotationPublicKey, VrfSignature};
use resi_protocol::wire::{AssignmentId, AssignmentReport, AssignmentStatus};
use resi_protocol::{EpochIndex, Hotkey, Sha256Hash, Signature, Sources, Timestamp, Zipcode};

/// Everything the service remembers. All verbs are atomic, and durable once they return.
#[async_trait]
pub trait Store: Send + Sync + std::fmt::Debug {
    /// Grants access once for a signature, within the limit of its hotkey. Only a grant consumes the signature and
    /// counts. Attempts that wait are committed in groups; each returns after its commit.
    async fn grant_access(&self, attempt: GrantAttempt) -> Result<GrantOutcome, StoreError>;

    /// Forgets at most `limit` signatures whose time to be remembered ended before `now`; returns how many.
    async fn forget_signatures(&self, now: Timestamp, limit: u32) -> Result<u64, StoreError>;

    /// Applies a report to its assignment. Reports that wait are committed in groups; each returns after its commit.
    async fn record_report(&self, attempt: ReportAttempt) -> Result<ReportOutcome, StoreError>;

    /// One assignment of a validator, as last written: an assignment past its time may still stand as started, see
    /// [`Assignment::status_at`].
    async fn assignment(&self, hotkey: Hotkey, id: &AssignmentId) -> Result<Option<Assignment>, StoreError>;

    /// A page of a validator's assignments, newest first.
    async fn assignments(&self, hotkey: Hotkey, query: AssignmentQuery) -> Result<Vec<Assignment>, StoreError>;

    /// Marks at most `limit` assignments as expired that were first reported at or before `cutoff` and are still
    /// started; returns how many.
    async fn expire_assignments(&self, cutoff: Timestamp, now: Timestamp, limit: u32) -> Result<u64, StoreError>;

    /// Writes the record of an epoch unless there is one, and returns the one that stands.
    async fn agree_epoch(&self, proposed: &EpochRecord) -> Result<EpochRecord, StoreError>;

    /// Adds the signature to the record of an epoch that has begun, unless it has one or there is no record.
    async fn publish_signature(
        &self,
        netuid: u16,
        epoch: EpochIndex,
        signature: &VrfSignature,
    ) -> Result<(), StoreError>;

    /// The record of an epoch.
    async fn epoch_record(&self, netuid: u16, epoch: EpochIndex) -> Result<Option<EpochRecord>, StoreError>;

    /// At most `limit` records of epochs before `before`, newest first.
    async fn epoch_records(
        &self,
        netuid: u16,
        before: EpochIndex,
        limit: u32,
    ) -> Result<Vec<EpochRecord>, StoreError>;

    /// A record of another epoch length whose epoch covers `moment`: settings that were changed in the middle of it.
    async fn conflicting_record(
        &self,
        netuid: u16,
        epoch_seconds: u32,
        moment: Timestamp,
    ) -> Result<Option<EpochRecord>, StoreError>;

    /// Keeps a pool unless it is kept already.
    async fn keep_pool(&self, pool: &StoredPool) -> Result<(), StoreError>;

    /// The pool of that hash.
    async fn pool(&self, sha256: Sha256Hash) -> Result<Option<StoredPool>, StoreError>;

    /// Records who pulled which blocks; what is recorded already stays as it is.
    async fn record_pulls(&self, pulls: &[Pull]) -> Result<(), StoreError>;

    /// The counts that health and statistics show, with at most `epochs` epochs, newest first. Costs no more when more
    /// assignments are remembered.
    async fn tally(&self, epochs: u32) -> Result<Tally, StoreError>;

    /// The time by the database's own clock; `None` where the database has none but this machine's.
    async fn time(&self) -> Result<Option<Timestamp>, StoreError>;

    /// How the connections are used, for metrics.
    fn connections(&self) -> Connections;

    /// Pends for as long as the store's background tasks live; resolves with the name of one that ended unexpectedly.
    async fn background_failure(&self) -> &'static str;

    /// Commits what waits, then closes all connections.
    async fn close(&self);
}

/// Why a verb failed. Nothing it was to change has been acknowledged.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database is away, too slow, full or shutting down: a later try may work. The outcome of this one is unknown.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// A row that this version cannot have written.
    #[error("the database holds an inconsistent row: {0}")]
    Inconsistent(String),
}

/// A request for access whose signature was verified.
#[derive(Clone, Copy, Debug)]
pub struct GrantAttempt {
    /// Who asks.
    pub hotkey: Hotkey,
    /// The signature, to be used once.
    pub signature: Signature,
    /// Until when the signature must be remembered.
    pub remember_until: Timestamp,
    /// The time of the request.
    pub now: Timestamp,
    /// At most this many grants in [`GRANT_WINDOW`]; `None` for no limit.
    pub limit: Option<u32>,
}

/// The window of the limit on grants. A signature is always remembered for longer than this.
pub const GRANT_WINDOW: Duration = Duration::from_secs(60);

/// What became of a [`GrantAttempt`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GrantOutcome {
    /// Access is granted, and the signature consumed.
    Granted(Option<Quota>),
    /// The signature was used before. Nothing changed.
    Replayed,
    /// The limit is used up. Nothing changed.
    Limited(Quota),
}

/// How a limit stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// The limit.
    pub limit: u32,
    /// How many more would pass now.
    pub remaining: u32,
    /// When the next one passes that would not pass now; when `remaining` is not 0, when one more is back.
    pub resets_at: Timestamp,
}

/// A valid report of a validator.
#[derive(Clone, Debug)]
pub struct ReportAttempt {
    /// Who reports.
    pub hotkey: Hotkey,
    /// What is reported.
    pub report: AssignmentReport,
    /// The number of the epoch that the report names, if it names one.
    pub reported_epoch: Option<EpochIndex>,
    /// The epoch that runs.
    pub running_epoch: EpochIndex,
    /// The time of the request.
    pub now: Timestamp,
    /// After which time from its first report an assignment expires.
    pub timeout: Duration,
    /// At most this many new assignments while `running_epoch` runs; `None` for no limit.
    pub new_assignments: Option<u32>,
}

/// What became of a [`ReportAttempt`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportOutcome {
    /// It was written.
    Recorded,
    /// It was known already; nothing changed.
    Unchanged,
    /// The assignment has ended so; nothing changed.
    Ended(AssignmentStatus),
    /// The validator has opened as many assignments as it may in this epoch; nothing changed.
    TooManyAssignments,
}

/// An assignment as it was last written.
#[derive(Clone, Debug, PartialEq)]
pub struct Assignment {
    /// Whose it is.
    pub hotkey: Hotkey,
    /// How it stands, as last written.
    pub status: AssignmentStatus,
    /// Whether it was reported ended only after it had expired.
    pub late: bool,
    /// The epoch it belongs to.
    pub epoch: EpochIndex,
    /// The epoch that ran at its first report.
    pub opened_in: EpochIndex,
    /// The report that was accepted last; it has the assignment's id.
    pub report: AssignmentReport,
    /// When it was first reported.
    pub first_reported_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Its position among a validator's assignments: later ones have higher positions.
    pub position: i64,
    /// How often it changed.
    pub revision: i64,
}

impl Assignment {
    /// How it stands at `now`: one that was left started for `timeout` is expired, whether that is written yet or not.
    pub fn status_at(&self, now: Timestamp, timeout: Duration) -> AssignmentStatus {
        match self.status {
            AssignmentStatus::Started if self.first_reported_at.plus(timeout) <= now => AssignmentStatus::Expired,
            status => status,
        }
    }
}

/// Which assignments of a validator to list.
#[derive(Clone, Copy, Debug)]
pub struct AssignmentQuery {
    /// Only those that stand so.
    pub status: Option<AssignmentStatus>,
    /// Started ones that were first reported at or before this moment count as expired.
    pub expired_at_or_before: Timestamp,
    /// Only those with a position before this one.
    pub before: Option<i64>,
    /// At most this many.
    pub limit: u32,
}

/// Key and parameters of an epoch, written once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EpochRecord {
    /// The epoch.
    pub epoch: EpochIndex,
    /// What determines its deal beside the key.
    pub parameters: Parameters,
    /// The key that deals it.
    pub public_key: RotationPublicKey,
    /// When the record was written.
    pub agreed_at: Timestamp,
    /// The proof, once the epoch has begun.
    pub signature: Option<VrfSignature>,
}

/// A pool with what batches say about its zipcodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredPool {
    /// The hash of its zipcodes.
    pub sha256: Sha256Hash,
    /// Its zipcodes in order.
    pub entries: Vec<PoolEntry>,
}

/// A zipcode of a pool.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct PoolEntry {
    /// The zipcode.
    pub zipcode: Zipcode,
    /// Two-letter state, empty where unknown.
    pub state: String,
    /// Metropolitan area, empty where there is none.
    pub metro: String,
    /// Rank by size, from 1.
    pub size_rank: Option<u32>,
}

/// That a validator pulled blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Pull {
    /// The subnet of the epoch.
    pub netuid: u16,
    /// The epoch.
    pub epoch: EpochIndex,
    /// Who pulled.
    pub hotkey: Hotkey,
    /// Which sources.
    pub sources: Sources,
    /// In blocks of which size.
    pub block_size: u32,
    /// When first.
    pub at: Timestamp,
}

/// The counts that health and statistics show.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tally {
    /// Hotkeys that were ever granted access.
    pub validators: u64,
    /// Assignments written as started.
    pub started: u64,
    /// Assignments that were completed, late ones too.
    pub completed: u64,
    /// Assignments that failed, late ones too.
    pub failed: u64,
    /// Assignments written as expired.
    pub expired: u64,
    /// The assignment that changed last.
    pub last: Option<LastChange>,
    /// The newest epochs that have any pull or assignment, newest first.
    pub epochs: Vec<EpochTally>,
}

/// The assignment that changed last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastChange {
    /// Its name.
    pub assignment_id: AssignmentId,
    /// How it stands.
    pub status: AssignmentStatus,
    /// When it changed.
    pub at: Timestamp,
}

/// The counts of one epoch.
#[derive(Clone, Debug, PartialEq)]
pub struct EpochTally {
    /// The epoch.
    pub epoch: EpochIndex,
    /// Hotkeys that pulled its blocks or have an assignment of it.
    pub validators: u64,
    /// Completed assignments of it.
    pub completed: u64,
    /// Mean of the success rates of those that have one.
    pub success_rate: Option<f64>,
    /// Hotkeys whose last completed assignment with a consensus hash, of this epoch, has the most frequent hash.
    pub agreeing: u64,
    /// Hotkeys with a completed assignment with a consensus hash.
    pub hashed: u64,
}

/// How connections to the database are used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Connections {
    /// Open ones.
    pub open: u32,
    /// Open ones that nobody uses.
    pub idle: u32,
}

/// What to do with migrations when a store is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Migrations {
    /// Run those that are pending; several replicas may do so at once.
    Run,
    /// Refuse to open when some are pending.
    Refuse,
}

/// Why a store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The database is away: a later try may work.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// Migrations are pending, and were not to be run.
    #[error("{0} migration(s) are pending; start once without --no-migrate to run them")]
    Pending(usize),
    /// The database was migrated by a newer version, or otherwise.
    #[error("the schema of the database is not one of this version: {0}")]
    Schema(String),
    /// Something that no later try will mend.
    #[error("{0}")]
    Fatal(String),
}

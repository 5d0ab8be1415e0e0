//! What the service remembers: one object-safe trait of domain verbs, each atomic, and the rules behind them as pure
//! functions that every backend shares.
//!
//! Arguments carry the time; a store reads no clock of its own, except to answer [`Store::time`].

mod access;
mod assignments;
mod audit;
mod chain;
#[cfg(feature = "contract")]
pub mod contract;
mod epoch_deltas;
mod epochs;
mod error;
mod group_commit;
mod known;
mod passed;
pub mod rows;
mod schema;
mod tally;

use async_trait::async_trait;
use resi_protocol::btauth::Nonce;
use resi_protocol::rotation::{Announcement, VrfSignature};
use resi_protocol::wire::AssignmentId;
use resi_protocol::{EpochId, Hotkey, Sha256Hash, Signature, Timestamp};

pub use access::{
    GRANT_WINDOW, GrantAttempt, GrantOutcome, GrantedValidator, Proof, Quota, RecentGrants,
    UsedNonces, UsedProofs, decide_grants,
};
pub use assignments::{
    Assignment, AssignmentKey, AssignmentQuery, Change, Openings, ReportAttempt, ReportDecision,
    ReportOutcome, Standing, Step, decide_reports, openings_to_count, transition,
};
pub use audit::{
    AuditEntry, AuditEvent, AuditKind, AuditQuery, Origin, UnknownAuditKind, announcement_event,
    deal_events, grant_events, status_events,
};
pub use chain::KeptMembers;
pub use epoch_deltas::{EpochDelta, EpochValidator, epoch_deltas, epoch_validators};
pub use epochs::{EpochRecord, PoolEntry, Pull, StoredPool};
pub use error::{Migrations, OpenError, StoreError};
pub use group_commit::{BATCH, GroupCommit};
pub use known::Known;
pub use passed::{Counted, Passed};
pub use schema::{AppliedMigration, pending_migrations};
pub use tally::{EpochTally, LastChange, Tally};

/// Everything the service remembers. All verbs are atomic, and durable once they return.
#[async_trait]
pub trait Store: Send + Sync + std::fmt::Debug {
    /// Grants access once for a proof, within the limit of its hotkey. Only a grant uses up the proof and counts. Attempts that wait are committed in groups; each returns after its commit.
    async fn grant_access(&self, attempt: GrantAttempt) -> Result<GrantOutcome, StoreError>;

    /// At most `limit` hotkeys that were ever granted access, in the order of their bytes, from after `after` on.
    async fn validators(
        &self,
        after: Option<Hotkey>,
        limit: u32,
    ) -> Result<Vec<GrantedValidator>, StoreError>;

    /// Forgets at most `limit` signatures whose time to be remembered ended before `now`; returns how many.
    async fn forget_signatures(&self, now: Timestamp, limit: u32) -> Result<u64, StoreError>;

    /// Applies a report to its assignment. Only a report that is accepted uses up its nonce. Reports that wait are committed in groups; each returns after its commit.
    async fn record_report(&self, attempt: ReportAttempt) -> Result<ReportOutcome, StoreError>;

    /// One assignment of a validator, as last written: an assignment past its time may still stand as started, see
    /// [`Assignment::status_at`].
    async fn assignment(
        &self,
        hotkey: Hotkey,
        id: &AssignmentId,
    ) -> Result<Option<Assignment>, StoreError>;

    /// A page of a validator's assignments, newest first.
    async fn assignments(
        &self,
        hotkey: Hotkey,
        query: AssignmentQuery,
    ) -> Result<Vec<Assignment>, StoreError>;

    /// Marks at most `limit` assignments as expired that were first reported at or before `cutoff` and are still
    /// started; returns how many.
    async fn expire_assignments(
        &self,
        cutoff: Timestamp,
        now: Timestamp,
        limit: u32,
    ) -> Result<u64, StoreError>;

    /// Deletes at most `limit` assignments that have ended and were opened in epochs that began before `before`; returns how many.
    /// The totals keep counting them.
    async fn prune_assignments(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError>;

    /// Adds entries to the audit. Grants, deals and changes of status are added by the verbs that make them.
    async fn record_audit(&self, events: &[AuditEvent]) -> Result<(), StoreError>;

    /// A page of the audit, oldest first.
    async fn audit(&self, query: AuditQuery) -> Result<Vec<AuditEntry>, StoreError>;

    /// Deletes at most `limit` entries of the audit from before `before`; returns how many.
    async fn prune_audit(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError>;

    /// The same of refusals alone whose hotkey nobody had proved.
    async fn prune_unproved(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError>;

    /// Writes the record of an epoch unless there is one, and returns the one that stands. It is linked to the one of the
    /// epoch before, unless there is a later one already: what is written late is linked to none.
    async fn agree_epoch(&self, proposed: &EpochRecord) -> Result<EpochRecord, StoreError>;

    /// Adds the signature to the record of an epoch that has begun, unless it has one or there is no record.
    async fn publish_signature(
        &self,
        netuid: u16,
        epoch: EpochId,
        signature: &VrfSignature,
    ) -> Result<(), StoreError>;

    /// Adds the signature of its key to the record of an epoch unless it has one, and returns the one that stands; `None`
    /// where there is no record.
    async fn sign_record(
        &self,
        netuid: u16,
        epoch: EpochId,
        signature: &Signature,
    ) -> Result<Option<Signature>, StoreError>;

    /// The record of an epoch.
    async fn epoch_record(
        &self,
        netuid: u16,
        epoch: EpochId,
    ) -> Result<Option<EpochRecord>, StoreError>;

    /// At most `limit` records of epochs before `before`, newest first.
    async fn epoch_records(
        &self,
        netuid: u16,
        before: EpochId,
        limit: u32,
    ) -> Result<Vec<EpochRecord>, StoreError>;

    /// A record of another epoch length whose epoch covers `moment`: settings that were changed in the middle of it.
    async fn conflicting_record(
        &self,
        netuid: u16,
        epoch_seconds: u32,
        moment: Timestamp,
    ) -> Result<Option<EpochRecord>, StoreError>;

    /// Adds an announced change to the `known` ones of its subnet; whether it was added: it is not when there are others.
    async fn announce(&self, announcement: &Announcement, known: usize)
    -> Result<bool, StoreError>;

    /// The announced changes of a subnet, oldest first.
    async fn announcements(&self, netuid: u16) -> Result<Vec<Announcement>, StoreError>;

    /// Keeps a pool unless it is kept already.
    async fn keep_pool(&self, pool: &StoredPool) -> Result<(), StoreError>;

    /// The pool of that hash.
    async fn pool(&self, sha256: Sha256Hash) -> Result<Option<StoredPool>, StoreError>;

    /// Records who pulled which blocks; what is recorded already stays as it is. The first pull of a validator in an
    /// epoch goes into the audit.
    async fn record_pulls(&self, pulls: &[Pull]) -> Result<(), StoreError>;

    /// Keeps what was read from a chain, unless what is kept of that chain and subnet is of the same block or a later
    /// one.
    async fn keep_members(&self, members: &KeptMembers) -> Result<(), StoreError>;

    /// What is kept of a subnet, one for each chain it was read from, the highest block first.
    async fn members(&self, netuid: u16) -> Result<Vec<KeptMembers>, StoreError>;

    /// Forgets at most `limit` used nonces before `before`; returns how many.
    async fn forget_nonces(&self, before: Nonce, limit: u32) -> Result<u64, StoreError>;

    /// Writes how many requests this `replica` let pass in stretches of time, in place of what it wrote of them before,
    /// and returns what all other replicas together let pass in each stretch from `since` on.
    async fn share_passed(
        &self,
        replica: i64,
        own: &[Passed],
        since: Timestamp,
    ) -> Result<Vec<Passed>, StoreError>;

    /// Forgets at most `limit` counts of stretches that began before `before`; returns how many.
    async fn forget_passed(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError>;

    /// Commits a row of no meaning, to see whether anything can be written: a database that is full, locked by
    /// somebody or read-only answers to those who only read.
    async fn try_write(&self) -> Result<(), StoreError>;

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

/// How connections to the database are used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Connections {
    /// Open ones.
    pub open: u32,
    /// Open ones that nobody uses.
    pub idle: u32,
}

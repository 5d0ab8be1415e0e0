//! [`resi_store::Store`] on PostgreSQL: any number of replicas write at once.

mod announcements;
mod audit;
mod chain;
mod database;
mod epochs;
mod grants;
mod nonces;
mod open;
mod passed;
mod reports;
mod tally;
mod url;

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::future::{join_all, select_all};
use resi_protocol::btauth::Nonce;
use resi_protocol::rotation::{Announcement, VrfSignature};
use resi_protocol::wire::AssignmentId;
use resi_protocol::{EpochId, Hotkey, Sha256Hash, Signature, Timestamp};
use resi_store::{
    Assignment, AssignmentQuery, AuditEntry, AuditEvent, AuditQuery, Connections, EpochRecord,
    GrantAttempt, GrantOutcome, GrantedValidator, GroupCommit, KeptMembers, Migrations, OpenError,
    Passed, Pull, ReportAttempt, ReportOutcome, Store, StoreError, StoredPool, Tally,
};

pub use crate::url::{PostgresUrl, PostgresUrlError};

use crate::database::{Database, REPORT_LANES, within};

/// A store on PostgreSQL.
#[derive(Debug)]
pub struct PostgresStore {
    database: Arc<Database>,
    grants: GroupCommit<GrantAttempt, GrantOutcome>,
    reports: [GroupCommit<ReportAttempt, ReportOutcome>; REPORT_LANES],
}

impl PostgresStore {
    /// Connects with at most `max_connections`, but never fewer than four: grants have one to themselves, and reports two.
    ///
    /// # Errors
    /// See [`OpenError`]. None of them shows a part of `url`, see [`PostgresUrl`].
    pub async fn connect(
        url: &str,
        max_connections: u32,
        migrations: Migrations,
    ) -> Result<Self, OpenError> {
        let database = Arc::new(open::open(url, max_connections, migrations).await?);
        Ok(Self {
            grants: grants::committer(Arc::clone(&database)),
            reports: std::array::from_fn(|lane| reports::committer(Arc::clone(&database), lane)),
            database,
        })
    }
}

#[async_trait]
impl Store for PostgresStore {
    async fn grant_access(&self, attempt: GrantAttempt) -> Result<GrantOutcome, StoreError> {
        self.grants.submit(attempt).await
    }

    async fn validators(
        &self,
        after: Option<Hotkey>,
        limit: u32,
    ) -> Result<Vec<GrantedValidator>, StoreError> {
        within(grants::validators(&self.database, after, limit)).await
    }

    async fn forget_signatures(&self, now: Timestamp, limit: u32) -> Result<u64, StoreError> {
        within(grants::forget(&self.database, now, limit)).await
    }

    async fn record_report(&self, attempt: ReportAttempt) -> Result<ReportOutcome, StoreError> {
        self.reports[reports::lane(attempt.hotkey)].submit(attempt).await
    }

    async fn assignment(
        &self,
        hotkey: Hotkey,
        id: &AssignmentId,
    ) -> Result<Option<Assignment>, StoreError> {
        within(reports::find(&self.database, hotkey, id)).await
    }

    async fn assignments(
        &self,
        hotkey: Hotkey,
        query: AssignmentQuery,
    ) -> Result<Vec<Assignment>, StoreError> {
        within(reports::list(&self.database, hotkey, query)).await
    }

    async fn expire_assignments(
        &self,
        cutoff: Timestamp,
        now: Timestamp,
        limit: u32,
    ) -> Result<u64, StoreError> {
        within(reports::expire(&self.database, cutoff, now, limit)).await
    }

    async fn prune_assignments(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        within(reports::prune(&self.database, before, limit)).await
    }

    async fn record_audit(&self, events: &[AuditEvent]) -> Result<(), StoreError> {
        within(audit::record(&self.database, events)).await
    }

    async fn audit(&self, query: AuditQuery) -> Result<Vec<AuditEntry>, StoreError> {
        within(audit::list(&self.database, query)).await
    }

    async fn prune_audit(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        within(audit::prune(&self.database, before, limit)).await
    }

    async fn prune_unproved(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        within(audit::prune_unproved(&self.database, before, limit)).await
    }

    async fn agree_epoch(&self, proposed: &EpochRecord) -> Result<EpochRecord, StoreError> {
        within(epochs::agree(&self.database, proposed)).await
    }

    async fn publish_signature(
        &self,
        netuid: u16,
        epoch: EpochId,
        signature: &VrfSignature,
    ) -> Result<(), StoreError> {
        within(epochs::publish(&self.database, netuid, epoch, signature)).await
    }

    async fn sign_record(
        &self,
        netuid: u16,
        epoch: EpochId,
        signature: &Signature,
    ) -> Result<Option<Signature>, StoreError> {
        within(epochs::sign_record(&self.database, netuid, epoch, signature)).await
    }

    async fn epoch_record(
        &self,
        netuid: u16,
        epoch: EpochId,
    ) -> Result<Option<EpochRecord>, StoreError> {
        within(epochs::find(&self.database, netuid, epoch)).await
    }

    async fn epoch_records(
        &self,
        netuid: u16,
        before: EpochId,
        limit: u32,
    ) -> Result<Vec<EpochRecord>, StoreError> {
        within(epochs::list(&self.database, netuid, before, limit)).await
    }

    async fn conflicting_record(
        &self,
        netuid: u16,
        epoch_seconds: u32,
        moment: Timestamp,
    ) -> Result<Option<EpochRecord>, StoreError> {
        within(epochs::conflicting(&self.database, netuid, epoch_seconds, moment)).await
    }

    async fn announce(
        &self,
        announcement: &Announcement,
        known: usize,
    ) -> Result<bool, StoreError> {
        within(announcements::announce(&self.database, announcement, known)).await
    }

    async fn announcements(&self, netuid: u16) -> Result<Vec<Announcement>, StoreError> {
        within(announcements::list(&self.database, netuid)).await
    }

    async fn keep_pool(&self, pool: &StoredPool) -> Result<(), StoreError> {
        within(epochs::keep_pool(&self.database, pool)).await
    }

    async fn pool(&self, sha256: Sha256Hash) -> Result<Option<StoredPool>, StoreError> {
        within(epochs::pool(&self.database, sha256)).await
    }

    async fn record_pulls(&self, pulls: &[Pull]) -> Result<(), StoreError> {
        within(epochs::record_pulls(&self.database, pulls)).await
    }

    async fn keep_members(&self, members: &KeptMembers) -> Result<(), StoreError> {
        within(chain::keep_members(&self.database, members)).await
    }

    async fn members(&self, netuid: u16) -> Result<Vec<KeptMembers>, StoreError> {
        within(chain::members(&self.database, netuid)).await
    }

    async fn forget_nonces(&self, before: Nonce, limit: u32) -> Result<u64, StoreError> {
        within(nonces::forget(&self.database, before, limit)).await
    }

    async fn share_passed(
        &self,
        replica: i64,
        own: &[Passed],
        since: Timestamp,
    ) -> Result<Vec<Passed>, StoreError> {
        within(passed::share(&self.database, replica, own, since)).await
    }

    async fn forget_passed(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        within(passed::forget(&self.database, before, limit)).await
    }

    async fn try_write(&self) -> Result<(), StoreError> {
        within(passed::try_write(&self.database)).await
    }

    async fn tally(&self, epochs: u32) -> Result<Tally, StoreError> {
        within(tally::tally(&self.database, epochs)).await
    }

    async fn time(&self) -> Result<Option<Timestamp>, StoreError> {
        within(tally::time(&self.database)).await.map(Some)
    }

    fn connections(&self) -> Connections {
        self.database.connections()
    }

    async fn background_failure(&self) -> &'static str {
        let lanes = select_all(self.reports.iter().map(|lane| Box::pin(lane.failure())));
        tokio::select! {
            name = self.grants.failure() => name,
            (name, ..) = lanes => name,
        }
    }

    async fn close(&self) {
        tokio::join!(self.grants.close(), join_all(self.reports.iter().map(GroupCommit::close)));
        self.database.close().await;
    }
}

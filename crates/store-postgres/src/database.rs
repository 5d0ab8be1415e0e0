use std::future::Future;
use std::ops::{Deref, DerefMut};
use std::time::Duration;

use resi_protocol::{Hotkey, Timestamp};
use resi_store::{Connections, StoreError};
use sqlx::pool::PoolConnection;
use sqlx::postgres::PgConnection;
use sqlx::{Connection, PgPool, Postgres};
use tokio::sync::{Mutex, MutexGuard};

/// How long a verb may take.
const DEADLINE: Duration = Duration::from_secs(5);

/// After how long without use a held connection is tried before it is trusted.
const TRUSTED: Duration = Duration::from_secs(1);

/// How long a connection may take to answer before it is used: one to a machine that is gone never does, and does not
/// fail either.
const ANSWERS_WITHIN: Duration = Duration::from_millis(500);

/// How often a decision that another replica overtook is made again.
const ROUNDS: usize = 20;

/// One reads and decides while the other waits for the disk.
pub(crate) const REPORT_LANES: usize = 2;

#[derive(Debug)]
pub(crate) struct Database {
    pool: PgPool,
    pub(crate) grants: Lane,
    pub(crate) reports: [Lane; REPORT_LANES],
}

impl Database {
    pub(crate) fn new(pool: PgPool) -> Self {
        Self { pool, grants: Lane::default(), reports: Default::default() }
    }

    pub(crate) async fn connection(&self) -> Result<Lease, StoreError> {
        let connection = self.pool.acquire().await.map_err(unavailable)?;
        Ok(Lease { connection, done: false })
    }

    pub(crate) fn connections(&self) -> Connections {
        Connections {
            open: self.pool.size(),
            idle: u32::try_from(self.pool.num_idle()).unwrap_or(u32::MAX),
        }
    }

    pub(crate) async fn close(&self) {
        *self.grants.slot.lock().await = Held::default();
        for lane in &self.reports {
            *lane.slot.lock().await = Held::default();
        }
        self.pool.close().await;
    }
}

/// A connection out of the pool. One that was not marked as done is in an unknown state and closed.
#[derive(Debug)]
pub(crate) struct Lease {
    connection: PoolConnection<Postgres>,
    done: bool,
}

impl Lease {
    pub(crate) fn done(mut self) {
        self.done = true;
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if !self.done {
            self.connection.close_on_drop();
        }
    }
}

impl Deref for Lease {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.connection
    }
}

impl DerefMut for Lease {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.connection
    }
}

/// A connection that stays out of the pool between commits: the pool's round trip for every return would cost more than
/// many a commit.
#[derive(Debug, Default)]
pub(crate) struct Lane {
    slot: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    connection: Option<PoolConnection<Postgres>>,
    used_at: Option<Timestamp>,
}

impl Lane {
    /// The connection of this lane; `now` tells how long it rested.
    pub(crate) async fn connection(
        &self,
        database: &Database,
        now: Timestamp,
    ) -> Result<LaneLease<'_>, StoreError> {
        let mut slot = self.slot.lock().await;
        let rested = slot.used_at.is_none_or(|used_at| now.since(used_at) > TRUSTED);
        if rested
            && let Some(held) = &mut slot.connection
            && alive(held).await.is_err()
        {
            slot.discard();
        }
        if slot.connection.is_none() {
            slot.connection = Some(database.pool.acquire().await.map_err(unavailable)?);
        }
        Ok(LaneLease { slot, now, done: false })
    }
}

impl Held {
    fn discard(&mut self) {
        if let Some(mut connection) = self.connection.take() {
            connection.close_on_drop();
        }
    }
}

/// The connection of a lane. One that was not marked as done is in an unknown state and replaced.
#[derive(Debug)]
pub(crate) struct LaneLease<'a> {
    slot: MutexGuard<'a, Held>,
    now: Timestamp,
    done: bool,
}

impl LaneLease<'_> {
    pub(crate) fn connection(&mut self) -> Result<&mut PgConnection, StoreError> {
        let connection = self.slot.connection.as_mut();
        Ok(&mut *connection
            .ok_or_else(|| StoreError::Unavailable("the connection is gone".into()))?)
    }

    pub(crate) fn done(mut self) {
        self.slot.used_at = Some(self.now);
        self.done = true;
    }
}

impl Drop for LaneLease<'_> {
    fn drop(&mut self) {
        if !self.done {
            self.slot.discard();
        }
    }
}

/// Whether a connection still leads to the database.
pub(crate) async fn alive(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    match tokio::time::timeout(ANSWERS_WITHIN, connection.ping()).await {
        Ok(answered) => answered,
        Err(_) => Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())),
    }
}

/// Gives up on a database that hangs.
pub(crate) async fn within<T>(
    work: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    match tokio::time::timeout(DEADLINE, work).await {
        Ok(result) => result,
        Err(_) => Err(StoreError::Unavailable(format!("no answer in {DEADLINE:?}"))),
    }
}

/// Why work on a connection ended early.
#[derive(Debug)]
pub(crate) enum Stopped {
    /// Another replica was faster: what was read no longer holds, and nothing was written.
    Overtaken(String),
    Failed(StoreError),
}

const SERIALIZATION_FAILURE: &str = "40001";
const DEADLOCK_DETECTED: &str = "40P01";

impl From<sqlx::Error> for Stopped {
    fn from(error: sqlx::Error) -> Self {
        match error.as_database_error().and_then(|error| error.code()).as_deref() {
            Some(SERIALIZATION_FAILURE | DEADLOCK_DETECTED) => Self::Overtaken(error.to_string()),
            _ => Self::Failed(unavailable(error)),
        }
    }
}

impl From<StoreError> for Stopped {
    fn from(error: StoreError) -> Self {
        Self::Failed(error)
    }
}

/// Counts how often a decision was overtaken. One of those that compete always gets through, so it ends.
#[derive(Debug, Default)]
pub(crate) struct Rounds(usize);

impl Rounds {
    /// Whether nothing was overtaken yet.
    pub(crate) fn is_first(&self) -> bool {
        self.0 == 0
    }

    /// What is done, or `None` when it has to be done again.
    pub(crate) fn settle<T>(
        &mut self,
        result: Result<T, Stopped>,
    ) -> Result<Option<T>, StoreError> {
        self.0 += 1;
        match result {
            Ok(done) => Ok(Some(done)),
            Err(Stopped::Failed(error)) => Err(error),
            Err(Stopped::Overtaken(_)) if self.0 < ROUNDS => Ok(None),
            Err(Stopped::Overtaken(by)) => {
                Err(StoreError::Unavailable(format!("overtaken {ROUNDS} times, last: {by}")))
            }
        }
    }
}

pub(crate) fn unavailable(error: sqlx::Error) -> StoreError {
    match error {
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => {
            StoreError::Inconsistent(error.to_string())
        }
        error => StoreError::Unavailable(error.to_string()),
    }
}

/// What a lock on hotkeys is for; part of the lock's key.
#[derive(Clone, Copy, Debug)]
pub(crate) enum LockFor {
    Grants = 0x7265_7301,
    Assignments = 0x7265_7302,
}

/// Keeps other replicas from deciding about the same hotkeys until the transaction ends. Two hotkeys may share a lock,
/// which costs a wait and nothing else.
pub(crate) async fn lock_hotkeys(
    transaction: &mut PgConnection,
    what: LockFor,
    hotkeys: impl Iterator<Item = Hotkey>,
) -> Result<(), sqlx::Error> {
    let mut keys: Vec<i32> = hotkeys
        .map(|hotkey| {
            let [a, b, c, d, ..] = *hotkey.as_bytes();
            i32::from_be_bytes([a, b, c, d])
        })
        .collect();
    keys.sort_unstable();
    keys.dedup();
    sqlx::query_scalar!(
        "SELECT count(pg_advisory_xact_lock($1, key)) FROM UNNEST($2::integer[]) AS key",
        what as i32,
        &keys
    )
    .fetch_one(transaction)
    .await
    .map(drop)
}

use std::future::Future;
use std::ops::{Deref, DerefMut};
use std::time::Duration;

use resi_store::{Connections, StoreError};
use serde::{Serialize, Serializer};
use sqlx::pool::PoolConnection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection, Sqlite, SqlitePool};
use tokio::sync::{Mutex, MutexGuard};

/// How long a verb may take.
const DEADLINE: Duration = Duration::from_secs(5);

/// The connections of a store. SQLite has one writer at a time, so there is one, and callers queue for it here, where
/// waiting is fair, and not in the busy handler of SQLite.
#[derive(Debug)]
pub(crate) struct Database {
    options: SqliteConnectOptions,
    writer: Mutex<Option<SqliteConnection>>,
    /// `None` where the writer's connection is the database.
    readers: Option<SqlitePool>,
}

impl Database {
    pub(crate) fn new(
        options: SqliteConnectOptions,
        writer: SqliteConnection,
        readers: Option<SqlitePool>,
    ) -> Self {
        Self { options, writer: Mutex::new(Some(writer)), readers }
    }

    pub(crate) async fn writer(&self) -> Result<Writer<'_>, StoreError> {
        let mut slot = self.writer.lock().await;
        if slot.is_none() {
            if self.readers.as_ref().is_none_or(SqlitePool::is_closed) {
                return Err(StoreError::Unavailable("the store is closed".into()));
            }
            *slot = Some(self.options.connect().await.map_err(unavailable)?);
        }
        Ok(Writer { slot, keep: self.readers.is_none() })
    }

    pub(crate) async fn reader(&self) -> Result<Reader<'_>, StoreError> {
        Ok(match &self.readers {
            Some(readers) => {
                let connection = readers.acquire().await.map_err(unavailable)?;
                Reader::Pooled(PooledReader { connection, done: false })
            }
            None => Reader::Writer(self.writer().await?),
        })
    }

    pub(crate) fn connections(&self) -> Connections {
        let writer = self
            .writer
            .try_lock()
            .map_or((1, 0), |slot| (slot.is_some().into(), slot.is_some().into()));
        let (open, idle) =
            self.readers.as_ref().map_or((0, 0), |readers| (readers.size(), readers.num_idle()));
        Connections {
            open: open + writer.0,
            idle: u32::try_from(idle).unwrap_or(u32::MAX) + writer.1,
        }
    }

    pub(crate) async fn close(&self) {
        if let Some(readers) = &self.readers {
            readers.close().await;
        }
        // Last, so that the write-ahead log is folded into the file.
        if let Some(writer) = self.writer.lock().await.take()
            && let Err(error) = writer.close().await
        {
            tracing::warn!(%error, "the database was not closed cleanly");
        }
    }
}

/// The connection that writes. One that was not marked as done is left in an unknown state and replaced.
#[derive(Debug)]
pub(crate) struct Writer<'a> {
    slot: MutexGuard<'a, Option<SqliteConnection>>,
    keep: bool,
}

impl Writer<'_> {
    pub(crate) fn connection(&mut self) -> Result<&mut SqliteConnection, StoreError> {
        self.slot.as_mut().ok_or_else(|| StoreError::Unavailable("the connection is gone".into()))
    }

    pub(crate) fn done(mut self) {
        self.keep = true;
    }
}

impl Drop for Writer<'_> {
    fn drop(&mut self) {
        if !self.keep {
            *self.slot = None;
        }
    }
}

#[derive(Debug)]
pub(crate) enum Reader<'a> {
    Pooled(PooledReader),
    Writer(Writer<'a>),
}

/// A pooled connection that is closed unless it was marked as done.
#[derive(Debug)]
pub(crate) struct PooledReader {
    connection: PoolConnection<Sqlite>,
    done: bool,
}

impl Drop for PooledReader {
    fn drop(&mut self) {
        if !self.done {
            self.connection.close_on_drop();
        }
    }
}

impl Reader<'_> {
    pub(crate) fn done(self) {
        match self {
            Self::Pooled(mut reader) => reader.done = true,
            Self::Writer(writer) => writer.done(),
        }
    }
}

impl Deref for Reader<'_> {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        match self {
            Self::Pooled(reader) => &reader.connection,
            Self::Writer(writer) => {
                writer.slot.as_ref().unwrap_or_else(|| unreachable!("a writer has its connection"))
            }
        }
    }
}

impl DerefMut for Reader<'_> {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        match self {
            Self::Pooled(reader) => &mut reader.connection,
            Self::Writer(writer) => {
                writer.slot.as_mut().unwrap_or_else(|| unreachable!("a writer has its connection"))
            }
        }
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

pub(crate) fn unavailable(error: sqlx::Error) -> StoreError {
    match error {
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => {
            StoreError::Inconsistent(error.to_string())
        }
        error => StoreError::Unavailable(error.to_string()),
    }
}

/// Bytes in the JSON that carries many rows to one statement.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Hex<'a>(pub(crate) &'a [u8]);

impl Serialize for Hex<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Hotkeys and hashes have 32 bytes, signatures 64; on the stack, as each commit writes hundreds.
        let mut digits = [0; 128];
        let digits = &mut digits[..self.0.len() * 2];
        hex::encode_to_slice(self.0, digits).map_err(serde::ser::Error::custom)?;
        serializer.serialize_str(std::str::from_utf8(digits).map_err(serde::ser::Error::custom)?)
    }
}

pub(crate) fn json(rows: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(rows).map_err(|error| StoreError::Inconsistent(error.to_string()))
}

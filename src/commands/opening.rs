//! How commands open the store.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, anyhow};
use resi_store::{Migrations, OpenError, Store};
use resi_store_postgres::PostgresStore;
use resi_store_sqlite::{SqliteLocation, SqliteStore};
use tokio::time::sleep;

use crate::settings::{Database, Settings};

/// How long a database that is away at start is left alone before the next try.
const FIRST_RETRY: Duration = Duration::from_millis(500);
const LAST_RETRY: Duration = Duration::from_secs(10);
/// An operator's command does one thing after the other.
const COMMAND_CONNECTIONS: u32 = 1;

/// Opens the store; a database that is away is tried again until it is there.
///
/// # Errors
/// When no later try will open it.
pub async fn wait_for_store(settings: &Settings) -> Result<Arc<dyn Store>> {
    if let Database::Postgres(url) = &settings.database {
        for parameter in url.unused() {
            tracing::warn!(parameter, "DATABASE_URL has a parameter that is not used");
        }
    }
    let mut wait = FIRST_RETRY;
    loop {
        match open(settings, settings.database_connections, settings.migrations).await {
            Ok(store) => return Ok(store),
            Err(OpenError::Unavailable(reason)) => {
                let retry_ms = wait.as_millis() as u64;
                tracing::warn!(database = %settings.database, retry_ms, "the database is away, trying again: {reason}");
                sleep(wait).await;
                wait = (wait * 2).min(LAST_RETRY);
            }
            Err(error) => {
                return Err(anyhow!(error).context(format!("cannot open {}", settings.database)));
            }
        }
    }
}

/// Opens the store as it is, beside a service that may be running on it: nothing is made, nothing is migrated.
///
/// # Errors
/// When it is not there, not as this version needs it, or in the memory of another process.
pub async fn existing_store(settings: &Settings) -> Result<Arc<dyn Store>> {
    let opened = present_store(settings).await;
    opened
        .map_err(|error| anyhow!(error).context(format!("cannot open {}", settings.database)))?
        .ok_or_else(|| anyhow!("there is no database at {}", settings.database))
}

/// The same; `None` where there is no database yet, or only in the memory of another process.
///
/// # Errors
/// When it is not as this version needs it, or cannot be reached.
pub async fn present_store(settings: &Settings) -> Result<Option<Arc<dyn Store>>, OpenError> {
    match &settings.database {
        Database::SqliteMemory => return Ok(None),
        Database::Sqlite(path) if !path.exists() => return Ok(None),
        Database::Sqlite(_) | Database::Postgres(_) => {}
    }
    open(settings, COMMAND_CONNECTIONS, Migrations::Refuse).await.map(Some)
}

async fn open(
    settings: &Settings,
    connections: u32,
    migrations: Migrations,
) -> Result<Arc<dyn Store>, OpenError> {
    let location = match &settings.database {
        Database::Postgres(url) => {
            return Ok(Arc::new(
                PostgresStore::connect(url.expose(), connections, migrations).await?,
            ));
        }
        Database::Sqlite(path) => SqliteLocation::File(path.clone()),
        Database::SqliteMemory => SqliteLocation::Memory,
    };
    Ok(Arc::new(SqliteStore::open(location, migrations).await?))
}

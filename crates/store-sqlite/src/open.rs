use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use resi_secret::private_file;
use resi_store::{AppliedMigration, Migrations, OpenError, pending_migrations};
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions, SqlitePool};

use crate::SqliteLocation;
use crate::database::Database;

static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations/sqlite");

const READERS: u32 = 4;
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);
const BUSY_TIMEOUT: Duration = Duration::from_secs(4);

pub(crate) async fn open(
    location: SqliteLocation,
    migrations: Migrations,
) -> Result<Database, OpenError> {
    let options = match &location {
        SqliteLocation::File(path) => {
            if !path.exists() {
                if migrations == Migrations::Refuse {
                    return Err(OpenError::Pending(MIGRATIONS.iter().count()));
                }
                create(path).map_err(|error| {
                    OpenError::Fatal(format!("cannot create {}: {error}", path.display()))
                })?;
            }
            SqliteConnectOptions::new()
                .filename(path)
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(SqliteSynchronous::Full)
                .busy_timeout(BUSY_TIMEOUT)
        }
        SqliteLocation::Memory => SqliteConnectOptions::new().in_memory(true).filename(":memory:"),
    };
    // Statements of many rows keep what they would undo in a temporary file, unless it is kept in memory.
    let options = options
        .pragma("temp_store", "MEMORY")
        .pragma("cache_size", "-4096")
        .disable_statement_logging();
    let mut writer = options.connect().await.map_err(open_error)?;
    migrate(&mut writer, migrations).await?;
    let readers = match location {
        SqliteLocation::Memory => None,
        SqliteLocation::File(_) => Some(readers(&options)),
    };
    Ok(Database::new(options, writer, readers))
}

fn readers(options: &SqliteConnectOptions) -> SqlitePool {
    SqlitePoolOptions::new()
        .max_connections(READERS)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .test_before_acquire(false)
        .connect_lazy_with(options.clone().pragma("query_only", "ON").pragma("cache_size", "-1024"))
}

/// An empty file that only its owner reads, in a folder that only its owner enters where there was none.
fn create(path: &Path) -> std::io::Result<()> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        private_file::create_folder(folder)?;
    }
    match private_file::create(path, b"") {
        // Another process that starts too was quicker.
        Err(error) if error.kind() == ErrorKind::AlreadyExists && path.is_file() => Ok(()),
        created => created,
    }
}

async fn migrate(writer: &mut SqliteConnection, migrations: Migrations) -> Result<(), OpenError> {
    let mut left = pending(writer).await?;
    if left > 0 && migrations == Migrations::Refuse {
        return Err(OpenError::Pending(left));
    }
    while left > 0 {
        if let Err(error) = MIGRATIONS.run_direct(None, writer, false).await {
            // SQLite's migrator takes no lock: another process may just have run some of them.
            let still_left = pending(writer).await?;
            if still_left == left {
                return Err(migrate_error(error));
            }
            left = still_left;
        } else {
            left = 0;
        }
    }
    Ok(())
}

pub(crate) async fn pending(connection: &mut SqliteConnection) -> Result<usize, OpenError> {
    let managed = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = '_sqlx_migrations') AS "managed!: bool""#
    )
    .fetch_one(&mut *connection)
    .await
    .map_err(open_error)?;
    let applied = if managed {
        sqlx::query_as::<_, (i64, String, Vec<u8>, bool)>(
            "SELECT version, description, checksum, success FROM _sqlx_migrations ORDER BY version",
        )
        .fetch_all(&mut *connection)
        .await
        .map_err(open_error)?
    } else {
        Vec::new()
    };
    let applied: Vec<_> = applied
        .into_iter()
        .map(|(version, description, checksum, success)| AppliedMigration {
            version,
            description,
            checksum,
            success,
        })
        .collect();
    let own = MIGRATIONS.iter().map(|migration| (migration.version, &*migration.checksum));
    pending_migrations(own, &applied)
}

fn migrate_error(error: MigrateError) -> OpenError {
    match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => {
            open_error(error)
        }
        error => OpenError::Schema(error.to_string()),
    }
}

const SQLITE_BUSY: &str = "5";
const SQLITE_LOCKED: &str = "6";

fn open_error(error: sqlx::Error) -> OpenError {
    match &error {
        sqlx::Error::Database(database)
            if matches!(database.code().as_deref(), Some(SQLITE_BUSY | SQLITE_LOCKED)) =>
        {
            OpenError::Unavailable(error.to_string())
        }
        _ => OpenError::Fatal(error.to_string()),
    }
}

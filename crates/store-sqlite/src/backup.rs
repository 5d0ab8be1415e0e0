use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use resi_secret::private_file::{self, Draft};
use resi_store::OpenError;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection};

use crate::open;

/// How long another process may take to let go of the database.
const PATIENCE: Duration = Duration::from_millis(500);

/// Why a database was not backed up or restored. Nothing was replaced.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// There is something already.
    #[error("{} is there already", .0.display())]
    Exists(PathBuf),
    /// A process has the database open.
    #[error("{} is in use: stop the service first", .0.display())]
    InUse(PathBuf),
    /// The file is no whole database.
    #[error("{} is damaged: {}", .0.display(), .1)]
    Damaged(PathBuf, String),
    /// The database is not one of this version.
    #[error(transparent)]
    Schema(#[from] OpenError),
    /// The database could not be read or written.
    #[error("{0}")]
    Database(#[from] sqlx::Error),
    /// A file could not be read or written.
    #[error("{}: {}", .0.display(), .1)]
    File(PathBuf, io::Error),
}

/// Copies the database at `from`, as it is at one moment and while it is in use, into a new file at `to`, which its owner
/// only can read. Checked and on disk when this returns.
///
/// # Errors
/// See [`BackupError`].
pub async fn back_up(from: &Path, to: &Path) -> Result<(), BackupError> {
    if to.exists() {
        return Err(BackupError::Exists(to.to_owned()));
    }
    let draft = draft_of(to)?;
    let mut source = options(from).connect().await?;
    let copied =
        sqlx::query("VACUUM INTO ?").bind(draft.path().to_str()).execute(&mut source).await;
    source.close().await?;
    copied?;
    check(draft.path()).await?;
    draft.create().map_err(file_error(to))
}

/// Puts a checked copy of `from` in the place of the database at `to`, and keeps what was there as `….replaced`, whose
/// path is returned.
///
/// # Errors
/// See [`BackupError`]; [`BackupError::InUse`] where any process has the database open.
pub async fn restore(from: &Path, to: &Path) -> Result<Option<PathBuf>, BackupError> {
    check(from).await?;
    let mut draft = draft_of(to)?;
    let copied = File::open(from).and_then(|mut from| io::copy(&mut from, draft.file()));
    copied.map_err(file_error(from))?;
    check(draft.path()).await?;
    let mut replaced = None;
    if to.exists() {
        let held = hold(to).await?;
        let kept = beside(to, "replaced");
        fs::rename(to, &kept).map_err(file_error(to))?;
        held.close().await?;
        replaced = Some(kept);
    }
    draft.replace().map_err(file_error(to))?;
    Ok(replaced)
}

/// The database at `path`, for this connection alone. Leaving the write-ahead log is granted only to who is alone, and
/// folds into the file whatever is in the log.
async fn hold(path: &Path) -> Result<SqliteConnection, BackupError> {
    let mut connection = options(path).busy_timeout(PATIENCE).connect().await?;
    let alone = async {
        sqlx::raw_sql("PRAGMA locking_mode = EXCLUSIVE").execute(&mut connection).await?;
        let mode: String =
            sqlx::query_scalar("PRAGMA journal_mode = DELETE").fetch_one(&mut connection).await?;
        sqlx::raw_sql("BEGIN EXCLUSIVE").execute(&mut connection).await?;
        Ok::<_, sqlx::Error>(mode == "delete")
    };
    match alone.await {
        Ok(true) => Ok(connection),
        Ok(false) => Err(BackupError::InUse(path.to_owned())),
        Err(sqlx::Error::Database(error)) if error.message().contains("locked") => {
            Err(BackupError::InUse(path.to_owned()))
        }
        Err(error) => Err(error.into()),
    }
}

async fn check(path: &Path) -> Result<(), BackupError> {
    let damaged = |reason: String| BackupError::Damaged(path.to_owned(), reason);
    let options = options(path).read_only(true).immutable(true);
    let mut connection = options.connect().await.map_err(|error| damaged(error.to_string()))?;
    let found: String = sqlx::query_scalar("PRAGMA integrity_check(1)")
        .fetch_one(&mut connection)
        .await
        .map_err(|error| damaged(error.to_string()))?;
    let pending = open::pending(&mut connection).await;
    connection.close().await?;
    if found != "ok" {
        return Err(damaged(found));
    }
    pending?;
    Ok(())
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new().filename(path).disable_statement_logging()
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    name.into()
}

/// In a folder that is made where it is not there.
fn draft_of(place: &Path) -> Result<Draft, BackupError> {
    let folder = place.parent().filter(|folder| !folder.as_os_str().is_empty());
    let made = folder.map_or(Ok(()), private_file::create_folder);
    made.and_then(|()| Draft::beside(place)).map_err(file_error(place))
}

fn file_error(path: &Path) -> impl FnOnce(io::Error) -> BackupError {
    let path = path.to_owned();
    move |error| BackupError::File(path, error)
}

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

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
    let draft = beside(to, "new");
    remove(&draft)?;
    open::create(&draft).map_err(file_error(&draft))?;
    let mut source = options(from).connect().await?;
    let copied = sqlx::query("VACUUM INTO ?").bind(draft.to_str()).execute(&mut source).await;
    source.close().await?;
    copied?;
    check(&draft).await?;
    sync(&draft)?;
    // Unlike a rename, a link never replaces a file that came meanwhile.
    fs::hard_link(&draft, to).map_err(file_error(to))?;
    remove(&draft)?;
    sync_folder(to)
}

/// Puts a checked copy of `from` in the place of the database at `to`, and keeps what was there as `….replaced`, whose
/// path is returned.
///
/// # Errors
/// See [`BackupError`]; [`BackupError::InUse`] where any process has the database open.
pub async fn restore(from: &Path, to: &Path) -> Result<Option<PathBuf>, BackupError> {
    check(from).await?;
    let draft = beside(to, "new");
    remove(&draft)?;
    open::create(&draft).map_err(file_error(&draft))?;
    fs::copy(from, &draft).map_err(file_error(from))?;
    // A copy takes the mode of its source along.
    keep_private(&draft)?;
    check(&draft).await?;
    sync(&draft)?;
    let mut replaced = None;
    if to.exists() {
        let held = hold(to).await?;
        let kept = beside(to, "replaced");
        fs::rename(to, &kept).map_err(file_error(to))?;
        held.close().await?;
        replaced = Some(kept);
    }
    fs::rename(&draft, to).map_err(file_error(to))?;
    sync_folder(to)?;
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

fn remove(path: &Path) -> Result<(), BackupError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(file_error(path)(error)),
        _ => Ok(()),
    }
}

#[cfg(unix)]
fn keep_private(path: &Path) -> Result<(), BackupError> {
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    fs::set_permissions(path, mode).map_err(file_error(path))
}

#[cfg(not(unix))]
fn keep_private(_: &Path) -> Result<(), BackupError> {
    Ok(())
}

fn sync(path: &Path) -> Result<(), BackupError> {
    File::open(path).and_then(|file| file.sync_all()).map_err(file_error(path))
}

fn sync_folder(path: &Path) -> Result<(), BackupError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    sync(folder.unwrap_or(Path::new(".")))
}

fn file_error(path: &Path) -> impl FnOnce(io::Error) -> BackupError {
    let path = path.to_owned();
    move |error| BackupError::File(path, error)
}

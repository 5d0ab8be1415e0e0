use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use resi_store_sqlite::back_up;

use crate::settings::{Database, Settings};

/// Copies the database into a new file, also while the service runs on it, and says what was done.
///
/// # Errors
/// When the database is not in a file of SQLite, or cannot be copied.
pub async fn run(to: &Path, settings: &Settings) -> Result<String> {
    let from = sqlite_file(settings, "pg_dump")?;
    back_up(from, to).await.with_context(|| format!("cannot back up {}", from.display()))?;
    Ok(format!(
        "{} is backed up in {}, and the copy was checked.\nThe keys are not in it: keep a copy of them too, apart from it.\n",
        from.display(),
        to.display()
    ))
}

pub(super) fn sqlite_file<'a>(settings: &'a Settings, otherwise: &str) -> Result<&'a PathBuf> {
    match &settings.database {
        Database::Sqlite(path) => Ok(path),
        Database::SqliteMemory => bail!("a database in memory is kept nowhere"),
        Database::Postgres(_) => bail!("this is for SQLite; for Postgres there is {otherwise}"),
    }
}

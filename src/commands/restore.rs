use std::path::Path;

use anyhow::{Context, Result};
use resi_store_sqlite::restore;

use super::backup::sqlite_file;
use crate::settings::Settings;

/// Puts a backup in the place of the database, and says what was done.
///
/// # Errors
/// When the service runs on the database, the backup is damaged or of a newer version, or a file cannot be written.
pub async fn run(from: &Path, settings: &Settings) -> Result<String> {
    let to = sqlite_file(settings, "pg_restore")?;
    let replaced =
        restore(from, to).await.with_context(|| format!("cannot restore {}", to.display()))?;
    let kept = replaced.map_or(String::new(), |kept| {
        format!("What was there before is now {}.\n", kept.display())
    });
    Ok(format!("{} is restored from {}, which was checked.\n{kept}", to.display(), from.display()))
}

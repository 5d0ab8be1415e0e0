use std::fmt;
use std::path::{Path, PathBuf};

use resi_protocol::{EpochId, Timestamp};
use resi_secret::SecretFile;
use resi_store::{Migrations, OpenError, Store};

use super::{opening, serve};
use crate::clock::CLOCK_TOLERANCE;
use crate::printable::one_line;
use crate::registry::{self, Freshness};
use crate::rotation::missing_key;
use crate::settings::{Database, Keys, RegistrySetting, Settings};

/// Less than this is soon nothing.
const LITTLE_SPACE: u64 = 1024 * 1024 * 1024;
/// Less than this is not enough for a write-ahead log.
const NO_SPACE: u64 = 64 * 1024 * 1024;

/// How a check went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Nothing to do.
    Ok,
    /// The service runs, and somebody should look at it.
    Warn,
    /// The service does not start, or does not do what it should.
    Fail,
}

/// What was checked, and how it went, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How it went.
    pub verdict: Verdict,
    /// What was checked.
    pub what: &'static str,
    /// What was found.
    pub words: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = match self.verdict {
            Verdict::Ok => "ok",
            Verdict::Warn => "warn",
            Verdict::Fail => "fail",
        };
        // Words may be those of a file, a database or a node.
        write!(f, "{verdict:<4}  {:<10}  {}", self.what, one_line(&self.words))
    }
}

fn ok(what: &'static str, words: impl Into<String>) -> Finding {
    Finding { verdict: Verdict::Ok, what, words: words.into() }
}

fn warn(what: &'static str, words: impl Into<String>) -> Finding {
    Finding { verdict: Verdict::Warn, what, words: words.into() }
}

fn fail(what: &'static str, words: impl Into<String>) -> Finding {
    Finding { verdict: Verdict::Fail, what, words: words.into() }
}

/// Looks at everything that the service needs, and changes nothing.
pub async fn run(settings: Result<&Settings, &anyhow::Error>, now: Timestamp) -> Vec<Finding> {
    let settings = match settings {
        Ok(settings) => settings,
        Err(error) => return vec![fail("settings", format!("{error:#}"))],
    };
    let mut findings = vec![check_settings(settings), check_zipcodes(settings)];
    let keys = check_keys(settings, &mut findings);
    findings.push(check_registry(settings, now).await);
    findings.push(check_disk(settings));
    match opening::present_store(settings).await {
        Err(error) => findings.push(unopened(settings, &error)),
        Ok(None) => {
            let words = format!("{} is not there yet; serve makes it", settings.database);
            findings.push(warn("database", words));
        }
        Ok(Some(store)) => {
            check_store(settings, &*store, keys.as_ref(), now, &mut findings).await;
            store.close().await;
        }
    }
    findings
}

fn check_settings(settings: &Settings) -> Finding {
    if settings.mock {
        return warn("settings", "a mock checks no signature: for the development of clients only");
    }
    ok("settings", "fit together; `config check` prints them")
}

fn check_zipcodes(settings: &Settings) -> Finding {
    match serve::read_pool(settings, None) {
        Ok(pool) if pool.pool().len() < settings.zipcodes_per_epoch => fail(
            "zipcodes",
            format!(
                "the pool has {}, and {} are to be dealt an epoch",
                pool.pool().len(),
                settings.zipcodes_per_epoch
            ),
        ),
        Ok(pool) => ok("zipcodes", format!("a pool of {}", pool.pool().len())),
        Err(error) => fail("zipcodes", format!("{error:#}")),
    }
}

/// The files that keys are read from, those in the data folder where nothing else is said.
fn key_files(settings: &Settings) -> Vec<PathBuf> {
    let named = |file: &Option<SecretFile>| file.as_ref().map(|file| file.path().to_owned());
    let file = |given: bool, file: &Option<SecretFile>, name: &str| match given {
        true => named(file),
        false => Some(settings.data_dir.join(name)),
    };
    let rotation =
        file(settings.rotation_key.is_some(), &settings.rotation_key_file, "rotation.key");
    let next = named(&settings.next_rotation_key_file);
    let jwt = file(settings.jwt_keys.is_some(), &settings.jwt_keys_file, "jwt.keys");
    [rotation, next, jwt].into_iter().flatten().collect()
}

fn check_keys(settings: &Settings, findings: &mut Vec<Finding>) -> Option<Keys> {
    if settings.mock || settings.database == Database::SqliteMemory {
        findings.push(warn("keys", "are thrown away at the end"));
        return None;
    }
    let files = key_files(settings);
    let missing: Vec<_> = files.iter().filter(|path| !path.exists()).collect();
    if !missing.is_empty() {
        let missing: Vec<_> = missing.iter().map(|path| path.display().to_string()).collect();
        let words = format!("not there yet, serve makes them: {}", missing.join(", "));
        findings.push(warn("keys", words));
        return None;
    }
    let open: Vec<_> = files.iter().filter(|path| is_open_to_others(path)).collect();
    for path in &open {
        let words = format!("{} can be read by others than its owner: chmod 600", path.display());
        findings.push(warn("keys", words));
    }
    match Keys::load(settings) {
        Ok(keys) => {
            let words =
                format!("rotation key {}, {:?} for tokens", keys.rotation.public(), keys.jwt);
            findings.push(ok("keys", words));
            Some(keys)
        }
        Err(error) => {
            findings.push(fail("keys", format!("{error:#}")));
            None
        }
    }
}

#[cfg(unix)]
fn is_open_to_others(path: &Path) -> bool {
    let mode =
        path.metadata().map(|found| std::os::unix::fs::PermissionsExt::mode(&found.permissions()));
    mode.is_ok_and(|mode| mode & 0o077 != 0)
}

#[cfg(not(unix))]
fn is_open_to_others(_: &Path) -> bool {
    false
}

async fn check_registry(settings: &Settings, now: Timestamp) -> Finding {
    let registry = match registry::open(settings, now) {
        Ok(registry) => registry,
        Err(error) => return fail("registry", error.to_string()),
    };
    #[cfg(feature = "chain")]
    if let Some(chain) = registry.chain()
        && let Err(error) = chain.ask(now).await
    {
        return fail("registry", format!("{}: {error}", settings.registry));
    }
    if settings.registry == RegistrySetting::Open {
        return warn("registry", "open: every hotkey may act as a validator");
    }
    match (registry.validators(), registry.freshness(now)) {
        (Some(0), _) => warn("registry", format!("{} lets nobody in", settings.registry)),
        (_, Freshness::Stale | Freshness::Expired) => {
            warn("registry", registry.problem().unwrap_or_else(|| "is stale".into()))
        }
        (Some(validators), Freshness::Fresh) => {
            ok("registry", format!("{}: {validators} validators", settings.registry))
        }
        (None, Freshness::Fresh) => ok("registry", settings.registry.to_string()),
    }
}

/// Of the disk that the database is on, or will be.
fn check_disk(settings: &Settings) -> Finding {
    let folder = match &settings.database {
        Database::Sqlite(path) => path.parent().unwrap_or(Path::new(".")),
        Database::SqliteMemory | Database::Postgres(_) => settings.data_dir.as_path(),
    };
    let existing = folder.ancestors().find(|folder| folder.exists()).unwrap_or(Path::new("."));
    match rustix::fs::statvfs(existing) {
        Ok(found) => space(existing, found.f_bavail.saturating_mul(found.f_frsize)),
        Err(error) => warn("disk", format!("{}: {error}", existing.display())),
    }
}

fn space(folder: &Path, free: u64) -> Finding {
    let words = format!("{} MB free at {}", free / 1_000_000, folder.display());
    match free {
        0..NO_SPACE => fail("disk", words),
        NO_SPACE..LITTLE_SPACE => warn("disk", words),
        _ => ok("disk", words),
    }
}

fn unopened(settings: &Settings, error: &OpenError) -> Finding {
    match error {
        OpenError::Pending(pending) if settings.migrations == Migrations::Run => {
            warn("migrations", format!("{pending} pending; serve runs them at its start"))
        }
        OpenError::Pending(_) | OpenError::Schema(_) => fail("migrations", error.to_string()),
        error => fail("database", format!("{}: {error}", settings.database)),
    }
}

async fn check_store(
    settings: &Settings,
    store: &dyn Store,
    keys: Option<&Keys>,
    now: Timestamp,
    findings: &mut Vec<Finding>,
) {
    match store.tally(1).await {
        Ok(tally) => {
            let words = format!("{}: {} validators", settings.database, tally.validators);
            findings.push(ok("database", words));
            findings.push(ok("migrations", "none is pending"));
        }
        Err(error) => findings.push(fail("database", error.to_string())),
    }
    match store.time().await {
        Ok(time) => findings.push(clock(now, time)),
        Err(error) => findings.push(fail("clock", error.to_string())),
    }
    if let Some(keys) = keys {
        findings.push(check_record(settings, store, keys, now).await);
        findings.push(check_announcements(settings, store, keys, now).await);
    }
}

fn clock(now: Timestamp, database: Option<Timestamp>) -> Finding {
    let Some(database) = database else {
        return ok("clock", format!("{now}; SQLite has no other to compare with"));
    };
    let apart = now.since(database).max(database.since(now));
    let words = format!("{} ms from the database's", apart.as_millis());
    if apart > CLOCK_TOLERANCE { fail("clock", words) } else { ok("clock", words) }
}

async fn check_record(
    settings: &Settings,
    store: &dyn Store,
    keys: &Keys,
    now: Timestamp,
) -> Finding {
    let until = EpochId::starting_at(now.plus(settings.schedule.length()));
    match store.epoch_records(settings.netuid, until, 1).await {
        Err(error) => fail("epochs", error.to_string()),
        Ok(records) => match records.first() {
            None => ok("epochs", format!("no record of subnet {} yet", settings.netuid)),
            Some(record) if !keys.holds(record.public_key) => fail(
                "epochs",
                format!(
                    "epoch {} was agreed with another rotation key: {}",
                    record.id(),
                    record.public_key
                ),
            ),
            Some(record) if record.parameters.schedule != settings.schedule => {
                let seconds = record.parameters.schedule.seconds();
                warn(
                    "epochs",
                    format!("epoch {} has {seconds} s, the settings another length", record.id()),
                )
            }
            Some(record) => {
                ok("epochs", format!("{} was agreed with this rotation key", record.id()))
            }
        },
    }
}

/// Whether this replica has the keys that were announced, and what it does with other settings.
async fn check_announcements(
    settings: &Settings,
    store: &dyn Store,
    keys: &Keys,
    now: Timestamp,
) -> Finding {
    let announced = match store.announcements(settings.netuid).await {
        Ok(announced) => announced,
        Err(error) => return fail("rotation", error.to_string()),
    };
    let missing = announced.iter().rev().find(|change| !keys.holds(change.after.public_key));
    match (missing, announced.last()) {
        (Some(change), Some(last)) if change.from == last.from => {
            let words = missing_key(change).to_string();
            if change.from.starts_at() <= now {
                fail("rotation", words)
            } else {
                warn("rotation", words)
            }
        }
        (_, None) => ok("rotation", "no change was ever announced"),
        (_, Some(last)) if last.from.starts_at() > now => {
            let (key, from) = (last.after.public_key, last.from);
            ok("rotation", format!("key {key} is here, announced from epoch {from} on"))
        }
        (_, Some(last)) if last.after.zipcodes_per_epoch != settings.zipcodes_per_epoch => warn(
            "rotation",
            format!(
                "{} zipcodes are dealt in an epoch, as announced, and not {} as in the settings",
                last.after.zipcodes_per_epoch, settings.zipcodes_per_epoch
            ),
        ),
        (_, Some(last)) => ok("rotation", format!("as announced from epoch {} on", last.from)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::RawSettings;

    const NOW: Timestamp = Timestamp::from_seconds(1_736_933_400);

    async fn verdicts(settings: &Settings) -> Vec<(&'static str, Verdict)> {
        let findings = run(Ok(settings), NOW).await;
        findings.iter().map(|finding| (finding.what, finding.verdict)).collect()
    }

    fn settings(folder: &Path) -> Settings {
        let raw = RawSettings { data_dir: Some(folder.join("data")), ..RawSettings::default() };
        Settings::resolve(raw, false).expect("fine")
    }

    #[tokio::test]
    async fn a_fresh_folder_is_no_failure_and_stays_as_it_is() {
        let folder = tempfile::tempdir().expect("a folder");
        let found = verdicts(&settings(folder.path())).await;
        assert!(found.iter().all(|(_, verdict)| *verdict < Verdict::Fail), "{found:?}");
        assert!(
            found.contains(&("keys", Verdict::Warn))
                && found.contains(&("database", Verdict::Warn))
        );
        assert!(!folder.path().join("data").exists());
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn open_keys_and_a_foreign_database_are_found() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().expect("a folder");
        let settings = settings(folder.path());
        Keys::load(&settings).expect("made");
        let key = folder.path().join("data/rotation.key");
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).expect("opened");
        std::fs::write(folder.path().join("data/resi.sqlite"), "no database at all")
            .expect("written");
        let found = verdicts(&settings).await;
        assert!(found.contains(&("keys", Verdict::Warn)), "{found:?}");
        assert!(found.contains(&("database", Verdict::Fail)), "{found:?}");
    }

    #[test]
    fn what_is_said_reads_so() {
        let folder = Path::new("/data");
        let findings = [
            space(folder, 10_000_000_000),
            space(folder, 500_000_000),
            space(folder, 1_000_000),
            clock(NOW, None),
            clock(NOW, Some(NOW.plus(std::time::Duration::from_secs(6)))),
            clock(NOW, Some(NOW)),
            fail("registry", "file \u{1b}[2J\nok    all is well"),
        ];
        let lines: Vec<_> = findings.iter().map(ToString::to_string).collect();
        insta::assert_snapshot!(lines.join("\n"), @r"
        ok    disk        10000 MB free at /data
        warn  disk        500 MB free at /data
        fail  disk        1 MB free at /data
        ok    clock       2025-01-15T09:30:00Z; SQLite has no other to compare with
        fail  clock       6000 ms from the database's
        ok    clock       0 ms from the database's
        fail  registry    file \u{1b}[2J ok all is well
        ");
    }
}

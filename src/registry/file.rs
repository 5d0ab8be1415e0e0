use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError, RwLock};
use std::time::{Duration, SystemTime};
use std::{fs, io};

use resi_protocol::{Hotkey, Timestamp};
use serde::Deserialize;

use super::{Freshness, Registry, Standing};

/// 1 alpha in rao.
const RAO: u64 = 1_000_000_000;

/// A registry kept in a file, JSON or TOML by its ending, that is read again when it changes.
#[derive(Debug)]
pub struct FileRegistry {
    path: PathBuf,
    min_stake_rao: u64,
    members: RwLock<HashMap<Hotkey, bool>>,
    reading: Mutex<Reading>,
}

#[derive(Debug)]
struct Reading {
    seen: Version,
    good_at: Timestamp,
    problem: Option<String>,
}

type Version = Option<(SystemTime, u64)>;

/// Why a registry file cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("registry file {path}: {reason}")]
pub struct RegistryFileError {
    path: String,
    reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Member {
    hotkey: Hotkey,
    #[serde(rename = "coldkey")]
    _coldkey: Option<String>,
    validator_permit: bool,
    /// In alpha; whole, or with a fraction down to a rao.
    alpha_stake: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TomlFile {
    validators: Vec<Member>,
}

impl FileRegistry {
    /// Reads the file at `path`. Members with a permit and at least `min_stake` alpha may act as validators.
    ///
    /// # Errors
    /// When the file cannot be read, names a hotkey twice, or holds anything that is not understood.
    pub fn open(path: PathBuf, min_stake: u64, now: Timestamp) -> Result<Self, RegistryFileError> {
        let min_stake_rao = min_stake.saturating_mul(RAO);
        let seen = version(&path);
        let members = read(&path, min_stake_rao)?;
        let reading = Mutex::new(Reading { seen, good_at: now, problem: None });
        Ok(Self { path, min_stake_rao, members: RwLock::new(members), reading })
    }
}

fn version(path: &Path) -> Version {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

fn read(path: &Path, min_stake_rao: u64) -> Result<HashMap<Hotkey, bool>, RegistryFileError> {
    let fail = |reason: String| RegistryFileError { path: path.display().to_string(), reason };
    let text = fs::read_to_string(path).map_err(|error: io::Error| fail(error.to_string()))?;
    let is_toml = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("toml"));
    let members = if is_toml {
        toml::from_str::<TomlFile>(&text).map_err(|error| fail(error.to_string()))?.validators
    } else {
        serde_json::from_str::<Vec<Member>>(&text).map_err(|error| fail(error.to_string()))?
    };
    let mut standing = HashMap::with_capacity(members.len());
    for member in members {
        let rao = member.alpha_stake * RAO as f64;
        if rao.is_nan() || rao < 0.0 {
            return Err(fail(format!("alpha_stake of {} is negative or no number", member.hotkey)));
        }
        let may = member.validator_permit && rao.round() as u64 >= min_stake_rao;
        if standing.insert(member.hotkey, may).is_some() {
            return Err(fail(format!("hotkey {} is there twice", member.hotkey)));
        }
    }
    Ok(standing)
}

impl Registry for FileRegistry {
    fn kind(&self) -> &'static str {
        "file"
    }

    fn standing(&self, hotkey: &Hotkey) -> Standing {
        let members = self.members.read().unwrap_or_else(PoisonError::into_inner);
        if members.get(hotkey).copied().unwrap_or(false) {
            Standing::Validator
        } else {
            Standing::Stranger
        }
    }

    fn freshness(&self, _: Timestamp) -> Freshness {
        // A file that was read says what the operator wants until it says something else.
        let reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        if reading.problem.is_some() { Freshness::Stale } else { Freshness::Fresh }
    }

    fn age(&self, now: Timestamp) -> Option<Duration> {
        Some(now.since(self.reading.lock().unwrap_or_else(PoisonError::into_inner).good_at))
    }

    fn validators(&self) -> Option<u64> {
        let members = self.members.read().unwrap_or_else(PoisonError::into_inner);
        Some(members.values().filter(|may| **may).count() as u64)
    }

    fn problem(&self) -> Option<String> {
        self.reading.lock().unwrap_or_else(PoisonError::into_inner).problem.clone()
    }

    fn refresh(&self, now: Timestamp) {
        let found = version(&self.path);
        let mut reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        if found.is_some() && found == reading.seen && reading.problem.is_none() {
            reading.good_at = now;
            return;
        }
        match read(&self.path, self.min_stake_rao) {
            Ok(members) => {
                tracing::info!(members = members.len(), path = %self.path.display(), "registry file read");
                *self.members.write().unwrap_or_else(PoisonError::into_inner) = members;
                *reading = Reading { seen: found, good_at: now, problem: None };
            }
            Err(error) => {
                let problem = error.to_string();
                if reading.problem.as_ref() != Some(&problem) {
                    tracing::error!("{problem}; the list read before stays in force");
                }
                reading.problem = Some(problem);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use resi_protocol::Keypair;

    use super::*;

    fn hotkey(name: &str) -> Hotkey {
        Keypair::development(name).hotkey()
    }

    fn write(path: &Path, members: &[(&str, bool, &str)]) {
        let items: Vec<_> = members
            .iter()
            .map(|(name, permit, stake)| {
                format!(
                    r#"{{"hotkey": "{}", "coldkey": "5C", "validator_permit": {permit}, "alpha_stake": {stake}}}"#,
                    hotkey(name)
                )
            })
            .collect();
        fs::write(path, format!("[{}]", items.join(","))).expect("written");
    }

    #[test]
    fn permit_and_stake_decide() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("registry.json");
        write(
            &path,
            &[
                ("Alice", true, "20000"),
                ("Bob", true, "19999.999999999"),
                ("Charlie", false, "50000"),
            ],
        );
        let registry = FileRegistry::open(path, 20_000, Timestamp::UNIX_EPOCH).expect("read");
        assert_eq!(registry.standing(&hotkey("Alice")), Standing::Validator);
        for name in ["Bob", "Charlie", "Dave"] {
            assert_eq!(registry.standing(&hotkey(name)), Standing::Stranger, "{name}");
        }
        assert_eq!(registry.validators(), Some(1));
    }

    #[test]
    fn a_changed_file_is_read_and_a_broken_one_is_not_taken() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("registry.json");
        write(&path, &[("Alice", true, "1")]);
        let registry = FileRegistry::open(path.clone(), 0, Timestamp::UNIX_EPOCH).expect("read");
        let later = Timestamp::from_seconds(100);

        fs::write(&path, "[{").expect("written");
        registry.refresh(later);
        assert_eq!(registry.standing(&hotkey("Alice")), Standing::Validator);
        assert_eq!(registry.freshness(later), Freshness::Stale);
        assert_eq!(registry.age(later), Some(Duration::from_secs(100)));
        assert!(registry.problem().expect("a problem").contains("registry.json"));

        write(&path, &[("Alice", false, "1"), ("Bob", true, "1")]);
        registry.refresh(later);
        assert_eq!(registry.standing(&hotkey("Alice")), Standing::Stranger);
        assert_eq!(registry.standing(&hotkey("Bob")), Standing::Validator);
        assert_eq!(
            (registry.freshness(later), registry.age(later)),
            (Freshness::Fresh, Some(Duration::ZERO))
        );

        fs::remove_file(&path).expect("removed");
        registry.refresh(later);
        assert_eq!(registry.standing(&hotkey("Bob")), Standing::Validator);
        assert_eq!(registry.freshness(later), Freshness::Stale);
    }

    #[test]
    fn toml_reads_as_json_does_and_errors_name_the_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("registry.toml");
        let member = |stake: &str| {
            format!(
                "[[validators]]\nhotkey = \"{}\"\nvalidator_permit = true\nalpha_stake = {stake}\n",
                hotkey("Alice")
            )
        };
        fs::write(&path, member("5")).expect("written");
        let registry = FileRegistry::open(path.clone(), 5, Timestamp::UNIX_EPOCH).expect("read");
        assert_eq!(registry.standing(&hotkey("Alice")), Standing::Validator);

        for bad in [
            member("-1"),
            member("nan"),
            member("\"5\""),
            member("5").repeat(2),
            "validators = 3".into(),
        ] {
            fs::write(&path, &bad).expect("written");
            let error = FileRegistry::open(path.clone(), 5, Timestamp::UNIX_EPOCH).expect_err(&bad);
            assert!(error.to_string().contains("registry.toml"), "{error}");
        }
    }
}

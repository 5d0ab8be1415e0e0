use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use resi_protocol::{Foreign, Hotkey, HotkeyError, Timestamp};
use serde::Deserialize;

use super::{Freshness, Registry, Standing};

/// More is no registry: a subnet has some hundred members, and a member takes 200 bytes.
const MAX_FILE: u64 = 16 * 1024 * 1024;
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

/// The text of a file that is one, and no larger than a registry may be.
fn text_of(path: &Path) -> io::Result<String> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("is no regular file"));
    }
    let mut text = String::new();
    File::open(path)?.take(MAX_FILE + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_FILE {
        return Err(io::Error::other(format!("is larger than {MAX_FILE} bytes")));
    }
    Ok(text)
}

/// What a parser says of a file, which it may quote.
fn said(error: &dyn std::error::Error) -> String {
    let text = error.to_string();
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    Foreign::new(&line).at_most(400).to_string()
}

fn read(path: &Path, min_stake_rao: u64) -> Result<HashMap<Hotkey, bool>, RegistryFileError> {
    let fail = |reason: String| RegistryFileError { path: path.display().to_string(), reason };
    let text = text_of(path).map_err(|error| fail(error.to_string()))?;
    let is_toml = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("toml"));
    let members = if is_toml {
        toml::from_str::<TomlFile>(&text).map_err(|error| fail(said(&error)))?.validators
    } else {
        serde_json::from_str::<Vec<Member>>(&text).map_err(|error| fail(said(&error)))?
    };
    let mut standing = HashMap::with_capacity(members.len());
    for member in members {
        let rao = member.alpha_stake * RAO as f64;
        if rao.is_nan() || rao < 0.0 {
            return Err(fail(format!("alpha_stake of {} is negative or no number", member.hotkey)));
        }
        if member.hotkey.is_neutral() {
            return Err(fail(format!("hotkey {}: {}", member.hotkey, HotkeyError::Neutral)));
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
    fn what_is_no_registry_is_told_in_one_short_line_and_not_read_to_its_end() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("registry.json");
        let open = || FileRegistry::open(path.clone(), 0, Timestamp::UNIX_EPOCH);
        let file = File::create(&path).expect("made");
        // Of zeros that take no room.
        file.set_len(1 << 40).expect("grown");
        let large = open().expect_err("too large").to_string();
        assert!(large.contains("is larger than"), "{large}");
        fs::remove_file(&path).expect("removed");
        fs::create_dir(&path).expect("made");
        assert!(open().expect_err("a folder").to_string().contains("is no regular file"));
        fs::remove_dir(&path).expect("removed");

        let hostile = format!("\u{1b}[2J\u{202e}\n{}", "x".repeat(5_000));
        let member = serde_json::json!([{ hostile: 1 }]).to_string();
        fs::write(&path, member).expect("written");
        let error = open().expect_err("unknown").to_string();
        assert!(error.contains(r"\u{1b}[2J\u{202e}") && error.chars().count() < 700, "{error}");
        assert!(!error.chars().any(char::is_control), "{error}");
    }

    #[test]
    fn the_key_of_zeros_is_no_member() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("registry.json");
        let zeros = Hotkey::from_bytes([0; 32]);
        let member =
            format!(r#"[{{"hotkey": "{zeros}", "validator_permit": true, "alpha_stake": 1}}]"#);
        fs::write(&path, member).expect("written");
        let error = FileRegistry::open(path, 0, Timestamp::UNIX_EPOCH).expect_err("nobody");
        assert!(error.to_string().contains("nobody's"), "{error}");
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

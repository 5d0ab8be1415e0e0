use std::fs;
use std::path::Path;

use anyhow::{Context, anyhow};
use clap::{Args as _, Command, FromArgMatches as _};
use serde::Deserialize;
use toml::{Table, Value};

use super::RawSettings;

/// No name of a setting is longer, by far.
const LONGEST_NAME: usize = 40;

impl RawSettings {
    /// What the settings file at `path` says. No error quotes a line of the file, since a secret whose quotes are forgotten
    /// stands there as it is.
    ///
    /// # Errors
    /// When it cannot be read or says something that is not understood.
    pub fn from_file(path: &Path) -> anyhow::Result<Self> {
        let context = || format!("settings file {}", path.display());
        let text = fs::read_to_string(path).with_context(context)?;
        parse(&text).with_context(context)
    }

    /// What was said by flag or environment, over what is here.
    ///
    /// # Errors
    /// When `said` is of another command line.
    pub fn overlay(&mut self, said: &clap::ArgMatches) -> Result<(), clap::Error> {
        self.update_from_arg_matches(said)
    }
}

fn parse(text: &str) -> anyhow::Result<RawSettings> {
    let table: Table = toml::from_str(text).map_err(|error| not_toml(text, &error))?;
    let known = names();
    for (name, value) in &table {
        if !known.contains(name) {
            return Err(unknown(name));
        }
        // One at a time, since the errors of serde do not name what they are about.
        let alone = Table::from_iter([(name.clone(), value.clone())]);
        RawSettings::deserialize(Value::Table(alone))
            .map_err(|error| anyhow!("{name}: {}", error.message()))?;
    }
    Ok(RawSettings::deserialize(Value::Table(table))?)
}

/// Without the line itself, which the parser's own words quote.
fn not_toml(text: &str, error: &toml::de::Error) -> anyhow::Error {
    let start = error.span().map_or(0, |span| span.start);
    let before = text.get(..start).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    anyhow!("line {line}, column {column}: {}", error.message())
}

fn unknown(name: &str) -> anyhow::Error {
    // What does not look like a name may be a value.
    let is_name = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
    if name.len() > LONGEST_NAME || !name.bytes().all(is_name) {
        return anyhow!("a name in it is none of a setting (not shown: it may be a value)");
    }
    anyhow!("{name} is no setting")
}

/// The names of all settings, as a file has them: those of their flags.
fn names() -> Vec<String> {
    let flags = RawSettings::augment_args(Command::new("settings"));
    let name = |flag: &str| flag.replace(['-', '.'], "_");
    flags.get_arguments().filter_map(|argument| argument.get_long()).map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(file: &str) -> anyhow::Result<RawSettings> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("resi.toml");
        fs::write(&path, file).expect("written");
        RawSettings::from_file(&path)
    }

    #[test]
    fn what_is_said_goes_before_the_file() {
        let file = "port = 2\nnetuid = 428\nlimit_access_per_minute = 3\ntrusted_proxies = [\"10.0.0.0/8\", \"::1\"]\n";
        let mut settings = read(file).expect("understood");
        let flags = RawSettings::augment_args(Command::new("settings"));
        let words = ["settings", "--port", "1", "--rotation-key", "ab"];
        settings.overlay(&flags.get_matches_from(words)).expect("of these flags");
        assert_eq!((settings.port, settings.netuid), (Some(1), Some(428)));
        assert_eq!(settings.limits.access_per_minute, Some(3));
        assert_eq!(settings.trusted_proxies.map(|list| list.len()), Some(2));
        assert_eq!(settings.rotation_key.expect("said").expose(), "ab");
    }

    #[test]
    fn every_setting_has_its_name_in_a_file() {
        for name in names() {
            // A list is of no setting's type but one's, and what is wrong there is its content.
            let error = format!("{:#}", read(&format!("{name} = [0]")).expect_err(&name));
            assert!(error.contains(&format!("resi.toml: {name}: ")), "{error}");
        }
    }

    #[test]
    fn what_is_wrong_is_named_and_the_line_not_shown() {
        for (file, named) in [
            ("prot = 1", "prot is no setting"),
            ("port = \"x\"", "port: "),
            ("limit_acess_per_minute = 1", "limit_acess_per_minute is no setting"),
            ("\nport = ", "line 2, column 8: "),
            ("trusted_proxies = [\"x\"]", "trusted_proxies: "),
            ("netuid = 1\nnetuid = 2", "line 2, column 1: duplicate key"),
            ("rotation_key = hunter2", "line 1, column 16: string values must be quoted"),
            ("rotation_key = 7355608", "rotation_key: must be a text, in quotes"),
            ("rotation_key_file = 7355608", "rotation_key_file: must be a text, in quotes"),
            ("rotation_key = [\"hunter2\"]", "rotation_key: must be a text"),
            ("[jwt_keys]\nhunter2 = 1", "jwt_keys: must be a text"),
            ("hunter2 = 1", "not shown"),
            ("ROTATION_KEY = \"hunter2\"", "not shown"),
            ("a:hunter2", "line 1, column "),
            ("rotation_key = \"hunter2", "line 1, column "),
        ] {
            let error = format!("{:#}", read(file).expect_err(file));
            assert!(error.contains("resi.toml: ") && error.contains(named), "{error}");
            assert!(!error.contains("hunter") && !error.contains("73556"), "{error}");
        }
    }
}

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;

use anyhow::Context;
use clap::{Arg, Args};

use crate::settings::RawSettings;

const HEAD: &str = "\
# Settings of resi-data-api, each with its default where it has one. Take the `#` before a name away to set it.
#
# Flags go before the environment, that goes before this file. `resi-data-api config check --config FILE` says what
# is in force. Words in capitals stand for values. Keys are better kept in files of their own, or in the environment.
";
const WIDTH: usize = 118;

/// Writes a settings file that sets nothing: every setting is in it as a comment. Nobody but its owner can read it.
///
/// # Errors
/// When the file is there already, or cannot be written.
pub fn run(path: &Path) -> anyhow::Result<String> {
    let shown = path.display();
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path).with_context(|| match path.symlink_metadata() {
        Ok(_) => format!("{shown} is there already, and is left as it is"),
        Err(_) => format!("cannot make {shown}"),
    })?;
    file.write_all(text().as_bytes()).with_context(|| format!("cannot write {shown}"))?;
    Ok(format!(
        "{shown} has every setting, commented out. `serve --config {shown}` reads it, `config check --config {shown}` checks it.\n"
    ))
}

/// The file, from the definitions of the command line.
fn text() -> String {
    let command = RawSettings::augment_args(clap::Command::new(""));
    let mut text = HEAD.to_owned();
    let mut heading = None;
    for arg in command.get_arguments() {
        if arg.get_help_heading() != heading {
            heading = arg.get_help_heading();
            let _ = write!(text, "\n# == {} ==\n", heading.unwrap_or("Others"));
        }
        let setting = Setting::of(arg);
        text.push('\n');
        for line in wrapped(&setting.help) {
            let _ = writeln!(text, "# {line}");
        }
        let _ = writeln!(text, "#{} = {}", setting.name, setting.value);
    }
    text
}

struct Setting {
    name: String,
    help: String,
    value: String,
}

impl Setting {
    fn of(arg: &Arg) -> Self {
        let name = arg.get_long().unwrap_or_default().replace(['-', '.'], "_");
        let said = arg.get_long_help().or(arg.get_help()).map(ToString::to_string);
        let said = said.unwrap_or_default().replace('\n', " ");
        let default = default_in(&said);
        let said = if default.is_some() { without_default(&said) } else { said.clone() };
        let unit = match value_name(arg) {
            unit @ ("SECONDS" | "DAYS") => Some(unit.to_lowercase()),
            _ => None,
        };
        let variable = arg.get_env().map(|name| name.display().to_string());
        let more: Vec<_> = unit.into_iter().chain(variable).collect();
        let more = if more.is_empty() { String::new() } else { format!(" ({})", more.join("; ")) };
        let value = default.unwrap_or_else(|| placeholder(arg, &said));
        Self { name, help: format!("{said}{more}"), value }
    }
}

fn value_name(arg: &Arg) -> &str {
    arg.get_value_names().and_then(|names| names.first()).map_or("", |name| name)
}

const DEFAULT: &str = "[default: ";

/// The default that a help text names, where it is a value and no explanation.
fn default_in(help: &str) -> Option<String> {
    let (_, default) = help.rsplit_once(DEFAULT)?;
    let default = default.split([';', ']']).next()?;
    let is_value = default != "none" && !default.contains(char::is_whitespace);
    is_value.then(|| toml(default))
}

/// The help without the default that the line after it shows; what is said beside a value stays.
fn without_default(help: &str) -> String {
    match help.rsplit_once(DEFAULT) {
        Some((said, default)) if !default.contains(';') => said.trim_end().to_owned(),
        _ => help.to_owned(),
    }
}

/// What stands for a value that has no default.
fn placeholder(arg: &Arg, help: &str) -> String {
    if value_name(arg) == "BOOL" {
        return "false".into();
    }
    if arg.get_value_delimiter().is_some() {
        return "[]".into();
    }
    let example = help.split_once("such as ").and_then(|(_, text)| text.split([' ', ',']).next());
    let possible = arg.get_possible_values();
    let possible = possible.first().map(clap::builder::PossibleValue::get_name);
    toml(example.or(possible).unwrap_or_else(|| value_name(arg)))
}

fn toml(value: &str) -> String {
    if value.parse::<u64>().is_ok() { value.to_owned() } else { format!("\"{value}\"") }
}

fn wrapped(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let last = lines.len() - 1;
        if !lines[last].is_empty() && lines[last].len() + 1 + word.len() > WIDTH {
            lines.push(word.to_owned());
            continue;
        }
        if !lines[last].is_empty() {
            lines[last].push(' ');
        }
        lines[last].push_str(word);
    }
    lines
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_file_that_is_there_stays_as_it_is() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("resi.toml");
        let said = run(&path).expect("made");
        assert!(said.contains("resi.toml"), "{said}");
        assert_eq!(fs::read_to_string(&path).expect("there"), text());
        #[cfg(unix)]
        {
            let mode = std::os::unix::fs::PermissionsExt::mode(
                &path.metadata().expect("there").permissions(),
            );
            assert_eq!(mode & 0o777, 0o600);
        }
        fs::write(&path, "port = 1\n").expect("written");
        let error = format!("{:#}", run(&path).expect_err("there"));
        assert!(error.contains("is there already"), "{error}");
        assert_eq!(fs::read_to_string(&path).expect("there"), "port = 1\n");
        let error =
            format!("{:#}", run(&folder.path().join("none/resi.toml")).expect_err("no folder"));
        assert!(error.contains("cannot make"), "{error}");
    }

    #[test]
    fn it_reads_like_this() {
        let text = text();
        for part in [
            "\n\n# Address to listen on (RESI_HOST)\n#host = \"127.0.0.1\"\n\n",
            "\n# Length of an epoch (seconds; RESI_EPOCH_SECONDS)\n#epoch_seconds = 14400\n",
            "[default: the table inside] (RESI_ZIPCODES)\n#zipcodes = \"FILE\"\n",
            "\n#trusted_proxies = []\n",
        ] {
            assert!(text.contains(part), "{part} is not in\n{text}");
        }
        assert!(text.lines().all(|line| line.chars().count() <= 120), "{text}");
    }
}

use std::fs;
use std::path::Path;
use std::process::Command;

use clap::CommandFactory as _;
use resi_data_api::cli::Cli;
use resi_protocol::Keypair;

use crate::server::BINARY;

/// What `config check` says of a settings file, where it is one.
fn check(folder: &Path, text: &str) -> Result<String, String> {
    let path = folder.join("resi.toml");
    fs::write(&path, text).unwrap();
    let mut command = Command::new(BINARY);
    let command = command.args(["config", "check", "--config", "resi.toml"]);
    let output = command.current_dir(folder).env_clear().output().unwrap();
    let said = |bytes| String::from_utf8(bytes).unwrap();
    if output.status.success() { Ok(said(output.stdout)) } else { Err(said(output.stderr)) }
}

/// The settings that `config init` writes, without the `#` before them.
fn written(folder: &Path) -> (String, Vec<String>) {
    let path = folder.join("new.toml");
    let output =
        Command::new(BINARY).args(["config", "init"]).arg(&path).env_clear().output().unwrap();
    assert!(output.status.success());
    let text = fs::read_to_string(&path).unwrap();
    let setting = |line: &str| {
        let line = line.strip_prefix('#')?;
        (!line.is_empty() && !line.starts_with(' ')).then(|| line.to_owned())
    };
    let settings = text.lines().filter_map(setting).collect();
    (text, settings)
}

/// A value for a setting that has no default.
fn example(name: &str) -> String {
    let key = "ab".repeat(32);
    match name {
        "database_url" => "sqlite::memory:".into(),
        "subtensor_chain_endpoint" => "ws://127.0.0.1:1".into(),
        "service_hotkey" => Keypair::development("Alice").hotkey().to_string(),
        "zipcodes" => super::repository("data/zipcodes.csv").display().to_string(),
        "rotation_key" | "next_rotation_key" => key,
        "jwt_keys" => format!("k:{key}"),
        "rotation_key_file" | "next_rotation_key_file" => "rotation.key".into(),
        "jwt_keys_file" => "jwt.keys".into(),
        _ => panic!("{name} has no default: give an example of it here"),
    }
}

#[test]
fn each_line_of_a_new_one_is_taken_and_changes_no_default() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("rotation.key"), example("rotation_key")).unwrap();
    fs::write(folder.path().join("jwt.keys"), example("jwt_keys")).unwrap();
    let by_default = check(folder.path(), "").unwrap();
    let (text, settings) = written(folder.path());
    assert_eq!(check(folder.path(), &text).unwrap(), by_default);
    for setting in &settings {
        let (name, value) = setting.split_once(" = ").unwrap();
        // Capitals stand for a value.
        let stands_for_one = value
            .trim_matches('"')
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
            && value.starts_with('"');
        if stands_for_one {
            let setting = format!("{name} = \"{}\"", example(name));
            check(folder.path(), &setting).unwrap_or_else(|error| panic!("{setting}: {error}"));
            continue;
        }
        let said = check(folder.path(), setting);
        let said = said.unwrap_or_else(|error| panic!("{setting}: {error}"));
        // These have no default, and something must stand there; and a terminal is not asked here.
        if !["metrics_addr", "log_format"].contains(&name) {
            assert_eq!(said, by_default, "{setting}");
        }
    }
}

#[test]
fn a_new_one_has_every_setting_once() {
    let folder = tempfile::tempdir().unwrap();
    let (_, settings) = written(folder.path());
    let mut written: Vec<_> =
        settings.iter().map(|setting| setting.split_once(" = ").unwrap().0.to_owned()).collect();
    let command = Cli::command();
    let serve = command.find_subcommand("serve").unwrap();
    let flags = serve.get_arguments().filter_map(|arg| arg.get_long());
    let mut flags: Vec<_> = flags
        .filter(|flag| !["config", "help", "version"].contains(flag))
        .map(|flag| flag.replace(['-', '.'], "_"))
        .collect();
    written.sort_unstable();
    flags.sort_unstable();
    assert_eq!(written, flags);
}

use std::path::Path;
use std::process::Command;

use clap::{CommandFactory as _, Parser as _};
use resi_data_api::cli::Cli;

use super::{Environment, at_home, serve, text};
use crate::server::{BINARY, access_token};

/// The values of a setting of the unit, in order.
fn values(name: &str) -> Vec<String> {
    let unit = text("deploy/resi-data-api.service");
    let values = unit.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    values.map(str::to_owned).collect()
}

fn environment() -> Environment {
    let pairs = values("Environment");
    let pair = |text: &String| {
        let (name, value) = text.split_once('=').unwrap();
        (name.to_owned(), value.to_owned())
    };
    pairs.iter().map(pair).collect()
}

fn arguments() -> Vec<String> {
    let [command] = &values("ExecStart")[..] else { panic!("one command") };
    let mut words = command.split_whitespace().map(str::to_owned);
    assert_eq!(words.next().unwrap(), "/usr/bin/resi-data-api");
    words.collect()
}

#[test]
fn it_serves_with_a_settings_file_that_was_only_just_made() {
    let folder = tempfile::tempdir().unwrap();
    let mut environment = environment();
    let path = folder.path().join("resi.toml");
    let config = environment.insert("RESI_CONFIG".into(), path.display().to_string());
    assert_eq!(config.unwrap(), "/etc/resi/resi.toml");
    let init = |path: &Path| {
        Command::new(BINARY).args(["config", "init"]).arg(path).env_clear().output().unwrap()
    };
    assert!(init(&path).status.success());
    let again = init(&path);
    let words = String::from_utf8(again.stderr).unwrap();
    assert!(!again.status.success() && words.contains("is there already"), "{words}");

    let environment = at_home(environment, folder.path());
    let server = serve(&arguments(), &environment, folder.path());
    access_token(&server, "Alice");
    server.stop();
}

#[test]
fn what_it_names_is_what_others_make() {
    assert!(Cli::try_parse_from([vec!["resi-data-api".into()], arguments()].concat()).is_ok());
    let command = Cli::command();
    let serve = command.find_subcommand("serve").unwrap();
    for (name, value) in environment() {
        let is_known =
            serve.get_arguments().any(|arg| arg.get_env().is_some_and(|known| *known == *name));
        assert!(is_known, "{name} is no setting");
        assert!(value.starts_with('/'), "{name}={value}");
    }
    let state = format!("/var/lib/{}", values("StateDirectory")[0]);
    assert_eq!(environment()["RESI_DATA_DIR"], state);
    // Without `-` it would have to be there.
    assert_eq!(values("EnvironmentFile"), ["-/etc/resi/resi.env"]);
    let users = text("deploy/resi-data-api.sysusers");
    let user = format!("u {} ", values("User")[0]);
    assert!(users.lines().any(|line| line.starts_with(&user) && line.ends_with(&state)), "{users}");
    let (drain, longest) = (5, 20);
    let patience: u64 = values("TimeoutStopSec")[0].parse().unwrap();
    assert!(patience > drain + longest, "it is killed while it drains");
}

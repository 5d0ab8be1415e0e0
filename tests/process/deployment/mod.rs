//! What is shipped beside the binary, and names commands, settings and files that nobody compiles.

mod compose;
mod image;
mod package;
mod settings_file;
mod unit;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::server::{BINARY, Server};

type Environment = BTreeMap<String, String>;

/// A path of the repository.
fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn text(path: &str) -> String {
    std::fs::read_to_string(repository(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[track_caller]
fn is_there(path: &str, named_by: &str) {
    assert!(repository(path).exists(), "{named_by} names {path}, which is not there");
}

/// Settings that serve with what a machine of their kind has: a free port, folders of a test's own, and no chain.
fn at_home(mut environment: Environment, folder: &Path) -> Environment {
    let data = folder.join("data").display().to_string();
    let replaced = environment.insert("RESI_DATA_DIR".into(), data);
    assert!(replaced.is_some(), "nothing says where data is kept: {environment:?}");
    environment.insert("RESI_PORT".into(), "0".into());
    environment.insert("RESI_LOG_FORMAT".into(), "json".into());
    environment.insert("BT_CHAIN_ENDPOINT".into(), "ws://127.0.0.1:1".into());
    environment
}

fn command(arguments: &[String], environment: &Environment, folder: &Path) -> Command {
    let mut command = Command::new(BINARY);
    command.args(arguments).current_dir(folder).env_clear().envs(environment);
    command
}

/// Starts it, and waits until it serves.
fn serve(arguments: &[String], environment: &Environment, folder: &Path) -> Server {
    let server = Server::of(&mut command(arguments, environment, folder));
    server.wait_for_log("\"message\":\"ready\"");
    server
}

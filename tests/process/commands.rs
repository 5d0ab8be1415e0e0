use std::path::Path;
use std::process::Command;

use resi_protocol::Keypair;
use rustix::process::Signal;
use serde_json::Value;

use crate::server::{BINARY, Postgres, Server, access_token, report};

/// Runs a command in `folder` and hands back whether it succeeded, and all it said.
fn run(folder: &Path, arguments: &[&str], more: &[&str]) -> (bool, String) {
    let output = Command::new(BINARY)
        .args(arguments)
        .args(["--data-dir", "data"])
        .args(more)
        .current_dir(folder)
        .env_clear()
        .output()
        .unwrap();
    let words = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(words).unwrap())
}

#[track_caller]
fn done(folder: &Path, arguments: &[&str], more: &[&str]) -> String {
    let (success, words) = run(folder, arguments, more);
    assert!(success, "{arguments:?}: {words}");
    words
}

#[test]
fn an_operator_looks_around_beside_a_service_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    look_around(folder.path(), &[]);
}

#[test]
fn an_operator_looks_around_beside_a_service_on_postgres() {
    let folder = tempfile::tempdir().unwrap();
    let postgres = Postgres::database();
    look_around(folder.path(), &postgres.arguments());
}

fn look_around(folder: &Path, more: &[&str]) {
    let (success, words) = run(folder, &["audit"], more);
    assert!(!success && !folder.join("data").exists(), "{words}");
    let server = Server::start(folder, more);
    let token = access_token(&server, "Alice");
    assert!(report(&server, &token, "first"));
    let alice = Keypair::development("Alice").hotkey().to_string();

    let words = done(folder, &["doctor"], more);
    for line in
        ["ok    database", "ok    migrations", "ok    clock", "warn  registry", "ok    epochs"]
    {
        assert!(words.contains(line), "{line} is missing in\n{words}");
    }
    let words = done(folder, &["audit", "--hotkey", &alice, "--since", "1h", "--json"], more);
    let lines: Vec<Value> = words.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let kinds: Vec<_> = lines.iter().map(|line| line["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["grant", "status"], "{words}");
    assert_eq!((&lines[1]["subject"], &lines[1]["code"]), (&"first".into(), &"completed".into()));
    assert_eq!(lines[0]["address"], "127.0.0.1");
    let words = done(folder, &["audit", "--since", "1h"], more);
    assert!(words.starts_with("TIME ") && words.contains(&alice), "{words}");
    let words = done(folder, &["validators", "list"], more);
    assert!(words.contains(&alice) && words.contains("validator"), "{words}");
    let words = done(folder, &["epochs", "list", "--json"], more);
    let newest: Value = serde_json::from_str(words.lines().next().unwrap()).unwrap();
    let current = server.get_json("/api/v1/epochs/current");
    assert_eq!(newest["public_key"], current["rotation"]["public_key"]);
    server.stop();
}

#[test]
fn a_backup_is_made_beside_the_service_and_restored_without_it() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let token = access_token(&server, "Alice");
    assert!(report(&server, &token, "before"));
    let words = done(folder.path(), &["backup", "copy.sqlite"], &[]);
    assert!(words.contains("was checked") && words.contains("keys"), "{words}");
    assert!(report(&server, &token, "after"));
    let (success, words) = run(folder.path(), &["restore", "copy.sqlite"], &[]);
    assert!(!success && words.contains("stop the service first"), "{words}");
    server.stop();

    let words = done(folder.path(), &["restore", "copy.sqlite"], &[]);
    assert!(words.contains("resi.sqlite.replaced"), "{words}");
    let server = Server::start(folder.path(), &[]);
    for (id, status) in [("before", 200), ("after", 404)] {
        assert_eq!(server.get(&format!("/api/v1/assignments/{id}"), Some(&token)).0, status);
    }
    server.stop();
}

#[test]
fn tokens_outlive_a_rotation_of_their_key() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let token = access_token(&server, "Alice");
    server.stop();
    for step in [&["rotate-jwt-key"][..], &["rotate-jwt-key", "--promote"]] {
        done(folder.path(), step, &[]);
        let server = Server::start(folder.path(), &[]);
        assert_eq!(server.get("/api/v1/assignments", Some(&token)).0, 200);
        server.stop();
    }
    done(folder.path(), &["rotate-jwt-key", "--drop"], &[]);
    let server = Server::start(folder.path(), &[]);
    assert_eq!(server.get("/api/v1/assignments", Some(&token)).0, 401);
    server.stop();
}

#[test]
fn health_succeeds_only_where_a_service_is_ready() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(folder.path(), &["--drain-seconds", "600"]);
    let port = server.port();
    assert_eq!(done(folder.path(), &["health", "--port", &port], &[]), "ready\n");
    let url = server.url("");
    assert_eq!(done(folder.path(), &["health", "--url", &url], &[]), "ready\n");
    server.signal(Signal::TERM);
    server.wait_for_log("stopping");
    let (success, words) = run(folder.path(), &["health", "--port", &port], &[]);
    assert!(!success && words.contains("answered 503") && words.contains("NOT_READY"), "{words}");
    server.signal(Signal::TERM);
    server.wait();
    let (success, words) = run(folder.path(), &["health", "--port", &port], &[]);
    assert!(!success && words.contains(&port), "{words}");
}

#[test]
fn a_doctor_says_what_fails_and_exits_so() {
    let folder = tempfile::tempdir().unwrap();
    let (success, words) = run(
        folder.path(),
        &["doctor"],
        &["--registry", "file:none.json", "--zipcodes", "none.csv"],
    );
    assert!(!success, "{words}");
    assert!(words.contains("fail  registry") && words.contains("fail  zipcodes"), "{words}");
    let (success, words) = run(folder.path(), &["doctor"], &["--epoch-seconds", "0"]);
    assert!(!success && words.starts_with("fail  settings"), "{words}");
}

#[test]
fn a_change_is_announced_and_the_history_is_verified() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let announce = ["rotation", "announce"];
    let next_key = "ab".repeat(32);
    let next = ["--next-rotation-key", &next_key, "--zipcodes-per-epoch", "500"];
    let (success, words) = run(folder.path(), &announce, &[]);
    assert!(!success && words.contains("nothing would change"), "{words}");
    let soon = [&next[..], &["--from", "2026-01-01T00-00-00"]].concat();
    let (success, words) = run(folder.path(), &announce, &soon);
    assert!(!success && words.contains("too near"), "{words}");
    let words = done(folder.path(), &announce, &next);
    assert!(words.contains("1000 -> 500") && words.contains("cannot be taken back"), "{words}");
    let (success, words) = run(folder.path(), &announce, &next);
    assert!(!success && words.contains("nothing would change"), "{words}");
    let words = done(folder.path(), &["audit"], &[]);
    assert!(words.contains("rotation  announced"), "{words}");
    let words = done(folder.path(), &["doctor"], &[]);
    assert!(words.contains("warn  rotation") && words.contains("NEXT_ROTATION_KEY"), "{words}");
    let words = done(folder.path(), &["doctor"], &next);
    assert!(words.contains("ok    rotation"), "{words}");
    server.stop();

    let server = Server::start(folder.path(), &next);
    let keys = server.get_json("/api/v1/rotation/keys");
    assert_eq!(keys["announcements"][0]["after"]["zipcodes_per_epoch"], 500);
    let current = server.get_json("/api/v1/epochs/current");
    assert_eq!(current["rotation"]["zipcodes_per_epoch"], 1_000, "the settings wait for it");
    let key = current["rotation"]["public_key"].as_str().unwrap();
    let verify = Command::new(BINARY)
        .args(["verify", "--history", &server.url(""), "--public-key", key])
        .env_clear()
        .output()
        .unwrap();
    let words = String::from_utf8(verify.stdout).unwrap();
    assert!(words.contains("ok   1 records") && words.contains("\nVerified: "), "{words}");
    server.stop();
}

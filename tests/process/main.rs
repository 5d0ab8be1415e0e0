//! The real binary as a process: what only a process can show.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod commands;
mod connections;
mod deployment;
mod secrets;
mod server;
mod ways;

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;

use rustix::process::Signal;
use serde_json::{Value, json};

use server::{BINARY, Postgres, Server, access_token, report};

#[test]
fn a_fresh_folder_is_enough_and_keys_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let health = server.get_json("/health");
    assert_eq!(
        (&health["status"], &health["registry"]["kind"]),
        (&json!("healthy"), &json!("open"))
    );
    let key = server.get_json("/api/v1/epochs/current")["rotation"]["public_key"].clone();
    let token = access_token(&server, "Alice");
    let log = server.stop();
    assert!(log.contains("OPEN REGISTRY"), "{log}");
    assert!(log.contains(r#""route":"/get-validator-access","status":200"#), "{log}");
    assert!(!log.contains(&token[..40]) && !log.contains("signature\":\""), "{log}");
    for name in ["rotation.key", "jwt.keys", "resi.sqlite"] {
        let mode = folder.path().join("data").join(name).metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{name} is open to others");
    }

    let again = Server::start(folder.path(), &["--no-migrate"]);
    assert_eq!(again.get_json("/api/v1/epochs/current")["rotation"]["public_key"], key);
    assert_eq!(again.get("/api/v1/validator-data", Some(&token)).0, 200);
    again.stop();
}

#[test]
fn sigterm_drains_and_readiness_goes_first() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(folder.path(), &["--drain-seconds", "2"]);
    assert_eq!(server.get("/readyz", None).0, 200);
    server.signal(Signal::TERM);
    server.wait_for_log("stopping");
    assert_eq!(server.get("/readyz", None).0, 503);
    assert_eq!(server.get("/livez", None).0, 200);
    assert_eq!(server.get("/api/v1/statistics", None).0, 200);
    assert!(server.wait().success());

    let mut server = Server::start(folder.path(), &["--drain-seconds", "600"]);
    server.signal(Signal::TERM);
    server.wait_for_log("stopping");
    server.signal(Signal::TERM);
    assert!(server.wait().success());
}

#[test]
fn metrics_have_a_listener_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &["--metrics-addr", "127.0.0.1:0"]);
    server.get("/health", None);
    assert_eq!(server.get("/metrics", None).0, 404);
    let (status, page) = server.metrics();
    assert_eq!(status, 200);
    for line in [
        r#"resi_http_requests_total{route="/health",status="200"}"#,
        "resi_check_ok{check=\"database\"} 1",
        "resi_epoch_index ",
    ] {
        assert!(page.contains(line), "{line} is missing in\n{page}");
    }
    server.stop();
}

#[test]
fn a_mistake_is_told_before_anything_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        let output = Command::new(BINARY)
            .args(arguments)
            .current_dir(folder.path())
            .env_clear()
            .output()
            .unwrap();
        (output.status.success(), String::from_utf8(output.stderr).unwrap())
    };
    std::fs::write(
        folder.path().join("bad.csv"),
        "zipcode,state,city,county,metro,population,size_rank\n1001,MA,,,,1,1\n",
    )
    .unwrap();
    std::fs::write(folder.path().join("bad.toml"), "prot = 1\n").unwrap();
    for (arguments, named) in [
        (vec!["serve", "--host", "0.0.0.0"], "--registry"),
        (vec!["serve", "--database-url", "postgres://u:secret@127.0.0.1:1/x"], "ROTATION_KEY"),
        (vec!["serve", "--zipcodes", "bad.csv"], "bad.csv"),
        (vec!["serve", "--config", "bad.toml"], "bad.toml"),
        (vec!["serve", "--registry", "file:none.json"], "none.json"),
        (vec!["serve", "--no-migrate", "--port", "0"], "pending"),
        (vec!["serve", "--mock", "--host", "0.0.0.0"], "--i-know-this-is-insecure"),
        (vec!["config", "check", "--epoch-seconds", "0"], "--epoch-seconds"),
    ] {
        let (success, errors) = run(&arguments);
        assert!(
            !success && errors.contains(named) && !errors.contains("secret"),
            "{arguments:?}: {errors}"
        );
    }
}

#[test]
fn settings_in_force_are_shown_without_secrets() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("resi.toml"),
        "port = 9001\nnetuid = 428\nepoch_seconds = 60\n",
    )
    .unwrap();
    let output = Command::new(BINARY)
        .args(["config", "check", "--config", "resi.toml", "--epoch-seconds", "30"])
        .current_dir(folder.path())
        .env_clear()
        .env("NETUID", "7")
        .env("ROTATION_KEY", "ab".repeat(32))
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    for line in [
        "listen                       127.0.0.1:9001",
        "netuid                       7",
        "epoch_seconds                30",
    ] {
        assert!(text.contains(line), "{line} is missing in\n{text}");
    }
    assert!(text.contains("given (hidden)") && !text.contains("abab"), "{text}");
    assert!(!folder.path().join("resi-data").exists());
}

#[test]
fn a_saved_answer_is_verified_and_a_changed_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let token = access_token(&server, "Alice");
    let (_, answer) = server.get("/api/v1/validator-data?block_size=20", Some(&token));
    let mut blocks: Value = serde_json::from_str(&answer).unwrap();
    let key = blocks["rotation"]["public_key"].as_str().unwrap().to_owned();
    let path = folder.path().join("blocks.json");
    let verify = |arguments: &[&str]| {
        let output =
            Command::new(BINARY).arg("verify").args(arguments).env_clear().output().unwrap();
        (
            output.status.success(),
            String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned(),
        )
    };
    std::fs::write(&path, &answer).unwrap();
    let file = path.to_str().unwrap();
    let sha256 = blocks["rotation"]["pool_sha256"].as_str().unwrap().to_owned();
    let pinned = [
        file,
        "--public-key",
        &key,
        "--netuid",
        "46",
        "--epoch-seconds",
        "14400",
        "--pool-sha256",
        &sha256,
        "--zipcodes-per-epoch",
        "1000",
        "--block-size",
        "20",
    ];
    let (success, words) = verify(&pinned);
    assert!(
        success
            && words.contains("Verified: nobody picked these zipcodes")
            && !words.contains("??"),
        "{words}"
    );
    let (success, words) = verify(&[file]);
    assert!(!success && words.contains("the rotation key: first contact"), "{words}");
    assert!(!words.contains("Verified"), "{words}");
    let (success, words) = verify(&[file, "--public-key", &"ab".repeat(32)]);
    assert!(!success && words.contains("the rotation key is"), "{words}");
    let (success, words) = verify(&[file, "--at", "2025-01-15T10:00:00Z"]);
    assert!(!success && words.contains("--at"), "{words}");

    let url = server.url("/api/v1/validator-data?block_size=20");
    let (success, words) = verify(&[&[&*url, "--token", &token][..], &pinned[1..11]].concat());
    assert!(success && words.contains("sources: asked for, ZILLOW_SOLD"), "{words}");
    let (success, words) = verify(&[&url, "--token", &token, "--public-key", &key]);
    assert!(!success && words.contains("??   netuid: first contact"), "{words}");
    let (success, words) = verify(&[&url]);
    assert!(!success && words.contains("MISSING_TOKEN"), "{words}");

    blocks["data_blocks"]["batch_007"]["zipcodes"][3] = json!("00000");
    std::fs::write(&path, blocks.to_string()).unwrap();
    let (success, words) = verify(&[file]);
    assert!(
        !success && words.contains("batch_007") && words.contains("zipcode 4 is 00000"),
        "{words}"
    );
    server.stop();
}

#[test]
fn a_database_that_is_away_at_start_is_waited_for_on_postgres() {
    let folder = tempfile::tempdir().unwrap();
    let mut postgres = Postgres::database();
    let url =
        std::mem::replace(&mut postgres.url, "postgres://resi:hunter2@127.0.0.1:1/resi".into());
    let mut server = Server::spawn(folder.path(), &postgres.arguments());
    server.wait_for_log("trying again");
    let log = server.log();
    assert!(log.contains("127.0.0.1:1/resi") && !log.contains("hunter2"), "{log}");
    server.signal(Signal::TERM);
    assert!(!server.wait().success());
    postgres.url = url;
}

#[test]
fn replicas_as_processes_deal_alike_on_postgres() {
    let folder = tempfile::tempdir().unwrap();
    let postgres = Postgres::database();
    let one = Server::start(folder.path(), &postgres.arguments());
    let two = Server::start(folder.path(), &postgres.arguments());
    let token = access_token(&one, "Alice");
    let blocks = |server: &Server| server.get("/api/v1/validator-data", Some(&token)).1;
    // An epoch may end between the two.
    assert!((0..3).any(|_| blocks(&one) == blocks(&two)));
    one.stop();
    two.stop();
}

#[test]
fn what_was_acknowledged_survives_a_kill_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    survive_a_kill(|| Server::start(folder.path(), &[]));
}

#[test]
fn what_was_acknowledged_survives_a_kill_on_postgres() {
    let folder = tempfile::tempdir().unwrap();
    let postgres = Postgres::database();
    survive_a_kill(|| Server::start(folder.path(), &postgres.arguments()));
}

/// Reports from eight clients until the process is killed in the middle of it; then each acknowledged one is read back.
fn survive_a_kill(start: impl Fn() -> Server) {
    let server = start();
    let token = access_token(&server, "Alice");
    let acknowledged = Mutex::new(Vec::new());
    let (killed, count) = (AtomicBool::new(false), AtomicU32::new(0));
    thread::scope(|scope| {
        for client in 0..8 {
            let (server, token, acknowledged, killed, count) =
                (&server, &token, &acknowledged, &killed, &count);
            scope.spawn(move || {
                for number in 0.. {
                    let id = format!("c{client}-{number}");
                    if report(server, token, &id) {
                        acknowledged.lock().unwrap().push(id);
                        count.fetch_add(1, Ordering::Relaxed);
                    } else if killed.load(Ordering::Relaxed) {
                        return;
                    }
                }
            });
        }
        while count.load(Ordering::Relaxed) < 500 {
            thread::yield_now();
        }
        server.signal(Signal::KILL);
        killed.store(true, Ordering::Relaxed);
    });
    drop(server);

    let server = start();
    let acknowledged = acknowledged.into_inner().unwrap();
    assert!(acknowledged.len() >= 500);
    for id in acknowledged {
        let (status, body) = server.get(&format!("/api/v1/assignments/{id}"), Some(&token));
        assert!(status == 200 && body.contains(r#""status":"completed""#), "{id}: {status} {body}");
    }
    server.stop();
}

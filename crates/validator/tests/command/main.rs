//! The binary, as a shell calls it, against the real service in this process.
#![expect(clippy::unwrap_used, reason = "a test that fails may say so in any way")]

use std::fs;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use resi_data_api::clock::SystemClock;
use serde_json::{Value, json};

mod answers;
mod between;
#[path = "../../../client/tests/suite/support/service.rs"]
mod service;
mod stage;

use service::{Backend, Options};
use stage::{Stage, Standing};

const WALLETS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../client/tests/wallets");
const ALICE: &str = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";

#[test]
fn pull_verify_report_and_read_back_on_sqlite() {
    pull_verify_report_and_read_back(Backend::Sqlite);
}

#[test]
fn pull_verify_report_and_read_back_on_postgres() {
    pull_verify_report_and_read_back(Backend::Postgres);
}

fn pull_verify_report_and_read_back(backend: Backend) {
    let stage = Stage::on(backend, Arc::new(SystemClock::new()), Options::default());
    let grant = stage.alice(&["access"]).json();
    assert_eq!(grant["sources_authorized"][0], "ZILLOW_SOLD");
    let text = stage.alice(&["access", "--table"]).ok();
    assert!(text.contains(ALICE) && !text.contains("eyJ"), "{text}");

    let blocks = stage.alice(&["blocks", "--block-size", "50"]).json();
    assert_eq!((&blocks["total_batches"], &blocks["total_zipcodes"]), (&20.into(), &1_000.into()));
    let csv = stage.alice(&["blocks", "--csv"]).ok();
    assert_eq!(csv.lines().count(), 1_001);
    assert!(csv.starts_with("epoch,block,position,zipcode,size_rank,sources\n"), "{csv}");
    let table = stage.alice(&["blocks", "--table"]).ok();
    assert!(table.contains("50 with 1000 zipcodes") && table.contains("batch_050"), "{table}");

    let proof = stage.alice(&["verify"]).json();
    assert_eq!((&proof["verified"], &proof["open"]), (&true.into(), &json!([])));
    assert_eq!(proof["not_pinned"].as_array().unwrap().len(), 5, "remembered is not pinned");
    let since = proof["vouchers"]["public_key"].as_str().unwrap();
    assert!(since.starts_with("remembered since 20"), "{since}");
    assert!(table.contains(since), "{table}");

    let statistics = r#"{"success_rate": 0.95, "region": "TX"}"#;
    let report = ["report", "first", "completed", "--statistics", statistics];
    assert_eq!(stage.alice(&report).json()["success"], true);
    assert_eq!(stage.alice(&report).json()["success"], true);
    stage.alice(&["report", "second", "started"]).json();
    let all = stage.alice(&["assignments"]).json();
    assert_eq!(
        (&all[0]["assignment_id"], &all[1]["status"]),
        (&"second".into(), &"completed".into())
    );
    assert_eq!(all[1]["statistics"]["region"], "TX");
    let one = stage.alice(&["assignments", "--status", "started", "--table"]).ok();
    assert!(one.contains("second") && !one.contains("first"), "{one}");
    assert_eq!(stage.alice(&["assignments", "first"]).json().as_array().unwrap().len(), 1);

    let epoch = stage.run(&["epoch"]).json();
    assert_eq!(epoch["epoch"], blocks["epoch"]);
    let text = stage.run(&["epoch", "--table"]).ok();
    assert!(text.contains("running") && text.contains("7572 zipcodes"), "{text}");
    assert!(!stage.run(&["epoch", "--last", "3"]).json().as_array().unwrap().is_empty());
    stage.end();
}

#[test]
fn a_saved_answer_is_verified_and_a_changed_one_is_not() {
    let stage = Stage::new();
    let file = stage.home.path().join("blocks.json");
    let path = file.to_str().unwrap();
    let blocks = stage.alice(&["blocks"]).ok();
    fs::write(&file, &blocks).unwrap();
    let words = stage.run(&["verify", "--file", path, "--table"]).ok();
    assert!(words.contains("Verified: nobody picked these zipcodes"), "{words}");

    let elsewhere = stage.home.path().join("elsewhere");
    let fresh = ["verify", "--file", path, "--table", "--data-dir", elsewhere.to_str().unwrap()];
    let words = stage.run(&fresh).open();
    assert!(words.contains("Not verified") && !words.contains("Verified"), "{words}");
    assert!(words.contains("??   netuid 46: first contact"), "{words}");
    stage.run(&["verify", "--file", path, "--at", "2025-01-15T10:00:00Z"]).fails(3, "is running");

    let blocks: Value = serde_json::from_str(&blocks).unwrap();
    let mut tampered = blocks.clone();
    tampered["data_blocks"]["batch_007"]["zipcodes"][3] = "00000".into();
    fs::write(&file, tampered.to_string()).unwrap();
    stage.run(&["verify", "--file", path]).fails(3, "batch_007");
    fs::write(&file, "{}").unwrap();
    stage.run(&["verify", "--file", path]).fails(1, "neither blocks nor an epoch");
    stage.end();
}

#[test]
fn wallets_are_named_as_everywhere_on_the_network() {
    let stage = Stage::new();
    let show = |environment: &[(&str, &str)], arguments: &[&str]| {
        let shown = stage.run_with(environment, &[&["wallet", "show"], arguments].concat());
        shown.json()["hotkey"].as_str().unwrap().to_owned()
    };
    let flags =
        ["--wallet.path", WALLETS, "--wallet.name", "validator", "--wallet.hotkey", "alice"];
    assert_eq!(show(&[], &flags), ALICE);
    for name in ["BT_WALLET_NAME", "BT_WALLET"] {
        let path = ("BT_WALLET_PATH", WALLETS);
        assert_eq!(show(&[path, (name, "validator"), ("BT_WALLET_HOTKEY", "alice")], &[]), ALICE);
    }
    let encrypted =
        ["--wallet.path", WALLETS, "--wallet.name", "validator", "--wallet.hotkey", "enc"];
    let password = stage.home.path().join("password");
    fs::write(&password, "correct horse\n").unwrap();
    show(&[("BT_WALLET_PASSWORD_FILE", password.to_str().unwrap())], &encrypted);
    let needed = stage.run(&[&["wallet", "show"], &encrypted[..]].concat());
    needed.fails(7, "BT_WALLET_PASSWORD_FILE");
    stage.run(&["wallet", "show"]).fails(7, ".bittensor/wallets/default/hotkeys/default");
    let text = stage.alice(&["wallet", "show", "--table"]).ok();
    insta::assert_snapshot!(text, @r"
    hotkey      5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY
    public key  0xd43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d
    kind        sr25519
    file        none
    ");
    stage.end();
}

#[test]
fn a_log_of_everything_has_no_token() {
    let stage = Stage::new();
    let token = stage.alice(&["access"]).json()["access_token"].as_str().unwrap().to_owned();
    for arguments in
        [&["--log", "trace", "access", "--table"][..], &["--log", "trace", "assignments"]]
    {
        let outcome = stage.alice(arguments);
        let said = outcome.out + &outcome.errors;
        assert!(outcome.code == 0 && !said.contains(&token) && !said.contains("eyJ"), "{said}");
    }
    stage.end();
}

#[test]
fn the_exit_code_says_what_a_script_can_do() {
    let stage = Stage::new();
    stage
        .alice(&["report", "first", "done"])
        .fails(2, "possible values: started, completed, failed");
    stage.run_with(&[], &["--wallet-uri", "//Alice", "access"]).fails(2, "DATA_API_URL");
    let key = stage.service.rotation_key.to_string();
    stage.alice(&["--rotation-key", &key, "blocks"]).ok();
    stage.alice(&["--rotation-key", &"ab".repeat(32), "blocks"]).fails(3, "the rotation key");
    stage
        .run_with(
            &[("NETUID", "428"), ("DATA_API_URL", &stage.url())],
            &["--wallet-uri", "//Alice", "blocks"],
        )
        .fails(3, "netuid is 46");
    stage
        .run_with(
            &[("NET_UID", "428"), ("DATA_API_URL", &stage.url())],
            &["--wallet-uri", "//Alice", "blocks"],
        )
        .fails(3, "netuid is 46");
    stage.alice(&["access", "--sources", "REDFIN"]).fails(4, "SOURCE_NOT_AUTHORIZED");
    let nobody = ["--url", "http://127.0.0.1:1", "--retry-seconds", "0", "epoch"];
    stage.run(&nobody).fails(5, "cannot reach http://127.0.0.1:1/");
    stage.run(&["--wallet-uri", "Alice", "access"]).fails(7, "phrase");
    stage.end();

    let stage = Stage::on(Backend::Sqlite, Standing::new(), Options::default());
    stage.alice(&["access"]).fails(6, "the clock of this machine is");
    stage.end();
}

#[test]
fn an_epoch_is_verified_when_it_has_ended() {
    let clock = Standing::new();
    let stage = Stage::on(Backend::Sqlite, clock.clone(), Options::default());
    clock.0.fetch_add(4 * 3_600, Ordering::SeqCst);
    let verify = ["verify", "2025-01-15T08-00-00"];
    let proof: Value = serde_json::from_str(&stage.run(&verify).open()).unwrap();
    assert_eq!((&proof["verified"], &proof["zipcodes"]), (&false.into(), &1_000.into()));
    assert_eq!(proof["not_pinned"], proof["open"]);
    assert_eq!(proof["open"].as_array().unwrap().len(), 5);
    assert_eq!(proof["vouchers"]["public_key"], "first contact");

    let key = stage.service.rotation_key.to_string();
    let sha256 = stage.run(&["epoch", verify[1]]).json()["rotation"]["pool_sha256"].clone();
    let some = ["--rotation-key", &key, "--netuid", "46", "verify", verify[1], "--table"];
    let words = stage.run(&some).open();
    assert!(words.contains("ok   netuid 46: pinned"), "{words}");
    assert!(words.contains("??   epoch_seconds 14400: first contact"), "{words}");
    let all = ["--epoch-seconds", "14400", "--pool-sha256", sha256.as_str().unwrap()];
    let all = [&some[..], &all, &["--zipcodes-per-epoch", "1000"]].concat();
    insta::assert_snapshot!(stage.run(&all).ok());
    stage.run(&["verify", "2025-01-15T08-00-01"]).fails(4, "NOT_FOUND");
    stage.end();

    let stage = Stage::new();
    let running = stage.run(&["epoch"]).json()["epoch"]["id"].as_str().unwrap().to_owned();
    stage.run(&["verify", &running]).fails(3, "shows no signature and zipcodes yet");
    stage.end();
}

#[test]
fn help_is_what_people_read_first() {
    let output = Command::new(env!("CARGO_BIN_EXE_resi-validator"))
        .arg("--help")
        .env_clear()
        .output()
        .unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    insta::with_settings!({ omit_expression => true }, { insta::assert_snapshot!("help", help) });
}

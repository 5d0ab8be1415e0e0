//! What the command makes of answers that are none, or that hold what a terminal acts upon.

use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use crate::between::Between;
use crate::service::{Backend, Options};
use crate::stage::{Outcome, Stage, Standing};

const HOSTILE: &str = "\u{1b}[2J\u{7f}\u{9b}31m\u{202e}\u{2028}\r\nresi-validator: all is well";

fn alice(stage: &Stage, between: &Between, arguments: &[&str]) -> Outcome {
    let arguments = [&["--wallet-uri", "//Alice", "--retry-seconds", "0"], arguments].concat();
    stage.run_with(&[("DATA_API_URL", &between.url())], &arguments)
}

#[track_caller]
fn is_harmless(text: &str) {
    let acts = |c: char| (c.is_control() && c != '\n') || "\u{202e}\u{2028}".contains(c);
    assert!(!text.contains(acts), "{text:?}");
    assert!(!text.lines().any(|line| line == "resi-validator: all is well"), "{text}");
}

#[test]
fn an_honest_record_of_another_epoch_verifies_nothing() {
    let clock = Standing::new();
    let mut stage = Stage::on(Backend::Sqlite, clock.clone(), Options::default());
    clock.0.fetch_add(4 * 3_600, Ordering::SeqCst);
    stage.restart(clock.clone(), Options::default());
    clock.0.fetch_add(4 * 3_600, Ordering::SeqCst);
    let other = stage.run(&["epoch", "2025-01-15T08-00-00"]).ok();
    let file = stage.home.path().join("epoch.json");
    std::fs::write(&file, &other).unwrap();
    let between = Between::new(stage.service.address);
    let asked = "2025-01-15T12-00-00";
    let answered = other.clone();
    between.changes(move |path, body| if path.contains(asked) { answered.clone() } else { body });
    for command in ["verify", "epoch"] {
        let outcome = alice(&stage, &between, &[command, asked]);
        outcome.fails(8, "epoch.id is 2025-01-15T08-00-00, and 2025-01-15T12-00-00 was expected");
    }
    let saved = ["verify", asked, "--file", file.to_str().unwrap()];
    stage.run(&saved).fails(3, "epoch.id is 2025-01-15T08-00-00");
    between.replaces("epochs/", "\"record_signature\":", "\"no_signature\":");
    let proof = alice(&stage, &between, &["verify", asked]).open();
    let proof: Value = serde_json::from_str(&proof).unwrap();
    assert_eq!(proof["verified"], false);
    assert!(proof["open"].as_array().unwrap().contains(&json!("record")), "{proof}");
    stage.end();
}

#[test]
fn a_report_that_was_not_taken_is_no_success() {
    let stage = Stage::new();
    let between = Between::new(stage.service.address);
    between.replaces("assignment-status", "true", "false");
    alice(&stage, &between, &["report", "first", "started"]).fails(8, "was taken");
    between.replaces("assignments", "\"started\"", "\"completed\"");
    let started = ["assignments", "--status", "started"];
    alice(&stage, &between, &started).fails(8, "status is completed");
    between.replaces("assignments", "\"first\"", "\"second\"");
    alice(&stage, &between, &["assignments", "first"]).fails(8, "assignment_id is second");
    stage.end();
}

#[test]
fn what_a_service_writes_moves_no_cursor_and_begins_no_line() {
    let stage = Stage::new();
    let between = Between::new(stage.service.address);
    let hostile = json!(HOSTILE).to_string();
    let text = hostile[1..hostile.len() - 1].to_owned();

    let refusal = json!({ "error": HOSTILE, "error_code": HOSTILE, "request_id": HOSTILE });
    let (nonsense, refusal) = (json!({ "epoch": HOSTILE }).to_string(), refusal.to_string());
    for (arguments, code, body) in [
        (&["epoch", "2025-01-15T08-00-01"][..], 4, refusal),
        (&["epoch"], 8, nonsense.clone()),
        (&["verify"], 8, nonsense),
    ] {
        between.changes(move |_, _| body.clone());
        let outcome = alice(&stage, &between, arguments);
        assert_eq!((outcome.code, outcome.out.as_str()), (code, ""), "{}", outcome.errors);
        is_harmless(&outcome.errors);
        assert_eq!(outcome.errors.lines().count(), 1, "{}", outcome.errors);
        assert!(outcome.errors.len() < 1_500, "{}", outcome.errors);
    }

    between.replaces("assignment-status", "Status updated", &text);
    for style in ["--table", "--json"] {
        let said = alice(&stage, &between, &["report", "first", "started", style]).ok();
        is_harmless(&said);
        assert!(said.contains("all is well") && said.lines().count() == 1, "{said}");
    }
    // No proof is about places.
    between.replaces("validator-data", "\"states\":[\"", &format!("\"states\":[\"{text}\",\""));
    let table = alice(&stage, &between, &["blocks", "--table"]).ok();
    is_harmless(&table);
    assert!(table.contains("all is well") && table.contains("batch_001"), "{table}");
    let blocks = alice(&stage, &between, &["blocks", "--json"]).ok();
    is_harmless(&blocks);
    let blocks: Value = serde_json::from_str(&blocks).unwrap();
    let states = &blocks["data_blocks"]["batch_001"]["geographic_info"]["states"];
    assert_eq!(states[0], HOSTILE, "JSON is the same for who reads it");
    stage.end();
}

//! What needs no service, as a shell calls it.
#![expect(clippy::unwrap_used, reason = "a test that fails may say so in any way")]

use std::fs;
use std::process::{Command, Output};

use resi_protocol::Hotkey;
use serde_json::{Value, json};
use tempfile::TempDir;

struct Recorded {
    folder: TempDir,
    lines: Vec<String>,
}

impl Recorded {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let blocks = json!({
            "epoch": {"id": "2025-01-15T08-00-00", "starts_at": "2025-01-15T08:00:00Z"},
            "data_blocks": {"batch_001": {"zipcodes": ["77494"], "sources": ["ZILLOW_SOLD"]}},
        });
        let key = |number: u8| Hotkey::from_bytes([number; 32]).to_string();
        let miners: Vec<Value> = (0..8)
            .map(|uid| json!({"uid": uid, "hotkey": key(uid), "coldkey": key(100 + uid), "active": true}))
            .collect();
        fs::write(folder.path().join("blocks.json"), blocks.to_string()).unwrap();
        fs::write(folder.path().join("miners.json"), json!(miners).to_string()).unwrap();
        Self { folder, lines: (0..8).map(|uid| line(uid, "batch_001")).collect() }
    }

    fn judge(&self, more: &[&str]) -> Output {
        fs::write(self.folder.path().join("answers.jsonl"), self.lines.join("\n")).unwrap();
        Command::new(env!("CARGO_BIN_EXE_resi-validator"))
            .current_dir(self.folder.path())
            .args(["consensus", "--blocks", "blocks.json", "--metagraph", "miners.json"])
            .args(["--responses", "answers.jsonl"])
            .args(more)
            .output()
            .unwrap()
    }

    #[track_caller]
    fn json(&self, more: &[&str]) -> Value {
        let output = self.judge(more);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    #[track_caller]
    fn fails(&self, more: &[&str], words: &str) {
        let output = self.judge(more);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{errors}");
        assert!(errors.contains(words), "{errors}");
    }
}

/// Miner 7 asks for another price than all others.
fn line(uid: u16, batch: &str) -> String {
    let homes: Vec<Value> = (1..=10)
        .map(|home| {
            let price = if uid == 7 { 900_000 } else { 400_000 } + home * 1_000;
            json!({
                "uri": format!("https://www.zillow.com/homedetails/{home}_zpid/"),
                "label": "zip:77494",
                "content": {"price": price, "bedrooms": 3},
            })
        })
        .collect();
    json!({"uid": uid, "received_at": format!("2025-01-15T08:{}:00Z", 30 + uid % 10), "response": {
        "zipcode_batch_id": batch, "overlap_group": uid % 2, "completion_status": "completed",
        "scrape_timestamp": "2025-01-15T08:05:00Z", "submission_timestamp": "2025-01-15T08:30:00Z",
        "scraped_data": {"ZILLOW_SOLD": homes},
    }})
    .to_string()
}

#[test]
fn what_most_owners_say_is_accepted() {
    for strategy in ["robust", "majority"] {
        let result = Recorded::new().json(&["--strategy", strategy]);
        assert_eq!(result["strategy"], strategy);
        assert_eq!(result["properties"].as_array().unwrap().len(), 10);
        let price = &result["properties"][0]["fields"]["price"];
        assert_eq!((&price["value"], &price["accepted"]), (&json!(401_000), &json!(true)));
    }
}

#[test]
fn the_order_of_lines_does_not_matter() {
    let mut recorded = Recorded::new();
    let before = recorded.json(&[]);
    recorded.lines.reverse();
    recorded.lines.swap(1, 5);
    assert_eq!(recorded.json(&[]), before);
}

#[test]
fn answers_to_nothing_are_refused_with_a_reason() {
    let mut recorded = Recorded::new();
    recorded.lines.extend([line(3, "batch_999"), line(99, "batch_001")]);
    let refused = recorded.json(&[])["refused"].clone();
    let reasons: Vec<_> =
        refused.as_array().unwrap().iter().map(|one| (&one["uid"], &one["reason"])).collect();
    assert_eq!(
        reasons,
        [(&json!(3), &json!("not_assigned")), (&json!(99), &json!("unknown_miner"))]
    );
}

#[test]
fn credibilities_go_on_from_those_in_the_file() {
    let recorded = Recorded::new();
    let hotkey = Hotkey::from_bytes([2; 32]).to_string();
    let known = json!({"1": 0.9, hotkey: 0.1});
    fs::write(recorded.folder.path().join("known.json"), known.to_string()).unwrap();
    let credibility = recorded.json(&["--credibility", "known.json"])["credibility"].clone();
    let of = |uid: &str| credibility[uid].as_f64().unwrap();
    assert!(of("1") > of("0") && of("0") > of("2") && of("2") > 0.1, "{credibility}");
    assert!(of("7") < of("0"), "{credibility}");
}

#[test]
fn faults_are_told_with_file_and_line() {
    let mut recorded = Recorded::new();
    fs::write(recorded.folder.path().join("known.json"), r#"{"1": 7}"#).unwrap();
    recorded.fails(&["--credibility", "known.json"], "known.json: 1: 7 is not from 0 to 1");
    recorded.lines[2] = r#"{"uid": -1}"#.to_owned();
    recorded.fails(&[], "answers.jsonl:3: uid is");
}

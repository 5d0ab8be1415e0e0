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
    fn text(&self, more: &[&str]) -> String {
        let output = self.judge(&[more, &["--table"]].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
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

/// What one miner sends costs nobody but that miner; only a line that is damaged itself ends the command.
#[test]
fn rubbish_of_one_miner_is_nobody_elses_problem() {
    let mut calm = Recorded::new();
    calm.lines.remove(4);
    let calm = calm.json(&[]);
    let head = r#"{"uid": 4, "received_at": "2025-01-15T08:34:00Z", "response": "#;
    for rubbish in [
        "null",
        "[]",
        "7",
        "\"text\"",
        r#"{"zipcode_batch_id": "\ud800"}"#,
        r#"{"overlap_group": 1e999}"#,
        r#"{"overlap_group": NaN, "zipcode_batch_id": "\ud800"}"#,
        r#"{"scraped_data": {"ZILLOW_SOLD": [{"content": {"price": 1e999}}]}}"#,
        &"[".repeat(200).chars().chain("]".repeat(200).chars()).collect::<String>(),
    ] {
        let mut recorded = Recorded::new();
        recorded.lines[4] = format!("{head}{rubbish}}}");
        let mut result = recorded.json(&[]);
        let refused = result["refused"].take();
        let [one] = refused.as_array().unwrap().as_slice() else { panic!("{rubbish}: {refused}") };
        assert_eq!((&one["uid"], &one["reason"]), (&json!(4), &json!("malformed")), "{rubbish}");
        assert_eq!(result["properties"], calm["properties"], "{rubbish}");
    }
    for damaged in [head.to_owned(), format!("{head}{{"), format!("{head}null}} x"), "null".into()]
    {
        let mut recorded = Recorded::new();
        recorded.lines[4] = damaged;
        recorded.fails(&[], "answers.jsonl:5: ");
    }
}

#[test]
fn times_that_cannot_be_are_refused_with_a_reason() {
    let mut recorded = Recorded::new();
    recorded.lines[3] = recorded.lines[3].replace("2025-01-15T08:05:00Z", "2025-01-15T07:05:00Z");
    recorded.lines[4] = recorded.lines[4].replace("2025-01-15T08:30:00Z", "2025-01-15T08:07:00Z");
    recorded.lines[5] = recorded.lines[5].replace("submission_timestamp", "sent");
    let result = recorded.json(&[]);
    let refused: Vec<_> = result["refused"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["uid"].as_u64(), one["reason"].as_str(), one["detail"].as_str()))
        .collect();
    assert_eq!(
        refused,
        [
            (
                Some(3),
                Some("implausible_time"),
                Some("55 min 0 s from being scraped to being assigned")
            ),
            (Some(4), Some("implausible_time"), Some("2 min 0 s, too fast")),
            (
                Some(5),
                Some("no_times"),
                Some("scrape_timestamp or submission_timestamp is missing")
            ),
        ]
    );
    let findings = result["findings"].as_array().unwrap();
    assert_eq!(findings.len(), 2, "{findings:?}");
    let text = recorded.text(&[]);
    assert!(text.contains("\nimplausible_time  4 "), "{text}");
}

#[test]
fn who_was_assigned_and_did_not_answer_is_judged_by_it() {
    let mut recorded = Recorded::new();
    recorded.lines.remove(2);
    let plan = json!({"batches": [{"name": "batch_001", "groups": [
        {"overlap_group": 0, "miners": [0, 2, 4, 6]}, {"overlap_group": 1, "miners": [1, 3, 5]},
    ]}]});
    fs::write(recorded.folder.path().join("plan.json"), plan.to_string()).unwrap();
    let silent = recorded.json(&[]);
    assert_eq!(silent["credibility"]["2"], 0.5);
    let told = recorded.json(&["--assignments", "plan.json"]);
    assert_eq!(told["credibility"]["2"], 0.425);
    let refused = &told["refused"][0];
    assert_eq!((&refused["uid"], &refused["reason"]), (&json!(7), &json!("not_assigned")));

    let stray = plan.to_string().replace("batch_001", "batch_009");
    fs::write(recorded.folder.path().join("plan.json"), stray).unwrap();
    recorded.fails(&["--assignments", "plan.json"], "plan.json: \"batch_009\" is assigned");
}

#[test]
fn an_assignment_is_made_again_from_its_seed() {
    let mut recorded = Recorded::new();
    recorded.lines.remove(2);
    let seed = "07".repeat(32);
    let development = ["--preset", "development", "--assignment-seed", &seed];
    let result = recorded.json(&development);
    assert_eq!(result, recorded.json(&development));
    // Eight miners make two groups, so that all were asked: also the one that is silent.
    assert_eq!(result["refused"], json!([]));
    assert_eq!(
        (&result["credibility"]["2"], &result["credibility"]["3"]),
        (&json!(0.425), &json!(0.575))
    );
    let malformed = recorded.judge(&["--assignment-seed", "07"]);
    assert_eq!(malformed.status.code(), Some(2));
}

/// The address space bounds the memory: the line alone is nearly half of what is allowed.
#[cfg(target_os = "linux")]
#[test]
fn an_answer_of_a_hundred_megabytes_costs_little_and_harms_nobody() {
    let mut recorded = Recorded::new();
    let calm = recorded.json(&[]);
    let [start, end] = [r#"{"uid": 3, "received_at": "2025-01-15T08:31:00Z", "response": "#, "}"];
    let hostile = format!("{start}{}{end}", "[".repeat(100 << 20));
    recorded.lines.insert(4, hostile);
    fs::write(recorded.folder.path().join("answers.jsonl"), recorded.lines.join("\n")).unwrap();
    let command = format!(
        "ulimit -v {} && exec {} consensus --blocks blocks.json --metagraph miners.json \
         --responses answers.jsonl",
        250 << 10,
        env!("CARGO_BIN_EXE_resi-validator"),
    );
    let output = Command::new("sh")
        .current_dir(recorded.folder.path())
        .args(["-c", &command])
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    assert_eq!(serde_json::from_slice::<Value>(&output.stdout).unwrap(), calm);
    assert!(
        errors.contains("resi-validator: answers.jsonl:5: left out: the answer has 67108865 bytes"),
        "{errors}"
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

/// A world that is played in no time.
const WORLD: &str = "[world]\nminers = 24\nbatches = 4\nzipcodes = 2\nhomes = 12\n";

struct Stage(TempDir);

impl Stage {
    fn new(config: &str) -> Self {
        let stage = Self(TempDir::new().unwrap());
        fs::write(stage.0.path().join("mixture.toml"), config).unwrap();
        stage
    }

    fn simulate(&self, more: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_resi-validator"))
            .current_dir(self.0.path())
            .args(["simulate", "--config", "mixture.toml", "--seeds", "1..2"])
            .args(more)
            .output()
            .unwrap()
    }

    #[track_caller]
    fn plays(&self, more: &[&str]) -> String {
        let output = self.simulate(more);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), &*errors), (Some(0), ""));
        String::from_utf8(output.stdout).unwrap()
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.0.path().join(name)).unwrap()
    }
}

fn ring() -> Stage {
    Stage::new(&format!(
        "name = \"<a ring>\"\nepochs = 2\n{WORLD}\n[[actors]]\nkind = \"ring\"\nshare = 0.4\n\n\
         [[actors]]\nkind = \"lazy\"\nshare = 0.1\nsends = 0.5\n"
    ))
}

#[test]
fn a_simulation_compares_both_strategies_on_the_same_answers() {
    let stage = ring();
    let lines: Value = serde_json::from_str(&stage.plays(&[])).unwrap();
    let line = &lines[0];
    assert_eq!((&line["scenario"], &line["seeds"]), (&json!("<a ring>"), &json!(2)));
    assert_eq!(line["robust"]["by_epoch"].as_array().unwrap().len(), 2);
    assert_eq!(line["robust"]["figures"]["true"], 1.0);
    let accepted = |strategy: &str| line[strategy]["figures"]["accepted"].as_f64().unwrap();
    assert!(accepted("robust") > accepted("majority"), "{line}");

    let text = stage.plays(&["--table", "--epochs", "1", "--threads", "1"]);
    let rows: Vec<&str> = text.lines().collect();
    assert!(rows[1].starts_with("<a ring>  2      robust      100.000 %"), "{text}");
    assert!(rows[2].trim_start().starts_with("plain vote"), "{text}");
    let markdown = stage.plays(&["--markdown", "--epochs", "1"]);
    assert!(markdown.lines().any(|line| line.starts_with("| <a ring> | 2 | 100.000 % |")));
}

#[test]
fn games_that_were_kept_are_not_played_again() {
    let stage = ring();
    let first = stage.plays(&["--runs", "kept.jsonl"]);
    let kept = stage.read("kept.jsonl");
    assert_eq!(kept.lines().count(), 2);
    // As if it had been killed while writing.
    fs::write(stage.0.path().join("kept.jsonl"), &kept[..kept.len() - 40]).unwrap();
    assert_eq!(stage.plays(&["--runs", "kept.jsonl"]), first);
    assert_eq!(stage.read("kept.jsonl").lines().count(), 3);
    assert_eq!(stage.plays(&["--runs", "kept.jsonl"]), first);
    assert_eq!(stage.read("kept.jsonl").lines().count(), 3);
}

#[test]
fn the_page_of_a_simulation_stands_alone() {
    let stage = Stage::new(&format!(
        "name = \"<a ring>\"\nepochs = 1\n{WORLD}\n[[actors]]\nkind = \"ring\"\nshare = 0.4\n"
    ));
    stage.plays(&["--page", "page.html"]);
    let page = stage.read("page.html");
    for outside in ["http:", "https:", "<script", "<link", "src=", "@import", "<a ring>"] {
        assert!(!page.contains(outside), "{outside}");
    }
    // Two figures over nine shares, two strategies each.
    assert_eq!((page.matches("<svg").count(), page.matches("<circle").count()), (2, 36));
    assert!(page.contains("&lt;a ring&gt;") && page.contains("class=\"band robust\""));
}

#[test]
fn mixtures_that_cannot_be_are_told_with_key_and_line() {
    let fails = |config: &str, more: &[&str], code: i32, words: &[&str]| {
        let output = Stage::new(config).simulate(more);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{errors}");
        for words in words {
            assert!(errors.contains(words), "{words}: {errors}");
        }
    };
    let actor = |rest: &str| format!("[[actors]]\nkind = \"ring\"\n{rest}\n");
    fails(&actor("share = 1.5"), &[], 1, &["mixture.toml: ", "line 3", "share", "from 0 to 1"]);
    fails(&actor("share = 0.1\nhoms = 1"), &[], 1, &["line 4", "unknown field `homs`"]);
    fails(&actor("share = 0.1\nsends = 1"), &[], 1, &["line 1", "`sends`", "`ring`"]);
    fails("[world]\nminers = 0", &[], 1, &["line 2", "miners", "0 is not from 1 to 65536"]);
    let twice = actor("share = 0.6").repeat(2);
    fails(&twice, &[], 1, &["mixture.toml: the shares of the actors sum to 1.200"]);
    fails("", &["--only", "nothing"], 1, &["no world has \"nothing\" in its name"]);
    fails("", &["--actor", "ring=0.1"], 2, &["cannot be used with"]);
    fails("", &["--epochs", "0"], 2, &["0 is not in 1..=10000"]);
}

#[test]
fn a_mixture_may_come_from_flags() {
    let output = Command::new(env!("CARGO_BIN_EXE_resi-validator"))
        .args(["simulate", "--actor", "pirate=0.1"])
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{errors}");
    assert!(errors.contains("unknown variant `pirate`, expected one of `ring`"), "{errors}");
}

#[test]
fn shells_complete_it_and_man_explains_it() {
    let validator = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_resi-validator"))
            .args(arguments)
            .env_clear()
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap()
    };
    for shell in ["bash", "zsh", "fish"] {
        let script = validator(&["completions", shell]);
        assert!(script.contains("resi-validator") && script.contains("wallet"), "{shell}");
    }
    assert!(validator(&["man"]).contains(".SH SYNOPSIS"));
    let folder = TempDir::new().unwrap();
    validator(&["man", folder.path().to_str().unwrap()]);
    assert!(folder.path().join("resi-validator-wallet-show.1").exists());
}

mod decoys {
    use resi_protocol::rotation::{
        ALGORITHM, Honeypots, Parameters, Pool, RecordedEpoch, RotationKey, Salt,
    };
    use resi_protocol::{EpochIndex, EpochSchedule, Sha256Hash, Signature};
    use serde_json::{Value, json};

    use super::Recorded;

    const EPOCH: EpochIndex = EpochIndex(120_620);

    fn key(byte: u8) -> RotationKey {
        RotationKey::from_mini_secret(&[byte; 32])
    }

    fn honeypots(zipcode: &str) -> Honeypots {
        Honeypots {
            salt: Salt::from_bytes([7; 32]),
            zipcodes: vec![zipcode.parse().expect("five digits")],
        }
    }

    /// Blocks that `key` dealt and committed to a hash of decoys with, all in one batch.
    fn blocks(key: &RotationKey, committed: Option<Sha256Hash>) -> Value {
        let zipcodes = ["77494", "00501", "90011"];
        let pool = zipcodes.map(|zipcode| zipcode.parse().expect("five digits"));
        let pool = Pool::new(pool.to_vec()).expect("a pool");
        let schedule = EpochSchedule::new(14_400).expect("not zero");
        let parameters = Parameters::new(46, schedule, &pool, 3);
        let record = RecordedEpoch {
            epoch: EPOCH,
            parameters: &parameters,
            public_key: key.public(),
            prev_sha256: None,
            honeypots_sha256: committed,
        };
        let signature: Signature = key.sign_record(&record);
        json!({
            "request_id": "r", "total_batches": 1, "total_zipcodes": 3,
            "generated_at": "2025-01-15T08:00:00Z", "expires_at": "2025-01-15T12:00:00Z",
            "data_blocks": {"batch_001": {
                "zipcodes": zipcodes, "sources": ["ZILLOW_SOLD"], "expected_properties": 150,
                "assignment_groups": 2, "miners_per_group": 10,
                "geographic_info": {"states": [], "metros": [], "size_ranks": [1, 2, 3]},
            }},
            "assignment_config": {"overlap_factor": 2, "miners_per_batch": 10,
                "expected_properties_per_zipcode": 50, "assignment_timeout_hours": 4},
            "epoch": epoch(EPOCH.0),
            "rotation": {
                "algorithm": ALGORITHM, "public_key": key.public(), "netuid": 46,
                "epoch_seconds": 14_400, "pool_size": 3, "pool_sha256": pool.sha256(),
                "zipcodes_per_epoch": 3, "honeypots_sha256": committed,
                "signature": key.sign(&parameters, EPOCH),
            },
            "record_signature": signature.to_hex(),
        })
    }

    fn epoch(index: u64) -> Value {
        let (schedule, index) = (EpochSchedule::new(14_400).expect("not zero"), EpochIndex(index));
        json!({"id": schedule.id(index), "index": index, "starts_at": schedule.starts_at(index),
            "ends_at": schedule.ends_at(index)})
    }

    /// The public epoch of `blocks`, which reveals `decoys` and agrees with itself.
    fn revealed(blocks: &Value, decoys: &Honeypots) -> Value {
        let mut rotation = blocks["rotation"].clone();
        rotation["honeypots_sha256"] = json!(decoys.sha256());
        json!({"epoch": blocks["epoch"], "state": "ended", "revealed_at": "2025-01-15T12:00:00Z",
            "rotation": rotation, "zipcodes": ["77494", "00501", "90011"], "honeypots": decoys})
    }

    fn judge(blocks: &Value, epoch: &Value, more: &[&str]) -> (Option<i32>, Value, String) {
        let recorded = Recorded::new();
        let write = |name: &str, value: &Value| {
            std::fs::write(recorded.folder.path().join(name), value.to_string()).expect("written");
        };
        write("blocks.json", blocks);
        write("epoch.json", epoch);
        let output = recorded.judge(&[&["--honeypots", "epoch.json"], more].concat());
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code(), serde_json::from_slice(&output.stdout).unwrap_or_default(), errors)
    }

    #[test]
    fn who_reports_homes_in_signed_decoys_is_found() {
        let (key, decoys) = (key(42), honeypots("77494"));
        let blocks = blocks(&key, Some(decoys.sha256()));
        let public = key.public().to_string();
        let (code, result, errors) =
            judge(&blocks, &revealed(&blocks, &decoys), &["--rotation-key", &public]);
        assert_eq!(code, Some(0), "{errors}");
        assert_eq!(result["findings"][0]["kind"], "fabricated", "{result}");
    }

    #[test]
    fn a_file_alone_convicts_nobody() {
        let (ours, theirs) = (key(42), key(9));
        let (decoys, homes) = (honeypots("00501"), honeypots("77494"));
        let public = ours.public().to_string();
        let pinned = ["--rotation-key", public.as_str()];
        let honest = blocks(&ours, Some(decoys.sha256()));
        let changed = |path: &str, value: Value| {
            let mut blocks = honest.clone();
            *blocks.pointer_mut(path).expect("a place") = value;
            blocks
        };
        let committed_to = json!(homes.sha256());
        for (blocks, epoch, pins, code, words) in [
            // The epoch's own hash agrees with it; that of the blocks decides.
            (
                honest.clone(),
                revealed(&honest, &homes),
                &pinned[..],
                3,
                "and the blocks committed to",
            ),
            // The blocks are changed to agree with it.
            (
                changed("/rotation/honeypots_sha256", committed_to),
                revealed(&honest, &homes),
                &pinned,
                3,
                "signature of the record does not verify",
            ),
            (
                blocks(&theirs, Some(homes.sha256())),
                revealed(&blocks(&theirs, Some(homes.sha256())), &homes),
                &pinned,
                3,
                "the rotation key is",
            ),
            (honest.clone(), revealed(&honest, &decoys), &[], 1, "no rotation key is known"),
            (
                changed("/record_signature", Value::Null),
                revealed(&honest, &decoys),
                &pinned,
                1,
                "is not signed",
            ),
            (
                changed("/rotation/signature", Value::Null),
                revealed(&honest, &decoys),
                &pinned,
                3,
                "shows no signature",
            ),
            (
                changed("/epoch", epoch(120_621)),
                revealed(&honest, &decoys),
                &pinned,
                3,
                "does not verify",
            ),
            (
                honest.clone(),
                revealed(&changed("/epoch", epoch(120_621)), &decoys),
                &pinned,
                1,
                "it is of epoch 2025-01-15T12-00-00",
            ),
            (blocks(&ours, None), revealed(&honest, &decoys), &pinned, 3, "committed to no decoys"),
        ] {
            let (exit, result, errors) = judge(&blocks, &epoch, pins);
            assert_eq!((exit, &result), (Some(code), &Value::Null), "{words}: {errors}");
            assert!(errors.contains(words), "{words}: {errors}");
        }
    }
}

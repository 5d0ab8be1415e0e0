//! The command against a service that lies, and files that do: some hundreds of answers with one thing changed.
#![expect(clippy::unwrap_used, reason = "a test that fails may say so in any way")]

use std::path::Path;
use std::time::Duration;

use resi_data_api::clock::{Clock, SystemClock};
use resi_hostile::{Ask, BEFORE, BLOCK_SIZE, CommandLine, Commands, NOW, Stage, What};
use resi_protocol::rotation::RotationSet;
use resi_protocol::{EpochId, Hotkey};
use serde_json::{Value, json};

/// What is known of key and parameters at a moment.
fn pinned(known: &RotationSet) -> Vec<String> {
    vec![
        format!("--rotation-key={}", known.public_key),
        "--netuid=46".into(),
        format!("--epoch-seconds={}", known.epoch_seconds),
        format!("--pool-sha256={}", known.pool_sha256),
        format!("--zipcodes-per-epoch={}", known.zipcodes_per_epoch),
    ]
}

/// A command line by its name, with what is known, and what is changed.
fn line(name: &'static str, known: &[String], epoch: impl ToString, asks: Vec<Ask>) -> CommandLine {
    let words = name.split(' ').skip(1).map(|word| word.replace("EPOCH", &epoch.to_string()));
    let all = ["--wallet-uri=//Alice", "--retry-seconds=0", "--url=URL"].map(str::to_owned);
    CommandLine::new(name, all.into_iter().chain(known.iter().cloned()).chain(words), asks)
}

#[test]
fn nothing_that_a_service_or_a_file_says_is_taken_for_what_it_is_not() {
    // Grants are of the moment; a little ahead, they last until the slowest machine is done.
    let stage = Stage::play(SystemClock::new().now().plus(Duration::from_secs(400)), 3);
    let before = stage.epochs()[BEFORE];
    let blocks = format!("GET /api/v1/validator-data?sources=ZILLOW_SOLD&block_size={BLOCK_SIZE}");
    let epoch = format!("GET /api/v1/epochs/{before}");
    let pool = format!("GET /api/v1/pools/{}", stage.known(NOW).pool_sha256);
    let (known, known_before) = (pinned(&stage.known(NOW)), pinned(&stage.known(BEFORE)));
    let nothing: Vec<String> = Vec::new();
    let now = |request: &str, what| vec![Ask::at(NOW, request, what)];
    let of_blocks =
        || [now(&blocks, What::All), now(&pool, What::All), now(ACCESS, What::Whole)].concat();
    let of_epoch = || [now(&epoch, What::All), now(&pool, What::All)].concat();
    let folder = tempfile::tempdir().unwrap();
    recorded(folder.path(), &stage.book.answer(BEFORE, &blocks).answer);
    let consensus = consensus(folder.path(), &known_before, now(&epoch, What::File));
    let line = |name, known: &[String], asks| line(name, known, before, asks);
    let lines = [
        line("validator verify --block-size=5", &known, of_blocks()),
        line("validator verify --block-size=5 --table", &nothing, of_blocks()),
        line("validator verify --block-size=5 --file=FILE", &known, now(&blocks, What::File)),
        line("validator verify EPOCH", &known_before, of_epoch()),
        line("validator verify EPOCH --table", &nothing, of_epoch()),
        line("validator verify EPOCH --file=FILE", &known_before, now(&epoch, What::File)),
        line("validator blocks --block-size=5", &known, of_blocks()),
        line("validator blocks --block-size=5 --table", &known, of_blocks()),
        line("validator blocks --block-size=5 --csv", &known, of_blocks()),
        line("validator access", &nothing, now(ACCESS, What::AllAndRefusals)),
        line("validator access --table", &nothing, now(ACCESS, What::AllAndRefusals)),
        line("validator report third started", &nothing, now(REPORT, What::AllAndRefusals)),
        line("validator report third started --table", &nothing, now(REPORT, What::All)),
        line("validator assignments", &nothing, now(LIST, What::All)),
        line("validator assignments --table", &nothing, now(LIST, What::All)),
        line("validator assignments first --table", &nothing, now(FIRST, What::All)),
        line("validator epoch", &nothing, now(CURRENT, What::All)),
        line("validator epoch --table", &nothing, now(CURRENT, What::All)),
        line("validator epoch EPOCH", &nothing, now(&epoch, What::All)),
        line("validator epoch --last=3 --table", &nothing, now(EPOCHS, What::All)),
        consensus,
    ];
    match Commands::new(env!("CARGO_BIN_EXE_resi-validator"), &stage).judge(&lines) {
        Ok(words) => println!("{words}"),
        Err(faults) => panic!("{faults}"),
    }
}

const ACCESS: &str = "POST /get-validator-access";
const REPORT: &str = "POST /api/v1/assignment-status";
const LIST: &str = "GET /api/v1/assignments?limit=20";
const FIRST: &str = "GET /api/v1/assignments/first";
const CURRENT: &str = "GET /api/v1/epochs/current";
const EPOCHS: &str = "GET /api/v1/epochs?limit=3";

/// Judges what miners answered, by the decoys in a file that lies.
fn consensus(folder: &Path, known: &[String], asks: Vec<Ask>) -> CommandLine {
    let file = |name: &str| folder.join(name).display().to_string();
    let words = [
        "consensus".to_owned(),
        format!("--blocks={}", file("blocks.json")),
        format!("--metagraph={}", file("miners.json")),
        format!("--responses={}", file("answers.jsonl")),
        "--honeypots=FILE".to_owned(),
    ];
    let words = known.iter().cloned().chain(words);
    CommandLine::new("validator consensus --honeypots=FILE", words, asks)
}

/// Blocks, and one miner that found a home in each of their zipcodes, decoys too.
fn recorded(folder: &Path, blocks: &Value) {
    let key = |number: u8| Hotkey::from_bytes([number; 32]).to_string();
    let miners = json!([{ "uid": 0, "hotkey": key(1), "coldkey": key(2), "active": true }]);
    let epoch: EpochId = blocks["epoch"]["id"].as_str().unwrap().parse().unwrap();
    let later =
        |minutes: u64| epoch.starts_at().plus(Duration::from_secs(60 * minutes)).to_string();
    let answers = blocks["data_blocks"].as_object().unwrap().iter().map(|(name, batch)| {
        let zipcodes = batch["zipcodes"].as_array().unwrap().iter().filter_map(Value::as_str);
        let home = |zipcode: &str| {
            json!({
                "uri": format!("https://www.zillow.com/homedetails/{zipcode}_zpid/"),
                "label": format!("zip:{zipcode}"),
                "content": { "price": 400_000, "bedrooms": 3 },
            })
        };
        let homes: Vec<_> = zipcodes.map(home).collect();
        let response = json!({
            "zipcode_batch_id": name, "overlap_group": 0, "completion_status": "completed",
            "scrape_timestamp": later(5), "submission_timestamp": later(30),
            "scraped_data": { "ZILLOW_SOLD": homes },
        });
        let answer = json!({ "uid": 0, "received_at": later(30), "response": response });
        format!("{answer}\n")
    });
    for (name, text) in [
        ("blocks.json", blocks.to_string()),
        ("miners.json", miners.to_string()),
        ("answers.jsonl", answers.collect()),
    ] {
        std::fs::write(folder.join(name), text).unwrap();
    }
}

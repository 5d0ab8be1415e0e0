//! `verify` as its user runs it, against an honest service and against what stands in the place of one.

mod history;
mod python;

use std::collections::HashMap;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use clap::Parser as _;
use flate2::Compression;
use flate2::write::GzEncoder;
use resi_data_api::cli::{Cli, Command};
use resi_data_api::clock::Clock as _;
use resi_data_api::commands::verify::{self, Verdict};
use resi_protocol::rotation::{
    Announcement, Honeypots, RotationKey, RotationKeys, RotationSet, Salt,
};
use resi_protocol::wire::{EpochResource, ValidatorData};
use resi_protocol::{EpochIndex, Signature};
use serde::Serialize;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{Backend, MINI_SECRET, Options, Service, TestClock};
use crate::stand_in::{Said, StandIn};

const BLOCKS: &str = "/api/v1/validator-data?block_size=20";
const LIST: &str = "/api/v1/epochs?limit=100";
const EPOCH: Duration = Duration::from_secs(14_400);

/// What an honest service answered, by path, after two of its epochs were over; and the clock as it stood then.
struct Recorded {
    answers: HashMap<String, Said>,
    ended: Vec<EpochResource>,
    blocks: ValidatorData,
    clock: Arc<TestClock>,
    folder: TempDir,
}

impl Recorded {
    async fn new() -> Self {
        let options = Options { honeypots: 20, ..Options::default() };
        let clock = Arc::clone(&options.clock);
        let service = Service::with(Backend::Sqlite, options).await;
        for _ in 0..2 {
            service.clock.advance(EPOCH);
            service.turn().await;
        }
        let token = service.token("Alice").await;
        let blocks = service.get_with(BLOCKS, &token).await;
        let data: ValidatorData = serde_json::from_slice(&blocks.body).unwrap();
        let mut ended = Vec::new();
        let pool = format!("/api/v1/pools/{}", data.rotation.pool_sha256);
        let mut paths = vec![LIST.to_owned(), "/api/v1/rotation/keys".to_owned(), pool];
        for back in 1..=2 {
            let schedule = service.app.deck.parameters().schedule;
            let id = schedule.id(EpochIndex(data.epoch.index.0 - back));
            paths.push(format!("/api/v1/epochs/{id}"));
        }
        let mut answers = HashMap::new();
        for path in paths {
            let answer = service.get(&path).await;
            answer.is_ok();
            if path.starts_with("/api/v1/epochs/") {
                ended.push(serde_json::from_slice(&answer.body).unwrap());
            }
            answers.insert(path, Said::ok(answer.body));
        }
        answers.insert(BLOCKS.to_owned(), Said::ok(blocks.body));
        service.stop().await;
        Self { answers, ended, blocks: data, clock, folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self, back: usize) -> String {
        format!("/api/v1/epochs/{}", self.ended[back - 1].epoch.id)
    }

    /// What stands in the place of the service, with other answers to these paths.
    fn changed(&self, others: impl IntoIterator<Item = (String, Said)>) -> StandIn {
        let mut answers = self.answers.clone();
        answers.extend(others);
        StandIn::with(answers)
    }

    /// Everything that can be known of the service before.
    fn pins(&self) -> Vec<String> {
        let rotation = &self.blocks.rotation;
        let pins = [
            ("--public-key", rotation.public_key.to_string()),
            ("--netuid", "46".into()),
            ("--epoch-seconds", "14400".into()),
            ("--pool-sha256", rotation.pool_sha256.to_string()),
            ("--zipcodes-per-epoch", "1000".into()),
        ];
        pins.into_iter().flat_map(|(name, value)| [name.to_owned(), value]).collect()
    }

    /// Runs `verify` with all pins.
    fn verify(&self, arguments: &[&str]) -> Result<Verdict> {
        let pins = self.pins();
        run(
            &self.clock,
            &[&pins.iter().map(String::as_str).collect::<Vec<_>>()[..], arguments].concat(),
        )
    }

    fn file(&self, name: &str, content: &[u8]) -> String {
        let path: PathBuf = self.folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn pool_file(&self) -> String {
        let path = format!("/api/v1/pools/{}", self.blocks.rotation.pool_sha256);
        self.file("pool.json", &self.answers[&path].body)
    }
}

fn run(clock: &TestClock, arguments: &[&str]) -> Result<Verdict> {
    let line = [&["resi-data-api", "verify"], arguments].concat();
    let Command::Verify(args) = Cli::try_parse_from(line).unwrap().command else {
        panic!("{arguments:?} are of another command")
    };
    verify::run(&args, clock)
}

fn said(answer: &impl Serialize) -> Said {
    Said::ok(serde_json::to_vec(answer).unwrap())
}

/// That it was refused, in words that are fit for a terminal and have `expected` in them.
#[track_caller]
fn assert_refused(verdict: Result<Verdict>, expected: &str) {
    let words = match verdict {
        Err(error) => format!("{error:#}"),
        Ok(verdict) => panic!("it passes: {}", verdict.text),
    };
    assert!(words.contains(expected), "{words}");
    assert_is_shown(&words);
}

/// That it passes without being called verified, and the line that says why is marked so.
#[track_caller]
fn assert_open(verdict: Result<Verdict>, why: &[&str]) {
    let Verdict { text, is_verified } = verdict.unwrap();
    assert!(!is_verified && !text.contains("Verified"), "{text}");
    let open: Vec<_> = text.lines().filter(|line| line.starts_with("??")).collect();
    assert_eq!(open.len(), why.len(), "{text}");
    for (line, why) in open.iter().zip(why) {
        assert!(line.contains(why), "{line} is not about {why}");
    }
    assert_is_shown(&text);
}

#[track_caller]
fn assert_is_shown(words: &str) {
    assert!(words.len() < 5_000, "{} bytes", words.len());
    let lines = words.split('\n');
    assert!(
        lines.clone().count() < 60
            && !lines.into_iter().any(|line| line.contains(char::is_control)),
        "{words:?}"
    );
}

#[tokio::test]
async fn honest_answers_are_verified_and_each_part_says_by_what() {
    let recorded = Recorded::new().await;
    let service = recorded.changed([]);
    let epoch = recorded.verify(&[&service.url(&recorded.path(1))]).unwrap();
    assert!(epoch.is_verified);
    insta::assert_snapshot!("public_epoch", epoch.text);
    let blocks = recorded.verify(&[&service.url(BLOCKS)]).unwrap();
    assert!(blocks.is_verified);
    insta::assert_snapshot!("blocks", blocks.text);

    let unpinned = run(&recorded.clock, &[&service.url(&recorded.path(1))]).unwrap();
    assert!(!unpinned.is_verified);
    insta::assert_snapshot!("first_contact", unpinned.text);
    let file = recorded.file("blocks.json", &recorded.answers[BLOCKS].body);
    let pool = recorded.pool_file();
    let saved = recorded.verify(&[&file, "--pool", &pool, "--block-size", "20"]).unwrap();
    assert!(saved.is_verified, "{}", saved.text);
    let epoch = recorded.ended[0].epoch.id.to_string();
    let file = recorded.file("epoch.json", &recorded.answers[&recorded.path(1)].body);
    let saved = recorded.verify(&[&file, "--pool", &pool, "--epoch", &epoch]).unwrap();
    assert!(saved.is_verified, "{}", saved.text);
}

#[tokio::test]
async fn an_honest_answer_to_another_question_is_refused() {
    let recorded = Recorded::new().await;
    let answer = |path: &str| recorded.answers[path].clone();
    let (one, two) = (recorded.path(1), recorded.path(2));
    let swapped = recorded.changed([
        (one.clone(), answer(&two)),
        (two.clone(), answer(BLOCKS)),
        ("/api/v1/epochs/current".into(), answer(&one)),
        (BLOCKS.into(), answer(&one)),
        ("/api/v1/validator-data?block_size=5".into(), answer(BLOCKS)),
        ("/api/v1/validator-data".into(), answer(BLOCKS)),
        ("/api/v1/validator-data?sources=REDFIN".into(), answer(BLOCKS)),
    ]);
    let refused = |path: &str, expected: &str| {
        assert_refused(recorded.verify(&[&swapped.url(path)]), expected);
    };
    refused(&one, "epoch.id is");
    refused(&two, "an epoch was asked for, and these are blocks");
    refused("/api/v1/epochs/current", "the answer is of an epoch that is over");
    refused(BLOCKS, "blocks were asked for, and this is an epoch");
    refused("/api/v1/validator-data?block_size=5", "batch_001");
    refused("/api/v1/validator-data?sources=REDFIN", "its sources are ZILLOW_SOLD");
    let default = recorded.verify(&[&swapped.url("/api/v1/validator-data")]).unwrap();
    assert!(default.is_verified, "20 is what is answered where nothing is asked for");
    let asked = ["--block-size", "5", &swapped.url(BLOCKS)];
    assert_refused(recorded.verify(&asked), "blocks were asked for");

    let file = recorded.file("epoch.json", &answer(&two).body);
    let epoch = recorded.ended[0].epoch.id.to_string();
    let pool = recorded.pool_file();
    assert_refused(recorded.verify(&[&file, "--pool", &pool, "--epoch", &epoch]), "epoch.id is");
    let blocks = [&file[..], "--pool", &pool, "--block-size", "20"];
    assert_refused(recorded.verify(&blocks), "blocks were asked for");
}

#[tokio::test]
async fn another_pool_is_refused() {
    let recorded = Recorded::new().await;
    let path = format!("/api/v1/pools/{}", recorded.blocks.rotation.pool_sha256);
    let mut pool: Value = serde_json::from_slice(&recorded.answers[&path].body).unwrap();
    pool["zipcodes"].as_array_mut().unwrap().swap(0, 1);
    let says_so = recorded.changed([(path.clone(), said(&pool))]);
    assert_refused(recorded.verify(&[&says_so.url(BLOCKS)]), "not of the hash and size");
    let embedded = resi_zipcodes::embedded_pool(7_572).unwrap().pool;
    pool["sha256"] = json!(embedded.sha256());
    pool["size"] = json!(embedded.len());
    pool["zipcodes"] = json!(embedded.zipcodes());
    let other = recorded.changed([(path, said(&pool))]);
    assert_refused(recorded.verify(&[&other.url(BLOCKS)]), "was asked for, and this is");
}

#[tokio::test]
async fn a_file_that_hides_zipcodes_is_not_called_verified() {
    let recorded = Recorded::new().await;
    let mut recut = recorded.blocks.clone();
    // Fifty blocks of one zipcode each, named and counted as an honest service does.
    let zipcodes: Vec<_> =
        recut.data_blocks.values().flat_map(|batch| batch.zipcodes.clone()).take(50).collect();
    let first = recut.data_blocks["batch_001"].clone();
    recut.data_blocks.clear();
    for (at, zipcode) in zipcodes.iter().enumerate() {
        let mut batch = first.clone();
        (batch.zipcodes, batch.expected_properties) = (vec![*zipcode], 50);
        batch.geographic_info.size_ranks.truncate(1);
        recut.data_blocks.insert(format!("batch_{:03}", at + 1), batch);
    }
    recut.total_zipcodes = 50;
    let epoch = &recut.epoch;
    recut.request_id = resi_protocol::wire::request_id(epoch, first.sources, 1, &zipcodes);
    let file = recorded.file("recut.json", &said(&recut).body);
    let pool = recorded.pool_file();
    assert_open(recorded.verify(&[&file, "--pool", &pool]), &["block_size: 1, and smaller"]);
    let asked = recorded.verify(&[&file, "--pool", &pool, "--block-size", "20"]);
    assert_refused(asked, "batch_001");
}

#[tokio::test]
async fn decoys_of_a_forger_are_not_called_verified() {
    let recorded = Recorded::new().await;
    let path = recorded.path(1);
    let honest = recorded.ended[0].clone();
    let mut forged = honest.clone();
    let zipcodes = forged.zipcodes.as_ref().unwrap()[..3].to_vec();
    let decoys = Honeypots { salt: Salt::from_bytes([1; 32]), zipcodes };
    forged.rotation.honeypots_sha256 = Some(decoys.sha256());
    forged.honeypots = Some(decoys);
    let service = recorded.changed([(path.clone(), said(&forged))]);
    assert_refused(recorded.verify(&[&service.url(&path)]), "the signature of the record");

    forged.record_signature = None;
    let service = recorded.changed([(path.clone(), said(&forged))]);
    let why = ["has no signature", "prev_sha256", "3 of them are said to have been decoys"];
    assert_open(recorded.verify(&[&service.url(&path)]), &why);
    let kept = honest.rotation.honeypots_sha256.unwrap().to_string();
    let decoys = honest.honeypots.as_ref().unwrap().zipcodes.len();
    let with_hash = ["--honeypots-sha256", &kept, &service.url(&path)];
    assert_refused(recorded.verify(&with_hash), "honeypots_sha256 is");

    // Of a record from before records were signed, the hash that was kept from its blocks vouches for the decoys.
    let old = EpochResource { record_signature: None, ..honest };
    let service = recorded.changed([(path.clone(), said(&old))]);
    let with_hash = recorded.verify(&["--honeypots-sha256", &kept, &service.url(&path)]);
    let line = format!("ok   {decoys} of them were decoys, as the hash that you gave");
    assert!(with_hash.as_ref().unwrap().text.contains(&line), "{with_hash:?}");
    assert_open(with_hash, &["has no signature", "prev_sha256"]);
}

#[tokio::test]
async fn what_rests_on_an_announcement_is_not_called_verified() {
    let recorded = Recorded::new().await;
    let (path, honest) = (recorded.path(1), &recorded.ended[0]);
    let known = RotationKey::from_mini_secret(&[7; 32]);
    let before = honest.parameters().unwrap();
    let after = RotationSet::new(honest.rotation.public_key, &before);
    let from = before.schedule.id(EpochIndex(honest.epoch.index.0 - 5));
    let early = before.schedule.starts_at(EpochIndex(honest.epoch.index.0 - 20));
    let sign = |key: &RotationKey, at| Announcement::sign(key, 46, from, at, &before, after);
    let announcing = |list: Vec<Announcement>| {
        let keys = RotationKeys::new(46, after, list);
        recorded.changed([("/api/v1/rotation/keys".into(), said(&keys))])
    };
    let verify = |service: &StandIn| {
        let key = known.public().to_string();
        run(
            &recorded.clock,
            &[
                "--public-key",
                &key,
                "--netuid",
                "46",
                "--epoch-seconds",
                "14400",
                "--pool-sha256",
                &before.pool_sha256.to_string(),
                "--zipcodes-per-epoch",
                "1000",
                &service.url(&path),
            ],
        )
    };
    let followed = verify(&announcing(vec![sign(&known, early)]));
    assert_open(followed, &["announced by a key that is pinned"]);
    let late = before.schedule.starts_at(EpochIndex(honest.epoch.index.0 - 9));
    for refused in [
        vec![],
        vec![sign(&known, late)],
        vec![sign(&RotationKey::from_mini_secret(&[8; 32]), early)],
    ] {
        assert_refused(verify(&announcing(refused)), "the rotation key is");
    }
    // Forged ones before it hide it from who looks at no more than he must.
    let mut many: Vec<_> = (0..1_000_u64)
        .map(|number| {
            let mut bytes = [0; 64];
            bytes[..8].copy_from_slice(&number.to_be_bytes());
            Announcement { signature: Signature::from_bytes(bytes), ..sign(&known, early) }
        })
        .collect();
    many.push(sign(&known, early));
    assert_refused(verify(&announcing(many)), "the rotation key is");
    assert_eq!(honest.rotation.public_key, RotationKey::from_mini_secret(&MINI_SECRET).public());
}

#[tokio::test]
async fn what_a_service_says_is_shown_escaped_and_cut() {
    let recorded = Recorded::new().await;
    let evil = format!("\u{1b}[2J\r\n{}", "x".repeat(100_000));
    let path = recorded.path(1);
    let changed = |pointer: &str, of: &str| {
        let mut answer: Value = serde_json::from_slice(&recorded.answers[of].body).unwrap();
        *answer.pointer_mut(pointer).unwrap() = json!(evil);
        recorded.changed([(of.to_owned(), said(&answer))])
    };
    for (pointer, of) in [
        ("/rotation/algorithm", &path[..]),
        ("/rotation/public_key", &path),
        ("/state", &path),
        ("/revealed_at", &path),
        ("/request_id", BLOCKS),
        ("/data_blocks/batch_001/sources/0", BLOCKS),
        ("/data_blocks/batch_001/zipcodes/0", BLOCKS),
    ] {
        let verdict = recorded.verify(&[&changed(pointer, of).url(of)]);
        let words = format!("{:#}", verdict.unwrap_err());
        assert!(words.contains(r"\u{1b}[2J") || !words.contains("xxx"), "{words}");
        assert_is_shown(&words);
    }
    let mut named: Value = serde_json::from_slice(&recorded.answers[BLOCKS].body).unwrap();
    named["data_blocks"][&evil] = named["data_blocks"]["batch_001"].clone();
    let service = recorded.changed([(BLOCKS.into(), said(&named))]);
    assert_refused(recorded.verify(&[&service.url(BLOCKS)]), "there are only 50 batches");

    let body = json!({ "error": evil, "error_code": evil, "data": evil }).to_string();
    for body in [body, evil.clone(), String::new()] {
        let error = Said { status: 500, ..Said::ok(body) };
        let service = recorded.changed([(path.clone(), error)]);
        assert_refused(recorded.verify(&[&service.url(&path)]), "the service answered 500");
    }
    // Places are shown by no line, so they can be anything.
    let places = changed("/data_blocks/batch_001/geographic_info/states/0", BLOCKS);
    assert_is_shown(&recorded.verify(&[&places.url(BLOCKS)]).unwrap().text);
}

#[tokio::test]
async fn only_an_answer_with_200_that_is_not_too_large_counts() {
    let recorded = Recorded::new().await;
    let path = recorded.path(1);
    let honest = recorded.answers[&path].clone();
    for status in [201, 203, 206, 304, 400, 404, 500, 503] {
        let other = Said { status, ..honest.clone() };
        let service = recorded.changed([(path.clone(), other)]);
        assert_refused(recorded.verify(&[&service.url(&path)]), &status.to_string());
    }
    let mut bomb = GzEncoder::new(Vec::new(), Compression::best());
    for _ in 0..256 {
        bomb.write_all(&[b' '; 1024 * 1024]).unwrap();
    }
    let bomb = Said { head: "Content-Encoding: gzip\r\n", ..Said::ok(bomb.finish().unwrap()) };
    assert!(bomb.body.len() < 300_000);
    for large in [bomb, Said::ok(vec![b' '; 3 * 1024 * 1024])] {
        let service = recorded.changed([(path.clone(), large)]);
        assert_refused(recorded.verify(&[&service.url(&path)]), "larger than any answer");
    }
}

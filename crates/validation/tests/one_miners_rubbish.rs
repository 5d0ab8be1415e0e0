//! Whatever one miner sends is that miner's matter: the verdicts about all others are as if it had not answered.

use std::sync::LazyLock;

use proptest::prelude::*;
use resi_protocol::Hotkey;
use resi_validation::consensus::{Majority, Robust, Strategy as Consensus};
use resi_validation::messages::{Assigned, Limits, RecordedAnswer, ResponseWindow};
use resi_validation::offline::{Assignments, Recording};
use resi_validation::{Coldkey, Credibilities, Metagraph, Miner};
use serde_json::{Value, json};

const MINERS: u8 = 8;
/// Who sends rubbish.
const HOSTILE: u8 = 3;

fn recording(tells_who_was_assigned: bool) -> Recording {
    let deal = json!({"epoch": {"id": "2025-01-15T08-00-00", "starts_at": "2025-01-15T08:00:00Z"},
        "data_blocks": {"batch_001": {"zipcodes": ["77494"], "sources": ["ZILLOW_SOLD"]}}});
    let miner = |uid: u8| Miner {
        uid: uid.into(),
        hotkey: Hotkey::from_bytes([uid; 32]),
        coldkey: Coldkey(Hotkey::from_bytes([100 + uid; 32])),
        active: true,
    };
    let mut recording = Recording::new(
        serde_json::from_value(deal).expect("a deal"),
        &Metagraph::new((0..MINERS).map(miner).collect()).expect("different"),
        Credibilities::default(),
        ResponseWindow::default(),
        Limits::default(),
    );
    if tells_who_was_assigned {
        let plan = json!({"batches": [{"name": "batch_001", "groups": [
            {"overlap_group": 0, "miners": [0, 2, 4, 6]}, {"overlap_group": 1, "miners": [1, 3, 5, 7]}]}]});
        let plan: Assignments = serde_json::from_value(plan).expect("a plan");
        recording.assign(&plan).expect("a batch of the deal");
    }
    recording
}

/// Miner 7 asks for another price than all others.
fn response(uid: u8) -> Value {
    let homes: Vec<Value> = (1..=6)
        .map(|home| {
            let price = if uid == 7 { 900_000 } else { 400_000 } + home * 1_000;
            json!({"uri": format!("https://www.zillow.com/homedetails/{home}_zpid/"), "label": "zip:77494",
                "content": {"price": price, "bedrooms": 3, "address": format!("{home} Oak St, Katy, TX 77494")}})
        })
        .collect();
    json!({"request_id": "a", "zipcode_batch_id": "batch_001", "overlap_group": uid % 2,
        "completion_status": "completed", "scrape_timestamp": "2025-01-15T08:05:00Z",
        "submission_timestamp": "2025-01-15T08:30:00Z", "error_details": null,
        "scraped_data": {"ZILLOW_SOLD": homes}})
}

/// The line that a validator writes, with whatever was sent in it.
fn line(uid: u8, response: &[u8]) -> Vec<u8> {
    let head = format!(
        r#"{{"uid": {uid}, "received_at": "2025-01-15T08:3{}:00Z", "response": "#,
        uid % 10
    );
    [head.as_bytes(), response, b"}"].concat()
}

fn read(line: &[u8]) -> RecordedAnswer {
    let limits = Limits { body_bytes: 4 << 20, ..Limits::default() };
    RecordedAnswer::parse(line, &Assigned::anything(), &limits).expect("a whole line")
}

/// The outcomes of both strategies, with and without an assignment; without what is said of who was refused.
fn verdicts(hostile: Option<&RecordedAnswer>) -> Vec<Value> {
    let mut outcomes = Vec::new();
    for strategy in [&Robust::default() as &dyn Consensus, &Majority::default()] {
        for tells_who_was_assigned in [true, false] {
            let mut recording = recording(tells_who_was_assigned);
            for uid in (0..MINERS).filter(|uid| *uid != HOSTILE) {
                recording.add(read(&line(uid, response(uid).to_string().as_bytes())));
            }
            hostile.cloned().into_iter().for_each(|recorded| recording.add(recorded));
            let (conclusion, catalog) = recording.judge(strategy);
            let mut outcome =
                serde_json::to_value(conclusion.outcome(&catalog)).expect("plain data");
            let refused = outcome["refused"].take();
            let refused = refused.as_array().expect("a list");
            assert!(refused.iter().all(|one| one["uid"] == HOSTILE), "{refused:?}");
            outcomes.push(outcome);
        }
    }
    outcomes
}

static WITHOUT: LazyLock<Vec<Value>> = LazyLock::new(|| verdicts(None));

/// `true` where the answer could not be read.
fn check(response: &[u8]) -> bool {
    let recorded = read(&line(HOSTILE, response));
    assert_eq!(recorded.uid, u16::from(HOSTILE));
    let found = verdicts(Some(&recorded));
    if recorded.answer.is_err() {
        let shown = String::from_utf8_lossy(&response[..response.len().min(300)]);
        assert_eq!(found, *WITHOUT, "{shown}");
    }
    recorded.answer.is_err()
}

/// The places of all values in `value`.
fn places(value: &Value, at: String, places: &mut Vec<String>) {
    places.push(at.clone());
    match value {
        Value::Array(items) => {
            let first = items.iter().take(1).enumerate();
            first.for_each(|(number, item)| self::places(item, format!("{at}/{number}"), places));
        }
        Value::Object(entries) => {
            entries
                .iter()
                .for_each(|(name, item)| self::places(item, format!("{at}/{name}"), places));
        }
        _ => {}
    }
}

#[test]
fn every_field_in_every_wrong_shape_is_the_miners_own_matter() {
    let whole = response(HOSTILE);
    let mut all = Vec::new();
    places(&whole, String::new(), &mut all);
    let deep = format!("{}{}", "[".repeat(20_000), "]".repeat(20_000));
    let long = format!("\"{}\"", "x".repeat(2 << 20));
    let digits = "9".repeat(400);
    let shapes = [
        "null",
        "true",
        "0",
        "-1",
        "1.5",
        "1e308",
        "1e999",
        "-1e999",
        "NaN",
        "-Infinity",
        "18446744073709551616",
        &digits,
        r#""""#,
        r#""x""#,
        r#""\ud800""#,
        r#""\u0000\u001b[2J""#,
        "[]",
        "[[]]",
        "{}",
        r#"{"a": 1}"#,
        r#"{"a": 1, "a": 2}"#,
        &deep,
        &long,
        "\"x",
        "[",
        "{",
        "",
        "undefined",
        "\u{feff}1",
        r#"1, "completion_status": "failed""#,
        r#"{}, "uid": 1"#,
    ];
    let mut unread = 0;
    for place in &all {
        for shape in shapes {
            let mut changed = whole.clone();
            *changed.pointer_mut(place).expect("a place") = "@".into();
            unread += u32::from(check(changed.to_string().replacen("\"@\"", shape, 1).as_bytes()));
        }
    }
    assert!(all.len() > 15 && unread > 100, "{} places, {unread} unread", all.len());
}

#[test]
fn bytes_that_are_no_text_and_answers_over_a_limit_are_the_miners_own_matter() {
    for bytes in
        [&b"\xff\xfe\x00"[..], b"\x80", b"\0", b"\"\xc3\x28\"", &[b'{'; 5 << 20], &[b' '; 5 << 20]]
    {
        assert!(check(bytes));
    }
    let entities = vec!["0"; 60_000].join(",");
    assert!(check(format!(r#"{{"scraped_data": {{"ZILLOW_SOLD": [{entities}]}}}}"#).as_bytes()));
}

/// Bytes of any kind, and pieces with which a line can be taken apart; no line break, which no line has.
fn rubbish() -> impl Strategy<Value = Vec<u8>> {
    let other = line(1, response(1).to_string().as_bytes());
    let pieces = [
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "\\",
        " ",
        "null",
        "1e999",
        "NaN",
        "\"uid\": 1",
        "\"response\": ",
        "\"received_at\": \"2025-01-15T08:31:00Z\"",
        "{}, \"uid\": 1, \"response\": {}",
        "\\ud800",
        "\u{202e}",
    ];
    let piece = prop_oneof![
        6 => prop::sample::select(pieces.to_vec()).prop_map(|piece| piece.as_bytes().to_vec()),
        3 => prop::collection::vec(any::<u8>(), 0..20),
        1 => Just(other),
        1 => Just(response(HOSTILE).to_string().into_bytes()),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| {
        pieces.concat().into_iter().map(|byte| if byte == b'\n' { b' ' } else { byte }).collect()
    })
}

/// A whole answer, damaged.
fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let places =
        prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0_usize..30), 1..6);
    places.prop_map(|places| {
        let mut bytes = response(HOSTILE).to_string().into_bytes();
        for (at, byte, gone) in places {
            let at = at.index(bytes.len());
            let end = bytes.len().min(at + gone);
            bytes.splice(at..end, (byte != b'\n').then_some(byte));
            if bytes.is_empty() {
                bytes.push(b' ');
            }
        }
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_bytes_are_the_miners_own_matter(bytes in rubbish()) {
        check(&bytes);
    }

    #[test]
    fn a_damaged_answer_is_the_miners_own_matter(bytes in damaged()) {
        check(&bytes);
    }
}

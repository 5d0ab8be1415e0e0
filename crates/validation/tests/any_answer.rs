//! No bytes that a miner sends make parsing panic, or let anything through that does not hold.

use proptest::prelude::*;
use resi_protocol::Hotkey;
use resi_validation::consensus::{Majority, Robust, Strategy as Consensus};
use resi_validation::messages::{
    Answer, Assigned, DataAssignmentRequest, Limits, RecordedAnswer, ResponseWindow,
};
use resi_validation::offline::Recording;
use resi_validation::{Coldkey, Credibilities, Metagraph, Miner};
use serde_json::{Map, Value, json};

const NAMES: [&str; 24] = [
    "request_id",
    "scraped_data",
    "ZILLOW_SOLD",
    "zillow",
    "REDFIN",
    "REALTOR_COM",
    "uri",
    "label",
    "value",
    "content",
    "price",
    "bedrooms",
    "bathrooms",
    "living_area",
    "square_feet",
    "address",
    "property_type",
    "zipcode",
    "completion_status",
    "scrape_timestamp",
    "submission_timestamp",
    "overlap_group",
    "assignment_stats",
    "other",
];

const TEXTS: [&str; 12] = [
    "",
    "completed",
    "zip:77494",
    "zpid:1",
    "https://zillow.com/1_zpid/",
    "https://redfin.com/home/7",
    "NaN",
    "2025-10-01T00:00:00",
    "eyJwcmljZSI6IDF9",
    "{\"price\": -1e308}",
    "{\"price\": NaN",
    "1 Oak St, Katy, TX 77494",
];

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        (-5_i64..1_000).prop_map(Value::from),
        prop::sample::select(&TEXTS[..]).prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 6, |inner| {
        let name = prop::sample::select(&NAMES[..]).prop_map(str::to_owned);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((name, inner), 0..6)
                .prop_map(|entries| Value::from(entries.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// Nested where it counts, so that strange values reach the fields.
fn almost_an_answer() -> impl Strategy<Value = Value> {
    (any_json(), any_json(), any_json(), any_json()).prop_map(|(content, label, uri, other)| {
        json!({"completion_status": other, "scraped_data": {
            "ZILLOW_SOLD": [{"uri": "1_zpid", "label": label, "content": content}, other, {"uri": uri, "content": "{}"}],
            "REALTOR_COM": [{"content": content}], "REDFIN": other }})
    })
}

fn valid() -> Vec<u8> {
    let home = json!({"price": 450_000, "bedrooms": 3, "bathrooms": 2.5, "living_area": 1_850,
        "address": "1 Oak Street, Katy, TX 77494", "property_type": "CONDO"});
    let entity = |content: Value| json!({"uri": "https://zillow.com/1_zpid/", "label": "zip:77494", "content": content});
    json!({"request_id": "a", "completion_status": "completed", "scrape_timestamp": "2025-10-01T00:00:00Z",
        "scraped_data": {"ZILLOW_SOLD": [entity(home.clone()), entity(home.to_string().into()),
            entity("eyJwcmljZSI6IDF9".into())]}})
    .to_string()
    .into_bytes()
}

#[derive(Clone, Debug)]
enum Change {
    Replace(prop::sample::Index, u8),
    Remove(prop::sample::Index, usize),
    Insert(prop::sample::Index, &'static str),
    Repeat(prop::sample::Index, usize),
}

fn change() -> impl Strategy<Value = Change> {
    let pieces = [
        "\"",
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "-",
        "1e999",
        "NaN",
        "\\",
        "\\u0000",
        "null",
        "9999999999",
        "\u{feff}",
    ];
    prop_oneof![
        (any::<prop::sample::Index>(), any::<u8>())
            .prop_map(|(at, byte)| Change::Replace(at, byte)),
        (any::<prop::sample::Index>(), 1_usize..40).prop_map(|(at, len)| Change::Remove(at, len)),
        (any::<prop::sample::Index>(), prop::sample::select(pieces.to_vec()))
            .prop_map(|(at, piece)| Change::Insert(at, piece)),
        (any::<prop::sample::Index>(), 1_usize..80).prop_map(|(at, len)| Change::Repeat(at, len)),
    ]
}

fn changed(mut bytes: Vec<u8>, changes: Vec<Change>) -> Vec<u8> {
    for change in changes {
        if bytes.is_empty() {
            break;
        }
        match change {
            Change::Replace(at, byte) => {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            Change::Remove(at, len) => {
                let at = at.index(bytes.len());
                let end = bytes.len().min(at + len);
                bytes.drain(at..end);
            }
            Change::Insert(at, piece) => {
                let at = at.index(bytes.len());
                bytes.splice(at..at, piece.bytes());
            }
            Change::Repeat(at, len) => {
                let at = at.index(bytes.len());
                let piece = bytes[at..bytes.len().min(at + len)].to_vec();
                bytes.splice(at..at, piece);
            }
        }
    }
    bytes
}

/// Parses, and checks all that is promised of what is kept.
fn check(bytes: &[u8]) -> Result<(), TestCaseError> {
    let limits = Limits { refusals_kept: 3, text_bytes: 64, ..Limits::default() };
    let Ok(answer) = Answer::parse(bytes, &Assigned::anything(), &limits) else { return Ok(()) };
    prop_assert!(answer.reports.len() <= answer.entities as usize);
    prop_assert!(answer.refusals.first().len() <= 3);
    let mut keys: Vec<_> =
        answer.reports.iter().map(|report| (report.source, &report.key)).collect();
    keys.sort();
    prop_assert!(keys.windows(2).all(|pair| pair[0] != pair[1]), "a home twice");
    for report in &answer.reports {
        prop_assert!(report.price.is_none_or(|price| (1..=10_000_000_000).contains(&price)));
        prop_assert!(report.bedrooms.is_none_or(|bedrooms| bedrooms <= 200));
        prop_assert!(report.bathrooms.is_none_or(|bathrooms| bathrooms.hundredths() <= 20_000));
        prop_assert!(report.living_area.is_none_or(|area| (1..=10_000_000).contains(&area)));
        prop_assert!(report.address.as_ref().is_none_or(|address| !address.as_str().is_empty()));
    }
    Ok(())
}

/// One batch, eight miners.
fn recording() -> Recording {
    let deal = json!({"epoch": {"id": "2025-01-15T08-00-00", "starts_at": "2025-01-15T08:00:00Z"},
        "data_blocks": {"batch_001": {"zipcodes": ["77494"], "sources": ["ZILLOW_SOLD", "REALTOR_COM", "REDFIN"]}}});
    let miner = |uid: u8| Miner {
        uid: uid.into(),
        hotkey: Hotkey::from_bytes([uid; 32]),
        coldkey: Coldkey(Hotkey::from_bytes([100 + uid; 32])),
        active: true,
    };
    Recording::new(
        serde_json::from_value(deal).expect("a deal"),
        &Metagraph::new((0..8).map(miner).collect()).expect("different"),
        Credibilities::default(),
        ResponseWindow::default(),
        Limits::default(),
    )
}

/// What is needed to be looked at, around what is strange.
fn recorded(uid: u8, answer: &Value) -> Value {
    let mut answer = answer.clone();
    for (name, value) in [
        ("zipcode_batch_id", "batch_001"),
        ("completion_status", "completed"),
        ("scrape_timestamp", "2025-01-15T08:05:00Z"),
        ("submission_timestamp", "2025-01-15T08:30:00Z"),
    ] {
        answer[name] = value.into();
    }
    answer["overlap_group"] = (uid % 2).into();
    json!({"uid": uid, "received_at": "2025-01-15T08:31:00Z", "response": answer})
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_json_panics(value in any_json()) {
        check(value.to_string().as_bytes())?;
        let _ = serde_json::from_value::<DataAssignmentRequest>(value);
    }

    #[test]
    fn no_strange_field_panics(value in almost_an_answer()) {
        check(value.to_string().as_bytes())?;
    }

    #[test]
    fn no_damage_to_a_valid_message_panics(changes in prop::collection::vec(change(), 1..8)) {
        check(&changed(valid(), changes))?;
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        check(&bytes)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn no_strange_answers_make_judging_panic(answers in prop::collection::vec((0_u8..8, almost_an_answer()), 1..12)) {
        for strategy in [&Robust::default() as &dyn Consensus, &Majority::default()] {
            let mut recording = recording();
            for (uid, answer) in &answers {
                let line = recorded(*uid, answer).to_string();
                let recorded = RecordedAnswer::parse(line.as_bytes(), &Assigned::anything(), &Limits::default());
                recording.add(recorded.expect("a whole line"));
            }
            let (conclusion, catalog) = recording.judge(strategy);
            let written = serde_json::to_value(conclusion.outcome(&catalog)).expect("plain data");
            for property in written["properties"].as_array().into_iter().flatten() {
                prop_assert!((0.0..=1.0).contains(&property["confidence"].as_f64().unwrap_or(-1.0)));
            }
        }
    }
}

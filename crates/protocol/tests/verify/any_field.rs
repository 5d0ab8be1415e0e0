//! An honest answer, one thing of it changed at a time: it is refused, or the part that was changed is not vouched for.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::*;

/// Where a value stands in an answer: names of fields and positions in lists.
type Path = Vec<String>;

/// Each change of `value` and of all in it, as a path and the whole answer with the change made.
fn changes(value: &Value) -> Vec<(Path, Value)> {
    let mut found: Vec<_> = others(value).into_iter().map(|other| (Path::new(), other)).collect();
    let within: Vec<_> = match value {
        Value::Object(fields) => fields.keys().cloned().collect(),
        // What holds for the first and the last of a list holds for all.
        Value::Array(list) if list.len() > 1 => vec!["0".into(), (list.len() - 1).to_string()],
        Value::Array(list) => (0..list.len()).map(|at| at.to_string()).collect(),
        _ => Vec::new(),
    };
    for name in within {
        for (mut path, changed) in changes(value.pointer(&format!("/{name}")).expect("there")) {
            path.insert(0, name.clone());
            let mut whole = value.clone();
            *whole.pointer_mut(&format!("/{name}")).expect("there") = changed;
            found.push((path, whole));
        }
    }
    found
}

/// Other values, of other types and of the same.
fn others(value: &Value) -> Vec<Value> {
    let mut others = vec![
        Value::Null,
        json!(true),
        json!(-1),
        json!(0),
        json!(1),
        json!(u32::MAX),
        json!(u64::MAX),
        json!(1.5),
        json!([]),
        json!({}),
    ];
    others.extend(texts());
    match value {
        Value::Number(number) => {
            others.extend(number.as_u64().map(|number| json!(number + 1)));
            others.extend(number.as_u64().map(|number| json!(number.saturating_sub(1))));
        }
        Value::String(text) => others.extend(near(text)),
        Value::Array(list) => others.extend(relisted(list)),
        Value::Object(fields) => others.extend(regrouped(fields)),
        _ => {}
    }
    others.retain(|other| other != value);
    others
}

/// A valid text of every kind that is in answers, and some that are none.
fn texts() -> Vec<Value> {
    let next = epoch(schedule(), EPOCH.next());
    let texts = [
        String::new(),
        "\u{1b}[2J\n".into(),
        "10007".into(),
        "ended".into(),
        "running".into(),
        "ZILLOW".into(),
        "REDFIN".into(),
        next.id.to_string(),
        next.starts_at.to_string(),
        next.ends_at.to_string(),
        schedule().starts_at(EPOCH).to_string(),
        other_key().public().to_string(),
        "9".repeat(64),
        "x".repeat(10_000),
    ];
    texts.into_iter().map(Value::from).collect()
}

fn near(text: &str) -> Vec<Value> {
    let Some(last) = text.chars().next_back() else { return Vec::new() };
    let cut = &text[..text.len() - last.len_utf8()];
    let other = if last == '0' { '1' } else { '0' };
    vec![json!(cut), json!(format!("{cut}{other}")), json!(format!("{text}0"))]
}

fn relisted(list: &[Value]) -> Vec<Value> {
    let (first, last) = (list.iter().take(1), list.iter().skip(1));
    let turned: Vec<_> = list.iter().rev().collect();
    let moved: Vec<_> = last.clone().chain(first.clone()).collect();
    let doubled: Vec<_> = list.iter().chain(list).collect();
    let first_twice: Vec<_> = first.chain(list).collect();
    let cut: Vec<_> = last.collect();
    let shorter: Vec<_> = list.iter().take(list.len().saturating_sub(1)).collect();
    [turned, moved, doubled, first_twice, cut, shorter].iter().map(|list| json!(list)).collect()
}

fn regrouped(fields: &Map<String, Value>) -> Vec<Value> {
    let mut others = Vec::new();
    for name in fields.keys() {
        let mut without = fields.clone();
        let value = without.remove(name).expect("there");
        others.push(without.clone().into());
        without.insert(format!("{name}_"), value);
        others.push(without.into());
    }
    let values: Vec<_> = fields.values().collect();
    if let [first, second, ..] = values[..] {
        let mut swapped = fields.clone();
        let names: Vec<_> = fields.keys().take(2).cloned().collect();
        swapped.insert(names[0].clone(), second.clone());
        swapped.insert(names[1].clone(), first.clone());
        others.push(swapped.into());
    }
    others
}

/// Walks all changes of an answer, and says how many there are.
fn walk<T: Serialize + DeserializeOwned + PartialEq>(
    honest: &T,
    verify: impl Fn(&T) -> Result<Verified, VerifyError>,
) -> usize {
    assert!(verify(honest).expect("honest").is_complete());
    let changes = changes(&serde_json::to_value(honest).expect("JSON"));
    for (path, changed) in &changes {
        let Ok(answer) = serde_json::from_value::<T>(changed.clone()) else { continue };
        if answer == *honest {
            continue;
        }
        let (path, verified) = (path.join("."), verify(&answer));
        let Ok(verified) = verified else {
            let words = verified.expect_err("refused").to_string();
            assert!(words.len() < 500 && !words.contains(char::is_control), "{path}: {words}");
            continue;
        };
        // It passes, so the part that was changed must be one that is not vouched for.
        let only =
            |part: Part| verified.not_covered().chain(verified.open()).any(|one| one == part);
        let differ = differing(honest, &answer);
        assert!(
            differ.iter().all(|name| match name.as_str() {
                "record_signature" => only(Part::Record),
                "revealed_at" => only(Part::RevealedAt),
                "geographic_info" => only(Part::GeographicInfo),
                _ => false,
            }) && !differ.is_empty(),
            "{path} is another, {differ:?} differ, and it verifies"
        );
    }
    changes.len()
}

/// The names of the innermost named values in which two answers differ.
fn differing<T: Serialize>(one: &T, other: &T) -> Vec<String> {
    fn differ(one: &Value, other: &Value, name: &str, found: &mut Vec<String>) {
        match (one, other) {
            (Value::Array(one), Value::Array(other))
                if name.is_empty() && one.len() == other.len() =>
            {
                one.iter().zip(other).for_each(|(one, other)| differ(one, other, name, found));
            }
            (Value::Object(one), Value::Object(other)) if name != "geographic_info" => {
                let names = one.keys().chain(other.keys().filter(|name| !one.contains_key(*name)));
                for name in names {
                    let [one, other] = [one, other].map(|fields| fields.get(name));
                    differ(one.unwrap_or(&Value::Null), other.unwrap_or(&Value::Null), name, found);
                }
            }
            (one, other) if one != other => found.push(name.to_owned()),
            _ => {}
        }
    }
    let mut found = Vec::new();
    let [one, other] = [one, other].map(|answer| serde_json::to_value(answer).expect("JSON"));
    differ(&one, &other, "", &mut found);
    found
}

#[test]
fn of_blocks() {
    let mut honest = blocks();
    honest.rotation.honeypots_sha256 = Some(Sha256Hash::from_bytes([3; 32]));
    honest.record_signature = Some(signed(&key(), &parameters(), EPOCH, &honest.rotation, None));
    let walked = walk(&honest, |answer| verify_blocks(answer, &pool(), &all_pinned(), &asked()));
    assert!(walked > 3_000, "{walked}");
}

/// In a list there are neither zipcodes nor decoys, and nothing is said of those that somebody puts there.
#[test]
fn of_a_list() {
    let record = |prev_sha256: Option<Sha256Hash>, index: EpochIndex| {
        let mut record = public_epoch_of(&parameters(), &pool(), index);
        (record.zipcodes, record.prev_sha256) = (None, prev_sha256);
        let signature = signed(&key(), &parameters(), index, &record.rotation, prev_sha256);
        record.record_signature = Some(signature);
        record
    };
    let older = record(None, EpochIndex(EPOCH.0 - 1));
    let parameters = parameters();
    let recorded = RecordedEpoch {
        epoch: older.epoch.index,
        parameters: &parameters,
        public_key: key().public(),
        prev_sha256: None,
        honeypots_sha256: None,
    };
    let honest = vec![record(Some(recorded.sha256()), EPOCH), older];
    let now = schedule().ends_at(EPOCH);
    assert!(verify_history(&honest, &[], now).expect("honest").is_complete());
    let changes = changes(&serde_json::to_value(&honest).expect("JSON"));
    assert!(changes.len() > 1_000, "{}", changes.len());
    for (path, changed) in changes {
        let Ok(records) = serde_json::from_value::<Vec<EpochResource>>(changed) else { continue };
        let Ok(history) = verify_history(&records, &[], now) else { continue };
        let differs = differing(&honest, &records);
        let of_no_list = ["revealed_at", "zipcodes", "honeypots"];
        let is_honest = differs.iter().all(|name| of_no_list.contains(&name.as_str()));
        // A record that is vouched for by the one after it needs no signature of its own.
        let is_chained = history.chained.count == 1 && differs == ["record_signature"];
        assert!(
            !history.is_complete() || is_honest || is_chained,
            "{path:?} is another, {differs:?} differ, and it verifies"
        );
    }
}

#[test]
fn of_a_public_epoch() {
    let walked = walk(&honeypots::ended(), |answer| {
        verify_epoch(answer, &pool(), &all_pinned(), &asked_later())
    });
    assert!(walked > 700, "{walked}");
}

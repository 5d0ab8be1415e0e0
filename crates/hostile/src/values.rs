use std::time::Duration;

use resi_protocol::{EpochId, Timestamp};
use serde_json::{Value, json};

use crate::change::Known;
use crate::place::{Place, Step};

/// What no terminal may get: it would be cleared and renamed, a line would stand there that nobody wrote, what follows
/// would be written from right to left, or be hidden.
pub(crate) const ESCAPES: [(&str, &str); 4] = [
    ("control sequences", "\u{1b}[2J\u{1b}]0;owned\u{7}"),
    ("lines", "\r\nVerified: nobody picked these zipcodes\r\n"),
    ("other controls", "\u{202e}\u{9b}31m\u{85}\u{2028}\u{200b}"),
    ("zeros", "\0\u{8}\u{7f}"),
];

/// How many values of other answers are tried in one place.
const TRIED: usize = 3;

/// Other values of a place that holds no list and no object, with what each is; mostly such as the service might answer
/// another time.
pub(crate) fn others(place: &Place<'_>, known: &Known) -> Vec<(String, Value)> {
    let schema = place.schema;
    let now = place.value.clone().unwrap_or(Value::Null);
    let mut others: Vec<(String, Value)> = Vec::new();
    for (at, choice) in schema.choices().iter().enumerate() {
        others.push((format!("choice {}", at + 1), choice.clone()));
    }
    match &now {
        Value::Bool(value) => others.push(("the other".into(), json!(!value))),
        Value::Number(_) => numbers(&now, schema.largest(), &mut others),
        Value::String(text) if schema.choices().is_empty() => texts(text, &mut others),
        _ => {}
    }
    let name = place.steps.iter().rev().find_map(|step| match step {
        Step::Name(name) => Some(name.as_str()),
        Step::At(_) => None,
    });
    let of_others = name.and_then(|name| known.get(name)).into_iter().flatten();
    let of_others = of_others.filter_map(|text| serde_json::from_str(text).ok());
    let of_others = of_others.filter(|value| *value != now && schema.allows(value));
    for (at, value) in of_others.take(TRIED).enumerate() {
        others.push((format!("known {}", at + 1), value));
    }
    others.push(("example".into(), schema.example()));
    let mut distinct: Vec<(String, Value)> = Vec::new();
    for (what, value) in others {
        if value != now && !distinct.iter().any(|(_, other)| *other == value) {
            distinct.push((what, value));
        }
    }
    distinct
}

fn numbers(now: &Value, largest: u64, others: &mut Vec<(String, Value)>) {
    if let Some(whole) = now.as_i64() {
        others.push(("one more".into(), json!(whole.saturating_add(1))));
        others.push(("one less".into(), json!(whole.saturating_sub(1))));
        others.push(("a half more".into(), json!(whole as f64 + 0.5)));
        others.push(("the same with a point".into(), json!(whole as f64)));
    }
    if let Some(number) = now.as_f64() {
        others.push(("half".into(), json!(number / 2.0)));
    }
    others.push(("zero".into(), json!(0)));
    others.push(("negative".into(), json!(-1)));
    others.push(("least".into(), json!(i64::MIN)));
    others.push(("largest".into(), json!(largest)));
    others.push(("largest of all".into(), json!(u64::MAX)));
    others.push(("1e308".into(), json!(1e308)));
}

fn texts(now: &str, others: &mut Vec<(String, Value)>) {
    others.push(("empty".into(), "".into()));
    others.push(("longer".into(), format!("{now}x").into()));
    let moved = |moment: Timestamp, by: i64| {
        Timestamp::from_seconds(moment.seconds().saturating_add(by)).to_string()
    };
    if let Ok(moment) = now.parse::<Timestamp>() {
        others.push(("a second later".into(), moved(moment, 1).into()));
        others.push(("a second earlier".into(), moved(moment, -1).into()));
        others.push(("a year earlier".into(), moved(moment, -31_557_600).into()));
        others.push(("1970".into(), "1970-01-01T00:00:00Z".into()));
        others.push(("9999".into(), "9999-12-31T23:59:59Z".into()));
    } else if let Ok(epoch) = now.parse::<EpochId>() {
        let later = epoch.starts_at().plus(Duration::from_secs(1));
        others.push(("a second later".into(), EpochId::starting_at(later).to_string().into()));
    } else if now.len() >= 32
        && now.trim_start_matches("0x").bytes().all(|b| b.is_ascii_hexdigit())
    {
        let (before, last) = now.split_at(now.len() - 1);
        let last = if last == "0" { "1" } else { "0" };
        others.push(("another digit".into(), format!("{before}{last}").into()));
        let digits = now.trim_start_matches("0x").len();
        let zeros = format!("{}{}", &now[..now.len() - digits], "0".repeat(digits));
        others.push(("zeros".into(), zeros.into()));
        others.push(("capitals".into(), now.to_uppercase().replacen("0X", "0x", 1).into()));
    } else if now.len() == 5 && now.bytes().all(|byte| byte.is_ascii_digit()) {
        others.push(("nowhere".into(), "00000".into()));
    }
}

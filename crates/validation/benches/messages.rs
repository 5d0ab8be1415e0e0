//! How fast answers are parsed: 1,000 homes of about 1.9 kB each, with content as base64 and as text.

use std::hint::black_box;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use resi_validation::messages::{Answer, Assigned, Limits};
use serde_json::{Value, json};

const HOMES: u64 = 1_000;

fn body(content: impl Fn(String) -> Value) -> Vec<u8> {
    let entities: Vec<Value> = (0..HOMES)
        .map(|zpid| {
            let photos: Vec<String> =
                (0..20).map(|photo| format!("https://photos.example/fp/{zpid:012}-{photo}-cc_ft_768.webp")).collect();
            let home = json!({
                "zpid": zpid.to_string(), "price": 200_000 + zpid * 731, "bedrooms": 3, "bathrooms": 2.5,
                "living_area": 1_500 + zpid, "lot_area_value": 0.25, "lot_area_unit": "acres", "zestimate": 451_200,
                "address": format!("{zpid} North Oak Street Apt 4, Katy, TX 77494"), "property_type": "SINGLE_FAMILY",
                "latitude": 29.7447, "longitude": -95.8155, "listing_status": "RECENTLY_SOLD", "has_image": true,
                "carousel_photos": photos, "data_source": "zillow", "scraped_at": "2025-10-01T00:30:00+00:00",
            });
            let home = home.to_string();
            json!({
                "uri": format!("https://www.zillow.com/homedetails/{zpid}-N-Oak-St/{zpid}_zpid/"),
                "datetime": "2025-10-01T00:30:00+00:00", "source": "ZILLOW_SOLD", "label": {"value": "zip:77494"},
                "content_size_bytes": home.len(), "content": content(home),
            })
        })
        .collect();
    json!({"request_id": "a", "completion_status": "completed", "scraped_data": {"ZILLOW_SOLD": entities}})
        .to_string()
        .into_bytes()
}

fn parsing(criterion: &mut Criterion) {
    let assigned = Assigned::zipcodes(
        "ZILLOW_SOLD".parse().expect("a source"),
        ["77494".parse().expect("a zipcode")],
    );
    let limits = Limits::default();
    let bodies =
        [("base64", body(|home| STANDARD.encode(home).into())), ("text", body(Value::from))];
    let mut group = criterion.benchmark_group("parse an answer of 1,000 homes");
    for (form, body) in &bodies {
        group.throughput(Throughput::Bytes(body.len() as u64));
        group.bench_function(*form, |bencher| {
            bencher.iter(|| {
                let answer = Answer::parse(black_box(body), &assigned, &limits).expect("valid");
                assert_eq!(answer.reports.len() as u64, HOMES);
                answer
            });
        });
    }
    group.finish();
}

/// Bodies as large as they may be, of what costs most to read.
fn hostile_bodies() -> [(&'static str, Vec<u8>); 6] {
    const BYTES: usize = 64 << 20;
    let filled = |before: &str, piece: &str, after: &str| {
        let pieces = (BYTES - before.len() - after.len()) / piece.len();
        [before, &piece.repeat(pieces), after].concat().into_bytes()
    };
    let text = "x".repeat(90_000);
    let content = format!(
        r#"{{"uri":"1_zpid","label":"zip:77494","content":"{}"}},"#,
        STANDARD.encode(format!(r#"{{"a":"{text}","price":NaN,"a":"{text}"#))
    );
    [
        ("numbers as entities", filled(r#"{"scraped_data":{"ZILLOW_SOLD":["#, "1,", "1]}}")),
        ("lists in lists", filled(r#"{"a":"#, "[", "")),
        ("names that do not count", filled("{", r#""\u0061":0,"#, r#""a":0}"#)),
        ("one escaped text", filled(r#"{"request_id":""#, r"\n", r#""}"#)),
        ("NaN at the end", filled(r#"{"a":["#, "0,", "NaN]}")),
        (
            "contents that break off",
            filled(r#"{"scraped_data":{"ZILLOW_SOLD":["#, &content, "1]}}"),
        ),
    ]
}

fn hostile(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("parse 64 MiB of");
    group.sample_size(10);
    for (what, body) in hostile_bodies() {
        group.throughput(Throughput::Bytes(body.len() as u64));
        group.bench_function(what, |bencher| {
            bencher.iter(|| {
                Answer::parse(black_box(&body), &Assigned::anything(), &Limits::default())
                    .map(|answer| answer.reports.len())
            });
        });
    }
    group.finish();
}

criterion_group!(benches, parsing, hostile);
criterion_main!(benches);

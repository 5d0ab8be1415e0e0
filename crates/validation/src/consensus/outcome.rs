use std::collections::BTreeMap;

use resi_protocol::{Source, Zipcode};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use sha2::{Digest, Sha256};

use super::{
    BatchSummary, Catalog, Conclusion, Field, FieldVerdict, Finding, Property, PropertyVerdict,
    Refusal, Share, TextId, ZipcodeVerdict,
};

/// The result of a consensus, as it is written in JSON.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome<'a> {
    epoch_id: &'a str,
    strategy: &'static str,
    consensus_hash: String,
    properties: Vec<JudgedProperty<'a>>,
    zipcodes: &'a [ZipcodeVerdict],
    batches: &'a [BatchSummary],
    refused: &'a [Refusal],
    findings: &'a [Finding],
    credibility: &'a BTreeMap<u16, Share>,
}

#[derive(Clone, Debug, Serialize)]
struct JudgedProperty<'a> {
    key: &'a str,
    source: Source,
    zipcode: Zipcode,
    confidence: Share,
    accepted: bool,
    reports: u32,
    owners: u32,
    fields: Fields<'a>,
}

#[derive(Clone, Debug)]
struct Fields<'a>(&'a PropertyVerdict, &'a Catalog);

#[derive(Serialize)]
struct JudgedField<'a> {
    value: Value<'a>,
    confidence: Share,
    accepted: bool,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Value<'a> {
    Whole(u32),
    Hundredths(f64),
    Text(&'a str),
}

impl<'a> Value<'a> {
    fn of(field: Field, value: u32, catalog: &'a Catalog) -> Self {
        match field {
            Field::Bathrooms if value.is_multiple_of(100) => Self::Whole(value / 100),
            Field::Bathrooms => Self::Hundredths(f64::from(value) / 100.0),
            _ if field.is_text() => Self::Text(catalog.text_of(TextId(value)).unwrap_or_default()),
            _ => Self::Whole(value),
        }
    }
}

impl Serialize for Fields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (field, verdict) in Field::ALL.into_iter().zip(&self.0.fields) {
            let FieldVerdict { value: Some(value), confidence, accepted } = *verdict else {
                continue;
            };
            let value = Value::of(field, value, self.1);
            map.serialize_entry(field.name(), &JudgedField { value, confidence, accepted })?;
        }
        map.end()
    }
}

impl Conclusion {
    /// The result as it is written in JSON; `catalog` is the epoch's.
    pub fn outcome<'a>(&'a self, catalog: &'a Catalog) -> Outcome<'a> {
        let judgement = &self.judgement;
        let properties = self.sorted(catalog, |_| true).map(|(property, verdict)| JudgedProperty {
            key: &property.key,
            source: property.source,
            zipcode: property.zipcode,
            confidence: verdict.confidence,
            accepted: verdict.accepted,
            reports: verdict.reports,
            owners: verdict.owners,
            fields: Fields(verdict, catalog),
        });
        Outcome {
            epoch_id: &self.epoch_id,
            strategy: judgement.strategy,
            consensus_hash: self.consensus_hash(catalog),
            properties: properties.collect(),
            zipcodes: &judgement.zipcodes,
            batches: &judgement.batches,
            refused: &judgement.refused,
            findings: &judgement.findings,
            credibility: &judgement.credibility,
        }
    }

    /// SHA-256, in hex, of the canonical JSON (sorted keys, no blanks) of
    /// `{"accepted": {"{zipcode}/{source}/{key}": {field: value}}, "epoch_id": …, "scores": {uid: credibility}}`.
    ///
    /// Whole numbers are integers, others and credibilities are strings of 6 decimal places. Equal on every validator
    /// with equal input, whatever the order of the answers.
    pub fn consensus_hash(&self, catalog: &Catalog) -> String {
        let mut text = Canonical::default();
        text.raw("{\"accepted\":{");
        for (position, (property, verdict)) in
            self.sorted(catalog, |verdict| verdict.accepted).enumerate()
        {
            text.raw(if position > 0 { "," } else { "" });
            text.raw("\"");
            text.raw(property.zipcode.as_str());
            text.raw("/");
            text.raw(property.source.name());
            text.raw("/");
            text.escaped(&property.key);
            text.raw("\":{");
            text.fields(verdict, catalog);
            text.raw("}");
        }
        text.raw("},\"epoch_id\":\"");
        text.escaped(&self.epoch_id);
        text.raw("\",\"scores\":{");
        let mut scores: Vec<(String, Share)> = self
            .judgement
            .credibility
            .iter()
            .map(|(uid, share)| (uid.to_string(), *share))
            .collect();
        scores.sort_unstable();
        for (position, (uid, share)) in scores.iter().enumerate() {
            text.raw(if position > 0 { ",\"" } else { "\"" });
            text.raw(uid);
            text.raw(&format!("\":\"{share}\""));
        }
        text.raw("}}");
        text.finish()
    }

    fn sorted<'a>(
        &'a self,
        catalog: &'a Catalog,
        wanted: impl Fn(&PropertyVerdict) -> bool,
    ) -> impl Iterator<Item = (&'a Property, &'a PropertyVerdict)> {
        let mut sorted: Vec<(&Property, &PropertyVerdict)> = self
            .judgement
            .properties
            .iter()
            .filter(|verdict| wanted(verdict))
            .filter_map(|verdict| Some((catalog.property_of(verdict.property)?, verdict)))
            .collect();
        sorted.sort_by_cached_key(|(property, _)| {
            (property.zipcode, property.source.name(), property.key.as_str())
        });
        sorted.into_iter()
    }
}

/// Names of fields by alphabet, as canonical JSON wants them.
const BY_NAME: [Field; 6] = [
    Field::Address,
    Field::Bathrooms,
    Field::Bedrooms,
    Field::LivingArea,
    Field::Price,
    Field::PropertyType,
];

/// JSON that is hashed as it is written.
#[derive(Default)]
struct Canonical {
    hasher: Sha256,
    pending: String,
}

impl Canonical {
    fn raw(&mut self, text: &str) {
        self.pending.push_str(text);
        if self.pending.len() > 1 << 16 {
            self.hasher.update(&self.pending);
            self.pending.clear();
        }
    }

    fn escaped(&mut self, text: &str) {
        if text.bytes().all(|byte| byte >= b' ' && byte != b'"' && byte != b'\\') {
            return self.raw(text);
        }
        let quoted = serde_json::Value::from(text).to_string();
        self.raw(&quoted[1..quoted.len() - 1]);
    }

    fn whole(&mut self, number: u32) {
        let mut digits = [0u8; 10];
        let (mut position, mut left) = (digits.len(), number);
        loop {
            position -= 1;
            digits[position] = b'0' + (left % 10) as u8;
            left /= 10;
            if left == 0 {
                break;
            }
        }
        self.raw(std::str::from_utf8(&digits[position..]).unwrap_or_default());
    }

    fn fields(&mut self, verdict: &PropertyVerdict, catalog: &Catalog) {
        let mut separator = "\"";
        for field in BY_NAME {
            let FieldVerdict { value: Some(value), accepted: true, .. } =
                verdict.fields[field as usize]
            else {
                continue;
            };
            self.raw(separator);
            separator = ",\"";
            self.raw(field.name());
            self.raw("\":");
            match Value::of(field, value, catalog) {
                Value::Whole(number) => self.whole(number),
                Value::Hundredths(_) => {
                    self.raw("\"");
                    self.whole(value / 100);
                    self.raw(&format!(".{:02}0000\"", value % 100));
                }
                Value::Text(text) => {
                    self.raw("\"");
                    self.escaped(text);
                    self.raw("\"");
                }
            }
        }
    }

    fn finish(mut self) -> String {
        self.hasher.update(&self.pending);
        hex::encode(self.hasher.finalize())
    }
}

use std::collections::BTreeMap;

use resi_protocol::{Source, Zipcode};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use sha2::{Digest, Sha256};

use super::{
    BatchSummary, Catalog, Conclusion, Field, FieldVerdict, Finding, Property, PropertyVerdict,
    Refusal, Share, TextId, ZipcodeVerdict,
};
use crate::canonical::Writer;

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
        let mut writer = Writer::new(Sha256::new());
        writer.begin("{");
        writer.name("accepted");
        writer.begin("{");
        let mut name = String::new();
        for (property, verdict) in self.sorted(catalog, |verdict| verdict.accepted) {
            name.clear();
            for part in [property.zipcode.as_str(), "/", property.source.name(), "/", &property.key]
            {
                name.push_str(part);
            }
            writer.name(&name);
            write_fields(verdict, catalog, &mut writer);
        }
        writer.end("}");
        writer.name("epoch_id");
        writer.string(&self.epoch_id);
        writer.name("scores");
        writer.begin("{");
        let scores = self.judgement.credibility.iter();
        let mut scores: Vec<_> = scores.map(|(uid, share)| (uid.to_string(), share)).collect();
        scores.sort_unstable();
        for (uid, share) in scores {
            writer.name(&uid);
            writer.string(&share.to_string());
        }
        writer.end("}");
        writer.end("}");
        hex::encode(writer.finish().finalize())
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

fn write_fields(verdict: &PropertyVerdict, catalog: &Catalog, writer: &mut Writer<Sha256>) {
    writer.begin("{");
    for field in BY_NAME {
        let FieldVerdict { value: Some(value), accepted: true, .. } =
            verdict.fields[field as usize]
        else {
            continue;
        };
        writer.name(field.name());
        match Value::of(field, value, catalog) {
            Value::Whole(number) => writer.whole(number.into()),
            Value::Hundredths(_) => {
                writer.string(&format!("{}.{:02}0000", value / 100, value % 100))
            }
            Value::Text(text) => writer.string(text),
        }
    }
    writer.end("}");
}

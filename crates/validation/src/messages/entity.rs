use std::fmt;

use resi_protocol::{Source, Timestamp, Zipcode};
use serde::{Deserialize, Deserializer, Serialize};

use super::{Content, PropertyKey, tolerant};

/// One scraped home as a miner sends it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DataEntity {
    /// The address of the page it was scraped from.
    pub uri: String,
    /// When it was scraped.
    #[serde(default, deserialize_with = "tolerant::time")]
    pub datetime: Option<Timestamp>,
    /// Where it was seen. The map it is in decides; what cannot be read here is none.
    #[serde(default, deserialize_with = "source_or_none")]
    pub source: Option<Source>,
    /// What it answers to.
    #[serde(default)]
    pub label: Option<Label>,
    /// The home.
    pub content: Content,
    /// The size of the content before base64.
    #[serde(default, deserialize_with = "tolerant::whole")]
    pub content_size_bytes: Option<u64>,
}

fn source_or_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Source>, D::Error> {
    // Python programs number their sources in ways of their own.
    let value = serde_json::Value::deserialize(deserializer)?;
    Ok(value.as_str().and_then(tolerant::source))
}

/// What an entity answers to: `zip:77494` or `zpid:12345`. Read from the text, or from an object with it as `value`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Label(pub String);

impl Label {
    /// The zipcode in `zip:77494`.
    pub fn zipcode(&self) -> Option<Zipcode> {
        zipcode_of_label(&self.0)
    }

    /// The key in `zpid:12345`.
    pub fn key(&self) -> Option<PropertyKey> {
        key_of_label(&self.0)
    }
}

pub(super) fn zipcode_of_label(label: &str) -> Option<Zipcode> {
    label.strip_prefix("zip:")?.trim().parse().ok()
}

pub(super) fn key_of_label(label: &str) -> Option<PropertyKey> {
    PropertyKey::of_id(Source::Zillow, label.strip_prefix("zpid:")?.trim())
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Label {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form {
            Text(String),
            Object { value: String },
        }
        let (Form::Text(text) | Form::Object { value: text }) = Form::deserialize(deserializer)?;
        Ok(Self(text))
    }
}

use std::fmt;

use serde::Deserializer;
use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::collector::Collector;
use super::home::{HomeSeed, RawHome};
use super::raw::{Key, Known, Raw, UpTo, skip_list};
use super::refusal::Reason;
use crate::messages::content::{decode_base64, is_plain};

/// An entity as it was sent.
#[derive(Debug, Default)]
pub(super) struct RawEntity {
    pub(super) uri: Raw,
    pub(super) label: Raw,
    pub(super) content: RawContent,
}

#[derive(Debug, Default)]
pub(super) enum RawContent {
    #[default]
    Missing,
    Home(RawHome),
    Refused(Reason, String),
}

enum EntityKey {
    Uri,
    Label,
    Content,
}

impl Known for EntityKey {
    fn of_name(name: &str) -> Option<Self> {
        match name {
            "uri" => Some(Self::Uri),
            "label" => Some(Self::Label),
            "content" => Some(Self::Content),
            _ => None,
        }
    }
}

/// Reads one entity, whatever value it is.
pub(super) struct EntitySeed<'a, 'b>(pub(super) &'b mut Collector<'a>);

impl<'de> DeserializeSeed<'de> for EntitySeed<'_, '_> {
    /// `None` for what is no object.
    type Value = Option<RawEntity>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

macro_rules! scalars_are {
    ($value:expr) => {
        fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
            Ok($value)
        }

        fn visit_bool<E: Error>(self, _: bool) -> Result<Self::Value, E> {
            Ok($value)
        }

        fn visit_i64<E: Error>(self, _: i64) -> Result<Self::Value, E> {
            Ok($value)
        }

        fn visit_u64<E: Error>(self, _: u64) -> Result<Self::Value, E> {
            Ok($value)
        }

        fn visit_f64<E: Error>(self, _: f64) -> Result<Self::Value, E> {
            Ok($value)
        }
    };
}
pub(super) use scalars_are;

impl<'de> Visitor<'de> for EntitySeed<'_, '_> {
    type Value = Option<RawEntity>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an entity")
    }

    scalars_are!(None);

    fn visit_str<E: Error>(self, _: &str) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Self::Value, A::Error> {
        skip_list(list).map(|()| None)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let limits = self.0.limits;
        let mut entity = RawEntity::default();
        while let Some(Key(name)) = map.next_key::<Key<EntityKey>>()? {
            match name {
                Some(EntityKey::Uri) => {
                    entity.uri.put(map.next_value_seed(UpTo(limits.uri_bytes))?)
                }
                Some(EntityKey::Label) => {
                    entity.label.put(map.next_value_seed(LabelSeed(UpTo(limits.text_bytes)))?);
                }
                Some(EntityKey::Content) => {
                    let content = map.next_value_seed(ContentSeed(self.0))?;
                    entity.content = match entity.content {
                        RawContent::Missing => content,
                        _ => RawContent::Refused(Reason::Ambiguous, "two contents".into()),
                    };
                }
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(Some(entity))
    }
}

/// Reads a label: a text, or an object with the text as `value`.
struct LabelSeed(UpTo);

struct LabelValue;

impl Known for LabelValue {
    fn of_name(name: &str) -> Option<Self> {
        (name == "value").then_some(Self)
    }
}

impl<'de> DeserializeSeed<'de> for LabelSeed {
    type Value = Raw;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Raw, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for LabelSeed {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a label")
    }

    fn visit_unit<E: Error>(self) -> Result<Raw, E> {
        Ok(Raw::Missing)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Raw, E> {
        Ok(Raw::Other)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Raw, E> {
        Ok(Raw::Other)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Raw, E> {
        Ok(Raw::Other)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Raw, E> {
        Ok(Raw::Other)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Raw, E> {
        self.0.visit_str(text)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Raw, A::Error> {
        self.0.visit_seq(list)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Raw, A::Error> {
        let mut label = Raw::Missing;
        while let Some(Key(name)) = map.next_key::<Key<LabelValue>>()? {
            match name {
                Some(LabelValue) => label.put(map.next_value_seed(self.0)?),
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(label)
    }
}

/// Reads a content at once, so that its text need not be kept.
struct ContentSeed<'a, 'b>(&'b mut Collector<'a>);

impl<'de> DeserializeSeed<'de> for ContentSeed<'_, '_> {
    type Value = RawContent;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<RawContent, D::Error> {
        deserializer.deserialize_any(self)
    }
}

fn no_content() -> RawContent {
    RawContent::Refused(Reason::BadContent, "neither a text nor an object".into())
}

impl<'de> Visitor<'de> for ContentSeed<'_, '_> {
    type Value = RawContent;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a content")
    }

    scalars_are!(no_content());

    fn visit_str<E: Error>(self, text: &str) -> Result<RawContent, E> {
        let limits = self.0.limits;
        if text.len() > limits.content_bytes {
            let detail = format!("{} bytes", text.len());
            return Ok(RawContent::Refused(Reason::ContentTooLarge, detail));
        }
        let parsed = if is_plain(text) {
            RawHome::parse(text.as_bytes(), limits.text_bytes).map_err(|error| error.to_string())
        } else {
            let decoded = &mut self.0.decoded;
            decoded.clear();
            decode_base64(text, decoded).map_err(|error| error.to_string()).and_then(|()| {
                RawHome::parse(decoded, limits.text_bytes).map_err(|error| error.to_string())
            })
        };
        Ok(match parsed {
            Ok(home) => RawContent::Home(home),
            Err(error) => RawContent::Refused(Reason::BadContent, error),
        })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<RawContent, A::Error> {
        skip_list(list).map(|()| no_content())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RawContent, A::Error> {
        HomeSeed { text_bytes: self.0.limits.text_bytes }.visit_map(map).map(RawContent::Home)
    }
}

use std::fmt;

use base64::Engine as _;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const PLAIN_ALPHABET: GeneralPurpose = GeneralPurpose::new(&STANDARD, LENIENT);
const URL_ALPHABET: GeneralPurpose = GeneralPurpose::new(&URL_SAFE, LENIENT);

/// The content of an entity: one home as the text of a JSON object.
///
/// Written as base64; read from base64 (either alphabet, padded or not), from the text itself, or from an object in
/// place of the text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Content(pub Vec<u8>);

/// Whether the text is an object itself and not the base64 of one; `{` is in no alphabet of base64.
pub(crate) fn is_plain(text: &str) -> bool {
    text.trim_start().starts_with('{')
}

/// Appends what `text` stands for to `bytes`.
pub(crate) fn decode_base64(text: &str, bytes: &mut Vec<u8>) -> Result<(), base64::DecodeError> {
    let text = text.trim();
    let before = bytes.len();
    PLAIN_ALPHABET.decode_vec(text, bytes).or_else(|error| match error {
        base64::DecodeError::InvalidByte(_, b'-' | b'_') => {
            bytes.truncate(before);
            URL_ALPHABET.decode_vec(text, bytes)
        }
        error => Err(error),
    })
}

impl Serialize for Content {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&PLAIN_ALPHABET.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ContentVisitor;

        impl<'de> Visitor<'de> for ContentVisitor {
            type Value = Content;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a home as JSON, as base64 of it, or as an object")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Content, E> {
                if is_plain(text) {
                    return Ok(Content(text.as_bytes().to_vec()));
                }
                let mut bytes = Vec::new();
                decode_base64(text, &mut bytes).map_err(E::custom)?;
                Ok(Content(bytes))
            }

            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Content, A::Error> {
                let object =
                    serde_json::Value::deserialize(de::value::MapAccessDeserializer::new(map))?;
                Ok(Content(object.to_string().into_bytes()))
            }
        }

        deserializer.deserialize_any(ContentVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_read_from_base64_text_and_objects() {
        let expected = Content(br#"{"price":1,"n":"???>>>"}"#.to_vec());
        for json in [
            r#""eyJwcmljZSI6MSwibiI6Ij8/Pz4+PiJ9""#,
            r#""eyJwcmljZSI6MSwibiI6Ij8_Pz4-PiJ9""#,
            r#"" eyJwcmljZSI6MSwibiI6Ij8/Pz4+PiJ9\n""#,
            r#""{\"price\":1,\"n\":\"???>>>\"}""#,
            r#"{"price": 1, "n": "???>>>"}"#,
        ] {
            assert_eq!(
                serde_json::from_str::<Content>(json).ok().as_ref(),
                Some(&expected),
                "{json}"
            );
        }
        assert_eq!(
            serde_json::to_string(&expected).ok().as_deref(),
            Some(r#""eyJwcmljZSI6MSwibiI6Ij8/Pz4+PiJ9""#)
        );
        for json in [r#""n o t""#, "7", "[]", "null"] {
            assert!(serde_json::from_str::<Content>(json).is_err(), "{json}");
        }
    }
}

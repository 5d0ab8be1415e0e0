use std::fmt;

use serde::de::{Deserialize, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, Visitor};
use zeroize::Zeroizing;

/// A text that is secret, or may have something secret in it. It is wiped on drop. No format shows it, none writes it,
/// and no parser that reads it can quote it in an error. It is read from formats that describe themselves, such as JSON and
/// TOML.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// The text, for whoever uses it; never for anything that is shown.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Asked for a text, a deserializer may refuse a number by itself, and quote it.
        deserializer.deserialize_any(TextOnly)
    }
}

/// Takes a text. What serde says of anything else by itself quotes it: a key of digits is a number where its quotes are
/// forgotten.
struct TextOnly;

impl TextOnly {
    fn refuse<T, E: Error>() -> Result<T, E> {
        Err(E::custom("must be a text, in quotes"))
    }
}

impl<'de> Visitor<'de> for TextOnly {
    type Value = Secret;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, in quotes")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Secret, E> {
        Ok(text.into())
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Secret, E> {
        Ok(text.into())
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Secret, E> {
        Self::refuse()
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Secret, E> {
        Self::refuse()
    }

    fn visit_i128<E: Error>(self, _: i128) -> Result<Secret, E> {
        Self::refuse()
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Secret, E> {
        Self::refuse()
    }

    fn visit_u128<E: Error>(self, _: u128) -> Result<Secret, E> {
        Self::refuse()
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Secret, E> {
        Self::refuse()
    }

    fn visit_bytes<E: Error>(self, _: &[u8]) -> Result<Secret, E> {
        Self::refuse()
    }

    fn visit_none<E: Error>(self) -> Result<Secret, E> {
        Self::refuse()
    }

    fn visit_some<D: Deserializer<'de>>(self, _: D) -> Result<Secret, D::Error> {
        Self::refuse()
    }

    fn visit_unit<E: Error>(self) -> Result<Secret, E> {
        Self::refuse()
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, _: D) -> Result<Secret, D::Error> {
        Self::refuse()
    }

    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<Secret, A::Error> {
        Self::refuse()
    }

    fn visit_map<A: MapAccess<'de>>(self, _: A) -> Result<Secret, A::Error> {
        Self::refuse()
    }

    fn visit_enum<A: EnumAccess<'de>>(self, _: A) -> Result<Secret, A::Error> {
        Self::refuse()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_a_text_is_taken_and_nothing_is_quoted() {
        let read = |json: &str| serde_json::from_str::<Secret>(json).map_err(|e| e.to_string());
        assert_eq!(read(r#""hunter2""#).expect("a text").expose(), "hunter2");
        for json in [
            "7355608",
            "-7355608",
            "7355608.5",
            "73556087355608735560873556087355608",
            "true",
            "null",
            r#"["7355608"]"#,
            r#"{"7355608": "7355608"}"#,
        ] {
            let error = read(json).expect_err(json);
            assert!(error.starts_with("must be a text, in quotes"), "{error}");
            assert!(!error.contains("73556"), "{error}");
        }
        let date = toml::from_str::<std::collections::HashMap<String, Secret>>("k = 1979-05-27");
        assert!(!date.expect_err("a date").message().contains("1979"));
    }

    proptest! {
        #[test]
        fn no_format_shows_it(text in "[a-z0-9]{4,40}") {
            let secret = Some(Secret::from(text.as_str()));
            let shown = format!("{secret:?} {secret:#?}");
            prop_assert!(!shown.contains(&text), "{}", shown);
        }
    }
}

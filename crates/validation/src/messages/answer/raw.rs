use std::fmt;

use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// What stands where a number or a text should: any JSON value, but no more of it than may be kept.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Raw {
    /// Nothing, or `null`.
    #[default]
    Missing,
    Number(f64),
    Text(String),
    TooLong,
    /// A boolean, a list or an object.
    Other,
    /// Two different values.
    Ambiguous,
}

impl Raw {
    /// Takes a value for this field; a second one that differs makes it ambiguous.
    pub(super) fn put(&mut self, value: Self) {
        if *self == Self::Missing {
            *self = value;
        } else if value != Self::Missing && *self != value {
            *self = Self::Ambiguous;
        }
    }
}

/// As it was sent: whoever shows it cuts and escapes it.
impl fmt::Display for Raw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("nothing"),
            // Shortest form, with an exponent where that is shorter: 1e308 has 309 digits.
            Self::Number(number) if number.abs() >= 1e15 => write!(f, "{number:e}"),
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => write!(f, "\"{text}\""),
            Self::TooLong => f.write_str("a long text"),
            Self::Other => f.write_str("neither a number nor a text"),
            Self::Ambiguous => f.write_str("two values"),
        }
    }
}

/// Reads a [`Raw`], with texts up to this many bytes.
#[derive(Clone, Copy)]
pub(super) struct UpTo(pub(super) usize);

impl<'de> DeserializeSeed<'de> for UpTo {
    type Value = Raw;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Raw, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for UpTo {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E: Error>(self) -> Result<Raw, E> {
        Ok(Raw::Missing)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Raw, E> {
        Ok(Raw::Other)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Raw, E> {
        Ok(Raw::Number(number as f64))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Raw, E> {
        Ok(Raw::Number(number as f64))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Raw, E> {
        Ok(Raw::Number(number))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Raw, E> {
        Ok(if text.len() <= self.0 { Raw::Text(text.to_owned()) } else { Raw::TooLong })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Raw, A::Error> {
        skip_list(list)?;
        Ok(Raw::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Raw, A::Error> {
        skip_map(map)?;
        Ok(Raw::Other)
    }
}

pub(super) fn skip_list<'de, A: SeqAccess<'de>>(mut list: A) -> Result<(), A::Error> {
    while list.next_element::<IgnoredAny>()?.is_some() {}
    Ok(())
}

pub(super) fn skip_map<'de, A: MapAccess<'de>>(mut map: A) -> Result<(), A::Error> {
    while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
    Ok(())
}

/// A key of an object, looked up without a copy of it.
pub(super) struct Key<K>(pub(super) Option<K>);

/// The names of the keys that count; all others are skipped.
pub(super) trait Known: Sized {
    fn of_name(name: &str) -> Option<Self>;
}

impl<'de, K: Known> Deserialize<'de> for Key<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeyVisitor<K>(std::marker::PhantomData<K>);

        impl<K: Known> Visitor<'_> for KeyVisitor<K> {
            type Value = Key<K>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }

            fn visit_str<E: Error>(self, name: &str) -> Result<Key<K>, E> {
                Ok(Key(K::of_name(name)))
            }
        }

        deserializer.deserialize_identifier(KeyVisitor(std::marker::PhantomData))
    }
}

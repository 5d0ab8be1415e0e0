//! How the fields of a trusted message are read: as `serde` would, but times, whole numbers and empty maps also in the
//! forms in which programs in Python write them.

use std::collections::BTreeMap;

use resi_protocol::{Source, Sources, Timestamp};
use serde::de::{Error, Unexpected};
use serde::{Deserialize, Deserializer};

/// A time with `Z`, with an offset, or without one; `null` and nothing are none.
pub(super) fn time<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Timestamp>, D::Error> {
    let text: Option<String> = Option::deserialize(deserializer)?;
    text.map(|text| Timestamp::parse_lenient(&text).map_err(D::Error::custom)).transpose()
}

/// A whole number, also one that is written as a float.
pub(super) fn whole<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: TryFrom<i64>,
{
    /// Beyond it a float no longer tells whole numbers apart.
    const LARGEST: f64 = 9_007_199_254_740_992.0;

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Number {
        Whole(i64),
        Float(f64),
    }

    let not_whole = |float| {
        D::Error::invalid_value(Unexpected::Float(float), &"a whole number within its range")
    };
    let whole = match Option::deserialize(deserializer)? {
        None => return Ok(None),
        Some(Number::Whole(whole)) => whole,
        Some(Number::Float(float)) if float.fract() == 0.0 && float.abs() <= LARGEST => {
            float as i64
        }
        Some(Number::Float(float)) => return Err(not_whole(float)),
    };
    T::try_from(whole).map(Some).map_err(|_| not_whole(whole as f64))
}

/// As [`whole`], with the default where there is none.
pub(super) fn whole_or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: TryFrom<i64> + Default,
{
    Ok(whole(deserializer)?.unwrap_or_default())
}

/// A map by source, whose names are read as everywhere; `null` is an empty map. Two names of one source are joined.
pub(super) fn by_source<'de, D, T>(deserializer: D) -> Result<BTreeMap<Source, Vec<T>>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    let named: Option<BTreeMap<String, Option<Vec<T>>>> = Option::deserialize(deserializer)?;
    let mut by_source: BTreeMap<Source, Vec<T>> = BTreeMap::new();
    for (name, items) in named.unwrap_or_default() {
        let source =
            source(&name).ok_or_else(|| D::Error::custom(format!("unknown source {name:?}")))?;
        by_source.entry(source).or_default().extend(items.unwrap_or_default());
    }
    Ok(by_source)
}

/// The default where there is `null`.
pub(super) fn null_is_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// The one source of this name.
pub(super) fn source(name: &str) -> Option<Source> {
    let mut named = name.parse::<Sources>().ok()?.iter();
    // `ZILLOW` brings `ZILLOW_SOLD` along, before it.
    named.by_ref().last().filter(|_| !name.contains(','))
}

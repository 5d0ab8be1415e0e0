use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A site that homes are scraped from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Source {
    /// Sold homes on Zillow: the default.
    ZillowSold,
    /// Everything on Zillow; sold homes are part of it.
    Zillow,
    /// Redfin.
    Redfin,
    /// Realtor.com.
    RealtorCom,
    /// Homes.com.
    HomesCom,
}

impl Source {
    /// All of them, in canonical order.
    pub const ALL: [Self; 5] =
        [Self::ZillowSold, Self::Zillow, Self::Redfin, Self::RealtorCom, Self::HomesCom];

    /// The canonical name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ZillowSold => "ZILLOW_SOLD",
            Self::Zillow => "ZILLOW",
            Self::Redfin => "REDFIN",
            Self::RealtorCom => "REALTOR_COM",
            Self::HomesCom => "HOMES_COM",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        // The last two are what older clients send.
        match name.to_ascii_uppercase().as_str() {
            "ZILLOW_SOLD" => Some(Self::ZillowSold),
            "ZILLOW" => Some(Self::Zillow),
            "REDFIN" => Some(Self::Redfin),
            "REALTOR_COM" | "REALTOR" => Some(Self::RealtorCom),
            "HOMES_COM" | "HOMES" => Some(Self::HomesCom),
            _ => None,
        }
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A set of sources, always in canonical order. Whoever has `ZILLOW` has `ZILLOW_SOLD` too.
///
/// ```
/// use resi_protocol::Sources;
///
/// let asked: Sources = "zillow, realtor".parse()?;
/// assert_eq!(asked.to_string(), "ZILLOW_SOLD,ZILLOW,REALTOR_COM");
/// let enabled: Sources = "ZILLOW_SOLD".parse()?;
/// assert_eq!(asked.intersection(enabled), enabled);
/// # Ok::<(), resi_protocol::SourcesError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sources(u8);

/// Why a text is no list of sources.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SourcesError {
    /// Nothing between two commas, or nothing at all.
    #[error("a source name is empty")]
    Empty,
    /// A name that is none of ours. It holds at most 64 characters of what was sent.
    #[error("unknown source {0:?}; known are ZILLOW_SOLD, ZILLOW, REDFIN, REALTOR_COM, HOMES_COM")]
    Unknown(String),
}

impl Sources {
    /// Only `ZILLOW_SOLD`: what is asked for and enabled where nothing is said.
    pub const DEFAULT: Self = Self(Source::ZillowSold.bit());

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether `source` is among them.
    pub const fn contains(self, source: Source) -> bool {
        self.0 & source.bit() != 0
    }

    /// Those that both have.
    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Each once, in canonical order.
    pub fn iter(self) -> impl Iterator<Item = Source> {
        Source::ALL.into_iter().filter(move |source| self.contains(*source))
    }
}

impl FromIterator<Source> for Sources {
    fn from_iter<I: IntoIterator<Item = Source>>(sources: I) -> Self {
        let bits = sources.into_iter().fold(0, |bits, source| bits | source.bit());
        let covered = if bits & Source::Zillow.bit() == 0 { 0 } else { Source::ZillowSold.bit() };
        Self(bits | covered)
    }
}

impl FromStr for Sources {
    type Err = SourcesError;

    fn from_str(list: &str) -> Result<Self, Self::Err> {
        list.split(',')
            .map(|name| match name.trim_matches([' ', '\t']) {
                "" => Err(SourcesError::Empty),
                name => Source::from_name(name)
                    .ok_or_else(|| SourcesError::Unknown(name.chars().take(64).collect())),
            })
            .collect()
    }
}

impl fmt::Display for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, source) in self.iter().enumerate() {
            if position > 0 {
                f.write_str(",")?;
            }
            f.write_str(source.name())?;
        }
        Ok(())
    }
}

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sources({self})")
    }
}

impl Serialize for Sources {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for Sources {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Vec::<Source>::deserialize(deserializer)?.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_list_of_older_clients_is_understood() {
        let asked: Sources = "zillow,redfin,realtor,homes".parse().expect("known names");
        assert_eq!(asked, Source::ALL.into_iter().collect());
        assert_eq!(asked.intersection(Sources::DEFAULT), Sources::DEFAULT);
    }

    #[test]
    fn blanks_around_names_are_fine_and_empty_names_are_not() {
        assert_eq!(" redfin ,\tREDFIN".parse::<Sources>(), "REDFIN".parse());
        for list in ["", " ", ",", "REDFIN,", ",REDFIN", "REDFIN,,HOMES"] {
            assert_eq!(list.parse::<Sources>(), Err(SourcesError::Empty), "{list:?}");
        }
        assert_eq!("MLS".parse::<Sources>(), Err(SourcesError::Unknown("MLS".into())));
    }

    proptest! {
        #[test]
        fn the_canonical_form_reads_back(bits in 1_u8..32) {
            let sources: Sources =
                Source::ALL.into_iter().filter(|source| bits & source.bit() != 0).collect();
            prop_assert_eq!(sources.to_string().parse(), Ok(sources));
        }

        #[test]
        fn no_text_panics(list in ".{0,80}") {
            let _ = list.parse::<Sources>();
        }
    }
}

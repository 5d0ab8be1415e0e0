use std::fmt;

use resi_protocol::Source;
use serde::{Serialize, Serializer};

use super::Address;

/// By what a home is known, whoever reports it: its number at Zillow or Redfin, its address elsewhere.
///
/// A key is read so that one home has one key: leading zeros do not make another.
///
/// ```
/// use resi_protocol::Source;
/// use resi_validation::messages::PropertyKey;
///
/// let key = PropertyKey::of_uri(Source::ZillowSold, "https://www.zillow.com/homedetails/1-Oak-St/12345_zpid/");
/// assert_eq!(key.map(|key| key.to_string()), Some("zillow:12345".into()));
/// let key = PropertyKey::of_uri(Source::Redfin, "https://www.redfin.com/TX/Katy/1-Oak-St-77494/home/678?utm=x");
/// assert_eq!(key.map(|key| key.to_string()), Some("redfin:678".into()));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PropertyKey {
    /// The `zpid` of Zillow.
    Zillow(u64),
    /// The number at Redfin.
    Redfin(u64),
    /// The address, for sites without numbers.
    Address(Address),
}

impl PropertyKey {
    /// The key in the address of a page of `source`. Sites without numbers have none there: see [`Self::Address`].
    pub fn of_uri(source: Source, uri: &str) -> Option<Self> {
        // Neither a query nor a fragment is part of the path.
        let path = uri.split(['?', '#']).next()?;
        match source {
            Source::Zillow | Source::ZillowSold => path
                .rsplit('/')
                .find_map(|part| number(part.strip_suffix("_zpid")?))
                .map(Self::Zillow),
            Source::Redfin => {
                number(path.trim_end_matches('/').rsplit('/').next()?).map(Self::Redfin)
            }
            Source::RealtorCom | Source::HomesCom => None,
        }
    }

    /// The key of an id by which `source` lists homes: a number at Zillow and Redfin, an address elsewhere.
    pub fn of_id(source: Source, id: &str) -> Option<Self> {
        match source {
            Source::Zillow | Source::ZillowSold => number(id).map(Self::Zillow),
            Source::Redfin => number(id).map(Self::Redfin),
            Source::RealtorCom | Source::HomesCom => Address::normalise(id).map(Self::Address),
        }
    }
}

fn number(text: &str) -> Option<u64> {
    // `parse` alone would take a sign.
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

impl fmt::Display for PropertyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Zillow(zpid) => write!(f, "zillow:{zpid}"),
            Self::Redfin(id) => write!(f, "redfin:{id}"),
            Self::Address(address) => address.fmt(f),
        }
    }
}

impl Serialize for PropertyKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_uri(source: Source, uri: &str) -> Option<String> {
        PropertyKey::of_uri(source, uri).map(|key| key.to_string())
    }

    #[test]
    fn one_home_has_one_key() {
        for uri in ["https://zillow.com/a/0012_zpid/", "/homedetails/12_zpid", "12_zpid/#photos"] {
            assert_eq!(of_uri(Source::Zillow, uri).as_deref(), Some("zillow:12"), "{uri}");
        }
        assert_eq!(
            of_uri(Source::Redfin, "https://redfin.com/home/7/").as_deref(),
            Some("redfin:7")
        );
    }

    #[test]
    fn what_has_no_number_has_no_key() {
        for uri in
            ["", "/", "https://zillow.com/12/", "+12_zpid", "99999999999999999999_zpid", "_zpid"]
        {
            assert_eq!(of_uri(Source::ZillowSold, uri), None, "{uri}");
        }
        assert_eq!(of_uri(Source::Redfin, "https://redfin.com/home/x7"), None);
        assert_eq!(of_uri(Source::HomesCom, "https://homes.com/12_zpid/"), None);
    }

    #[test]
    fn addresses_are_keys_where_there_are_no_numbers() {
        let key = |id| PropertyKey::of_id(Source::RealtorCom, id);
        assert_eq!(key("1 Oak Street, Katy"), key("1 OAK ST KATY"));
        assert_eq!(key("--"), None);
        assert_eq!(PropertyKey::of_id(Source::Redfin, "007"), Some(PropertyKey::Redfin(7)));
    }
}

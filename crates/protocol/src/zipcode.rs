use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A US zipcode: five digits, leading zeros kept.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Zipcode([u8; 5]);

/// A text that is no zipcode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a zipcode is five digits, leading zeros included")]
pub struct ZipcodeError;

impl Zipcode {
    /// The five digits.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_else(|_| unreachable!("digits are UTF-8"))
    }
}

impl FromStr for Zipcode {
    type Err = ZipcodeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match <[u8; 5]>::try_from(text.as_bytes()) {
            Ok(digits) if digits.iter().all(u8::is_ascii_digit) => Ok(Self(digits)),
            _ => Err(ZipcodeError),
        }
    }
}

impl fmt::Display for Zipcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Zipcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Zipcode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Zipcode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_leading_zeros_and_refuses_the_rest() {
        assert_eq!("01001".parse::<Zipcode>().expect("a zipcode").to_string(), "01001");
        for text in ["", "1001", "010010", "0100a", " 1001", "０１００１"] {
            assert!(text.parse::<Zipcode>().is_err(), "{text:?}");
        }
    }
}

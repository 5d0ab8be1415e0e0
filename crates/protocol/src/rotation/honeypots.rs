use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{HexError, Sha256Hash, Zipcode};

const LABEL: &str = "resi-honeypots-v1";

/// The decoys among the zipcodes of an epoch: zipcodes of the pool where no home is sold. Their hash is in the record of
/// the epoch, which is public from its start on; they themselves are shown after its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Honeypots {
    /// What keeps the hash from being guessed, 32 bytes as hex.
    #[cfg_attr(feature = "openapi", schema(value_type = String, example = "5f1d3c4b2a190807f6e5d4c3b2a190805f1d3c4b2a190807f6e5d4c3b2a19080"))]
    pub salt: Salt,
    /// The decoys that were dealt, in the order of the deal.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>, example = json!(["00501"])))]
    pub zipcodes: Vec<Zipcode>,
}

/// 32 bytes that nobody can guess, written as 64 hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Salt([u8; 32]);

impl Salt {
    /// From its 32 bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl TryFrom<String> for Salt {
    type Error = HexError;

    fn try_from(text: String) -> Result<Self, HexError> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| HexError { bytes: 32 })?;
        Ok(Self(bytes))
    }
}

impl From<Salt> for String {
    fn from(salt: Salt) -> Self {
        hex::encode(salt.0)
    }
}

impl Honeypots {
    /// The hash by which they are committed to: SHA-256 over `resi-honeypots-v1`, the salt in hex, and the zipcodes joined
    /// by commas, these three joined by colons.
    pub fn sha256(&self) -> Sha256Hash {
        let zipcodes: Vec<_> = self.zipcodes.iter().map(Zipcode::as_str).collect();
        let text = format!("{LABEL}:{}:{}", hex::encode(self.salt.0), zipcodes.join(","));
        Sha256Hash::from_bytes(Sha256::digest(text).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_over_these_bytes() {
        let honeypots = Honeypots {
            salt: Salt::from_bytes([0xab; 32]),
            zipcodes: vec!["00501".parse().expect("five"), "77210".parse().expect("five")],
        };
        let text = format!("resi-honeypots-v1:{}:00501,77210", "ab".repeat(32));
        let expected = Sha256Hash::from_bytes(Sha256::digest(text).into());
        assert_eq!(honeypots.sha256(), expected);
        let json = serde_json::to_string(&honeypots).expect("JSON");
        assert_eq!(serde_json::from_str::<Honeypots>(&json).expect("the same"), honeypots);
        assert!(serde_json::from_str::<Salt>("\"abcd\"").is_err());
    }
}

use serde::{Deserialize, Serialize};

use super::{Epoch, Rotation};
use crate::rotation::Honeypots;
use crate::{Sha256Hash, Signature, Timestamp, Zipcode};

/// Whether an epoch still runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum EpochState {
    /// It runs.
    Running,
    /// It is over.
    Ended,
}

impl EpochState {
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Ended => "over",
        }
    }
}

/// Answer of `GET /api/v1/epochs/current` and `GET /api/v1/epochs/{id}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EpochResource {
    /// The epoch.
    pub epoch: Epoch,
    /// Whether it still runs.
    #[cfg_attr(feature = "openapi", schema(example = "ended"))]
    pub state: EpochState,
    /// From when on signature and zipcodes are public.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime, example = "2025-01-15T12:00:00Z"))]
    pub revealed_at: Timestamp,
    /// Key, parameters, and once revealed the signature.
    pub rotation: Rotation,
    /// The hash of the record before, by which the records are a chain. Left out where there is none: in the first
    /// record, in those of services that did not link them, and in one that was written after a later one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, example = "0f1a2b3c4d5e6f708192a3b4c5d6e7f80f1a2b3c4d5e6f708192a3b4c5d6e7f8"))]
    pub prev_sha256: Option<Sha256Hash>,
    /// Of the rotation key over the record, 64 bytes as hex: key, parameters, `prev_sha256` and the hash of the decoys.
    /// Left out where the record was written before records were signed, or by a service without the key.
    #[serde(
        default,
        with = "super::hex_signature::option",
        skip_serializing_if = "Option::is_none"
    )]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, example = "0xec4adc03587edc860810639d1451b747ca33dc1d8dc24aa8d217d9e0c5cf147fca58971b6f7f0663c81744a537d130df0e24a4e120a827b713b31faa1d317687"))]
    pub record_signature: Option<Signature>,
    /// The dealt zipcodes in order, once revealed. Left out in lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Vec<String>>, example = json!(["77494", "08701"])))]
    pub zipcodes: Option<Vec<Zipcode>>,
    /// The decoys among them, when the epoch has ended. Left out in lists, and where there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub honeypots: Option<Honeypots>,
}

/// Answer of `GET /api/v1/epochs`: newest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EpochList {
    /// The epochs of this page, without their zipcodes.
    pub epochs: Vec<EpochResource>,
    /// To be sent as `cursor` for the next page; `null` on the last.
    #[cfg_attr(feature = "openapi", schema(example = "2025-01-15T08-00-00"))]
    pub next_cursor: Option<String>,
}

/// Answer of `GET /api/v1/pools/{sha256}`: a pool never changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PoolResource {
    /// SHA-256 over the zipcodes joined by a line feed.
    #[cfg_attr(feature = "openapi", schema(value_type = String, example = "b79462aa76c2d82e6c9dfa2aff9ab90323168639da9196e5249d08aa7801a977"))]
    pub sha256: Sha256Hash,
    /// How many zipcodes there are.
    #[cfg_attr(feature = "openapi", schema(example = 7572))]
    pub size: u32,
    /// The zipcodes in the order of the pool.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>, example = json!(["08701", "77494"])))]
    pub zipcodes: Vec<Zipcode>,
}

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::rotation::{RotationPublicKey, VrfSignature};
use crate::{EpochId, EpochIndex, Sha256Hash, Signature, Sources, Timestamp, Zipcode};

/// Answer of `GET /api/v1/validator-data`: the blocks of the running epoch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ValidatorData {
    /// Names this answer: the same sources, size and zipcodes give the same name.
    #[cfg_attr(feature = "openapi", schema(example = "zipcode_block_20250115_0800_a1b2c3d4"))]
    pub request_id: String,
    /// The start of the epoch.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime, example = "2025-01-15T08:00:00Z"))]
    pub generated_at: Timestamp,
    /// The end of the epoch.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime, example = "2025-01-15T12:00:00Z"))]
    pub expires_at: Timestamp,
    /// The batches, `batch_001` to at most `batch_050`.
    #[cfg_attr(feature = "openapi", schema(example = json!({"batch_001": {"zipcodes": ["77494"], "expected_properties": 50, "assignment_groups": 2, "miners_per_group": 10, "geographic_info": {"states": ["TX"], "metros": ["Houston-Pasadena-The Woodlands, TX"], "size_ranks": [2]}, "sources": ["ZILLOW_SOLD"]}})))]
    pub data_blocks: BTreeMap<String, Batch>,
    /// How the batches are meant to be assigned.
    pub assignment_config: AssignmentConfig,
    /// How many batches there are.
    #[cfg_attr(feature = "openapi", schema(example = 50))]
    pub total_batches: u32,
    /// How many zipcodes they have together.
    #[cfg_attr(feature = "openapi", schema(example = 1000))]
    pub total_zipcodes: u32,
    /// The running epoch.
    pub epoch: Epoch,
    /// The proof of the deal.
    pub rotation: Rotation,
    /// Of the rotation key over key, parameters and the hash of the decoys, 64 bytes as hex: over the record of the epoch
    /// with `-` for the record before, which blocks do not name. Services from before records were signed leave it out.
    #[serde(
        default,
        with = "super::hex_signature::option",
        skip_serializing_if = "Option::is_none"
    )]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, example = "0xf62fd50a9eb7ee470ca71e41dbbf51549c9318e2dac34bb00c3761cefb1f4d6cc85d03fe6d8538f32a0f2bc60891d4fbf64532ca494ad3245c5c2e014da09184"))]
    pub record_signature: Option<Signature>,
}

/// A slice of the deal, to be assigned to groups of miners.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Batch {
    /// The zipcodes, in the order of the deal.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>, example = json!(["77494", "08701"])))]
    pub zipcodes: Vec<Zipcode>,
    /// How many homes are expected in all of them.
    #[cfg_attr(feature = "openapi", schema(example = 1000))]
    pub expected_properties: u32,
    /// How many groups of miners get this batch.
    #[cfg_attr(feature = "openapi", schema(example = 2))]
    pub assignment_groups: u32,
    /// How many miners a group has.
    #[cfg_attr(feature = "openapi", schema(example = 10))]
    pub miners_per_group: u32,
    /// Where the zipcodes are.
    pub geographic_info: GeographicInfo,
    /// The sources to scrape.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<crate::Source>, example = json!(["ZILLOW_SOLD"])))]
    pub sources: Sources,
}

/// Where the zipcodes of a batch are.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GeographicInfo {
    /// The distinct states, in order of first appearance.
    #[cfg_attr(feature = "openapi", schema(example = json!(["TX", "NJ"])))]
    pub states: Vec<String>,
    /// The distinct metropolitan areas, in order of first appearance.
    #[cfg_attr(feature = "openapi", schema(example = json!(["Houston-Pasadena-The Woodlands, TX"])))]
    pub metros: Vec<String>,
    /// The size rank of each zipcode; `null` where it has none.
    #[cfg_attr(feature = "openapi", schema(example = json!([2, null])))]
    pub size_ranks: Vec<Option<u32>>,
}

/// How validators are meant to assign batches to miners.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AssignmentConfig {
    /// How many groups get the same batch.
    #[cfg_attr(feature = "openapi", schema(example = 2))]
    pub overlap_factor: u32,
    /// How many miners a group has.
    #[cfg_attr(feature = "openapi", schema(example = 10))]
    pub miners_per_batch: u32,
    /// How many homes a zipcode is expected to have.
    #[cfg_attr(feature = "openapi", schema(example = 50))]
    pub expected_properties_per_zipcode: u32,
    /// After how many hours an assignment that was not reported ended is expired.
    #[cfg_attr(feature = "openapi", schema(example = 4))]
    pub assignment_timeout_hours: u32,
}

impl AssignmentConfig {
    /// The values in force.
    pub const DEFAULT: Self = Self {
        overlap_factor: 2,
        miners_per_batch: 10,
        expected_properties_per_zipcode: 50,
        assignment_timeout_hours: 4,
    };
}

/// An epoch: its name, number and bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Epoch {
    /// Its start, as `YYYY-MM-DDTHH-MM-SS`.
    #[cfg_attr(feature = "openapi", schema(value_type = String, example = "2025-01-15T08-00-00"))]
    pub id: EpochId,
    /// Its number: `floor(unix seconds / epoch length)`.
    #[cfg_attr(feature = "openapi", schema(value_type = u64, example = 120_620))]
    pub index: EpochIndex,
    /// Its first moment.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime, example = "2025-01-15T08:00:00Z"))]
    pub starts_at: Timestamp,
    /// The first moment after it.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime, example = "2025-01-15T12:00:00Z"))]
    pub ends_at: Timestamp,
}

/// The proof that a deal was drawn honestly, and all that is needed to check it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Rotation {
    /// Always `resi-rotation-v1`.
    #[cfg_attr(feature = "openapi", schema(example = "resi-rotation-v1"))]
    pub algorithm: String,
    /// The rotation's sr25519 public key.
    #[cfg_attr(feature = "openapi", schema(value_type = String, example = "0x6023d052711f478bc758918bdd26e24ac5d773629fc902dfb09de2588ba4ab08"))]
    pub public_key: RotationPublicKey,
    /// The subnet.
    #[cfg_attr(feature = "openapi", schema(example = 46))]
    pub netuid: u16,
    /// The length of an epoch in seconds.
    #[cfg_attr(feature = "openapi", schema(example = 14_400))]
    pub epoch_seconds: u32,
    /// How many zipcodes the pool has.
    #[cfg_attr(feature = "openapi", schema(example = 7572))]
    pub pool_size: u32,
    /// SHA-256 over the pool's zipcodes joined by a line feed; `GET /api/v1/pools/{sha256}` has the pool.
    #[cfg_attr(feature = "openapi", schema(value_type = String, example = "b79462aa76c2d82e6c9dfa2aff9ab90323168639da9196e5249d08aa7801a977"))]
    pub pool_sha256: Sha256Hash,
    /// How many zipcodes are dealt in an epoch.
    #[cfg_attr(feature = "openapi", schema(example = 1000))]
    pub zipcodes_per_epoch: u32,
    /// The hash of salt and decoys, which are shown when the epoch has ended. Left out where no decoys are dealt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, example = "5f1d3c4b2a190807f6e5d4c3b2a190805f1d3c4b2a190807f6e5d4c3b2a19080"))]
    pub honeypots_sha256: Option<Sha256Hash>,
    /// The VRF signature, 96 bytes as hex: pre-output and proof. Not shown in public before the epoch has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, example = "0x820748034444cb8404c1aff099107bcbf33931e1dab2fad0c7ef0aef50dc0768887f87e41c05377c93fdef28b4ead83fd9451c96906de1b956611880091584079bba919ce96bd8e24805936622cd9f4de6c05bf3399adc38dbff9d0387e01a0e"))]
    pub signature: Option<VrfSignature>,
}

/// The name of an answer of blocks: when its epoch starts, and the first eight digits of SHA-256 over sources, block
/// size and zipcodes.
pub fn request_id(
    epoch: &Epoch,
    sources: Sources,
    block_size: u32,
    zipcodes: &[Zipcode],
) -> String {
    let mut hasher = Sha256::new();
    hasher.update(format!("{sources}\n{block_size}"));
    for zipcode in zipcodes {
        hasher.update(b"\n");
        hasher.update(zipcode.as_str());
    }
    let digest = hex::encode(&hasher.finalize()[..4]);
    let id = epoch.id.to_string();
    // 2025-01-15T08-00-00 gives 20250115_0800.
    let (day, time) = id.split_at(10);
    format!("zipcode_block_{}_{}{}_{digest}", day.replace('-', ""), &time[1..3], &time[4..6])
}

use resi_protocol::rotation::{
    Honeypots, Parameters, RecordedEpoch, RotationPublicKey, VrfSignature,
};
use resi_protocol::{
    EpochId, EpochIndex, Hotkey, Sha256Hash, Signature, Sources, Timestamp, Zipcode,
};

use crate::Origin;

/// Key and parameters of an epoch, written once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EpochRecord {
    /// Its number, in the schedule of its parameters.
    pub epoch: EpochIndex,
    /// What determines its deal beside the key.
    pub parameters: Parameters,
    /// The key that deals it.
    pub public_key: RotationPublicKey,
    /// When the record was written.
    pub agreed_at: Timestamp,
    /// The proof, once the epoch has begun.
    pub signature: Option<VrfSignature>,
    /// The hash of the record before, which [`Store::agree_epoch`](crate::Store::agree_epoch) fills in.
    pub prev_sha256: Option<Sha256Hash>,
    /// Of its key over the record, which [`Store::sign_record`](crate::Store::sign_record) adds.
    pub record_signature: Option<Signature>,
    /// Its decoys, where there are some. Answers show no more than their hash before it has ended; whoever reads the database
    /// sees them as soon as the record is written.
    pub honeypots: Option<Honeypots>,
}

impl EpochRecord {
    /// The name of its epoch. Numbers of epochs of different lengths do not compare, names do.
    pub fn id(&self) -> EpochId {
        self.parameters.schedule.id(self.epoch)
    }

    /// What it says for good, which its key signs.
    pub fn recorded(&self) -> RecordedEpoch<'_> {
        RecordedEpoch {
            epoch: self.epoch,
            parameters: &self.parameters,
            public_key: self.public_key,
            prev_sha256: self.prev_sha256,
            honeypots_sha256: self.honeypots.as_ref().map(Honeypots::sha256),
        }
    }

    /// By which the next record knows this one.
    pub fn sha256(&self) -> Sha256Hash {
        self.recorded().sha256()
    }
}

/// A pool with what batches say about its zipcodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredPool {
    /// The hash of its zipcodes.
    pub sha256: Sha256Hash,
    /// Its zipcodes in order.
    pub entries: Vec<PoolEntry>,
}

/// A zipcode of a pool.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct PoolEntry {
    /// The zipcode.
    pub zipcode: Zipcode,
    /// Two-letter state, empty where unknown.
    pub state: String,
    /// Metropolitan area, empty where there is none.
    pub metro: String,
    /// Rank by size, from 1.
    pub size_rank: Option<u32>,
    /// Whether no home is sold there.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub decoy: bool,
}

/// That a validator pulled blocks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pull {
    /// The subnet of the epoch.
    pub netuid: u16,
    /// The epoch.
    pub epoch: EpochId,
    /// Who pulled.
    pub hotkey: Hotkey,
    /// Which sources.
    pub sources: Sources,
    /// In blocks of which size.
    pub block_size: u32,
    /// When first.
    pub at: Timestamp,
    /// The request it came with.
    pub origin: Origin,
}

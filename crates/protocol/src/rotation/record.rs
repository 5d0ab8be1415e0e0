use sha2::{Digest, Sha256};

use super::{Parameters, RotationKey, RotationPublicKey};
use crate::wire::EpochResource;
use crate::{EpochIndex, EpochSchedule, InvalidSignature, Sha256Hash, Signature};

const LABEL: &str = "resi-epoch-record-v1";
/// The signing context of records.
const CONTEXT: &str = "resi-record-v1";

/// What the record of an epoch says for good: the part that the record of the next epoch is linked to. The proof is not
/// in it, since it follows from key, parameters and epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordedEpoch<'a> {
    /// The epoch.
    pub epoch: EpochIndex,
    /// What determines its deal beside the key.
    pub parameters: &'a Parameters,
    /// The key that deals it.
    pub public_key: RotationPublicKey,
    /// The hash of the record before; `None` for one that is not linked.
    pub prev_sha256: Option<Sha256Hash>,
    /// The hash of its decoys, where there are some.
    pub honeypots_sha256: Option<Sha256Hash>,
}

impl RecordedEpoch<'_> {
    /// The bytes that are hashed: `resi-epoch-record-v1`, netuid, epoch length, number of the epoch, hash and size of the
    /// pool, zipcodes dealt in an epoch, public key, the hash of the record before or `-`, and the hash of the decoys where
    /// there are some, joined by colons.
    pub fn text(&self) -> String {
        let Parameters { netuid, schedule, pool_size, pool_sha256, zipcodes_per_epoch } =
            self.parameters;
        let prev = self.prev_sha256.map_or_else(|| "-".to_owned(), |prev| prev.to_string());
        let honeypots = self.honeypots_sha256.map_or_else(String::new, |hash| format!(":{hash}"));
        format!(
            "{LABEL}:{netuid}:{}:{}:{pool_sha256}:{pool_size}:{zipcodes_per_epoch}:{}:{prev}{honeypots}",
            schedule.seconds(),
            self.epoch,
            self.public_key
        )
    }

    /// By which the next record knows this one.
    pub fn sha256(&self) -> Sha256Hash {
        Sha256Hash::from_bytes(Sha256::digest(self.text()).into())
    }
}

impl RotationKey {
    /// Signs the [text](RecordedEpoch::text) of a record, under the signing context `resi-record-v1`. The same key and text
    /// give the same 64 bytes, so that replicas publish one answer.
    pub fn sign_record(&self, record: &RecordedEpoch<'_>) -> Signature {
        self.sign_text(CONTEXT, &record.text())
    }
}

impl RotationPublicKey {
    /// Whether a record is signed by this key. Blocks of an epoch carry a signature over its record with no record before,
    /// so one that names none may be such a one: it does not show that there was none before.
    ///
    /// # Errors
    /// [`InvalidSignature`] when it is not.
    pub fn verify_record(
        &self,
        record: &RecordedEpoch<'_>,
        signature: &Signature,
    ) -> Result<(), InvalidSignature> {
        self.verify_text(CONTEXT, &record.text(), signature)
    }
}

impl EpochResource {
    /// The parameters that it shows, unchecked; `None` where its epochs have no length.
    pub fn parameters(&self) -> Option<Parameters> {
        let rotation = &self.rotation;
        Some(Parameters {
            netuid: rotation.netuid,
            schedule: EpochSchedule::new(rotation.epoch_seconds).ok()?,
            pool_size: rotation.pool_size,
            pool_sha256: rotation.pool_sha256,
            zipcodes_per_epoch: rotation.zipcodes_per_epoch,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hashed_bytes_are_these() {
        let parameters = Parameters {
            netuid: 46,
            schedule: EpochSchedule::new(14_400).expect("not zero"),
            pool_size: 7572,
            pool_sha256: Sha256Hash::from_bytes([0xab; 32]),
            zipcodes_per_epoch: 1000,
        };
        let first = RecordedEpoch {
            epoch: EpochIndex(120_620),
            parameters: &parameters,
            public_key: RotationPublicKey::from_bytes([0xcd; 32]),
            prev_sha256: None,
            honeypots_sha256: None,
        };
        let (pool, key) = ("ab".repeat(32), "cd".repeat(32));
        let expected = format!("resi-epoch-record-v1:46:14400:120620:{pool}:7572:1000:0x{key}:-");
        assert_eq!(first.text(), expected);
        let next = RecordedEpoch { prev_sha256: Some(first.sha256()), ..first };
        assert!(next.text().ends_with(&format!(":{}", first.sha256())));
        let decoys = RecordedEpoch { honeypots_sha256: Some(first.sha256()), ..first };
        assert_eq!(decoys.text(), format!("{expected}:{}", first.sha256()));
    }
}

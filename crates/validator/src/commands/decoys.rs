use std::fmt;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use resi_protocol::rotation::{
    Parameters, Pinned, RecordedEpoch, RotationPublicKey, VerifyError, Voucher,
};
use resi_protocol::wire::{Epoch, EpochResource, ValidatorData};
use resi_protocol::{EpochSchedule, Zipcode};

use crate::cli::Cli;
use crate::files::read_json;

/// The decoys among the zipcodes of blocks. They cost miners their credibility, so a file alone makes none: their hash is
/// in the blocks, and the rotation key that was known before signed it.
#[derive(Debug)]
pub(crate) struct Decoys {
    pub(crate) zipcodes: Vec<Zipcode>,
    key: RotationPublicKey,
    voucher: Voucher,
}

impl Decoys {
    /// Those that the epoch in one file reveals of the blocks in another.
    pub(crate) async fn read(cli: &Cli, blocks: &Path, epoch: &Path) -> Result<Self> {
        let (blocks_in, epoch_in) = (blocks.display().to_string(), epoch.display().to_string());
        let blocks: ValidatorData =
            read_json(blocks).context("decoys need the whole answer of blocks, with its proof")?;
        let known = cli.connection.known_at(blocks.epoch.starts_at).await?;
        let (key, voucher) = check_blocks(&blocks, &known).context(blocks_in)?;
        let epoch: EpochResource = read_json(epoch)?;
        let zipcodes = revealed(&blocks, epoch).context(epoch_in)?;
        Ok(Self { zipcodes, key, voucher })
    }
}

impl fmt::Display for Decoys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, signed by key {}, {}", self.zipcodes.len(), self.key, self.voucher)
    }
}

/// Whether a key that was known before made these blocks and signed the hash of their decoys.
fn check_blocks(blocks: &ValidatorData, known: &Pinned) -> Result<(RotationPublicKey, Voucher)> {
    let rotation = &blocks.rotation;
    let key = known.public_key.context(
        "no rotation key is known to compare with: give it with --rotation-key, or name with --url the service whose \
         key is remembered",
    )?;
    known.check(rotation)?;
    let parameters = parameters(blocks).context("epoch_seconds is 0")?;
    let (schedule, epoch) = (parameters.schedule, blocks.epoch);
    let honest = Epoch {
        id: schedule.id(epoch.index),
        index: epoch.index,
        starts_at: schedule.starts_at(epoch.index),
        ends_at: schedule.ends_at(epoch.index),
    };
    ensure!(epoch == honest, "the parts of its epoch do not fit together");
    let public_key = key.value();
    let proof = rotation.signature.as_ref().ok_or(VerifyError::NotRevealed)?;
    public_key
        .verify(&parameters, epoch.index, proof)
        .map_err(|_| VerifyError::Signature(public_key))?;
    let signature = blocks
        .record_signature
        .as_ref()
        .context("the hash of the decoys is not signed, so nobody vouches for it")?;
    let record = RecordedEpoch {
        epoch: epoch.index,
        parameters: &parameters,
        public_key,
        prev_sha256: None,
        honeypots_sha256: rotation.honeypots_sha256,
    };
    public_key
        .verify_record(&record, signature)
        .map_err(|_| VerifyError::RecordSignature(public_key))?;
    Ok((public_key, key.voucher()))
}

fn parameters(blocks: &ValidatorData) -> Option<Parameters> {
    let rotation = &blocks.rotation;
    Some(Parameters {
        netuid: rotation.netuid,
        schedule: EpochSchedule::new(rotation.epoch_seconds).ok()?,
        pool_size: rotation.pool_size,
        pool_sha256: rotation.pool_sha256,
        zipcodes_per_epoch: rotation.zipcodes_per_epoch,
    })
}

/// Those that the hash in the blocks is of.
fn revealed(blocks: &ValidatorData, epoch: EpochResource) -> Result<Vec<Zipcode>> {
    let (asked, answered) = (blocks.epoch, epoch.epoch);
    ensure!(
        asked == answered,
        "it is of epoch {}, and the blocks are of epoch {}",
        answered.id,
        asked.id
    );
    let decoys = epoch.honeypots.context("no honeypots are revealed")?;
    let committed = blocks.rotation.honeypots_sha256;
    if committed != Some(decoys.sha256()) {
        let committed = committed.map_or_else(|| "no decoys".into(), |hash| hash.to_string());
        let words =
            format!("they hash to {}, and the blocks committed to {committed}", decoys.sha256());
        return Err(VerifyError::Honeypots(words).into());
    }
    Ok(decoys.zipcodes)
}

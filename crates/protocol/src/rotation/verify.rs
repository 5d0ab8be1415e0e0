use std::time::Duration;

use super::{ALGORITHM, Parameters, Pool, RotationPublicKey, VrfSignature, batch_name, batches};
use crate::wire::{EpochResource, EpochState, Rotation, ValidatorData};
use crate::{EpochIndex, EpochSchedule, Sha256Hash, Timestamp, Zipcode};

/// How far a verifier's clock and the service's may be apart at the boundary of an epoch.
pub const CLOCK_TOLERANCE: Duration = Duration::from_secs(5);

/// What a verifier knew before it saw the answer. What it did not know is taken from the answer and proves less:
/// [`Verified`] says so.
#[derive(Clone, Debug, Default)]
pub struct Pinned {
    /// The rotation key.
    pub public_key: Option<RotationPublicKey>,
    /// The subnet.
    pub netuid: Option<u16>,
    /// The length of an epoch in seconds.
    pub epoch_seconds: Option<u32>,
    /// The hash of the pool.
    pub pool_sha256: Option<Sha256Hash>,
    /// How many zipcodes are dealt in an epoch.
    pub zipcodes_per_epoch: Option<u32>,
    /// The size of the blocks that were asked for.
    pub block_size: Option<u32>,
    /// The hash of the decoys, as blocks of the epoch had it.
    pub honeypots_sha256: Option<Sha256Hash>,
    /// The verifier's own time at which the answer must be of the running epoch.
    pub now: Option<Timestamp>,
}

/// What was proved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The epoch of the deal.
    pub epoch: EpochIndex,
    /// The parameters in force.
    pub parameters: Parameters,
    /// The key that signed.
    pub public_key: RotationPublicKey,
    /// Whether that key was known before. If not, only the answer itself vouches for it.
    pub key_pinned: bool,
    /// Whether netuid, epoch length, pool and deal size were all known before.
    pub parameters_pinned: bool,
    /// Whether the epoch was compared with the verifier's clock.
    pub clock_checked: bool,
    /// Whether all is shown that should be: in blocks by the size that was asked for, in a public epoch always. If not,
    /// blocks cut smaller than asked for may hide the end of the deal.
    pub size_checked: bool,
    /// The dealt zipcodes that the answer shows, in order.
    pub zipcodes: Vec<Zipcode>,
    /// How many batches they came in; 0 for a public epoch.
    pub batches: usize,
    /// The decoys among them, in a public epoch that reveals those that its hash committed to.
    pub honeypots: Vec<Zipcode>,
}

/// What differs between an answer and an honest one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// Not the rotation this verifier knows.
    #[error("the answer says algorithm {0:?}, this verifier knows {ALGORITHM:?}")]
    Algorithm(String),
    /// A value that was known before is another now.
    #[error("{what} is {answered} in the answer, and {expected} was expected")]
    Differs {
        /// Which value.
        what: &'static str,
        /// Its value in the answer.
        answered: String,
        /// The value known before, or the one that follows from the rest.
        expected: String,
    },
    /// The answer is of another epoch than the one that runs.
    #[error(
        "the answer is of epoch {answered}, but by this clock ({now}) epoch {expected} is running"
    )]
    NotRunning {
        /// The epoch of the answer.
        answered: EpochIndex,
        /// The epoch by the verifier's clock.
        expected: EpochIndex,
        /// The verifier's clock.
        now: Timestamp,
    },
    /// The answer shows no proof, as for an epoch that has not ended.
    #[error("the answer shows no signature and zipcodes yet")]
    NotRevealed,
    /// The VRF signature is not one of this key over this epoch and these parameters.
    #[error("the VRF signature does not verify with key {0}")]
    Signature(RotationPublicKey),
    /// The revealed decoys are not those that were committed to, or are not among the dealt zipcodes.
    #[error("the decoys are not those that were committed to: {0}")]
    Honeypots(String),
    /// A batch is not the one that the seed gives.
    #[error("{batch} is not the one that the seed gives: {detail}")]
    Batch {
        /// The name of the batch.
        batch: String,
        /// What is wrong with it.
        detail: String,
    },
}

fn same<T: PartialEq + ToString>(
    what: &'static str,
    answered: T,
    expected: T,
) -> Result<(), VerifyError> {
    if answered == expected {
        return Ok(());
    }
    Err(VerifyError::Differs {
        what,
        answered: answered.to_string(),
        expected: expected.to_string(),
    })
}

fn pinned<T: PartialEq + ToString>(
    what: &'static str,
    answered: T,
    known: Option<T>,
) -> Result<(), VerifyError> {
    known.map_or(Ok(()), |known| same(what, answered, known))
}

impl Pinned {
    /// Whether key and parameters of an answer are those that were known before: the part of the checks that needs
    /// neither pool nor proof.
    ///
    /// # Errors
    /// The first value that differs.
    pub fn check(&self, rotation: &Rotation) -> Result<(), VerifyError> {
        if rotation.algorithm != ALGORITHM {
            return Err(VerifyError::Algorithm(rotation.algorithm.chars().take(64).collect()));
        }
        pinned("the rotation key", rotation.public_key, self.public_key)?;
        pinned("netuid", rotation.netuid, self.netuid)?;
        pinned("epoch_seconds", rotation.epoch_seconds, self.epoch_seconds)?;
        pinned("pool_sha256", rotation.pool_sha256, self.pool_sha256)?;
        pinned("zipcodes_per_epoch", rotation.zipcodes_per_epoch, self.zipcodes_per_epoch)?;
        match (self.honeypots_sha256, rotation.honeypots_sha256) {
            (Some(expected), None) => Err(VerifyError::Honeypots(format!(
                "{expected} was committed to, and nothing is in the answer"
            ))),
            (expected, Some(answered)) => pinned("honeypots_sha256", answered, expected),
            (None, None) => Ok(()),
        }
    }
}

struct Checked {
    parameters: Parameters,
    parameters_pinned: bool,
    key_pinned: bool,
    public_key: RotationPublicKey,
    deal: Vec<Zipcode>,
}

impl Checked {
    fn verified(self, epoch: EpochIndex, zipcodes: Vec<Zipcode>, batches: usize) -> Verified {
        Verified {
            epoch,
            parameters: self.parameters,
            public_key: self.public_key,
            key_pinned: self.key_pinned,
            parameters_pinned: self.parameters_pinned,
            clock_checked: false,
            size_checked: false,
            zipcodes,
            batches,
            honeypots: Vec::new(),
        }
    }
}

/// Everything about the deal itself: key, parameters, pool, epoch, proof.
fn check_deal(
    rotation: &Rotation,
    signature: &VrfSignature,
    epoch: &crate::wire::Epoch,
    pool: &Pool,
    known: &Pinned,
) -> Result<Checked, VerifyError> {
    known.check(rotation)?;
    let key_pinned = known.public_key.is_some();
    let parameters_pinned = known.netuid.is_some()
        && known.epoch_seconds.is_some()
        && known.pool_sha256.is_some()
        && known.zipcodes_per_epoch.is_some();
    same("pool_sha256", rotation.pool_sha256, pool.sha256())?;
    same("pool_size", rotation.pool_size, pool.len())?;

    let schedule =
        EpochSchedule::new(rotation.epoch_seconds).map_err(|_| VerifyError::Differs {
            what: "epoch_seconds",
            answered: "0".into(),
            expected: "at least 1".into(),
        })?;
    same("epoch.id", epoch.id.to_string(), schedule.id(epoch.index).to_string())?;
    same("epoch.starts_at", epoch.starts_at, schedule.starts_at(epoch.index))?;
    same("epoch.ends_at", epoch.ends_at, schedule.ends_at(epoch.index))?;
    let parameters = Parameters::new(rotation.netuid, schedule, pool, rotation.zipcodes_per_epoch);
    same("zipcodes_per_epoch", rotation.zipcodes_per_epoch, parameters.zipcodes_per_epoch)?;

    let seed = rotation
        .public_key
        .verify(&parameters, epoch.index, signature)
        .map_err(|_| VerifyError::Signature(rotation.public_key))?;
    let deal = pool.pick(&seed.deal(&parameters));
    Ok(Checked { parameters, parameters_pinned, key_pinned, public_key: rotation.public_key, deal })
}

fn check_running(
    schedule: EpochSchedule,
    answered: EpochIndex,
    now: Timestamp,
) -> Result<(), VerifyError> {
    let running = |at| schedule.index_at(at).unwrap_or(EpochIndex(0));
    // A range, not its two ends: epochs may be shorter than the tolerance.
    if (running(now.minus(CLOCK_TOLERANCE))..=running(now.plus(CLOCK_TOLERANCE)))
        .contains(&answered)
    {
        return Ok(());
    }
    let expected = running(now);
    Err(VerifyError::NotRunning { answered, expected, now })
}

/// Checks the blocks of an epoch against `pool` and what was `known` before: the pool hashes to the answered hash, key
/// and parameters are the known ones, the epoch is the running one, the signature verifies, and the batches are those
/// that the seed gives, all of them, in order.
///
/// # Errors
/// The first thing that differs.
pub fn verify_blocks(
    answer: &ValidatorData,
    pool: &Pool,
    known: &Pinned,
) -> Result<Verified, VerifyError> {
    let rotation = &answer.rotation;
    let signature = rotation.signature.as_ref().ok_or(VerifyError::NotRevealed)?;
    let checked = check_deal(rotation, signature, &answer.epoch, pool, known)?;
    if let Some(now) = known.now {
        check_running(checked.parameters.schedule, answer.epoch.index, now)?;
    }
    same("generated_at", answer.generated_at, answer.epoch.starts_at)?;
    same("expires_at", answer.expires_at, answer.epoch.ends_at)?;

    let answered_size =
        answer.data_blocks.get(&batch_name(0)).map_or(0, |batch| batch.zipcodes.len());
    let answered_size = u32::try_from(answered_size).unwrap_or(u32::MAX);
    let block_size = known.block_size.unwrap_or(answered_size).clamp(1, super::MAX_BLOCK_SIZE);
    let mut shown = Vec::new();
    let mut count = 0;
    for (position, expected) in batches(&checked.deal, block_size).enumerate() {
        let name = batch_name(position);
        let Some(batch) = answer.data_blocks.get(&name) else {
            return Err(VerifyError::Batch { batch: name, detail: "it is missing".into() });
        };
        if batch.zipcodes != expected {
            return Err(VerifyError::Batch {
                detail: first_difference(&batch.zipcodes, expected),
                batch: name,
            });
        }
        shown.extend_from_slice(expected);
        count = position + 1;
    }
    if let Some(surplus) =
        answer.data_blocks.keys().find(|name| !(0..count).any(|at| batch_name(at) == **name))
    {
        let batch = surplus.chars().take(64).collect();
        return Err(VerifyError::Batch {
            batch,
            detail: format!("there are only {count} batches"),
        });
    }
    same("total_batches", answer.total_batches as usize, count)?;
    same("total_zipcodes", answer.total_zipcodes as usize, shown.len())?;
    Ok(Verified {
        clock_checked: known.now.is_some(),
        size_checked: known.block_size.is_some(),
        ..checked.verified(answer.epoch.index, shown, count)
    })
}

/// Checks a public epoch resource in the same way. Before the epoch has ended there is nothing to check yet.
///
/// # Errors
/// The first thing that differs; [`VerifyError::NotRevealed`] where signature or zipcodes are not shown.
pub fn verify_epoch(
    answer: &EpochResource,
    pool: &Pool,
    known: &Pinned,
) -> Result<Verified, VerifyError> {
    let (Some(signature), Some(zipcodes)) =
        (answer.rotation.signature.as_ref(), answer.zipcodes.as_ref())
    else {
        return Err(VerifyError::NotRevealed);
    };
    let checked = check_deal(&answer.rotation, signature, &answer.epoch, pool, known)?;
    if zipcodes != &checked.deal {
        return Err(VerifyError::Batch {
            batch: "the list of zipcodes".into(),
            detail: first_difference(zipcodes, &checked.deal),
        });
    }
    let shown = checked.deal.clone();
    let honeypots = check_honeypots(answer, &shown)?;
    Ok(Verified { size_checked: true, honeypots, ..checked.verified(answer.epoch.index, shown, 0) })
}

/// The decoys of an ended epoch, which must be those whose hash it shows.
fn check_honeypots(answer: &EpochResource, deal: &[Zipcode]) -> Result<Vec<Zipcode>, VerifyError> {
    let committed = answer.rotation.honeypots_sha256;
    let Some(honeypots) = &answer.honeypots else {
        let is_due = answer.state == EpochState::Ended && committed.is_some();
        return if is_due { Err(VerifyError::NotRevealed) } else { Ok(Vec::new()) };
    };
    if committed != Some(honeypots.sha256()) {
        let hash = committed.map_or_else(|| "nothing".to_owned(), |hash| hash.to_string());
        return Err(VerifyError::Honeypots(format!(
            "they hash to {}, and {hash} was committed to",
            honeypots.sha256()
        )));
    }
    match honeypots.zipcodes.iter().find(|zipcode| !deal.contains(zipcode)) {
        Some(stranger) => Err(VerifyError::Honeypots(format!("{stranger} was not dealt"))),
        None => Ok(honeypots.zipcodes.clone()),
    }
}

fn first_difference(answered: &[Zipcode], expected: &[Zipcode]) -> String {
    match answered.iter().zip(expected).position(|(a, b)| a != b) {
        Some(at) => {
            format!("zipcode {} is {}, the seed gives {}", at + 1, answered[at], expected[at])
        }
        None => format!("it has {} zipcodes, the seed gives {}", answered.len(), expected.len()),
    }
}

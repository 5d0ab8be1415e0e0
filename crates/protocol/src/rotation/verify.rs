use std::time::Duration;

use super::verified::vouchers_of;
use super::{
    Honeypots, Parameters, Part, Pinned, Pool, RecordedEpoch, Verified, VerifyError, Voucher,
    VrfSignature,
};
use crate::wire::{Epoch, EpochResource, EpochState, Rotation};
use crate::{
    EpochId, EpochIndex, EpochSchedule, Sha256Hash, Signature, Sources, Timestamp, Zipcode,
};

/// How far a verifier's clock and the service's may be apart at the boundary of an epoch.
pub const CLOCK_TOLERANCE: Duration = Duration::from_secs(5);

/// What was asked, and when: an honest answer is the answer to this question. What is `None` is not compared, and
/// [`Verified`] says so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Question {
    /// The epoch that was asked for.
    pub epoch: Option<EpochId>,
    /// The sources that the blocks must be for: those that were asked for and granted.
    pub sources: Option<Sources>,
    /// The size of the blocks that were asked for; above [`MAX_BLOCK_SIZE`](super::MAX_BLOCK_SIZE) it is read as this.
    pub block_size: Option<u32>,
    /// The verifier's own time at which it was answered.
    pub at: Option<Timestamp>,
}

pub(super) fn same<T: PartialEq + ToString>(
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

/// The part of the checks that blocks and public epochs have in common.
pub(super) struct Checked {
    pub(super) deal: Vec<Zipcode>,
    pub(super) verified: Verified,
}

impl Checked {
    pub(super) fn vouch(&mut self, part: Part, voucher: Voucher) {
        self.verified.vouchers.push((part, voucher));
    }

    pub(super) fn schedule(&self) -> EpochSchedule {
        self.verified.parameters.schedule
    }

    /// The signature of the record, where there is one.
    pub(super) fn check_record(
        &mut self,
        rotation: &Rotation,
        prev_sha256: Option<Sha256Hash>,
        signature: Option<&Signature>,
    ) -> Result<Voucher, VerifyError> {
        let key = rotation.public_key;
        let recorded = RecordedEpoch {
            epoch: self.verified.epoch,
            parameters: &self.verified.parameters,
            public_key: key,
            prev_sha256,
            honeypots_sha256: rotation.honeypots_sha256,
        };
        let voucher = match signature {
            None => Voucher::Nothing,
            Some(signature) => {
                key.verify_record(&recorded, signature)
                    .map_err(|_| VerifyError::RecordSignature(key))?;
                Voucher::RecordSignature
            }
        };
        self.vouch(Part::Record, voucher);
        Ok(voucher)
    }
}

/// Everything about the deal itself: key, parameters, pool, epoch, proof.
pub(super) fn check_deal(
    rotation: &Rotation,
    signature: &VrfSignature,
    epoch: &Epoch,
    pool: &Pool,
    known: &Pinned,
    question: &Question,
) -> Result<Checked, VerifyError> {
    known.check(rotation)?;
    same("pool_sha256", rotation.pool_sha256, pool.sha256())?;
    same("pool_size", rotation.pool_size, pool.len())?;

    let schedule =
        EpochSchedule::new(rotation.epoch_seconds).map_err(|_| VerifyError::Differs {
            what: "epoch_seconds",
            answered: "0".into(),
            expected: "at least 1".into(),
        })?;
    same("epoch.id", epoch.id, schedule.id(epoch.index))?;
    same("epoch.starts_at", epoch.starts_at, schedule.starts_at(epoch.index))?;
    same("epoch.ends_at", epoch.ends_at, schedule.ends_at(epoch.index))?;
    if let Some(asked) = question.epoch {
        same("epoch.id", epoch.id, asked)?;
    }
    let parameters = Parameters::new(rotation.netuid, schedule, pool, rotation.zipcodes_per_epoch);
    same("zipcodes_per_epoch", rotation.zipcodes_per_epoch, parameters.zipcodes_per_epoch)?;

    let seed = rotation
        .public_key
        .verify(&parameters, epoch.index, signature)
        .map_err(|_| VerifyError::Signature(rotation.public_key))?;
    let deal = pool.pick(&seed.deal(&parameters));
    let verified = Verified {
        epoch: epoch.index,
        parameters,
        public_key: rotation.public_key,
        zipcodes: Vec::new(),
        batches: 0,
        honeypots: Vec::new(),
        vouchers: vouchers_of(known),
    };
    Ok(Checked { deal, verified })
}

/// The epochs that may run at `now`, as clocks differ.
pub(super) fn running_at(
    schedule: EpochSchedule,
    now: Timestamp,
) -> std::ops::RangeInclusive<EpochIndex> {
    let running = |at| schedule.index_at(at).unwrap_or(EpochIndex(0));
    // A range, not its two ends: epochs may be shorter than the tolerance.
    running(now.minus(CLOCK_TOLERANCE))..=running(now.plus(CLOCK_TOLERANCE))
}

pub(super) fn not_running(
    schedule: EpochSchedule,
    answered: EpochIndex,
    now: Timestamp,
) -> VerifyError {
    let expected = schedule.index_at(now).unwrap_or(EpochIndex(0));
    VerifyError::NotRunning { answered, expected, now }
}

/// Checks a public epoch against `pool`, what was `known` before and the `question`: the pool hashes to the answered hash,
/// key and parameters are the known ones, the epoch is the one that was asked for, the proof verifies and gives these
/// zipcodes, the signature of the record verifies where there is one, and the decoys are those it commits to. Before the
/// epoch has ended there is nothing to check yet.
///
/// # Errors
/// The first thing that differs; [`VerifyError::NotRevealed`] where signature or zipcodes are not shown.
pub fn verify_epoch(
    answer: &EpochResource,
    pool: &Pool,
    known: &Pinned,
    question: &Question,
) -> Result<Verified, VerifyError> {
    let rotation = &answer.rotation;
    let (Some(signature), Some(zipcodes)) = (rotation.signature.as_ref(), answer.zipcodes.as_ref())
    else {
        return Err(VerifyError::NotRevealed);
    };
    let mut checked = check_deal(rotation, signature, &answer.epoch, pool, known, question)?;
    let epoch = if question.epoch.is_some() { Voucher::Asked } else { Voucher::Recomputed };
    checked.vouch(Part::Epoch, epoch);
    if let Some(now) = question.at {
        check_begun(checked.schedule(), &answer.epoch, now)?;
        check_state(answer.state, answer.epoch.ends_at, now)?;
    }
    let state = if question.at.is_some() { Voucher::Clock } else { Voucher::Nothing };
    checked.vouch(Part::State, state);
    check_revealed_at(answer)?;
    if zipcodes != &checked.deal {
        return Err(VerifyError::Batch {
            batch: "the list of zipcodes".into(),
            detail: first_difference(zipcodes, &checked.deal),
        });
    }
    checked.vouch(Part::Zipcodes, Voucher::Recomputed);
    let signature = answer.record_signature.as_ref();
    let record = checked.check_record(rotation, answer.prev_sha256, signature)?;
    // Blocks carry a signature with no record before, so one without says nothing of what was before.
    let prev_sha256 = answer.prev_sha256.map_or(Voucher::NotCovered, |_| record);
    checked.vouch(Part::PrevSha256, prev_sha256);
    if let Some(decoys) = check_honeypots(answer, &checked.deal)? {
        let kept = known.honeypots_sha256.as_ref().map(|known| known.voucher());
        checked.vouch(Part::Honeypots, kept.unwrap_or(record));
        checked.verified.honeypots.clone_from(&decoys.zipcodes);
    }
    checked.vouch(Part::RevealedAt, Voucher::NotCovered);
    Ok(Verified { zipcodes: checked.deal, ..checked.verified })
}

fn check_begun(schedule: EpochSchedule, epoch: &Epoch, now: Timestamp) -> Result<(), VerifyError> {
    if epoch.index > *running_at(schedule, now).end() {
        return Err(not_running(schedule, epoch.index, now));
    }
    Ok(())
}

/// Whether an epoch that ends at `ends_at` may be said to be `answered` at `now`.
pub(super) fn check_state(
    answered: EpochState,
    ends_at: Timestamp,
    now: Timestamp,
) -> Result<(), VerifyError> {
    let is_possible = match answered {
        EpochState::Running => now.minus(CLOCK_TOLERANCE) < ends_at,
        EpochState::Ended => ends_at <= now.plus(CLOCK_TOLERANCE),
    };
    if is_possible { Ok(()) } else { Err(VerifyError::State { answered, ends_at, now }) }
}

/// What is shown is shown from the end of the epoch on, or by services that say so from its start.
fn check_revealed_at(answer: &EpochResource) -> Result<(), VerifyError> {
    let Epoch { starts_at, ends_at, .. } = answer.epoch;
    if answer.revealed_at == starts_at {
        return Ok(());
    }
    let expected = if answer.state == EpochState::Running { starts_at } else { ends_at };
    same("revealed_at", answer.revealed_at, expected)
}

/// The decoys of an ended epoch, which must be those whose hash it shows.
fn check_honeypots<'a>(
    answer: &'a EpochResource,
    deal: &[Zipcode],
) -> Result<Option<&'a Honeypots>, VerifyError> {
    let refused = |why: String| Err(VerifyError::Honeypots(why));
    let committed = answer.rotation.honeypots_sha256;
    let is_over = answer.state == EpochState::Ended;
    let Some(honeypots) = &answer.honeypots else {
        let is_due = is_over && committed.is_some();
        return if is_due { Err(VerifyError::NotRevealed) } else { Ok(None) };
    };
    if !is_over {
        return refused("they are shown before the epoch has ended".into());
    }
    if committed != Some(honeypots.sha256()) {
        let hash = committed.map_or_else(|| "nothing".to_owned(), |hash| hash.to_string());
        return refused(format!(
            "they hash to {}, and {hash} was committed to",
            honeypots.sha256()
        ));
    }
    let mut dealt = deal.iter();
    match honeypots.zipcodes.iter().find(|decoy| !dealt.any(|zipcode| zipcode == *decoy)) {
        Some(stranger) if deal.contains(stranger) => {
            refused(format!("{stranger} is not where the deal has it"))
        }
        Some(stranger) => refused(format!("{stranger} was not dealt")),
        None => Ok(Some(honeypots)),
    }
}

pub(super) fn first_difference(answered: &[Zipcode], expected: &[Zipcode]) -> String {
    match answered.iter().zip(expected).position(|(a, b)| a != b) {
        Some(at) => {
            format!("zipcode {} is {}, the seed gives {}", at + 1, answered[at], expected[at])
        }
        None => format!("it has {} zipcodes, the seed gives {}", answered.len(), expected.len()),
    }
}

use super::verify::{Checked, check_deal, first_difference, not_running, running_at, same};
use super::{
    MAX_BLOCK_SIZE, Part, Pinned, Pool, Question, Verified, VerifyError, Voucher, batch_name,
    batches,
};
use crate::wire::{AssignmentConfig, Batch, ValidatorData, request_id};
use crate::{Foreign, Sources, Zipcode};

/// Checks the blocks of an epoch against `pool`, what was `known` before and the `question`: the pool hashes to the answered
/// hash, key and parameters are the known ones, the epoch is the running one, the proof verifies, the batches are those
/// that the seed gives, all of them, in order, and everything that follows from them does.
///
/// # Errors
/// The first thing that differs.
pub fn verify_blocks(
    answer: &ValidatorData,
    pool: &Pool,
    known: &Pinned,
    question: &Question,
) -> Result<Verified, VerifyError> {
    let rotation = &answer.rotation;
    let signature = rotation.signature.as_ref().ok_or(VerifyError::NotRevealed)?;
    let mut checked = check_deal(rotation, signature, &answer.epoch, pool, known, question)?;
    check_running(&mut checked, answer, question)?;
    same("generated_at", answer.generated_at, answer.epoch.starts_at)?;
    same("expires_at", answer.expires_at, answer.epoch.ends_at)?;
    check_config(answer.assignment_config)?;

    let sources = answer.data_blocks.get(&batch_name(0)).map(|batch| batch.sources);
    let sources = question.sources.or(sources).unwrap_or(Sources::DEFAULT);
    let answered_size =
        answer.data_blocks.get(&batch_name(0)).map_or(0, |batch| batch.zipcodes.len());
    let answered_size = u32::try_from(answered_size).unwrap_or(u32::MAX);
    let block_size = question.block_size.unwrap_or(answered_size).clamp(1, MAX_BLOCK_SIZE);
    let mut shown = Vec::new();
    let mut count = 0;
    for (position, expected) in batches(&checked.deal, block_size).enumerate() {
        check_batch(answer, batch_name(position), expected, sources)?;
        shown.extend_from_slice(expected);
        count = position + 1;
    }
    check_names(answer, count)?;
    same("total_batches", answer.total_batches as usize, count)?;
    same("total_zipcodes", answer.total_zipcodes as usize, shown.len())?;
    // Of one batch that is not full nobody can tell how large it may be, unless it was asked for.
    let largest =
        if question.block_size.is_none() && count == 1 { MAX_BLOCK_SIZE } else { block_size };
    check_request_id(answer, sources, block_size..=largest, &shown)?;

    let asked = |is_known, otherwise| if is_known { Voucher::Asked } else { otherwise };
    checked.vouch(Part::BlockSize, asked(question.block_size.is_some(), Voucher::Nothing));
    checked.vouch(Part::Sources, asked(question.sources.is_some(), Voucher::NotCovered));
    checked.vouch(Part::Zipcodes, Voucher::Recomputed);
    checked.check_record(rotation, None, answer.record_signature.as_ref())?;
    checked.vouch(Part::GeographicInfo, Voucher::NotCovered);
    Ok(Verified { zipcodes: shown, batches: count, ..checked.verified })
}

fn check_running(
    checked: &mut Checked,
    answer: &ValidatorData,
    question: &Question,
) -> Result<(), VerifyError> {
    let (schedule, answered) = (checked.schedule(), answer.epoch.index);
    if let Some(now) = question.at
        && !running_at(schedule, now).contains(&answered)
    {
        return Err(not_running(schedule, answered, now));
    }
    let voucher = match (question.at, question.epoch) {
        (Some(_), _) => Voucher::Clock,
        (None, Some(_)) => Voucher::Asked,
        (None, None) => Voucher::Nothing,
    };
    checked.vouch(Part::Epoch, voucher);
    Ok(())
}

fn check_config(answered: AssignmentConfig) -> Result<(), VerifyError> {
    let expected = AssignmentConfig::DEFAULT;
    let same = |what, answered: u32, expected| same(what, answered, expected);
    same("overlap_factor", answered.overlap_factor, expected.overlap_factor)?;
    same("miners_per_batch", answered.miners_per_batch, expected.miners_per_batch)?;
    same(
        "expected_properties_per_zipcode",
        answered.expected_properties_per_zipcode,
        expected.expected_properties_per_zipcode,
    )?;
    same(
        "assignment_timeout_hours",
        answered.assignment_timeout_hours,
        expected.assignment_timeout_hours,
    )
}

fn check_batch(
    answer: &ValidatorData,
    name: String,
    expected: &[Zipcode],
    sources: Sources,
) -> Result<(), VerifyError> {
    let Some(batch) = answer.data_blocks.get(&name) else {
        return Err(VerifyError::Batch { batch: name, detail: "it is missing".into() });
    };
    match differs(batch, expected, sources) {
        Some(detail) => Err(VerifyError::Batch { batch: name, detail }),
        None => Ok(()),
    }
}

fn differs(batch: &Batch, expected: &[Zipcode], sources: Sources) -> Option<String> {
    if batch.zipcodes != expected {
        return Some(first_difference(&batch.zipcodes, expected));
    }
    if batch.sources != sources {
        return Some(format!("its sources are {}, and {sources} were expected", batch.sources));
    }
    let config = AssignmentConfig::DEFAULT;
    let zipcodes = expected.len() as u64;
    let properties = zipcodes * u64::from(config.expected_properties_per_zipcode);
    let numbers = [
        ("expected_properties", u64::from(batch.expected_properties), properties),
        ("assignment_groups", batch.assignment_groups.into(), config.overlap_factor.into()),
        ("miners_per_group", batch.miners_per_group.into(), config.miners_per_batch.into()),
        ("the number of size_ranks", batch.geographic_info.size_ranks.len() as u64, zipcodes),
    ];
    numbers.iter().find(|(_, answered, expected)| answered != expected).map(
        |(what, answered, expected)| format!("{what} is {answered}, and {expected} was expected"),
    )
}

/// Whether there are no batches but the first `count`.
fn check_names(answer: &ValidatorData, count: usize) -> Result<(), VerifyError> {
    let mut names = answer.data_blocks.keys();
    let surplus = names.find(|name| !(0..count).any(|at| batch_name(at) == **name));
    surplus.map_or(Ok(()), |name| {
        let batch = Foreign::new(name).at_most(64).to_string();
        Err(VerifyError::Batch { batch, detail: format!("there are only {count} batches") })
    })
}

fn check_request_id(
    answer: &ValidatorData,
    sources: Sources,
    mut sizes: std::ops::RangeInclusive<u32>,
    shown: &[Zipcode],
) -> Result<(), VerifyError> {
    let of_size = |size| request_id(&answer.epoch, sources, size, shown);
    let expected = of_size(*sizes.start());
    if sizes.any(|size| of_size(size) == answer.request_id) {
        return Ok(());
    }
    let answered = Foreign::new(&answer.request_id).at_most(64).to_string();
    Err(VerifyError::Differs { what: "request_id", answered, expected })
}

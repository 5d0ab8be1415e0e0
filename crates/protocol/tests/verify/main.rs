//! The verifier: an honest answer passes, and every way to cheat is named.

mod any_field;
mod batches_changed;
mod epoch_changed;
mod honest;
mod honeypots;
mod public_epoch_changed;
mod records;
mod signed_values_changed;

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use resi_protocol::rotation::{
    ALGORITHM, CLOCK_TOLERANCE, Known, MAX_BATCHES, Parameters, Part, Pinned, Pool, Question,
    RecordedEpoch, RotationKey, Verified, VerifyError, Voucher, VrfSignature, batch_name, batches,
    verify_blocks, verify_epoch, verify_history,
};
use resi_protocol::wire::{
    AssignmentConfig, Batch, Epoch, EpochResource, EpochState, GeographicInfo, Rotation,
    ValidatorData, request_id,
};
use resi_protocol::{
    EpochIndex, EpochSchedule, Sha256Hash, Signature, Sources, Timestamp, Zipcode,
};

const EPOCH: EpochIndex = EpochIndex(120_620);
const NETUID: u16 = 46;
const EPOCH_SECONDS: u32 = 14_400;
const POOL_SIZE: u32 = 300;
const DEALT: u32 = 110;
const BLOCK_SIZE: u32 = 20;
const BATCHES: usize = 6;

fn key() -> RotationKey {
    RotationKey::from_mini_secret(&[42; 32])
}

fn other_key() -> RotationKey {
    RotationKey::from_mini_secret(&[43; 32])
}

fn pool_of(size: u32) -> Pool {
    Pool::new((0..size).map(|number| zipcode(10_000 + number)).collect()).expect("a pool")
}

fn pool() -> Pool {
    pool_of(POOL_SIZE)
}

fn zipcode(number: u32) -> Zipcode {
    format!("{number:05}").parse().expect("a zipcode")
}

fn schedule() -> EpochSchedule {
    EpochSchedule::new(EPOCH_SECONDS).expect("not zero")
}

fn parameters() -> Parameters {
    Parameters::new(NETUID, schedule(), &pool(), DEALT)
}

fn epoch(schedule: EpochSchedule, index: EpochIndex) -> Epoch {
    Epoch {
        id: schedule.id(index),
        index,
        starts_at: schedule.starts_at(index),
        ends_at: schedule.ends_at(index),
    }
}

fn rotation(key: &RotationKey, parameters: &Parameters, index: EpochIndex) -> Rotation {
    Rotation {
        algorithm: ALGORITHM.into(),
        public_key: key.public(),
        netuid: parameters.netuid,
        epoch_seconds: parameters.schedule.seconds(),
        pool_size: parameters.pool_size,
        pool_sha256: parameters.pool_sha256,
        zipcodes_per_epoch: parameters.zipcodes_per_epoch,
        honeypots_sha256: None,
        signature: Some(key.sign(parameters, index)),
    }
}

fn deal(
    key: &RotationKey,
    parameters: &Parameters,
    pool: &Pool,
    index: EpochIndex,
) -> Vec<Zipcode> {
    pool.pick(&key.sign(parameters, index).seed_unverified().deal(parameters))
}

/// What a service with this key answers, honestly.
fn blocks_of(
    key: &RotationKey,
    parameters: &Parameters,
    pool: &Pool,
    index: EpochIndex,
    block_size: u32,
) -> ValidatorData {
    let deal = deal(key, parameters, pool, index);
    let data_blocks: BTreeMap<_, _> = batches(&deal, block_size)
        .enumerate()
        .map(|(position, zipcodes)| (batch_name(position), batch(zipcodes.to_vec())))
        .collect();
    let shown: Vec<_> = batches(&deal, block_size).flatten().copied().collect();
    let (epoch, rotation) = (epoch(parameters.schedule, index), rotation(key, parameters, index));
    ValidatorData {
        request_id: request_id(&epoch, Sources::DEFAULT, block_size, &shown),
        generated_at: epoch.starts_at,
        expires_at: epoch.ends_at,
        total_batches: u32::try_from(data_blocks.len()).expect("few"),
        total_zipcodes: u32::try_from(shown.len()).expect("few"),
        data_blocks,
        assignment_config: AssignmentConfig::DEFAULT,
        epoch,
        record_signature: Some(signed(key, parameters, index, &rotation, None)),
        rotation,
    }
}

/// The signature of a record, by the key that deals.
fn signed(
    key: &RotationKey,
    parameters: &Parameters,
    epoch: EpochIndex,
    rotation: &Rotation,
    prev_sha256: Option<Sha256Hash>,
) -> Signature {
    key.sign_record(&RecordedEpoch {
        epoch,
        parameters,
        public_key: key.public(),
        prev_sha256,
        honeypots_sha256: rotation.honeypots_sha256,
    })
}

fn batch(zipcodes: Vec<Zipcode>) -> Batch {
    Batch {
        expected_properties: 50 * u32::try_from(zipcodes.len()).expect("few"),
        geographic_info: GeographicInfo {
            states: vec!["TX".into()],
            metros: vec!["Houston".into()],
            size_ranks: vec![None; zipcodes.len()],
        },
        zipcodes,
        assignment_groups: 2,
        miners_per_group: 10,
        sources: Sources::DEFAULT,
    }
}

fn blocks() -> ValidatorData {
    blocks_of(&key(), &parameters(), &pool(), EPOCH, BLOCK_SIZE)
}

fn public_epoch_of(parameters: &Parameters, pool: &Pool, index: EpochIndex) -> EpochResource {
    let rotation = rotation(&key(), parameters, index);
    let prev_sha256 = Some(Sha256Hash::from_bytes([9; 32]));
    EpochResource {
        epoch: epoch(parameters.schedule, index),
        state: EpochState::Ended,
        revealed_at: parameters.schedule.ends_at(index),
        prev_sha256,
        record_signature: Some(signed(&key(), parameters, index, &rotation, prev_sha256)),
        rotation,
        zipcodes: Some(deal(&key(), parameters, pool, index)),
        honeypots: None,
    }
}

fn public_epoch() -> EpochResource {
    public_epoch_of(&parameters(), &pool(), EPOCH)
}

/// A verifier that knew everything before.
fn all_pinned() -> Pinned {
    Pinned {
        public_key: Some(key().public().into()),
        netuid: Some(NETUID.into()),
        epoch_seconds: Some(EPOCH_SECONDS.into()),
        pool_sha256: Some(pool().sha256().into()),
        zipcodes_per_epoch: Some(DEALT.into()),
        honeypots_sha256: None,
    }
}

/// What a validator asks while the epoch runs.
fn asked() -> Question {
    Question {
        epoch: None,
        sources: Some(Sources::DEFAULT),
        block_size: Some(BLOCK_SIZE),
        at: Some(schedule().starts_at(EPOCH).plus(Duration::from_secs(60))),
    }
}

/// What anybody asks when the epoch has ended.
fn asked_later() -> Question {
    let at = schedule().ends_at(EPOCH).plus(Duration::from_secs(60));
    Question { epoch: Some(schedule().id(EPOCH)), at: Some(at), ..Question::default() }
}

/// What the verifier says to an answer that was tampered with, with everything pinned and with nothing pinned.
struct Refusals {
    pinned: VerifyError,
    unpinned: VerifyError,
}

fn refused(tamper: impl Fn(&mut ValidatorData)) -> Refusals {
    let mut answer = blocks();
    tamper(&mut answer);
    Refusals {
        pinned: verify_blocks(&answer, &pool(), &all_pinned(), &asked())
            .expect_err("refused with everything pinned"),
        unpinned: verify_blocks(&answer, &pool(), &Pinned::default(), &Question::default())
            .expect_err("refused with nothing pinned"),
    }
}

fn refused_by_a_pin(tamper: impl Fn(&mut ValidatorData)) -> VerifyError {
    let mut answer = blocks();
    tamper(&mut answer);
    verify_blocks(&answer, &pool(), &all_pinned(), &asked())
        .expect_err("refused with everything pinned")
}

#[track_caller]
fn assert_differs(error: &VerifyError, expected_what: &str) {
    match error {
        VerifyError::Differs { what, .. } => assert_eq!(*what, expected_what, "{error}"),
        other => panic!("{other:?} is not about {expected_what}"),
    }
}

#[track_caller]
fn assert_batch(error: &VerifyError, expected_batch: &str, expected_detail: &str) {
    match error {
        VerifyError::Batch { batch, detail } => {
            assert_eq!(batch, expected_batch, "{error}");
            assert!(detail.contains(expected_detail), "{error}");
        }
        other => panic!("{other:?} is not about {expected_batch}"),
    }
}

#[track_caller]
fn assert_signature(error: &VerifyError) {
    assert!(matches!(error, VerifyError::Signature(_)), "{error:?}");
}

#[test]
fn errors_say_what_is_wrong_in_a_sentence() {
    let mut answer = blocks();
    answer.rotation.netuid = 428;
    let error =
        verify_blocks(&answer, &pool(), &all_pinned(), &asked()).expect_err("another netuid");
    assert_eq!(error.to_string(), "netuid is 428 in the answer, and 46 was expected");

    let old = blocks_of(&key(), &parameters(), &pool(), EpochIndex(120_619), BLOCK_SIZE);
    let error = verify_blocks(&old, &pool(), &all_pinned(), &asked()).expect_err("old");
    assert_eq!(
        error.to_string(),
        "the answer is of epoch 120619, but by this clock (2025-01-15T08:01:00Z) epoch 120620 is running"
    );
}

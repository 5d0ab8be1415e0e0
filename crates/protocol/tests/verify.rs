//! The verifier: an honest answer passes, and every way to cheat is named.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use resi_protocol::rotation::{
    ALGORITHM, CLOCK_TOLERANCE, MAX_BATCHES, Parameters, Pinned, Pool, RotationKey, VerifyError,
    VrfSignature, batch_name, batches, verify_blocks, verify_epoch,
};
use resi_protocol::wire::{
    AssignmentConfig, Batch, Epoch, EpochResource, EpochState, GeographicInfo, Rotation,
    ValidatorData, request_id,
};
use resi_protocol::{EpochIndex, EpochSchedule, Sources, Timestamp, Zipcode};

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
    let epoch = epoch(parameters.schedule, index);
    ValidatorData {
        request_id: request_id(&epoch, Sources::DEFAULT, block_size, &shown),
        generated_at: epoch.starts_at,
        expires_at: epoch.ends_at,
        total_batches: u32::try_from(data_blocks.len()).expect("few"),
        total_zipcodes: u32::try_from(shown.len()).expect("few"),
        data_blocks,
        assignment_config: AssignmentConfig::DEFAULT,
        epoch,
        rotation: rotation(key, parameters, index),
    }
}

fn batch(zipcodes: Vec<Zipcode>) -> Batch {
    Batch {
        expected_properties: 50 * u32::try_from(zipcodes.len()).expect("few"),
        zipcodes,
        assignment_groups: 2,
        miners_per_group: 10,
        geographic_info: GeographicInfo::default(),
        sources: Sources::DEFAULT,
    }
}

fn blocks() -> ValidatorData {
    blocks_of(&key(), &parameters(), &pool(), EPOCH, BLOCK_SIZE)
}

fn public_epoch_of(parameters: &Parameters, pool: &Pool, index: EpochIndex) -> EpochResource {
    EpochResource {
        epoch: epoch(parameters.schedule, index),
        state: EpochState::Ended,
        revealed_at: parameters.schedule.ends_at(index),
        rotation: rotation(&key(), parameters, index),
        prev_sha256: None,
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
        public_key: Some(key().public()),
        netuid: Some(NETUID),
        epoch_seconds: Some(EPOCH_SECONDS),
        pool_sha256: Some(pool().sha256()),
        zipcodes_per_epoch: Some(DEALT),
        block_size: Some(BLOCK_SIZE),
        honeypots_sha256: None,
        now: Some(schedule().starts_at(EPOCH).plus(Duration::from_secs(60))),
    }
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
        pinned: verify_blocks(&answer, &pool(), &all_pinned())
            .expect_err("refused with everything pinned"),
        unpinned: verify_blocks(&answer, &pool(), &Pinned::default())
            .expect_err("refused with nothing pinned"),
    }
}

fn refused_by_a_pin(tamper: impl Fn(&mut ValidatorData)) -> VerifyError {
    let mut answer = blocks();
    tamper(&mut answer);
    verify_blocks(&answer, &pool(), &all_pinned()).expect_err("refused with everything pinned")
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

mod honest {
    use super::*;

    #[test]
    fn blocks_pass_with_everything_pinned() {
        let verified = verify_blocks(&blocks(), &pool(), &all_pinned()).expect("honest");
        assert_eq!(verified.epoch, EPOCH);
        assert_eq!(verified.parameters, parameters());
        assert_eq!(verified.public_key, key().public());
        assert_eq!(verified.zipcodes, deal(&key(), &parameters(), &pool(), EPOCH));
        assert_eq!(verified.batches, BATCHES);
        assert!(verified.key_pinned && verified.parameters_pinned);
        assert!(verified.clock_checked && verified.size_checked);
    }

    #[test]
    fn blocks_that_were_nothing_known_of_before_pass_and_say_so() {
        let verified = verify_blocks(&blocks(), &pool(), &Pinned::default()).expect("honest");
        assert!(!verified.key_pinned && !verified.parameters_pinned);
        assert!(!verified.clock_checked && !verified.size_checked);
        assert_eq!(verified.batches, BATCHES);
    }

    #[test]
    fn one_parameter_that_was_not_known_leaves_the_parameters_unpinned() {
        let leave_out: [fn(&mut Pinned); 4] = [
            |known| known.netuid = None,
            |known| known.epoch_seconds = None,
            |known| known.pool_sha256 = None,
            |known| known.zipcodes_per_epoch = None,
        ];
        for leave_out in leave_out {
            let mut known = all_pinned();
            leave_out(&mut known);
            let verified = verify_blocks(&blocks(), &pool(), &known).expect("honest");
            assert!(verified.key_pinned && !verified.parameters_pinned, "{known:?}");
        }
    }

    #[test]
    fn the_answer_survives_the_wire() {
        let json = serde_json::to_string(&blocks()).expect("JSON");
        let answer = serde_json::from_str(&json).expect("blocks");
        assert!(verify_blocks(&answer, &pool(), &all_pinned()).is_ok());

        let json = serde_json::to_string(&public_epoch()).expect("JSON");
        let answer = serde_json::from_str(&json).expect("an epoch");
        assert!(verify_epoch(&answer, &pool(), &all_pinned()).is_ok());
    }

    #[test]
    fn a_request_for_larger_blocks_than_there_are_is_answered_with_the_largest() {
        let answer = blocks_of(&key(), &parameters(), &pool(), EPOCH, 50);
        for asked in [50, 51, 1_000, u32::MAX] {
            let known = Pinned { block_size: Some(asked), ..all_pinned() };
            assert_eq!(
                verify_blocks(&answer, &pool(), &known).expect("honest").batches,
                3,
                "{asked}"
            );
        }
    }

    #[test]
    fn small_blocks_show_only_as_much_of_the_deal_as_fits_the_batches() {
        let answer = blocks_of(&key(), &parameters(), &pool(), EPOCH, 1);
        let known = Pinned { block_size: Some(1), ..all_pinned() };
        let verified = verify_blocks(&answer, &pool(), &known).expect("honest");
        assert_eq!((verified.batches, verified.zipcodes.len()), (MAX_BATCHES, MAX_BATCHES));
    }

    #[test]
    fn a_public_epoch_passes_without_a_clock() {
        let verified = verify_epoch(&public_epoch(), &pool(), &all_pinned()).expect("honest");
        assert_eq!(verified.zipcodes.len(), DEALT as usize);
        assert!(verified.key_pinned && verified.parameters_pinned && verified.size_checked);
        assert!(!verified.clock_checked, "an ended epoch is not the one of this clock");
        assert_eq!(verified.batches, 0);

        let verified = verify_epoch(&public_epoch(), &pool(), &Pinned::default()).expect("honest");
        assert!(!verified.key_pinned && !verified.parameters_pinned);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn of_any_size_pass(
            secret: [u8; 32],
            netuid: u16,
            seconds in 1_u32..100_000,
            index in 0_u64..1_000_000,
            size in 1_u32..200,
            dealt in 0_u32..250,
            block_size in 1_u32..=50,
        ) {
            let (key, pool) = (RotationKey::from_mini_secret(&secret), pool_of(size));
            let schedule = EpochSchedule::new(seconds).expect("not zero");
            let parameters = Parameters::new(netuid, schedule, &pool, dealt);
            let index = EpochIndex(index);
            let answer = blocks_of(&key, &parameters, &pool, index, block_size);
            let known = Pinned {
                public_key: Some(key.public()),
                netuid: Some(netuid),
                epoch_seconds: Some(seconds),
                pool_sha256: Some(pool.sha256()),
                zipcodes_per_epoch: Some(parameters.zipcodes_per_epoch),
                block_size: Some(block_size),
                honeypots_sha256: None,
                now: Some(schedule.starts_at(index)),
            };
            let verified = verify_blocks(&answer, &pool, &known).expect("honest");
            let most = MAX_BATCHES * block_size as usize;
            prop_assert_eq!(verified.zipcodes.len(), most.min(parameters.zipcodes_per_epoch as usize));
            prop_assert!(verify_blocks(&answer, &pool, &Pinned::default()).is_ok());
        }
    }
}

mod batches_changed {
    use super::*;

    fn zipcodes<'a>(answer: &'a mut ValidatorData, batch: &str) -> &'a mut Vec<Zipcode> {
        &mut answer.data_blocks.get_mut(batch).expect("the batch").zipcodes
    }

    #[test]
    fn a_zipcode_is_another() {
        let Refusals { pinned, unpinned } =
            refused(|answer| zipcodes(answer, "batch_003")[4] = zipcode(90_210));
        assert_batch(&pinned, "batch_003", "zipcode 5 is 90210, the seed gives ");
        assert_eq!(unpinned, pinned);
    }

    #[test]
    fn two_zipcodes_of_a_batch_are_swapped() {
        let Refusals { pinned, unpinned } =
            refused(|answer| zipcodes(answer, "batch_002").swap(0, 19));
        assert_batch(&pinned, "batch_002", "zipcode 1 is ");
        assert_eq!(unpinned, pinned);
    }

    #[test]
    fn two_zipcodes_of_different_batches_are_swapped() {
        let Refusals { pinned, unpinned } = refused(|answer| {
            let first = zipcodes(answer, "batch_001")[7];
            let second = std::mem::replace(&mut zipcodes(answer, "batch_004")[0], first);
            zipcodes(answer, "batch_001")[7] = second;
        });
        assert_batch(&pinned, "batch_001", "zipcode 8 is ");
        assert_eq!(unpinned, pinned);
    }

    #[test]
    fn two_batches_are_swapped() {
        let Refusals { pinned, unpinned } = refused(|answer| {
            let first = zipcodes(answer, "batch_001").clone();
            let second = std::mem::replace(zipcodes(answer, "batch_002"), first);
            *zipcodes(answer, "batch_001") = second;
        });
        assert_batch(&pinned, "batch_001", "zipcode 1 is ");
        assert_eq!(unpinned, pinned);
    }

    #[test]
    fn a_batch_is_missing() {
        for name in ["batch_001", "batch_003", "batch_006"] {
            let error = refused_by_a_pin(|answer| drop(answer.data_blocks.remove(name)));
            assert_batch(&error, name, "it is missing");
        }
        let Refusals { unpinned, .. } =
            refused(|answer| drop(answer.data_blocks.remove("batch_006")));
        assert_batch(&unpinned, "batch_006", "it is missing");
    }

    #[test]
    fn a_missing_batch_is_missed_whatever_the_totals_say() {
        let Refusals { pinned, unpinned } = refused(|answer| {
            answer.data_blocks.remove("batch_006");
            answer.total_batches = 5;
            answer.total_zipcodes = 100;
        });
        assert_batch(&pinned, "batch_006", "it is missing");
        assert_eq!(unpinned, pinned);
    }

    #[test]
    fn there_is_none() {
        let Refusals { pinned, unpinned } = refused(|answer| {
            answer.data_blocks.clear();
            answer.total_batches = 0;
            answer.total_zipcodes = 0;
        });
        assert_batch(&pinned, "batch_001", "it is missing");
        assert_eq!(unpinned, pinned);
    }

    #[test]
    fn there_is_one_too_many() {
        for name in ["batch_007", "batch_051", "batch_0001", "Batch_001", "extra"] {
            let Refusals { pinned, unpinned } = refused(|answer| {
                answer.data_blocks.insert(name.into(), batch(vec![zipcode(10_000)]));
                answer.total_batches += 1;
            });
            assert_batch(&pinned, name, "there are only 6 batches");
            assert_eq!(unpinned, pinned);
        }
    }

    #[test]
    fn the_name_of_a_surplus_batch_is_cut_in_the_error() {
        let error = refused_by_a_pin(|answer| {
            answer.data_blocks.insert("x".repeat(10_000), batch(vec![]));
        });
        assert!(error.to_string().len() < 200, "{error}");
    }

    #[test]
    fn a_zipcode_is_left_out_or_put_in() {
        let Refusals { pinned, unpinned } =
            refused(|answer| zipcodes(answer, "batch_006").truncate(9));
        assert_batch(&pinned, "batch_006", "it has 9 zipcodes, the seed gives 10");
        assert_eq!(unpinned, pinned);

        let Refusals { pinned, unpinned } =
            refused(|answer| zipcodes(answer, "batch_006").push(zipcode(90_210)));
        assert_batch(&pinned, "batch_006", "it has 11 zipcodes, the seed gives 10");
        assert_eq!(unpinned, pinned);
    }

    #[test]
    fn every_batch_is_cut_short() {
        let Refusals { pinned, unpinned } = refused(|answer| {
            answer.data_blocks.values_mut().for_each(|batch| batch.zipcodes.truncate(5));
        });
        assert_batch(&pinned, "batch_001", "it has 5 zipcodes, the seed gives 20");
        // Taken for blocks of 5, the second would begin where the first ends.
        assert_batch(&unpinned, "batch_002", "zipcode 1 is ");
    }

    #[test]
    fn the_blocks_are_smaller_than_asked_for() {
        // Recut honestly into 50 blocks of 2, so that 10 dealt zipcodes are not shown.
        let answer = blocks_of(&key(), &parameters(), &pool(), EPOCH, 2);
        let error = verify_blocks(&answer, &pool(), &all_pinned()).expect_err("asked for 20");
        assert_batch(&error, "batch_001", "it has 2 zipcodes, the seed gives 20");

        let verified =
            verify_blocks(&answer, &pool(), &Pinned { block_size: None, ..all_pinned() })
                .expect("honest");
        assert_eq!(verified.zipcodes.len(), 100);
        assert!(!verified.size_checked, "nobody said how large the blocks should be");
    }

    #[test]
    fn the_blocks_are_larger_than_asked_for_or_than_any() {
        let answer = blocks_of(&key(), &parameters(), &pool(), EPOCH, 50);
        let error = verify_blocks(&answer, &pool(), &all_pinned()).expect_err("asked for 20");
        assert_batch(&error, "batch_001", "it has 50 zipcodes, the seed gives 20");

        let answer = blocks_of(&key(), &parameters(), &pool(), EPOCH, DEALT);
        let error = verify_blocks(&answer, &pool(), &Pinned::default())
            .expect_err("no block is that large");
        assert_batch(&error, "batch_001", "it has 110 zipcodes, the seed gives 50");
    }

    #[test]
    fn the_totals_are_wrong() {
        let Refusals { pinned, unpinned } = refused(|answer| answer.total_batches = 50);
        assert_differs(&pinned, "total_batches");
        assert_eq!(unpinned, pinned);
        let Refusals { pinned, unpinned } = refused(|answer| answer.total_zipcodes = 111);
        assert_differs(&pinned, "total_zipcodes");
        assert_eq!(unpinned, pinned);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn any_one_zipcode(batch in 0..BATCHES - 1, at in 0..BLOCK_SIZE as usize, by in 1..POOL_SIZE) {
            let mut answer = blocks();
            let zipcode_there = &mut zipcodes(&mut answer, &batch_name(batch))[at];
            let number: u32 = zipcode_there.as_str().parse().expect("a number");
            *zipcode_there = zipcode(10_000 + (number - 10_000 + by) % POOL_SIZE);
            let error = verify_blocks(&answer, &pool(), &Pinned::default()).expect_err("changed");
            assert_batch(&error, &batch_name(batch), &format!("zipcode {} is ", at + 1));
        }
    }
}

mod signed_values_changed {
    use super::*;

    #[test]
    fn the_key_is_another() {
        let Refusals { pinned, unpinned } =
            refused(|answer| answer.rotation.public_key = other_key().public());
        assert_differs(&pinned, "the rotation key");
        assert_eq!(unpinned, VerifyError::Signature(other_key().public()));
    }

    #[test]
    fn everything_is_consistent_but_of_another_key() {
        let answer = blocks_of(&other_key(), &parameters(), &pool(), EPOCH, BLOCK_SIZE);
        let error = verify_blocks(&answer, &pool(), &all_pinned()).expect_err("another key");
        assert_differs(&error, "the rotation key");
        // Whoever knew no key can tell no difference; that is what the flag is for.
        let verified =
            verify_blocks(&answer, &pool(), &Pinned { public_key: None, ..all_pinned() });
        assert!(!verified.expect("consistent").key_pinned);
    }

    #[test]
    fn everything_is_consistent_but_of_other_parameters() {
        // Whoever may choose them freely can try until a deal pleases; only the pins tell.
        let (hour, other_pool) =
            (EpochSchedule::new(3_600).expect("not zero"), pool_of(POOL_SIZE - 1));
        let others = [
            ("netuid", Parameters { netuid: 428, ..parameters() }, pool()),
            ("epoch_seconds", Parameters { schedule: hour, ..parameters() }, pool()),
            ("zipcodes_per_epoch", Parameters { zipcodes_per_epoch: 109, ..parameters() }, pool()),
            ("pool_sha256", Parameters::new(NETUID, schedule(), &other_pool, DEALT), other_pool),
        ];
        for (what, parameters, pool) in others {
            let answer = blocks_of(&key(), &parameters, &pool, EPOCH, BLOCK_SIZE);
            assert_differs(
                &verify_blocks(&answer, &pool, &all_pinned()).expect_err("not the known ones"),
                what,
            );
            let answer = public_epoch_of(&parameters, &pool, EPOCH);
            assert_differs(
                &verify_epoch(&answer, &pool, &all_pinned()).expect_err("not the known ones"),
                what,
            );
            let verified = verify_epoch(&answer, &pool, &Pinned::default()).expect("consistent");
            assert!(!verified.parameters_pinned, "{what}");
        }
    }

    #[test]
    fn the_key_is_no_point() {
        let not_a_key = format!("0x{}", "ff".repeat(32)).parse().expect("hex");
        let Refusals { unpinned, .. } = refused(|answer| answer.rotation.public_key = not_a_key);
        assert_eq!(unpinned, VerifyError::Signature(not_a_key));
    }

    #[test]
    fn the_netuid_is_another() {
        let Refusals { pinned, unpinned } = refused(|answer| answer.rotation.netuid = 428);
        assert_differs(&pinned, "netuid");
        assert_signature(&unpinned);
    }

    #[test]
    fn the_epoch_length_is_another() {
        let Refusals { pinned, unpinned } = refused(|answer| answer.rotation.epoch_seconds = 3_600);
        assert_differs(&pinned, "epoch_seconds");
        assert_differs(&unpinned, "epoch.id");

        let Refusals { unpinned, .. } = refused(|answer| {
            let schedule = EpochSchedule::new(3_600).expect("not zero");
            answer.rotation.epoch_seconds = 3_600;
            answer.epoch = epoch(schedule, EPOCH);
            answer.generated_at = answer.epoch.starts_at;
            answer.expires_at = answer.epoch.ends_at;
        });
        assert_signature(&unpinned);

        let Refusals { unpinned, .. } = refused(|answer| answer.rotation.epoch_seconds = 0);
        assert_differs(&unpinned, "epoch_seconds");
    }

    #[test]
    fn the_size_of_the_deal_is_another() {
        let Refusals { pinned, unpinned } =
            refused(|answer| answer.rotation.zipcodes_per_epoch = 100);
        assert_differs(&pinned, "zipcodes_per_epoch");
        assert_signature(&unpinned);

        for impossible in [0, POOL_SIZE + 1, u32::MAX] {
            let Refusals { unpinned, .. } =
                refused(|answer| answer.rotation.zipcodes_per_epoch = impossible);
            assert_differs(&unpinned, "zipcodes_per_epoch");
        }
    }

    #[test]
    fn the_pool_hash_is_another() {
        let Refusals { pinned, unpinned } =
            refused(|answer| answer.rotation.pool_sha256 = pool_of(POOL_SIZE - 1).sha256());
        assert_differs(&pinned, "pool_sha256");
        assert_differs(&unpinned, "pool_sha256");
    }

    #[test]
    fn the_pool_size_is_another() {
        let Refusals { pinned, unpinned } = refused(|answer| answer.rotation.pool_size = 7_572);
        assert_differs(&pinned, "pool_size");
        assert_eq!(unpinned, pinned);
    }

    #[test]
    fn the_pool_at_hand_does_not_hash_to_it() {
        let mut reordered = pool().zipcodes().to_vec();
        reordered.swap(0, 1);
        for pool in
            [Pool::new(reordered).expect("a pool"), pool_of(POOL_SIZE - 1), pool_of(POOL_SIZE + 1)]
        {
            for known in [all_pinned(), Pinned::default()] {
                assert_differs(
                    &verify_blocks(&blocks(), &pool, &known).expect_err("another pool"),
                    "pool_sha256",
                );
                assert_differs(
                    &verify_epoch(&public_epoch(), &pool, &known).expect_err("another pool"),
                    "pool_sha256",
                );
            }
        }
    }

    #[test]
    fn the_algorithm_is_another() {
        let Refusals { pinned, unpinned } =
            refused(|answer| answer.rotation.algorithm = "resi-rotation-v2".into());
        assert_eq!(pinned, VerifyError::Algorithm("resi-rotation-v2".into()));
        assert_eq!(unpinned, pinned);
    }

    #[test]
    fn the_signature_is_left_out() {
        let Refusals { pinned, unpinned } = refused(|answer| answer.rotation.signature = None);
        assert_eq!(pinned, VerifyError::NotRevealed);
        assert_eq!(unpinned, pinned);
    }

    #[test]
    fn the_signature_is_of_another_epoch_or_key() {
        let foreign =
            [key().sign(&parameters(), EPOCH.next()), other_key().sign(&parameters(), EPOCH)];
        for signature in foreign {
            let Refusals { pinned, unpinned } =
                refused(|answer| answer.rotation.signature = Some(signature));
            assert_eq!(pinned, VerifyError::Signature(key().public()));
            assert_eq!(unpinned, pinned);
        }
    }

    #[test]
    fn a_proof_is_put_to_the_pre_output_of_another() {
        // The seed follows from the pre-output alone: this is how a prover would choose it.
        let mut bytes = *key().sign(&parameters(), EPOCH).as_bytes();
        bytes[..32].copy_from_slice(&key().sign(&parameters(), EPOCH.next()).as_bytes()[..32]);
        let forged = VrfSignature::from_bytes(bytes);
        let Refusals { pinned, .. } = refused(|answer| answer.rotation.signature = Some(forged));
        assert_signature(&pinned);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn any_one_bit_of_the_signature(byte in 0_usize..96, bit in 0..8) {
            let mut bytes = *key().sign(&parameters(), EPOCH).as_bytes();
            bytes[byte] ^= 1_u8 << bit;
            let Refusals { pinned, unpinned } =
                refused(|answer| answer.rotation.signature = Some(VrfSignature::from_bytes(bytes)));
            assert_signature(&pinned);
            assert_signature(&unpinned);
        }
    }
}

mod epoch_changed {
    use super::*;

    fn at(seconds_from_start: i64) -> Timestamp {
        Timestamp::from_seconds(schedule().starts_at(EPOCH).seconds() + seconds_from_start)
    }

    #[test]
    fn its_id_or_bounds_are_others() {
        type Change = fn(&mut ValidatorData);
        let changes: [(&str, Change); 5] = [
            ("epoch.id", |answer| answer.epoch.id = schedule().id(EPOCH.next())),
            ("epoch.starts_at", |answer| answer.epoch.starts_at = at(1)),
            ("epoch.ends_at", |answer| answer.epoch.ends_at = at(14_399)),
            ("generated_at", |answer| answer.generated_at = at(1)),
            ("expires_at", |answer| answer.expires_at = at(14_401)),
        ];
        for (what, change) in changes {
            let Refusals { pinned, unpinned } = refused(change);
            assert_differs(&pinned, what);
            assert_eq!(unpinned, pinned);
        }
    }

    #[test]
    fn its_number_is_another() {
        let Refusals { pinned, unpinned } = refused(|answer| answer.epoch.index = EPOCH.next());
        assert_differs(&pinned, "epoch.id");
        assert_eq!(unpinned, pinned);
        let Refusals { pinned, unpinned } =
            refused(|answer| answer.epoch.index = EpochIndex(u64::MAX));
        assert_differs(&pinned, "epoch.id");
        assert_eq!(unpinned, pinned);
    }

    #[test]
    fn yesterdays_deal_is_given_todays_date() {
        let Refusals { pinned, unpinned } = refused(|answer| {
            answer.epoch = epoch(schedule(), EPOCH.next());
            answer.generated_at = answer.epoch.starts_at;
            answer.expires_at = answer.epoch.ends_at;
        });
        assert_signature(&pinned);
        assert_signature(&unpinned);
    }

    #[test]
    fn an_old_epoch_is_served_again() {
        let old = EpochIndex(EPOCH.0 - 1);
        let answer = blocks_of(&key(), &parameters(), &pool(), old, BLOCK_SIZE);
        let error = verify_blocks(&answer, &pool(), &all_pinned()).expect_err("old");
        assert_eq!(error, VerifyError::NotRunning { answered: old, expected: EPOCH, now: at(60) });
        // Without a clock nothing is wrong with it.
        let verified =
            verify_blocks(&answer, &pool(), &Pinned { now: None, ..all_pinned() }).expect("honest");
        assert!(!verified.clock_checked);
    }

    #[test]
    fn a_future_epoch_is_served() {
        let answer = blocks_of(&key(), &parameters(), &pool(), EPOCH.next(), BLOCK_SIZE);
        let error = verify_blocks(&answer, &pool(), &all_pinned()).expect_err("not yet");
        assert_eq!(
            error,
            VerifyError::NotRunning { answered: EPOCH.next(), expected: EPOCH, now: at(60) }
        );
    }

    fn accepted_at(answer: &ValidatorData, now: Timestamp) -> bool {
        match verify_blocks(answer, &pool(), &Pinned { now: Some(now), ..Pinned::default() }) {
            Ok(verified) => verified.clock_checked,
            Err(VerifyError::NotRunning { .. }) => false,
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn clocks_may_differ_by_five_seconds_at_a_boundary() {
        let (answer, microsecond) = (blocks(), Duration::from_micros(1));
        let (start, end) = (schedule().starts_at(EPOCH), schedule().ends_at(EPOCH));
        let first = start.minus(CLOCK_TOLERANCE);
        let past = end.plus(CLOCK_TOLERANCE);
        assert_eq!(CLOCK_TOLERANCE, Duration::from_secs(5));
        for now in [first, start, end.minus(microsecond), end, past.minus(microsecond)] {
            assert!(accepted_at(&answer, now), "{}", now.micros());
        }
        for now in
            [first.minus(microsecond), past, Timestamp::UNIX_EPOCH, Timestamp::from_seconds(-1)]
        {
            assert!(!accepted_at(&answer, now), "{}", now.micros());
        }
    }

    #[test]
    fn the_tolerance_covers_epochs_that_are_shorter_than_it() {
        let parameters =
            Parameters::new(NETUID, EpochSchedule::new(2).expect("not zero"), &pool(), DEALT);
        let answer = blocks_of(&key(), &parameters, &pool(), EPOCH, BLOCK_SIZE);
        let start = parameters.schedule.starts_at(EPOCH);
        for ahead in 0..=5 {
            assert!(
                accepted_at(&answer, start.minus(Duration::from_secs(ahead))),
                "{ahead} s early"
            );
            assert!(accepted_at(&answer, start.plus(Duration::from_secs(ahead))), "{ahead} s late");
        }
        assert!(!accepted_at(&answer, start.minus(Duration::from_secs(6))));
        assert!(!accepted_at(&answer, start.plus(Duration::from_secs(7))));
    }
}

mod public_epoch_changed {
    use super::*;

    fn refused(tamper: impl Fn(&mut EpochResource)) -> VerifyError {
        let mut answer = public_epoch();
        tamper(&mut answer);
        verify_epoch(&answer, &pool(), &all_pinned()).expect_err("refused")
    }

    fn zipcodes(answer: &mut EpochResource) -> &mut Vec<Zipcode> {
        answer.zipcodes.as_mut().expect("revealed")
    }

    #[test]
    fn a_running_epoch_shows_nothing_to_check() {
        assert_eq!(refused(|answer| answer.zipcodes = None), VerifyError::NotRevealed);
        assert_eq!(refused(|answer| answer.rotation.signature = None), VerifyError::NotRevealed);
    }

    #[test]
    fn its_zipcodes_are_others() {
        let list = "the list of zipcodes";
        assert_batch(
            &refused(|answer| zipcodes(answer)[99] = zipcode(90_210)),
            list,
            "zipcode 100 is 90210",
        );
        assert_batch(&refused(|answer| zipcodes(answer).swap(0, 1)), list, "zipcode 1 is ");
        assert_batch(
            &refused(|answer| zipcodes(answer).truncate(50)),
            list,
            "it has 50 zipcodes, the seed gives 110",
        );
        assert_batch(
            &refused(|answer| zipcodes(answer).push(zipcode(90_210))),
            list,
            "it has 111 zipcodes",
        );
        assert_batch(&refused(|answer| zipcodes(answer).clear()), list, "it has 0 zipcodes");
    }

    #[test]
    fn what_is_signed_is_another() {
        assert_differs(
            &refused(|answer| answer.rotation.public_key = other_key().public()),
            "the rotation key",
        );
        assert_differs(&refused(|answer| answer.rotation.netuid = 428), "netuid");
        assert_differs(&refused(|answer| answer.rotation.epoch_seconds = 60), "epoch_seconds");
        assert_differs(
            &refused(|answer| answer.rotation.zipcodes_per_epoch = 1),
            "zipcodes_per_epoch",
        );
        assert_differs(
            &refused(|answer| answer.rotation.pool_sha256 = pool_of(1).sha256()),
            "pool_sha256",
        );
        assert_differs(
            &refused(|answer| answer.epoch.id = schedule().id(EPOCH.next())),
            "epoch.id",
        );
        assert_signature(&refused(|answer| answer.epoch = epoch(schedule(), EPOCH.next())));
    }
}

#[test]
fn errors_say_what_is_wrong_in_a_sentence() {
    let mut answer = blocks();
    answer.rotation.netuid = 428;
    let error = verify_blocks(&answer, &pool(), &all_pinned()).expect_err("another netuid");
    assert_eq!(error.to_string(), "netuid is 428 in the answer, and 46 was expected");

    let old = blocks_of(&key(), &parameters(), &pool(), EpochIndex(120_619), BLOCK_SIZE);
    let error = verify_blocks(&old, &pool(), &all_pinned()).expect_err("old");
    assert_eq!(
        error.to_string(),
        "the answer is of epoch 120619, but by this clock (2025-01-15T08:01:00Z) epoch 120620 is running"
    );
}

mod honeypots {
    use resi_protocol::rotation::{Honeypots, Salt};

    use super::*;

    fn ended() -> EpochResource {
        let mut epoch = public_epoch();
        let zipcodes = epoch.zipcodes.clone().expect("revealed");
        let honeypots =
            Honeypots { salt: Salt::from_bytes([7; 32]), zipcodes: vec![zipcodes[3], zipcodes[5]] };
        epoch.rotation.honeypots_sha256 = Some(honeypots.sha256());
        epoch.honeypots = Some(honeypots);
        epoch
    }

    #[test]
    fn blocks_are_accepted_while_nobody_can_tell_the_decoys() {
        let mut blocks = blocks();
        blocks.rotation.honeypots_sha256 = ended().rotation.honeypots_sha256;
        assert_eq!(verify_blocks(&blocks, &pool(), &all_pinned()).expect("honest").honeypots, []);
    }

    #[test]
    fn what_is_revealed_is_what_was_committed_to() {
        let epoch = ended();
        let honest = epoch.honeypots.clone().expect("revealed");
        let known =
            Pinned { honeypots_sha256: epoch.rotation.honeypots_sha256, ..Pinned::default() };
        let verified = verify_epoch(&epoch, &pool(), &known).expect("honest");
        assert_eq!(verified.honeypots, honest.zipcodes);

        let refused = |change: &dyn Fn(&mut EpochResource)| {
            let mut epoch = ended();
            change(&mut epoch);
            verify_epoch(&epoch, &pool(), &known).expect_err("dishonest").to_string()
        };
        let fewer = Honeypots { zipcodes: vec![honest.zipcodes[0]], ..honest.clone() };
        let words = refused(&|epoch| epoch.honeypots = Some(fewer.clone()));
        assert!(words.contains("was committed to"), "{words}");
        let words = refused(&|epoch| {
            epoch.honeypots = Some(fewer.clone());
            epoch.rotation.honeypots_sha256 = Some(fewer.sha256());
        });
        assert!(words.contains("honeypots_sha256 is"), "{words}");
        let words = refused(&|epoch| epoch.rotation.honeypots_sha256 = None);
        assert!(words.contains("nothing is in the answer"), "{words}");
        assert_eq!(refused(&|epoch| epoch.honeypots = None), VerifyError::NotRevealed.to_string());
        let stranger =
            Honeypots { zipcodes: vec!["99999".parse().expect("five")], ..honest.clone() };
        let mut epoch = ended();
        epoch.rotation.honeypots_sha256 = Some(stranger.sha256());
        epoch.honeypots = Some(stranger);
        let words = verify_epoch(&epoch, &pool(), &Pinned::default()).expect_err("not dealt");
        assert!(words.to_string().contains("99999 was not dealt"), "{words}");
    }
}

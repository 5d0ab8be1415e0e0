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
        assert_eq!(verify_blocks(&answer, &pool(), &known).expect("honest").batches, 3, "{asked}");
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

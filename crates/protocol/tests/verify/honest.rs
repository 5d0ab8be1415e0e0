use super::*;

#[test]
fn blocks_pass_with_everything_pinned() {
    let verified = verify_blocks(&blocks(), &pool(), &all_pinned(), &asked()).expect("honest");
    assert_eq!(verified.epoch, EPOCH);
    assert_eq!(verified.parameters, parameters());
    assert_eq!(verified.public_key, key().public());
    assert_eq!(verified.zipcodes, deal(&key(), &parameters(), &pool(), EPOCH));
    assert_eq!(verified.batches, BATCHES);
    assert!(verified.is_complete());
    let vouchers = [
        (Part::PublicKey, Voucher::Pinned),
        (Part::Netuid, Voucher::Pinned),
        (Part::EpochSeconds, Voucher::Pinned),
        (Part::PoolSha256, Voucher::Pinned),
        (Part::ZipcodesPerEpoch, Voucher::Pinned),
        (Part::Epoch, Voucher::Clock),
        (Part::BlockSize, Voucher::Asked),
        (Part::Sources, Voucher::Asked),
        (Part::Zipcodes, Voucher::Recomputed),
        (Part::Record, Voucher::RecordSignature),
        (Part::GeographicInfo, Voucher::NotCovered),
    ];
    assert_eq!(verified.vouchers, vouchers);
}

#[test]
fn blocks_that_were_nothing_known_of_before_pass_and_say_so() {
    let verified = verify_blocks(&blocks(), &pool(), &Pinned::default(), &Question::default())
        .expect("honest");
    let open = [
        Part::PublicKey,
        Part::Netuid,
        Part::EpochSeconds,
        Part::PoolSha256,
        Part::ZipcodesPerEpoch,
        Part::Epoch,
        Part::BlockSize,
    ];
    assert!(verified.open().eq(open));
    assert!(verified.not_covered().eq([Part::Sources, Part::GeographicInfo]));
    assert_eq!(verified.batches, BATCHES);
}

#[test]
fn one_value_that_was_not_known_or_asked_for_is_open() {
    type Change = fn(&mut Pinned, &mut Question);
    let leave_out: [(Part, Change); 7] = [
        (Part::PublicKey, |known, _| known.public_key = None),
        (Part::Netuid, |known, _| known.netuid = None),
        (Part::EpochSeconds, |known, _| known.epoch_seconds = None),
        (Part::PoolSha256, |known, _| known.pool_sha256 = None),
        (Part::ZipcodesPerEpoch, |known, _| known.zipcodes_per_epoch = None),
        (Part::BlockSize, |_, question| question.block_size = None),
        (Part::Epoch, |_, question| question.at = None),
    ];
    for (part, leave_out) in leave_out {
        let (mut known, mut question) = (all_pinned(), asked());
        leave_out(&mut known, &mut question);
        let verified = verify_blocks(&blocks(), &pool(), &known, &question).expect("honest");
        assert!(verified.open().eq([part]), "{part}: {:?}", verified.vouchers);
    }
}

#[test]
fn what_was_remembered_is_not_called_pinned() {
    let since = schedule().starts_at(EpochIndex(100));
    let known =
        Pinned { public_key: Some(Known::remembered(key().public(), since)), ..all_pinned() };
    let verified = verify_blocks(&blocks(), &pool(), &known, &asked()).expect("honest");
    let voucher = verified.voucher(Part::PublicKey).expect("there is a key");
    assert_eq!(voucher, Voucher::RememberedSince(since));
    assert_eq!(voucher.to_string(), "remembered since 1970-01-17T16:00:00Z");
    assert!(verified.is_complete());
}

#[test]
fn the_answer_survives_the_wire() {
    let json = serde_json::to_string(&blocks()).expect("JSON");
    let answer = serde_json::from_str(&json).expect("blocks");
    assert!(verify_blocks(&answer, &pool(), &all_pinned(), &asked()).is_ok());

    let json = serde_json::to_string(&public_epoch()).expect("JSON");
    let answer = serde_json::from_str(&json).expect("an epoch");
    assert!(verify_epoch(&answer, &pool(), &all_pinned(), &asked_later()).is_ok());
}

#[test]
fn a_request_for_larger_blocks_than_there_are_is_answered_with_the_largest() {
    let answer = blocks_of(&key(), &parameters(), &pool(), EPOCH, 50);
    for size in [50, 51, 1_000, u32::MAX] {
        let question = Question { block_size: Some(size), ..asked() };
        let verified = verify_blocks(&answer, &pool(), &all_pinned(), &question).expect("honest");
        assert_eq!(verified.batches, 3, "{size}");
    }
}

#[test]
fn small_blocks_show_only_as_much_of_the_deal_as_fits_the_batches() {
    let answer = blocks_of(&key(), &parameters(), &pool(), EPOCH, 1);
    let question = Question { block_size: Some(1), ..asked() };
    let verified = verify_blocks(&answer, &pool(), &all_pinned(), &question).expect("honest");
    assert_eq!((verified.batches, verified.zipcodes.len()), (MAX_BATCHES, MAX_BATCHES));
}

#[test]
fn a_public_epoch_passes() {
    let verified =
        verify_epoch(&public_epoch(), &pool(), &all_pinned(), &asked_later()).expect("honest");
    assert_eq!(verified.zipcodes.len(), DEALT as usize);
    assert!(verified.is_complete());
    assert_eq!(verified.voucher(Part::Epoch), Some(Voucher::Asked));
    assert_eq!(verified.voucher(Part::State), Some(Voucher::Clock));
    assert_eq!(verified.voucher(Part::Record), Some(Voucher::RecordSignature));
    assert_eq!(verified.voucher(Part::PrevSha256), Some(Voucher::RecordSignature));
    assert!(verified.not_covered().eq([Part::RevealedAt]));
    assert_eq!(verified.batches, 0);

    let verified = verify_epoch(&public_epoch(), &pool(), &Pinned::default(), &Question::default())
        .expect("honest");
    assert_eq!(verified.voucher(Part::PublicKey), Some(Voucher::FirstContact));
    assert_eq!(verified.voucher(Part::State), Some(Voucher::Nothing));
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
            public_key: Some(key.public().into()),
            netuid: Some(netuid.into()),
            epoch_seconds: Some(seconds.into()),
            pool_sha256: Some(pool.sha256().into()),
            zipcodes_per_epoch: Some(parameters.zipcodes_per_epoch.into()),
            honeypots_sha256: None,
        };
        let question = Question {
            block_size: Some(block_size),
            at: Some(schedule.starts_at(index)),
            ..Question::default()
        };
        let verified = verify_blocks(&answer, &pool, &known, &question).expect("honest");
        let most = MAX_BATCHES * block_size as usize;
        prop_assert_eq!(verified.zipcodes.len(), most.min(parameters.zipcodes_per_epoch as usize));
        prop_assert!(verify_blocks(&answer, &pool, &Pinned::default(), &Question::default()).is_ok());
    }
}

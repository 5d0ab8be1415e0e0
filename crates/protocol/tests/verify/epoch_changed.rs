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
    let Refusals { pinned, unpinned } = refused(|answer| answer.epoch.index = EpochIndex(u64::MAX));
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
    let error = verify_blocks(&answer, &pool(), &all_pinned(), &asked()).expect_err("old");
    assert_eq!(error, VerifyError::NotRunning { answered: old, expected: EPOCH, now: at(60) });
    // Without a clock nothing is wrong with it.
    let verified =
        verify_blocks(&answer, &pool(), &all_pinned(), &Question { at: None, ..asked() })
            .expect("honest");
    assert_eq!(verified.voucher(Part::Epoch), Some(Voucher::Nothing));
}

#[test]
fn a_future_epoch_is_served() {
    let answer = blocks_of(&key(), &parameters(), &pool(), EPOCH.next(), BLOCK_SIZE);
    let error = verify_blocks(&answer, &pool(), &all_pinned(), &asked()).expect_err("not yet");
    assert_eq!(
        error,
        VerifyError::NotRunning { answered: EPOCH.next(), expected: EPOCH, now: at(60) }
    );
}

fn accepted_at(answer: &ValidatorData, now: Timestamp) -> bool {
    match verify_blocks(
        answer,
        &pool(),
        &Pinned::default(),
        &Question { at: Some(now), ..Question::default() },
    ) {
        Ok(verified) => verified.voucher(Part::Epoch) == Some(Voucher::Clock),
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
    for now in [first.minus(microsecond), past, Timestamp::UNIX_EPOCH, Timestamp::from_seconds(-1)]
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
        assert!(accepted_at(&answer, start.minus(Duration::from_secs(ahead))), "{ahead} s early");
        assert!(accepted_at(&answer, start.plus(Duration::from_secs(ahead))), "{ahead} s late");
    }
    assert!(!accepted_at(&answer, start.minus(Duration::from_secs(6))));
    assert!(!accepted_at(&answer, start.plus(Duration::from_secs(7))));
}

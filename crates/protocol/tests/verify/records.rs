use super::*;

fn verified(epoch: &EpochResource) -> Result<Verified, VerifyError> {
    verify_epoch(epoch, &pool(), &all_pinned(), &asked_later())
}

fn refused(tamper: impl Fn(&mut EpochResource)) -> VerifyError {
    let mut answer = honeypots::ended();
    tamper(&mut answer);
    verified(&answer).expect_err("refused")
}

#[test]
fn the_record_of_another_epoch_is_no_answer() {
    // As a proxy does that answers every question with the record it likes best.
    let other = public_epoch_of(&parameters(), &pool(), EpochIndex(EPOCH.0 - 1));
    assert_differs(&verified(&other).expect_err("not what was asked for"), "epoch.id");
    let question = Question { epoch: None, ..asked_later() };
    let unasked = verify_epoch(&other, &pool(), &all_pinned(), &question).expect("honest");
    assert_eq!(unasked.epoch, EpochIndex(EPOCH.0 - 1));
    assert_eq!(unasked.voucher(Part::Epoch), Some(Voucher::Recomputed));

    let question = Question { epoch: Some(schedule().id(EPOCH.next())), ..asked() };
    let error = verify_blocks(&blocks(), &pool(), &all_pinned(), &question);
    assert_differs(&error.expect_err("not what was asked for"), "epoch.id");
}

#[test]
fn blocks_for_other_sources_are_no_answer() {
    let sources = "REDFIN".parse().expect("known");
    let question = Question { sources: Some(sources), ..asked() };
    let error = verify_blocks(&blocks(), &pool(), &all_pinned(), &question);
    let detail = "its sources are ZILLOW_SOLD, and REDFIN were expected";
    assert_batch(&error.expect_err("not what was asked for"), "batch_001", detail);
}

#[test]
fn what_the_record_says_is_signed() {
    let signature = VerifyError::RecordSignature(key().public());
    let changes: [fn(&mut EpochResource); 5] = [
        |answer| answer.prev_sha256 = Some(Sha256Hash::from_bytes([8; 32])),
        |answer| answer.prev_sha256 = None,
        |answer| answer.record_signature = blocks().record_signature,
        |answer| answer.record_signature = Some(Signature::from_bytes([0; 64])),
        |answer| {
            let (rotation, prev) = (answer.rotation.clone(), answer.prev_sha256);
            let other = signed(&other_key(), &parameters(), EPOCH, &rotation, prev);
            answer.record_signature = Some(other);
        },
    ];
    for change in changes {
        assert_eq!(refused(change), signature);
    }
}

#[test]
fn a_record_without_a_signature_is_open() {
    let mut old = public_epoch();
    old.record_signature = None;
    let verified = verified(&old).expect("honest");
    assert!(verified.open().eq([Part::Record, Part::PrevSha256]));
    let mut old = blocks();
    old.record_signature = None;
    let verified = verify_blocks(&old, &pool(), &all_pinned(), &asked()).expect("honest");
    assert!(verified.open().eq([Part::Record]));
}

#[test]
fn a_signature_over_no_record_before_does_not_show_that_there_was_none() {
    // The signature of the blocks is over the same text.
    let mut first = public_epoch();
    (first.prev_sha256, first.record_signature) = (None, blocks().record_signature);
    let verified = verified(&first).expect("honest");
    assert_eq!(verified.voucher(Part::Record), Some(Voucher::RecordSignature));
    assert_eq!(verified.voucher(Part::PrevSha256), Some(Voucher::NotCovered));
}

fn at(moment: Timestamp, state: EpochState) -> Result<Verified, VerifyError> {
    let mut answer = public_epoch();
    answer.state = state;
    answer.revealed_at = answer.epoch.starts_at;
    let question = Question { at: Some(moment), ..asked_later() };
    verify_epoch(&answer, &pool(), &all_pinned(), &question)
}

#[test]
fn whether_it_has_ended_is_known_by_the_clock() {
    let (start, end) = (schedule().starts_at(EPOCH), schedule().ends_at(EPOCH));
    let microsecond = Duration::from_micros(1);
    let (running, ended) = (EpochState::Running, EpochState::Ended);
    for (moment, state) in [
        (start.minus(CLOCK_TOLERANCE), running),
        (end.plus(CLOCK_TOLERANCE).minus(microsecond), running),
        (end.minus(CLOCK_TOLERANCE), ended),
        (end.plus(Duration::from_secs(1_000_000_000)), ended),
    ] {
        assert!(at(moment, state).is_ok(), "{state:?} at {moment}");
    }
    for (moment, answered) in [
        (end.plus(CLOCK_TOLERANCE), running),
        (end.minus(CLOCK_TOLERANCE).minus(microsecond), ended),
        (start, ended),
    ] {
        let expected = VerifyError::State { answered, ends_at: end, now: moment };
        assert_eq!(at(moment, answered), Err(expected));
    }
    let early = start.minus(CLOCK_TOLERANCE).minus(microsecond);
    assert!(matches!(at(early, running), Err(VerifyError::NotRunning { .. })));
}

#[test]
fn it_is_revealed_at_its_start_or_its_end() {
    let start = schedule().starts_at(EPOCH);
    for other in [start.plus(Duration::from_secs(1)), Timestamp::UNIX_EPOCH] {
        assert_differs(&refused(|answer| answer.revealed_at = other), "revealed_at");
    }
    let mut answer = public_epoch();
    answer.revealed_at = start;
    assert!(verified(&answer).is_ok(), "by a service that says so from the start");
    // One that is said to run, and to be revealed later, shows what it should not.
    answer.revealed_at = schedule().ends_at(EPOCH);
    answer.state = EpochState::Running;
    let error = verify_epoch(&answer, &pool(), &all_pinned(), &asked());
    assert_differs(&error.expect_err("too early"), "revealed_at");
}

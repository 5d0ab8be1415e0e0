use super::*;

fn refused(tamper: impl Fn(&mut EpochResource)) -> VerifyError {
    let mut answer = public_epoch();
    tamper(&mut answer);
    verify_epoch(&answer, &pool(), &all_pinned(), &asked_later()).expect_err("refused")
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
    assert_differs(&refused(|answer| answer.rotation.zipcodes_per_epoch = 1), "zipcodes_per_epoch");
    assert_differs(
        &refused(|answer| answer.rotation.pool_sha256 = pool_of(1).sha256()),
        "pool_sha256",
    );
    assert_differs(&refused(|answer| answer.epoch.id = schedule().id(EPOCH.next())), "epoch.id");
    let mut moved = public_epoch();
    moved.epoch = epoch(schedule(), EPOCH.next());
    let error = verify_epoch(&moved, &pool(), &all_pinned(), &Question::default());
    assert_signature(&error.expect_err("the proof is of another"));
}

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
    let Refusals { pinned, unpinned } = refused(|answer| zipcodes(answer, "batch_002").swap(0, 19));
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
    let Refusals { unpinned, .. } = refused(|answer| drop(answer.data_blocks.remove("batch_006")));
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
    let Refusals { pinned, unpinned } = refused(|answer| zipcodes(answer, "batch_006").truncate(9));
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
        for whole in answer.data_blocks.values_mut() {
            *whole = batch(whole.zipcodes[..5].to_vec());
        }
    });
    assert_batch(&pinned, "batch_001", "it has 5 zipcodes, the seed gives 20");
    // Taken for blocks of 5, the second would begin where the first ends.
    assert_batch(&unpinned, "batch_002", "zipcode 1 is ");
}

#[test]
fn the_blocks_are_smaller_than_asked_for() {
    // Recut honestly into 50 blocks of 2, so that 10 dealt zipcodes are not shown.
    let answer = blocks_of(&key(), &parameters(), &pool(), EPOCH, 2);
    let error = verify_blocks(&answer, &pool(), &all_pinned(), &asked()).expect_err("asked for 20");
    assert_batch(&error, "batch_001", "it has 2 zipcodes, the seed gives 20");

    let verified =
        verify_blocks(&answer, &pool(), &all_pinned(), &Question { block_size: None, ..asked() })
            .expect("honest");
    assert_eq!(verified.zipcodes.len(), 100);
    let open: Vec<_> = verified.open().collect();
    assert_eq!(open, [Part::BlockSize], "nobody said how large the blocks should be");
}

#[test]
fn the_blocks_are_larger_than_asked_for_or_than_any() {
    let answer = blocks_of(&key(), &parameters(), &pool(), EPOCH, 50);
    let error = verify_blocks(&answer, &pool(), &all_pinned(), &asked()).expect_err("asked for 20");
    assert_batch(&error, "batch_001", "it has 50 zipcodes, the seed gives 20");

    let answer = blocks_of(&key(), &parameters(), &pool(), EPOCH, DEALT);
    let error = verify_blocks(&answer, &pool(), &Pinned::default(), &Question::default())
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
        let error = verify_blocks(&answer, &pool(), &Pinned::default(), &Question::default()).expect_err("changed");
        assert_batch(&error, &batch_name(batch), &format!("zipcode {} is ", at + 1));
    }
}

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
    let error = verify_blocks(&answer, &pool(), &all_pinned(), &asked()).expect_err("another key");
    assert_differs(&error, "the rotation key");
    // Whoever knew no key can tell no difference; that is what the flag is for.
    let verified =
        verify_blocks(&answer, &pool(), &Pinned { public_key: None, ..all_pinned() }, &asked());
    let open: Vec<_> = verified.expect("consistent").open().collect();
    assert_eq!(open, [Part::PublicKey]);
}

#[test]
fn everything_is_consistent_but_of_other_parameters() {
    // Whoever may choose them freely can try until a deal pleases; only the pins tell.
    let (hour, other_pool) = (EpochSchedule::new(3_600).expect("not zero"), pool_of(POOL_SIZE - 1));
    let others = [
        ("netuid", Parameters { netuid: 428, ..parameters() }, pool()),
        ("epoch_seconds", Parameters { schedule: hour, ..parameters() }, pool()),
        ("zipcodes_per_epoch", Parameters { zipcodes_per_epoch: 109, ..parameters() }, pool()),
        ("pool_sha256", Parameters::new(NETUID, schedule(), &other_pool, DEALT), other_pool),
    ];
    for (what, parameters, pool) in others {
        let answer = blocks_of(&key(), &parameters, &pool, EPOCH, BLOCK_SIZE);
        assert_differs(
            &verify_blocks(&answer, &pool, &all_pinned(), &asked())
                .expect_err("not the known ones"),
            what,
        );
        let answer = public_epoch_of(&parameters, &pool, EPOCH);
        assert_differs(
            &verify_epoch(&answer, &pool, &all_pinned(), &asked_later())
                .expect_err("not the known ones"),
            what,
        );
        let verified = verify_epoch(&answer, &pool, &Pinned::default(), &Question::default())
            .expect("consistent");
        let voucher = Some(Voucher::FirstContact);
        assert_eq!(verified.voucher(Part::ZipcodesPerEpoch), voucher, "{what}");
        assert_eq!(verified.voucher(Part::Netuid), voucher, "{what}");
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
    let Refusals { pinned, unpinned } = refused(|answer| answer.rotation.zipcodes_per_epoch = 100);
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
                &verify_blocks(&blocks(), &pool, &known, &asked()).expect_err("another pool"),
                "pool_sha256",
            );
            assert_differs(
                &verify_epoch(&public_epoch(), &pool, &known, &asked_later())
                    .expect_err("another pool"),
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
    let foreign = [key().sign(&parameters(), EPOCH.next()), other_key().sign(&parameters(), EPOCH)];
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

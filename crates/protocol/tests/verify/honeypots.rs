use resi_protocol::rotation::{Honeypots, Salt};

use super::*;

pub(crate) fn ended() -> EpochResource {
    let mut epoch = public_epoch();
    let zipcodes = epoch.zipcodes.clone().expect("revealed");
    let honeypots =
        Honeypots { salt: Salt::from_bytes([7; 32]), zipcodes: vec![zipcodes[3], zipcodes[5]] };
    reveal(&mut epoch, honeypots);
    sign(&mut epoch);
    epoch
}

/// As a forger does who has no key: the decoys agree with their hash.
fn reveal(epoch: &mut EpochResource, honeypots: Honeypots) {
    epoch.rotation.honeypots_sha256 = Some(honeypots.sha256());
    epoch.honeypots = Some(honeypots);
}

fn sign(epoch: &mut EpochResource) {
    let signature = signed(&key(), &parameters(), EPOCH, &epoch.rotation, epoch.prev_sha256);
    epoch.record_signature = Some(signature);
}

fn forged() -> Honeypots {
    let zipcodes = public_epoch().zipcodes.expect("revealed");
    Honeypots { salt: Salt::from_bytes([8; 32]), zipcodes: zipcodes[10..13].to_vec() }
}

fn verified(epoch: &EpochResource, known: &Pinned) -> Result<Verified, VerifyError> {
    verify_epoch(epoch, &pool(), known, &asked_later())
}

#[test]
fn blocks_are_accepted_while_nobody_can_tell_the_decoys() {
    let mut blocks = blocks();
    blocks.rotation.honeypots_sha256 = ended().rotation.honeypots_sha256;
    blocks.record_signature = Some(signed(&key(), &parameters(), EPOCH, &blocks.rotation, None));
    let verified = verify_blocks(&blocks, &pool(), &all_pinned(), &asked()).expect("honest");
    assert!(verified.honeypots.is_empty() && verified.is_complete());

    blocks.rotation.honeypots_sha256 = Some(forged().sha256());
    let error = verify_blocks(&blocks, &pool(), &all_pinned(), &asked()).expect_err("another");
    assert_eq!(error, VerifyError::RecordSignature(key().public()));
}

#[test]
fn what_is_revealed_is_what_the_key_signed() {
    let epoch = ended();
    let honest = epoch.honeypots.clone().expect("revealed");
    let found = verified(&epoch, &all_pinned()).expect("honest");
    assert_eq!(found.honeypots, honest.zipcodes);
    assert_eq!(found.voucher(Part::Honeypots), Some(Voucher::RecordSignature));

    let refused = |change: &dyn Fn(&mut EpochResource)| {
        let mut epoch = ended();
        change(&mut epoch);
        verified(&epoch, &all_pinned()).expect_err("dishonest").to_string()
    };
    let words = refused(&|epoch| epoch.honeypots = Some(forged()));
    assert!(words.contains("was committed to"), "{words}");
    for change in [
        (&|epoch: &mut EpochResource| reveal(epoch, forged())) as &dyn Fn(&mut EpochResource),
        &|epoch| {
            epoch.rotation.honeypots_sha256 = None;
            epoch.honeypots = None;
        },
    ] {
        assert!(refused(change).contains("the signature of the record"), "{}", refused(change));
    }
    let words = refused(&|epoch| epoch.rotation.honeypots_sha256 = None);
    assert!(words.contains("the signature of the record"), "{words}");
    assert_eq!(refused(&|epoch| epoch.honeypots = None), VerifyError::NotRevealed.to_string());
}

#[test]
fn nothing_vouches_for_decoys_of_a_record_without_a_signature() {
    let mut epoch = ended();
    epoch.record_signature = None;
    reveal(&mut epoch, forged());
    let found = verified(&epoch, &all_pinned()).expect("nothing shows the fraud");
    assert_eq!(found.voucher(Part::Honeypots), Some(Voucher::Nothing));
    assert!(found.open().eq([Part::Record, Part::PrevSha256, Part::Honeypots]));

    let kept = ended().rotation.honeypots_sha256.map(Known::pinned);
    let known = Pinned { honeypots_sha256: kept, ..all_pinned() };
    let words = verified(&epoch, &known).expect_err("another hash").to_string();
    assert!(words.contains("honeypots_sha256 is"), "{words}");
    epoch.rotation.honeypots_sha256 = None;
    let words = verified(&epoch, &known).expect_err("no hash").to_string();
    assert!(words.contains("nothing is in the answer"), "{words}");

    let mut honest = ended();
    honest.record_signature = None;
    let found = verified(&honest, &known).expect("as the blocks had it");
    assert_eq!(found.voucher(Part::Honeypots), Some(Voucher::Pinned));
}

#[test]
fn even_a_signed_hash_is_of_dealt_zipcodes_in_their_order_and_of_an_epoch_that_is_over() {
    let refused = |honeypots: Honeypots| {
        let mut epoch = ended();
        reveal(&mut epoch, honeypots);
        sign(&mut epoch);
        verified(&epoch, &all_pinned()).expect_err("dishonest").to_string()
    };
    let honest = ended().honeypots.expect("revealed");
    let stranger = Honeypots { zipcodes: vec![zipcode(99_999)], ..honest.clone() };
    assert!(refused(stranger).contains("99999 was not dealt"));
    let twice = vec![honest.zipcodes[0], honest.zipcodes[0]];
    let words = refused(Honeypots { zipcodes: twice, ..honest.clone() });
    assert!(words.contains("is not where the deal has it"), "{words}");
    let turned = honest.zipcodes.iter().rev().copied().collect();
    let words = refused(Honeypots { zipcodes: turned, ..honest });
    assert!(words.contains("is not where the deal has it"), "{words}");

    let mut running = ended();
    running.state = EpochState::Running;
    running.revealed_at = running.epoch.starts_at;
    let error = verify_epoch(&running, &pool(), &all_pinned(), &asked());
    assert!(error.expect_err("too early").to_string().contains("before the epoch has ended"));
}

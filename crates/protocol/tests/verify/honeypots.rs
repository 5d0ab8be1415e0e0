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
    let known = Pinned { honeypots_sha256: epoch.rotation.honeypots_sha256, ..Pinned::default() };
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
    let stranger = Honeypots { zipcodes: vec!["99999".parse().expect("five")], ..honest.clone() };
    let mut epoch = ended();
    epoch.rotation.honeypots_sha256 = Some(stranger.sha256());
    epoch.honeypots = Some(stranger);
    let words = verify_epoch(&epoch, &pool(), &Pinned::default()).expect_err("not dealt");
    assert!(words.to_string().contains("99999 was not dealt"), "{words}");
}

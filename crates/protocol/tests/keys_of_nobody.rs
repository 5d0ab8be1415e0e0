//! Keys for which anybody can sign: no signature of theirs may verify, over anything.

use resi_protocol::btauth::{BtauthError, Credentials, Nonce, Request};
use resi_protocol::{Hotkey, HotkeyError, InvalidSignature, Keypair, Signature, Timestamp};
use schnorrkel::SecretKey;

/// The points of small order of the curve below the group, in both of their encodings where they have two: as keys of the
/// group they are the neutral element, or none.
const SMALL_ORDER: [&str; 14] = [
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000080",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
];

/// What verifies over every message for the neutral element: no commitment, no answer to a challenge.
fn over_anything() -> Signature {
    let mut bytes = [0; 64];
    bytes[63] = 0x80;
    Signature::from_bytes(bytes)
}

#[test]
fn no_key_of_small_order_passes_a_message() {
    let zero = SecretKey::from_bytes(&[0; 64]).expect("a scalar").to_keypair();
    let made = Signature::from_bytes(zero.sign_simple(b"substrate", b"a message").to_bytes());
    for encoded in SMALL_ORDER {
        let mut bytes = [0; 32];
        hex::decode_to_slice(encoded, &mut bytes).expect("hex");
        let key = Hotkey::from_bytes(bytes);
        for signature in [over_anything(), made] {
            assert_eq!(key.verify(b"a message", &signature), Err(InvalidSignature), "{encoded}");
        }
    }
}

#[test]
fn a_request_signed_by_nobody_is_refused_as_its_hotkey() {
    let nobody = Hotkey::from_bytes([0; 32]);
    let now = Timestamp::from_seconds(1_758_000_000);
    let request = Request::new("GET", "/", b"");
    let signed = Credentials {
        hotkey: nobody,
        receiver: None,
        nonce: Nonce::at(now),
        signature: over_anything(),
    };
    assert_eq!(signed.verify(&request, None, now), Err(BtauthError::WrongSignature));
    let headers: Vec<_> = signed.headers().collect();
    let pairs = headers.iter().map(|(name, value)| (*name, value.as_bytes()));
    let refused = BtauthError::InvalidHotkey(HotkeyError::Neutral);
    assert_eq!(Credentials::read(pairs), Err(refused));
}

#[test]
fn the_secret_key_of_zeros_is_none() {
    assert!(Keypair::from_secret_key(&[0; 64]).is_err());
}

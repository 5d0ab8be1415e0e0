//! Signed requests against what the SDK signed, and against everything else.

use proptest::prelude::*;
use resi_protocol::btauth::{BtauthError, Credentials, LARGEST_AGE, LARGEST_LEAD, Nonce, Request};
use resi_protocol::{Hotkey, HotkeyError, Keypair, Timestamp};
use serde::Deserialize;

#[derive(Deserialize)]
struct Vectors {
    vectors: Vec<Vector>,
}

#[derive(Deserialize)]
struct Vector {
    method: String,
    path: String,
    body: String,
    receiver: Option<Hotkey>,
    nonce_ns: u64,
    payload: String,
    headers: std::collections::BTreeMap<String, String>,
    sdk_verify: String,
}

impl Vector {
    fn request(&self) -> Request<'_> {
        Request::new(&self.method, &self.path, self.body.as_bytes())
    }

    fn credentials(&self) -> Credentials {
        let pairs = self.headers.iter().map(|(name, text)| (name.as_str(), text.as_bytes()));
        Credentials::read(pairs).expect("understood").expect("signed")
    }
}

fn vectors() -> Vec<Vector> {
    let vectors: Vectors =
        serde_json::from_str(include_str!("vectors/btauth.json")).expect("vectors");
    assert_eq!(vectors.vectors.len(), 3);
    vectors.vectors
}

const NOW: Timestamp = Timestamp::from_seconds(1_758_000_000);

fn alice() -> Keypair {
    Keypair::development("Alice")
}

fn service() -> Hotkey {
    Keypair::development("Bob").hotkey()
}

fn request() -> Request<'static> {
    Request::new("POST", "/get-validator-access?a=1", br#"{"sources":"ZILLOW_SOLD"}"#)
}

type Pairs = Vec<(String, Vec<u8>)>;

fn pairs(credentials: &Credentials) -> Pairs {
    credentials.headers().map(|(name, text)| (name.to_owned(), text.into_bytes())).collect()
}

fn signed() -> Pairs {
    pairs(&Credentials::sign(&alice(), &request(), Some(service()), Nonce::at(NOW)))
}

fn read(pairs: &Pairs) -> Result<Option<Credentials>, BtauthError> {
    Credentials::read(pairs.iter().map(|(name, value)| (name.as_str(), value.as_slice())))
}

fn with(name: &str, value: &str) -> Result<Option<Credentials>, BtauthError> {
    let mut pairs = signed();
    pairs.retain(|(known, _)| known != name);
    pairs.push((name.to_owned(), value.as_bytes().to_vec()));
    read(&pairs)
}

#[test]
fn what_the_sdk_signed_verifies() {
    for vector in vectors() {
        let credentials = vector.credentials();
        assert_eq!(credentials.payload(&vector.request()), vector.payload);
        assert_eq!(credentials.nonce.nanos(), vector.nonce_ns);
        assert!(vector.sdk_verify.contains(&credentials.hotkey.to_string()));
        assert_eq!(credentials.verify(&vector.request(), vector.receiver, NOW), Ok(()));
    }
}

#[test]
fn we_send_the_headers_that_the_sdk_sends() {
    for vector in vectors() {
        let ours = Credentials::sign(
            &alice(),
            &vector.request(),
            vector.receiver,
            Nonce::from_nanos(vector.nonce_ns),
        );
        // A signature is randomised, so that one is the SDK's.
        let ours = Credentials { signature: vector.credentials().signature, ..ours };
        let ours: std::collections::BTreeMap<_, _> =
            ours.headers().map(|(name, text)| (name.to_owned(), text)).collect();
        assert_eq!(ours, vector.headers);
    }
}

#[test]
fn a_request_without_these_headers_is_not_signed_this_way() {
    let others = [("host", b"example".as_slice()), ("x-bittensor-timeout", b"1")];
    assert_eq!(Credentials::read(others), Ok(None));
}

#[test]
fn names_are_read_in_either_case_and_in_any_order() {
    let signed = signed();
    let mut lower = signed.clone();
    lower.reverse();
    lower.iter_mut().for_each(|(name, _)| name.make_ascii_lowercase());
    assert_eq!(read(&lower), read(&signed));
}

#[test]
fn every_header_is_needed_once() {
    for (at, (name, _)) in signed().iter().enumerate() {
        let mut without = signed();
        without.remove(at);
        let missing = read(&without);
        if name == "X-Bittensor-Receiver" {
            let unbound = missing.expect("understood").expect("signed");
            assert_eq!(unbound.check(Some(service()), NOW), Err(BtauthError::NoReceiver));
        } else {
            assert!(matches!(missing, Err(BtauthError::Missing(header)) if header == name));
        }

        let mut twice = signed();
        twice.push((name.to_lowercase(), twice[at].1.clone()));
        assert!(matches!(read(&twice), Err(BtauthError::Repeated(header)) if header == name));

        let mut garbled = signed();
        garbled[at].1 = vec![0xff];
        assert!(matches!(read(&garbled), Err(BtauthError::NotText(header)) if header == name));
    }
}

#[test]
fn a_refused_header_is_told_why() {
    let ethereum = "0x".to_owned() + &"ab".repeat(20);
    let refused = [
        ("X-Bittensor-Version", "2", BtauthError::UnknownVersion),
        ("X-Bittensor-Version", "1 ", BtauthError::UnknownVersion),
        ("X-Bittensor-Crypto", "ed25519", BtauthError::UnknownCrypto),
        ("X-Bittensor-Crypto", "", BtauthError::UnknownCrypto),
        ("X-Bittensor-Hotkey", &ethereum, BtauthError::InvalidHotkey(HotkeyError::NotBase58)),
        ("X-Bittensor-Receiver", "-", BtauthError::InvalidReceiver(HotkeyError::NotBase58)),
        ("X-Bittensor-Nonce", "+1758000000000000000", BtauthError::InvalidNonce),
        ("X-Bittensor-Nonce", "01758000000000000000", BtauthError::InvalidNonce),
        ("X-Bittensor-Nonce", "1758000000.5", BtauthError::InvalidNonce),
        ("X-Bittensor-Signature", "0x00", BtauthError::InvalidSignature),
    ];
    for (name, value, why) in refused {
        assert_eq!(with(name, value), Err(why), "{name}: {value}");
    }
    assert!(matches!(with("X-Bittensor-Crypto", "sr25519"), Ok(Some(_))));
}

#[test]
fn the_window_is_ten_seconds_back_and_two_ahead() {
    let credentials = read(&signed()).expect("understood").expect("signed");
    let microsecond = std::time::Duration::from_micros(1);
    let at = |now| credentials.verify(&request(), Some(service()), now);
    assert_eq!(at(NOW.plus(LARGEST_AGE)), Ok(()));
    assert_eq!(at(NOW.plus(LARGEST_AGE + microsecond)), Err(BtauthError::TooOld));
    assert_eq!(at(NOW.minus(LARGEST_LEAD)), Ok(()));
    assert_eq!(at(NOW.minus(LARGEST_LEAD + microsecond)), Err(BtauthError::TooFarAhead));
    assert_eq!(at(Timestamp::from_micros(i64::MIN)), Err(BtauthError::TooFarAhead));
    assert_eq!(at(Timestamp::from_micros(i64::MAX)), Err(BtauthError::TooOld));
}

#[test]
fn a_request_is_for_its_receiver_alone() {
    let nonce = Nonce::at(NOW);
    let charlie = Keypair::development("Charlie").hotkey();
    let table = [
        (Some(service()), Some(service()), Ok(())),
        (None, None, Ok(())),
        (None, Some(service()), Err(BtauthError::NoReceiver)),
        (Some(charlie), Some(service()), Err(BtauthError::OtherReceiver)),
        // A service without a hotkey of its own is not the one that was meant.
        (Some(service()), None, Err(BtauthError::OtherReceiver)),
    ];
    for (receiver, here, outcome) in table {
        let credentials = Credentials::sign(&alice(), &request(), receiver, nonce);
        assert_eq!(credentials.verify(&request(), here, NOW), outcome, "{receiver:?} {here:?}");
    }
}

#[test]
fn nobody_signs_for_another() {
    let credentials = Credentials::sign(&alice(), &request(), None, Nonce::at(NOW));
    let hotkey = Keypair::development("Eve").hotkey();
    let forged = Credentials { hotkey, ..credentials };
    assert_eq!(forged.verify(&request(), None, NOW), Err(BtauthError::WrongSignature));
}

proptest! {
    #[test]
    fn no_header_text_panics(
        headers in prop::collection::vec(
            ("(?i)x-bittensor-(version|crypto|hotkey|receiver|nonce|signature)", prop::collection::vec(any::<u8>(), 0..160)),
            0..9,
        ),
    ) {
        prop_assert!(!matches!(read(&headers), Ok(Some(_))));
    }

    #[test]
    fn no_text_in_place_of_a_header_verifies(at in 0_usize..5, text in ".{0,140}") {
        let mut pairs = signed();
        prop_assume!(pairs[at].1 != text.as_bytes());
        pairs[at].1 = text.into_bytes();
        let verified = read(&pairs).map(|read| read.map(|it| it.verify(&request(), Some(service()), NOW)));
        prop_assert!(!matches!(verified, Ok(Some(Ok(())))));
    }

    #[test]
    fn any_changed_byte_of_a_header_is_refused(at in 0_usize..5, byte: prop::sample::Index, to: u8) {
        let mut pairs = signed();
        let before = read(&pairs);
        let value = &mut pairs[at].1;
        let byte = byte.index(value.len());
        prop_assume!(value[byte] != to);
        value[byte] = to;
        let after = read(&pairs);
        // Hex may be written in either case: the same bytes then.
        prop_assume!(after != before);
        let verified = after.map(|read| read.map(|it| it.verify(&request(), Some(service()), NOW)));
        prop_assert!(!matches!(verified, Ok(Some(Ok(())))));
    }

    #[test]
    fn any_changed_byte_of_a_request_is_refused(
        method in "[A-Z]{1,9}", target in "/[!-~]{0,40}", body: Vec<u8>, nanos in 0_u64..1_000_000_000,
        part in 0_usize..3, byte: prop::sample::Index, flip in 1_u8..=255,
    ) {
        let nonce = Nonce::from_nanos(1_758_000_000_000_000_000 - nanos);
        let request = Request::new(&method, &target, &body);
        let credentials = Credentials::sign(&alice(), &request, Some(service()), nonce);
        let read = read(&pairs(&credentials));
        prop_assert_eq!(read, Ok(Some(credentials)));
        prop_assert_eq!(credentials.verify(&request, Some(service()), NOW), Ok(()));

        let mut parts = [method.into_bytes(), target.into_bytes(), body];
        if parts[part].is_empty() {
            parts[part].push(flip);
        } else {
            let byte = byte.index(parts[part].len());
            // Methods are signed in upper case, so another case of the same letter is no change.
            let mask = if part == 0 && flip == 0x20 { 1 } else { flip };
            parts[part][byte] ^= mask;
        }
        let [method, target, body] = parts;
        let (Ok(method), Ok(target)) = (String::from_utf8(method), String::from_utf8(target)) else {
            return Ok(());
        };
        let changed = Request::new(&method, &target, &body);
        let refused = credentials.verify(&changed, Some(service()), NOW);
        prop_assert_eq!(refused, Err(BtauthError::WrongSignature));
    }
}

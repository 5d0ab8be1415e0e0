//! Signatures and addresses against what the SDK signed, refused and read.

use resi_protocol::{Hotkey, HotkeyError, Keypair, Signature};
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
struct Vectors {
    positive: Vec<Case>,
    negative: Vec<Case>,
    ss58: Vec<Address>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    uri: Option<String>,
    hotkey: String,
    public_key_hex: String,
    message: String,
    message_hex: String,
    signature_hex: String,
    valid: bool,
    #[serde(default)]
    wrapped: bool,
}

impl Case {
    /// The bytes that were signed. Not the text: the SDK decodes a text such as `0x68656c6c6f` before it signs.
    fn signed_bytes(&self) -> Vec<u8> {
        hex::decode(&self.message_hex).expect("hex")
    }

    fn hotkey(&self) -> Hotkey {
        let hotkey: Hotkey =
            self.hotkey.parse().unwrap_or_else(|error| panic!("{}: {error}", self.name));
        assert_eq!(hex::encode(hotkey.as_bytes()), self.public_key_hex, "{}", self.name);
        hotkey
    }

    fn verifies(&self) -> bool {
        let signature = self.signature_hex.parse::<Signature>();
        signature
            .is_ok_and(|signature| self.hotkey().verify(&self.signed_bytes(), &signature).is_ok())
    }
}

#[derive(Deserialize)]
struct Address {
    address: String,
    prefix: Option<u16>,
    public_key_hex: Option<String>,
    valid: Value,
}

fn vectors() -> Vectors {
    serde_json::from_str(include_str!("vectors/sr25519.json")).expect("vectors")
}

#[test]
fn what_the_sdk_signed_verifies() {
    let positive = vectors().positive;
    assert_eq!(positive.len(), 17);
    for case in positive {
        assert!(case.valid, "{}", case.name);
        assert!(case.verifies(), "{}", case.name);
    }
}

#[test]
fn what_the_sdk_refuses_is_refused() {
    let negative = vectors().negative;
    assert_eq!(negative.len(), 24);
    for case in negative {
        assert!(!case.valid, "{}", case.name);
        assert!(!case.verifies(), "{}", case.name);
    }
}

#[test]
fn a_signature_is_over_bytes_and_not_over_the_text_of_a_0x_string() {
    let Vectors { positive, negative, .. } = vectors();
    let decoded = positive
        .iter()
        .find(|case| case.name == "0x-str decoded before signing")
        .expect("the case");
    assert_eq!(decoded.signed_bytes(), b"hello");
    let as_text =
        negative.iter().find(|case| case.name.starts_with("0x-prefixed text")).expect("the case");
    assert_eq!(as_text.signed_bytes(), b"0x68656c6c6f");
    assert_eq!(as_text.message, "0x68656c6c6f");
}

#[test]
fn the_wrapped_case_is_not_one_over_the_bare_message() {
    let positive = vectors().positive;
    let wrapped = positive.iter().find(|case| case.wrapped).expect("the case");
    let message = [b"<Bytes>".as_slice(), &wrapped.signed_bytes(), b"</Bytes>"].concat();
    let signature: Signature = wrapped.signature_hex.parse().expect("a signature");
    // The other reading of the same signature: over the wrapped bytes as they are.
    assert!(wrapped.hotkey().verify(&message, &signature).is_ok());
}

#[test]
fn development_keys_are_those_of_the_sdk_and_sign_what_verifies() {
    let mut checked = 0;
    for case in vectors().positive {
        let Some(name) = case.uri.as_deref().and_then(|uri| uri.strip_prefix("//")) else {
            continue;
        };
        let key = Keypair::development(name);
        assert_eq!(key.hotkey(), case.hotkey(), "{}", case.name);
        let signature = key.sign(&case.signed_bytes());
        assert!(case.hotkey().verify(&case.signed_bytes(), &signature).is_ok(), "{}", case.name);
        checked += 1;
    }
    assert!(checked >= 10, "{checked}");
}

#[test]
fn addresses() {
    let addresses = vectors().ss58;
    assert_eq!(addresses.len(), 13);
    for Address { address, prefix, public_key_hex, valid } in addresses {
        let read = address.parse::<Hotkey>();
        match (prefix, valid) {
            (Some(42), Value::Bool(true)) => {
                let hotkey = read.unwrap_or_else(|error| panic!("{address}: {error}"));
                assert_eq!(Some(hex::encode(hotkey.as_bytes())), public_key_hex);
                assert_eq!(hotkey.to_string(), address);
            }
            // The SDK reads addresses of any network; a validator of ours has one of this network.
            (Some(other), Value::String(_)) => {
                assert_eq!(read, Err(HotkeyError::WrongPrefix(other)), "{address}")
            }
            (None, Value::Bool(false)) => assert!(read.is_err(), "{address}"),
            (prefix, valid) => panic!("{address}: prefix {prefix:?}, valid {valid}"),
        }
    }
}

#[test]
fn a_refused_address_is_told_why() {
    let alice = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
    let refused = [
        ("", HotkeyError::WrongLength),
        ("5", HotkeyError::WrongLength),
        ("5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQZ", HotkeyError::WrongChecksum),
        ("5OrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY", HotkeyError::NotBase58),
        (&format!("{alice} "), HotkeyError::NotBase58),
        (&format!("{alice}{alice}"), HotkeyError::WrongLength),
    ];
    for (address, why) in refused {
        assert_eq!(address.parse::<Hotkey>(), Err(why), "{address:?}");
    }
}

#[test]
fn one_key_has_one_hotkey_whatever_the_network() {
    let Vectors { positive, ss58, .. } = vectors();
    let alice = positive[0].hotkey();
    // The same 32 bytes under another prefix are refused rather than compared as text.
    let polkadot = ss58.iter().find(|case| case.prefix == Some(0)).expect("the case");
    assert_eq!(polkadot.public_key_hex, Some(hex::encode(alice.as_bytes())));
    assert_ne!(polkadot.address, alice.to_string());
}

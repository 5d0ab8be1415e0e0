//! Wallet files as `btcli` writes them, of throw-away keys.
#![expect(clippy::unwrap_used, reason = "a test that fails may say so in any way")]

use std::fs;
use std::path::Path;

use resi_client::{Wallet, WalletError};

const WALLETS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/wallets");
const ALICE: &str = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
const DEVELOPMENT: &str = "5DfhGyQdFobKM8NsWvEeAKk5EQQgYe9AydgJ7rMB6E1EqRzV";

fn open(hotkey: &str) -> Result<Wallet, WalletError> {
    Wallet::open(WALLETS, "validator", hotkey)
}

/// A wallet of one file.
fn with_file(content: &str) -> Result<Wallet, WalletError> {
    let folder = tempfile::tempdir().unwrap();
    let hotkeys = folder.path().join("w/hotkeys");
    fs::create_dir_all(&hotkeys).unwrap();
    fs::write(hotkeys.join("h"), content).unwrap();
    Wallet::open(folder.path(), "w", "h")
}

#[test]
fn every_sample_opens_or_says_why_not() {
    for (hotkey, address) in [("default", DEVELOPMENT), ("alice", ALICE)] {
        let wallet = open(hotkey).unwrap();
        assert_eq!(wallet.hotkey().to_string(), address);
        assert_eq!(
            wallet.path(),
            Some(&*Path::new(WALLETS).join("validator/hotkeys").join(hotkey))
        );
    }
    assert!(matches!(open("ed"), Err(WalletError::Ed25519)));
    assert!(matches!(open("defaultpub.txt"), Err(WalletError::NoSecret)));
    assert!(matches!(open("enc"), Err(WalletError::PasswordNeeded)));
    assert!(matches!(open("none"), Err(WalletError::Read { .. })));
}

#[test]
fn an_encrypted_hotkey_opens_with_its_password_only() {
    let open = |password| Wallet::open_encrypted(WALLETS, "validator", "enc", password);
    let plain = Wallet::open_encrypted(WALLETS, "validator", "alice", "any").unwrap();
    assert_eq!(plain.hotkey().to_string(), ALICE);
    assert!(matches!(open("wrong horse"), Err(WalletError::WrongPassword)));
    assert!(open("correct horse").unwrap().path().is_some());
}

#[test]
fn nothing_but_a_hotkey_can_be_reached() {
    for name in ["../coldkey", "..", ".", "", "a/b", "/etc/passwd", "./default", "default/"] {
        assert!(matches!(open(name), Err(WalletError::Name(_))), "{name:?}");
        let wallet = Wallet::open(WALLETS, name, "default");
        assert!(matches!(wallet, Err(WalletError::Name(_))), "{name:?}");
    }
}

#[test]
fn the_secret_must_be_of_the_key_that_the_file_names() {
    let other = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty";
    let phrase = "bottom drive obey lake curtain smoke basket hold race lonely fit walk";
    let zeros = "0".repeat(64);
    for name in [
        format!(r#""ss58Address": "{other}""#),
        format!(r#""publicKey": "0x{zeros}""#),
        format!(r#""accountId": "0x{zeros}""#),
        r#""ss58Address": "nonsense""#.into(),
    ] {
        let error = with_file(&format!(r#"{{"secretPhrase": "{phrase}", {name}}}"#)).unwrap_err();
        assert!(matches!(&error, WalletError::OtherKey { .. }), "{name}: {error}");
        assert!(error.to_string().contains(DEVELOPMENT) && !error.to_string().contains("bottom"));
    }
    // With seed and public key mixed up.
    let seed = "07".repeat(32);
    for field in ["publicKey", "accountId", "ss58Address"] {
        let mixed_up = format!(r#"{{"secretSeed": "{zeros}", "{field}": "{seed}"}}"#);
        let error = with_file(&mixed_up).unwrap_err();
        assert!(matches!(&error, WalletError::OtherKey { .. }));
        assert!(!format!("{error} {error:?}").contains("070707"), "{error}");
    }
    let named = format!(r#"{{"secretPhrase": "{phrase}", "ss58Address": "{DEVELOPMENT}"}}"#);
    assert_eq!(with_file(&named).unwrap().hotkey().to_string(), DEVELOPMENT);
}

#[test]
fn the_phrase_goes_before_the_seed_and_the_seed_before_the_private_key() {
    let phrase = "bottom drive obey lake curtain smoke basket hold race lonely fit walk";
    let (seed, private) = ("07".repeat(32), "ff".repeat(64));
    let all = format!(
        r#"{{"privateKey": "0x{private}", "secretSeed": "0x{seed}", "secretPhrase": "{phrase}"}}"#
    );
    assert_eq!(with_file(&all).unwrap().hotkey().to_string(), DEVELOPMENT);
    let two = format!(r#"{{"privateKey": "0x{private}", "secretSeed": "{seed}"}}"#);
    assert_eq!(with_file(&two).unwrap().hotkey(), Wallet::from_seed(&[7; 32]).hotkey());
    let one = format!(r#"{{"privateKey": "0x{private}"}}"#);
    assert!(matches!(with_file(&one), Err(WalletError::PrivateKey)));
}

#[test]
fn files_of_other_kinds_are_refused_without_showing_them() {
    let vault = with_file("$ANSIBLE_VAULT;1.1;AES256\n6265").unwrap_err();
    assert!(vault.to_string().contains("encrypt it anew"), "{vault}");
    assert!(matches!(with_file("gAAAAABk"), Err(WalletError::OldEncryption("Fernet"))));
    assert!(matches!(with_file(r#"{"cryptoType": 2}"#), Err(WalletError::CryptoType(2))));
    assert!(matches!(with_file(r#"{"cryptoType": 7355608}"#), Err(WalletError::NotAKeyfile)));
    for content in ["", "hunter2", r#"{"secretSeed": 2}"#, r#"{"secretSeed": "hunter2"}"#] {
        let error = with_file(content).unwrap_err();
        assert!(!format!("{error:?} {error}").contains("hunter2"), "{error}");
    }
}

#[test]
fn nothing_shows_a_secret() {
    let shown = format!("{:?}", open("default").unwrap());
    assert!(shown.contains(DEVELOPMENT) && !shown.contains("fac7959d"), "{shown}");
}

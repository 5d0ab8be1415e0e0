use bip39::{Language, Mnemonic};
use pbkdf2::pbkdf2_hmac;
use resi_protocol::{Junction, Keypair};
use sha2::Sha512;
use zeroize::Zeroizing;

use super::WalletError;

const ROUNDS: u32 = 2_048;

/// The key of a phrase the Substrate way: stretched is the entropy behind the words, not their text.
pub(super) fn key_of_phrase(phrase: &str, password: &str) -> Result<Keypair, WalletError> {
    let words = phrase.split_whitespace().collect::<Vec<_>>().join(" ");
    let words = Zeroizing::new(words);
    let mnemonic = Mnemonic::parse_in_normalized(Language::English, &words)
        .map_err(|error| WalletError::Phrase(error.to_string()))?;
    let (entropy, length) = mnemonic.to_entropy_array();
    let entropy = Zeroizing::new(entropy);
    let salt = Zeroizing::new(format!("mnemonic{password}"));
    let mut stretched = Zeroizing::new([0; 32]);
    pbkdf2_hmac::<Sha512>(&entropy[..length], salt.as_bytes(), ROUNDS, &mut *stretched);
    Ok(Keypair::from_mini_secret(&stretched))
}

/// The key of `phrase-or-0xseed//hard/soft///password`; without a beginning it is derived from the development phrase.
pub(super) fn key_of_uri(uri: &str) -> Result<Keypair, WalletError> {
    let (path, password) = uri.split_once("///").unwrap_or((uri, ""));
    let (root, path) = path.split_at(path.find('/').unwrap_or(path.len()));
    let root = match root.strip_prefix("0x") {
        Some(seed) => key_of_seed(seed)?,
        None if root.is_empty() && password.is_empty() => Keypair::development_root(),
        None if root.is_empty() => key_of_phrase(DEVELOPMENT_PHRASE, password)?,
        None => key_of_phrase(root, password)?,
    };
    let mut key = root;
    let mut rest = path;
    while let Some(after) = rest.strip_prefix('/') {
        let (is_hard, name) = after.strip_prefix('/').map_or((false, after), |name| (true, name));
        let (name, further) = name.split_at(name.find('/').unwrap_or(name.len()));
        if name.is_empty() {
            return Err(WalletError::Uri);
        }
        key = key.derive(if is_hard { Junction::hard(name) } else { Junction::soft(name) });
        rest = further;
    }
    Ok(key)
}

pub(super) fn key_of_seed(hex: &str) -> Result<Keypair, WalletError> {
    let mut seed = Zeroizing::new([0; 32]);
    hex::decode_to_slice(hex.strip_prefix("0x").unwrap_or(hex), &mut *seed)
        .map_err(|_| WalletError::Seed)?;
    Ok(Keypair::from_mini_secret(&seed))
}

const DEVELOPMENT_PHRASE: &str =
    "bottom drive obey lake curtain smoke basket hold race lonely fit walk";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn keys_are_those_of_every_other_tool() {
        let phrase = DEVELOPMENT_PHRASE;
        let seed = format!("0x{}", "07".repeat(32));
        for (uri, address) in [
            ("//Alice", "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"),
            ("//hard/soft/7", "5CfAKo879PvP2GADrkrzejSPwmak5fAqxgXpDBWUn5pf6yFP"),
            (phrase, "5DfhGyQdFobKM8NsWvEeAKk5EQQgYe9AydgJ7rMB6E1EqRzV"),
            (&format!("{phrase}//Alice"), "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"),
            (&format!("{phrase}///secret"), "5HK6uyFmwszxvvpJrcKAz7sGijnCGQdn3XxGnWQMHu4ZAi2y"),
            ("///secret", "5HK6uyFmwszxvvpJrcKAz7sGijnCGQdn3XxGnWQMHu4ZAi2y"),
            (&format!("{phrase}//x///secret"), "5CJQ9nTSThT8xDR95xqpAzY3mska4aQz43PkrfvYVWVyYvFr"),
            (&seed, "5EsNLFaGe9XK5LzWH3i6eC2Wqv6YqZS1442N1C4yeSdP6uxy"),
            (&format!("{seed}//a"), "5CSaMaogRbyz8Nd9JyquqyarQ12iJyWHKwafFcrKrsmbkaTV"),
        ] {
            let key = key_of_uri(uri).expect(uri);
            assert_eq!(key.hotkey().to_string(), address, "{uri}");
        }
    }

    #[test]
    fn what_is_no_key_is_refused_without_showing_it() {
        let swapped = DEVELOPMENT_PHRASE.replace("walk", "walnut");
        for uri in ["hello", &swapped, "0x07", "0xzz", "//", "//Alice/", "Alice"] {
            let error = key_of_uri(uri).expect_err(uri).to_string();
            assert!(!error.contains("hello") && !error.contains("walnut"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn no_uri_panics(uri in "\\PC{0,60}") {
            let _ = key_of_uri(&uri);
        }
    }
}

use resi_protocol::{Hotkey, Keypair};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::WalletError;
use super::phrase::{key_of_phrase, key_of_seed};

const ED25519: i64 = 0;
const SR25519: i64 = 1;

/// The one line of JSON of a hotkey file.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Keyfile {
    crypto_type: Option<i64>,
    secret_phrase: Option<Zeroizing<String>>,
    secret_seed: Option<Zeroizing<String>>,
    private_key: Option<Zeroizing<String>>,
    public_key: Option<String>,
    account_id: Option<String>,
    ss58_address: Option<String>,
}

/// The key in the text of a hotkey file: the one it names, or an error.
pub(super) fn read(text: &[u8]) -> Result<Keypair, WalletError> {
    // Not the words of the parser: they may show what stands in the file.
    let file: Keyfile = serde_json::from_slice(text).map_err(|_| WalletError::NotAKeyfile)?;
    match file.crypto_type {
        None | Some(SR25519) => {}
        Some(ED25519) => return Err(WalletError::Ed25519),
        Some(other @ 0..256) => return Err(WalletError::CryptoType(other)),
        // A number that stands in the wrong place is not shown.
        Some(_) => return Err(WalletError::NotAKeyfile),
    }
    let key = file.key()?;
    file.check_names(key.hotkey())?;
    Ok(key)
}

impl Keyfile {
    fn key(&self) -> Result<Keypair, WalletError> {
        if let Some(phrase) = &self.secret_phrase {
            return key_of_phrase(phrase, "");
        }
        if let Some(seed) = &self.secret_seed {
            return key_of_seed(seed);
        }
        let Some(secret) = &self.private_key else { return Err(WalletError::NoSecret) };
        let mut bytes = Zeroizing::new([0; 64]);
        hex::decode_to_slice(secret.strip_prefix("0x").unwrap_or(secret), &mut *bytes)
            .map_err(|_| WalletError::PrivateKey)?;
        Keypair::from_secret_key(&bytes).map_err(|_| WalletError::PrivateKey)
    }

    fn check_names(&self, derived: Hotkey) -> Result<(), WalletError> {
        let other = |named| Err(WalletError::OtherKey { derived, named });
        for (field, named) in [("publicKey", &self.public_key), ("accountId", &self.account_id)] {
            let Some(named) = named else { continue };
            let digits = named.strip_prefix("0x").unwrap_or(named);
            if !digits.eq_ignore_ascii_case(&hex::encode(derived.as_bytes())) {
                // Not shown: these are the digits of a secret where two fields are mixed up.
                return other(format!("another one as {field}"));
            }
        }
        match self.ss58_address.as_deref().map(str::parse::<Hotkey>) {
            None => Ok(()),
            Some(Ok(named)) if named == derived => Ok(()),
            Some(Ok(named)) => other(named.to_string()),
            Some(Err(_)) => other("an ss58Address that is none".to_owned()),
        }
    }
}

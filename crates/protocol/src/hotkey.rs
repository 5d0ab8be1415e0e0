use std::fmt;
use std::str::FromStr;

use blake2::{Blake2b512, Digest};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::signature::{self, InvalidSignature, Signature};

/// The SS58 address format of Bittensor ("generic substrate").
const SS58_PREFIX: u8 = 42;
const KEY_BYTES: usize = 32;
const CHECKSUM_BYTES: usize = 2;

/// The public key by which a validator or miner is known, written as an SS58 address with prefix 42.
///
/// Two hotkeys are equal when their 32 bytes are; addresses are never compared as text.
///
/// ```
/// use resi_protocol::Hotkey;
///
/// let alice: Hotkey = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY".parse()?;
/// assert_eq!(alice.as_bytes()[..2], [0xd4, 0x35]);
/// # Ok::<(), resi_protocol::HotkeyError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hotkey([u8; KEY_BYTES]);

/// Why a text is no hotkey.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HotkeyError {
    /// A character outside of base 58.
    #[error("an SS58 address has only base-58 characters")]
    NotBase58,
    /// Not the length of a 32-byte key.
    #[error("not the SS58 address of a 32-byte key")]
    WrongLength,
    /// A valid shape for another network.
    #[error("SS58 prefix {0} where Bittensor has 42")]
    WrongPrefix(u16),
    /// The checksum does not belong to the rest.
    #[error("the checksum of the SS58 address is wrong")]
    WrongChecksum,
    /// The address of 32 bytes of zero, which is nobody's.
    #[error("the key of zeros is nobody's: anybody can sign for it")]
    Neutral,
}

impl Hotkey {
    /// From the 32 bytes of the public key.
    pub const fn from_bytes(bytes: [u8; KEY_BYTES]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes of the public key.
    pub const fn as_bytes(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }

    /// Reads the address of who signs. That of zeros is well formed, and chains have it where a key is not set; but
    /// anybody can sign for it.
    ///
    /// # Errors
    /// [`HotkeyError`].
    pub fn of_signer(address: &str) -> Result<Self, HotkeyError> {
        let hotkey: Self = address.parse()?;
        if hotkey.is_neutral() { Err(HotkeyError::Neutral) } else { Ok(hotkey) }
    }

    /// Whether these are 32 bytes of zero, for which anybody can sign: no signature of theirs verifies here.
    pub fn is_neutral(&self) -> bool {
        self.0 == signature::NEUTRAL
    }

    /// Checks an sr25519 signature (signing context `substrate`) of this key over exactly `message`, or over
    /// `message` wrapped once in `<Bytes>…</Bytes>` as browser wallets do.
    ///
    /// # Errors
    /// [`InvalidSignature`], without a reason: a forger learns nothing.
    pub fn verify(&self, message: &[u8], signature: &Signature) -> Result<(), InvalidSignature> {
        signature::verify(&self.0, message, signature)
    }
}

fn checksum(payload: &[u8]) -> [u8; CHECKSUM_BYTES] {
    let digest = Blake2b512::new().chain_update(b"SS58PRE").chain_update(payload).finalize();
    [digest[0], digest[1]]
}

impl FromStr for Hotkey {
    type Err = HotkeyError;

    fn from_str(address: &str) -> Result<Self, Self::Err> {
        const LEN: usize = 1 + KEY_BYTES + CHECKSUM_BYTES;
        // One byte more than an address with a two-byte prefix, so that a wrong prefix is told from a wrong length.
        let mut buffer = [0_u8; LEN + 2];
        let len = match bs58::decode(address).onto(&mut buffer[..]) {
            Ok(len) => len,
            Err(bs58::decode::Error::BufferTooSmall) => return Err(HotkeyError::WrongLength),
            Err(_) => return Err(HotkeyError::NotBase58),
        };
        let decoded = &buffer[..len];
        match (len, decoded.first()) {
            (LEN, Some(&prefix)) if prefix < 64 => {
                let (payload, sum) = decoded.split_at(1 + KEY_BYTES);
                if checksum(payload) != *sum {
                    return Err(HotkeyError::WrongChecksum);
                }
                if prefix != SS58_PREFIX {
                    return Err(HotkeyError::WrongPrefix(u16::from(prefix)));
                }
                let mut key = [0; KEY_BYTES];
                key.copy_from_slice(&payload[1..]);
                Ok(Self(key))
            }
            (len, Some(&first)) if len == LEN + 1 && (64..128).contains(&first) => {
                let second = decoded[1];
                let prefix = u16::from((first << 2) | (second >> 6))
                    | (u16::from(second & 0b0011_1111) << 8);
                Err(HotkeyError::WrongPrefix(prefix))
            }
            _ => Err(HotkeyError::WrongLength),
        }
    }
}

impl fmt::Display for Hotkey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut address = [0_u8; 1 + KEY_BYTES + CHECKSUM_BYTES];
        address[0] = SS58_PREFIX;
        address[1..=KEY_BYTES].copy_from_slice(&self.0);
        let sum = checksum(&address[..=KEY_BYTES]);
        address[1 + KEY_BYTES..].copy_from_slice(&sum);
        f.write_str(&bs58::encode(address).into_string())
    }
}

impl fmt::Debug for Hotkey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hotkey({self})")
    }
}

impl Serialize for Hotkey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Hotkey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_key_survives_its_address(bytes: [u8; 32]) {
            let hotkey = Hotkey::from_bytes(bytes);
            prop_assert_eq!(hotkey.to_string().parse(), Ok(hotkey));
        }

        #[test]
        fn no_text_panics(text in ".{0,120}") {
            let _ = text.parse::<Hotkey>();
        }

        #[test]
        fn one_changed_character_is_refused(bytes: [u8; 32], at in 0_usize..47, to in "[1-9A-HJ-NP-Za-km-z]") {
            let address = Hotkey::from_bytes(bytes).to_string();
            let mut changed = address.clone();
            changed.replace_range(at..=at, &to);
            prop_assert_eq!(changed.parse::<Hotkey>().is_ok(), changed == address);
        }
    }

    #[test]
    fn the_key_of_zeros_is_an_address_and_nobody_who_signs() {
        let zeros = Hotkey::from_bytes([0; 32]);
        let address = zeros.to_string();
        assert_eq!(address.parse(), Ok(zeros));
        assert_eq!(Hotkey::of_signer(&address), Err(HotkeyError::Neutral));
        let one = Hotkey::from_bytes([1; 32]);
        assert_eq!(Hotkey::of_signer(&one.to_string()), Ok(one));
    }

    #[test]
    fn names_the_network_of_another_prefix() {
        let polkadot = "15oF4uVJwmo4TdGW7VfQxNLavjCXviqxT9S1MgbjMNHr6Sp5".parse::<Hotkey>();
        assert_eq!(polkadot, Err(HotkeyError::WrongPrefix(0)));
    }
}

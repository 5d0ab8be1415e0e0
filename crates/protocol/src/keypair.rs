use std::fmt;

use schnorrkel::derive::Derivation;
use schnorrkel::{ExpansionMode, MiniSecretKey, SecretKey};

use crate::{Hotkey, Junction, Signature, signature};

/// The development phrase that every Substrate tool knows (`bottom drive obey lake …`), as its mini secret.
const DEVELOPMENT_MINI_SECRET: [u8; 32] = [
    0xfa, 0xc7, 0x95, 0x9d, 0xbf, 0xe7, 0x2f, 0x05, 0x2e, 0x5a, 0x0c, 0x3c, 0x8d, 0x65, 0x30, 0xf2,
    0x02, 0xb0, 0x2f, 0xd8, 0xf9, 0xf5, 0xca, 0x35, 0x80, 0xec, 0x8d, 0xeb, 0x77, 0x97, 0x47, 0x9e,
];

/// An sr25519 key pair that signs as a Substrate wallet does. The secret is wiped on drop and never printed.
///
/// ```
/// use resi_protocol::Keypair;
///
/// let alice = Keypair::development("Alice");
/// let signature = alice.sign(b"hello");
/// assert!(alice.hotkey().verify(b"hello", &signature).is_ok());
/// ```
#[derive(Clone)]
pub struct Keypair(schnorrkel::Keypair);

/// Bytes that are no sr25519 secret key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("these 64 bytes are no sr25519 secret key")]
pub struct SecretKeyError;

impl Keypair {
    /// From a 32-byte mini secret, expanded the Substrate way (`ExpansionMode::Ed25519`).
    pub fn from_mini_secret(mini_secret: &[u8; 32]) -> Self {
        Self(expand(
            &MiniSecretKey::from_bytes(mini_secret)
                .unwrap_or_else(|_| unreachable!("any 32 bytes are a mini secret")),
        ))
    }

    /// From the 64 bytes of an expanded secret key, as wallets keep it in `privateKey`.
    ///
    /// # Errors
    /// When the bytes are no secret key, or the one of zeros, which is everybody's.
    pub fn from_secret_key(bytes: &[u8; 64]) -> Result<Self, SecretKeyError> {
        let secret = SecretKey::from_bytes(bytes).map_err(|_| SecretKeyError)?;
        let keypair = Self(secret.to_keypair());
        if keypair.hotkey().is_neutral() { Err(SecretKeyError) } else { Ok(keypair) }
    }

    /// The development key that every Substrate tool knows, of the phrase `bottom drive obey lake …`. Everybody has its
    /// secret.
    pub fn development_root() -> Self {
        Self::from_mini_secret(&DEVELOPMENT_MINI_SECRET)
    }

    /// The well-known key `//name` of the development phrase, such as `//Alice`. Everybody has its secret.
    pub fn development(name: &str) -> Self {
        Self::development_root().derive(Junction::hard(name))
    }

    /// The key one junction further.
    #[must_use]
    pub fn derive(&self, junction: Junction) -> Self {
        let code = junction.chain_code();
        if junction.is_hard {
            Self(expand(&self.0.secret.hard_derive_mini_secret_key(Some(code), b"").0))
        } else {
            Self(self.0.secret.derived_key_simple(code, b"").0.to_keypair())
        }
    }

    /// The public half.
    pub fn hotkey(&self) -> Hotkey {
        Hotkey::from_bytes(self.0.public.to_bytes())
    }

    /// Signs exactly `message`, with fresh randomness: two signatures of one message differ.
    pub fn sign(&self, message: &[u8]) -> Signature {
        Signature::from_bytes(self.0.sign_simple(signature::CONTEXT, message).to_bytes())
    }
}

fn expand(mini_secret: &MiniSecretKey) -> schnorrkel::Keypair {
    mini_secret.expand_to_keypair(ExpansionMode::Ed25519)
}

impl fmt::Debug for Keypair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keypair({})", self.hotkey())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn development_keys_are_those_of_every_other_tool() {
        let alice = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
        let bob = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty";
        assert_eq!(Keypair::development("Alice").hotkey().to_string(), alice);
        assert_eq!(Keypair::development("Bob").hotkey().to_string(), bob);
        assert_eq!(format!("{:?}", Keypair::development("Bob")), format!("Keypair({bob})"));
    }

    #[test]
    fn junctions_lead_where_other_tools_lead() {
        let (hard, soft) = (Junction::hard, Junction::soft);
        let (long, longer) = ("a".repeat(40), "b".repeat(70));
        for (junctions, address) in [
            (vec![], "5DfhGyQdFobKM8NsWvEeAKk5EQQgYe9AydgJ7rMB6E1EqRzV"),
            (
                vec![hard("Alice"), hard("stash")],
                "5GNJqTPyNqANBkUVMN1LPPrxXnFouWXoe2wNSmmEoLctxiZY",
            ),
            (vec![soft("soft")], "5F4g82upwXKNJWdotdSwkALpdNRNnuNBLQeZ6YUYBoSK3rcj"),
            (vec![hard("1")], "5GBNeWRhZc2jXu7D55rBimKYDk8PGk8itRYFTPfC8RJLKG5o"),
            (
                vec![hard("hard"), soft("soft"), soft("7")],
                "5CfAKo879PvP2GADrkrzejSPwmak5fAqxgXpDBWUn5pf6yFP",
            ),
            (vec![hard(&long)], "5HdmcAaRDxL6RRsx1FDrpDJebj2ux3JAjfxk1cJngZi3KYkS"),
            (vec![soft(&longer)], "5HGKqw8tbNDZfNffT5BBDfWeWLxKfQQM53ic1p1kJrKBBPZJ"),
        ] {
            let root = Keypair::development_root();
            let derived = junctions.iter().fold(root, |key, junction| key.derive(*junction));
            assert_eq!(derived.hotkey().to_string(), address, "{junctions:?}");
        }
    }

    #[test]
    fn an_expanded_secret_is_the_key_it_was_expanded_from() {
        let alice = "33a6f3093f158a7109f679410bef1a0c54168145e0cecb4df006c1c2fffb1f09925a225d97aa00682d6a59b95b18780c10d7032336e88f3442b42361f4a66011";
        let mut bytes = [0; 64];
        hex::decode_to_slice(alice, &mut bytes).expect("hex");
        let key = Keypair::from_secret_key(&bytes).expect("a secret key");
        assert_eq!(key.hotkey(), Keypair::development("Alice").hotkey());
        assert_eq!(Keypair::from_secret_key(&[0xff; 64]).err(), Some(SecretKeyError));
    }

    #[test]
    fn a_wrapped_message_is_accepted_once() {
        let key = Keypair::development("Alice");
        let wrapped = key.sign(b"<Bytes>x</Bytes>");
        assert!(key.hotkey().verify(b"x", &wrapped).is_ok());
        let twice = key.sign(b"<Bytes><Bytes>x</Bytes></Bytes>");
        assert!(key.hotkey().verify(b"x", &twice).is_err());
    }
}

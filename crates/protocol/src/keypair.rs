use std::fmt;

use schnorrkel::derive::ChainCode;
use schnorrkel::{ExpansionMode, MiniSecretKey};

use crate::{Hotkey, Signature, signature};

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

impl Keypair {
    /// From a 32-byte mini secret, expanded the Substrate way (`ExpansionMode::Ed25519`).
    pub fn from_mini_secret(mini_secret: &[u8; 32]) -> Self {
        Self(expand(
            &MiniSecretKey::from_bytes(mini_secret)
                .unwrap_or_else(|_| unreachable!("any 32 bytes are a mini secret")),
        ))
    }

    /// The well-known key `//name` of the development phrase, such as `//Alice`. Everybody has its secret.
    pub fn development(name: &str) -> Self {
        let root = Self::from_mini_secret(&DEVELOPMENT_MINI_SECRET);
        let (mini_secret, _) =
            root.0.secret.hard_derive_mini_secret_key(Some(ChainCode(junction(name))), b"");
        Self(expand(&mini_secret))
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

/// The chain code of a junction: its SCALE-encoded name, padded to 32 bytes. Longer names would be hashed; names of
/// development keys are short, and what is over is cut.
fn junction(name: &str) -> [u8; 32] {
    let mut code = [0; 32];
    let name = &name.as_bytes()[..name.len().min(31)];
    // SCALE writes a length under 64 as one byte, shifted past the two mode bits.
    code[0] = (name.len() as u8) << 2;
    code[1..=name.len()].copy_from_slice(name);
    code
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
    fn a_wrapped_message_is_accepted_once() {
        let key = Keypair::development("Alice");
        let wrapped = key.sign(b"<Bytes>x</Bytes>");
        assert!(key.hotkey().verify(b"x", &wrapped).is_ok());
        let twice = key.sign(b"<Bytes><Bytes>x</Bytes></Bytes>");
        assert!(key.hotkey().verify(b"x", &twice).is_err());
    }
}

use std::fmt;
use std::str::FromStr;

use schnorrkel::PublicKey;

/// The neutral element of the group as it is encoded.
pub(crate) const NEUTRAL: [u8; 32] = [0; 32];

/// The signing context of every Substrate wallet.
pub(crate) const CONTEXT: &[u8] = b"substrate";

/// The 64 bytes of an sr25519 signature. Never shown by `Debug`: who has it before the service may use it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Signature([u8; 64]);

/// A text that is not 64 bytes of hex.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a signature is 64 bytes as 128 hex digits, with or without 0x")]
pub struct SignatureFormatError;

/// The signature does not belong to this key and message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not verify")]
pub struct InvalidSignature;

impl Signature {
    /// From its 64 bytes, unchecked.
    pub const fn from_bytes(bytes: [u8; 64]) -> Self {
        Self(bytes)
    }

    /// Its 64 bytes.
    pub const fn as_bytes(&self) -> &[u8; 64] {
        &self.0
    }

    /// `0x` and 128 lower-case hex digits.
    pub fn to_hex(&self) -> String {
        format!("0x{}", hex::encode(self.0))
    }
}

impl FromStr for Signature {
    type Err = SignatureFormatError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.strip_prefix("0x").unwrap_or(text);
        let mut bytes = [0; 64];
        hex::decode_to_slice(digits, &mut bytes).map_err(|_| SignatureFormatError)?;
        Ok(Self(bytes))
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signature(…)")
    }
}

/// A key whose signatures prove something. For the neutral element of the group, 32 bytes of zero, anybody can sign
/// anything; no other element has a small order, and each has one encoding only.
pub(crate) fn public_key(bytes: &[u8; 32]) -> Result<PublicKey, InvalidSignature> {
    if *bytes == NEUTRAL {
        return Err(InvalidSignature);
    }
    PublicKey::from_bytes(bytes).map_err(|_| InvalidSignature)
}

pub(crate) fn verify(
    public_key: &[u8; 32],
    message: &[u8],
    signature: &Signature,
) -> Result<(), InvalidSignature> {
    let key = self::public_key(public_key)?;
    let signature =
        schnorrkel::Signature::from_bytes(&signature.0).map_err(|_| InvalidSignature)?;
    if key.verify_simple(CONTEXT, message, &signature).is_ok() {
        return Ok(());
    }
    let mut transcript_bytes = Vec::with_capacity(message.len() + 15);
    transcript_bytes.extend_from_slice(b"<Bytes>");
    transcript_bytes.extend_from_slice(message);
    transcript_bytes.extend_from_slice(b"</Bytes>");
    key.verify_simple(CONTEXT, &transcript_bytes, &signature).map_err(|_| InvalidSignature)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn hex_of_either_case_with_or_without_prefix(low: [u8; 32], high: [u8; 32]) {
            let mut bytes = [0; 64];
            bytes[..32].copy_from_slice(&low);
            bytes[32..].copy_from_slice(&high);
            let signature = Signature::from_bytes(bytes);
            let text = signature.to_hex();
            prop_assert_eq!(text.parse(), Ok(signature));
            prop_assert_eq!(text[2..].to_uppercase().parse(), Ok(signature));
        }

        #[test]
        fn no_text_panics(text in ".{0,140}") {
            let _ = text.parse::<Signature>();
        }
    }

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(format!("{:?}", Signature::from_bytes([7; 64])), "Signature(…)");
    }
}

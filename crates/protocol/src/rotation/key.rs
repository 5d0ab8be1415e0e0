use std::fmt;
use std::str::FromStr;

use merlin::Transcript;
use rand_core::{CryptoRng, RngCore};
use schnorrkel::context::{SigningTranscript, attach_rng};
use schnorrkel::vrf::{VRFPreOut, VRFProof};
use schnorrkel::{ExpansionMode, MiniSecretKey, signing_context};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

use super::{ALGORITHM, Parameters, Seed};
use crate::{EpochIndex, HexError, InvalidSignature, Signature, signature};

const DERIVE_CONTEXT: &[u8] = b"resi-rotation-derive-v1";

/// A VRF signature that this key did not make over this epoch and these parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the VRF signature does not verify")]
pub struct VrfError;

/// The secret of the rotation. Never printed.
#[derive(Clone)]
pub struct RotationKey(schnorrkel::Keypair);

impl RotationKey {
    /// From a 32-byte mini secret, expanded the Substrate way (`ExpansionMode::Ed25519`).
    pub fn from_mini_secret(mini_secret: &[u8; 32]) -> Self {
        let mini_secret = MiniSecretKey::from_bytes(mini_secret)
            .unwrap_or_else(|_| unreachable!("any 32 bytes are a mini secret"));
        Self(mini_secret.expand_to_keypair(ExpansionMode::Ed25519))
    }

    /// The public half, to be published.
    pub fn public(&self) -> RotationPublicKey {
        RotationPublicKey(self.0.public.to_bytes())
    }

    /// Signs `epoch`. The same key, epoch and parameters give the same 96 bytes, so that replicas publish one answer.
    pub fn sign(&self, parameters: &Parameters, epoch: EpochIndex) -> VrfSignature {
        let message = parameters.message(epoch);
        // A zero source instead of fresh randomness: the nonce then comes from the secret nonce and the transcript.
        let extra = attach_rng(Transcript::new(b"VRF"), ZeroRng);
        let (output, proof, _) = self.0.vrf_sign_extra(transcript(&message), extra);
        let mut bytes = [0; VrfSignature::BYTES];
        bytes[..32].copy_from_slice(output.as_output_bytes());
        bytes[32..].copy_from_slice(&proof.to_bytes());
        VrfSignature(bytes)
    }

    /// 32 bytes that follow from the key and a label, and that nobody without the key can tell. Of no use for deals.
    pub fn derive(&self, label: &str) -> [u8; 32] {
        let transcript = signing_context(DERIVE_CONTEXT).bytes(label.as_bytes());
        let extra = attach_rng(Transcript::new(b"VRF"), ZeroRng);
        let (output, _, _) = self.0.vrf_sign_extra(transcript, extra);
        Sha256::new()
            .chain_update(DERIVE_CONTEXT)
            .chain_update(output.as_output_bytes())
            .finalize()
            .into()
    }

    /// Signs a text. Texts of different labels are signed as if by different keys, and none is a deal.
    pub(super) fn sign_text(&self, label: &str, text: &str) -> Signature {
        let transcript = signing_context(label.as_bytes()).bytes(text.as_bytes());
        Signature::from_bytes(self.0.sign(attach_rng(transcript, ZeroRng)).to_bytes())
    }
}

impl fmt::Debug for RotationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RotationKey(public {})", self.public())
    }
}

fn transcript(message: &str) -> impl schnorrkel::vrf::VRFSigningTranscript + SigningTranscript {
    signing_context(ALGORITHM.as_bytes()).bytes(message.as_bytes())
}

#[derive(Clone, Copy)]
struct ZeroRng;

impl RngCore for ZeroRng {
    fn next_u32(&mut self) -> u32 {
        0
    }

    fn next_u64(&mut self) -> u64 {
        0
    }

    fn fill_bytes(&mut self, dest: &mut [u8]) {
        dest.fill(0);
    }

    fn try_fill_bytes(&mut self, dest: &mut [u8]) -> Result<(), rand_core::Error> {
        dest.fill(0);
        Ok(())
    }
}

impl CryptoRng for ZeroRng {}

/// The public key of the rotation, written as `0x` and 64 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RotationPublicKey([u8; 32]);

impl RotationPublicKey {
    /// From its 32 bytes, unchecked: a key that is none verifies nothing.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The seed of `epoch`, once the signature is shown to be of this key over these parameters.
    ///
    /// # Errors
    /// [`VrfError`] when it is not.
    pub fn verify(
        &self,
        parameters: &Parameters,
        epoch: EpochIndex,
        signature: &VrfSignature,
    ) -> Result<Seed, VrfError> {
        let key = signature::public_key(&self.0).map_err(|_| VrfError)?;
        let pre_output = VRFPreOut::from_bytes(&signature.0[..32]).map_err(|_| VrfError)?;
        let proof = VRFProof::from_bytes(&signature.0[32..]).map_err(|_| VrfError)?;
        let message = parameters.message(epoch);
        key.vrf_verify(transcript(&message), &pre_output, &proof).map_err(|_| VrfError)?;
        Ok(signature.seed_unverified())
    }

    /// Whether a text of this label is signed by this key.
    pub(super) fn verify_text(
        &self,
        label: &str,
        text: &str,
        signature: &Signature,
    ) -> Result<(), InvalidSignature> {
        let key = signature::public_key(&self.0)?;
        let signature = schnorrkel::Signature::from_bytes(signature.as_bytes())
            .map_err(|_| InvalidSignature)?;
        let transcript = signing_context(label.as_bytes()).bytes(text.as_bytes());
        key.verify(transcript, &signature).map_err(|_| InvalidSignature)
    }
}

impl FromStr for RotationPublicKey {
    type Err = HexError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text.strip_prefix("0x").unwrap_or(text), &mut bytes)
            .map_err(|_| HexError { bytes: 32 })?;
        Ok(Self(bytes))
    }
}

impl fmt::Display for RotationPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{}", hex::encode(self.0))
    }
}

impl fmt::Debug for RotationPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RotationPublicKey({self})")
    }
}

/// The proof of an epoch: 32 bytes of VRF pre-output and 64 of proof, written as `0x` and 192 hex digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct VrfSignature([u8; Self::BYTES]);

impl VrfSignature {
    const BYTES: usize = 96;

    /// From its 96 bytes, unchecked.
    pub const fn from_bytes(bytes: [u8; Self::BYTES]) -> Self {
        Self(bytes)
    }

    /// Its 96 bytes.
    pub const fn as_bytes(&self) -> &[u8; Self::BYTES] {
        &self.0
    }

    /// The seed that the pre-output gives, without a check of the proof: for who made the signature or verified it
    /// before. Everybody else uses [`RotationPublicKey::verify`].
    pub fn seed_unverified(&self) -> Seed {
        let mut pre_output = [0; 32];
        pre_output.copy_from_slice(&self.0[..32]);
        Seed::of_pre_output(&pre_output)
    }
}

impl FromStr for VrfSignature {
    type Err = HexError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut bytes = [0; Self::BYTES];
        hex::decode_to_slice(text.strip_prefix("0x").unwrap_or(text), &mut bytes)
            .map_err(|_| HexError { bytes: Self::BYTES })?;
        Ok(Self(bytes))
    }
}

impl fmt::Display for VrfSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{}", hex::encode(self.0))
    }
}

impl fmt::Debug for VrfSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VrfSignature({self})")
    }
}

impl Serialize for RotationPublicKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for RotationPublicKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl Serialize for VrfSignature {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for VrfSignature {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use schnorrkel::SecretKey;

    use super::*;
    use crate::EpochSchedule;
    use crate::rotation::Pool;

    #[test]
    fn what_anybody_can_sign_for_the_key_of_zeros_verifies_nothing() {
        let zero = SecretKey::from_bytes(&[0; 64]).expect("a scalar").to_keypair();
        let nobody = RotationKey(zero);
        assert_eq!(nobody.public().as_bytes(), &[0; 32]);
        let pool = Pool::new(vec!["77494".parse().expect("a zipcode")]).expect("a pool");
        let schedule = EpochSchedule::new(60).expect("a length");
        let parameters = Parameters::new(46, schedule, &pool, 1);
        let epoch = EpochIndex(7);
        let signature = nobody.sign(&parameters, epoch);
        assert_eq!(nobody.public().verify(&parameters, epoch, &signature), Err(VrfError));
        let signature = nobody.sign_text("a label", "a text");
        let verified = nobody.public().verify_text("a label", "a text", &signature);
        assert_eq!(verified, Err(InvalidSignature));
    }
}

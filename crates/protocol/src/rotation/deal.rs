use sha2::{Digest, Sha256};
use sha3::Shake256;
use sha3::digest::{ExtendableOutput, Update, XofReader};

use super::Parameters;

const SEED_LABEL: &[u8] = b"resi-rotation-v1:seed";

/// The seed of an epoch: everything about its deal follows from it and the parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seed([u8; 32]);

impl Seed {
    pub(super) fn of_pre_output(pre_output: &[u8; 32]) -> Self {
        // The proof stays out: a prover could try proofs until one pleases, the pre-output is unique.
        let hasher =
            Digest::chain_update(Digest::chain_update(Sha256::new(), SEED_LABEL), pre_output);
        Self(hasher.finalize().into())
    }

    /// Its 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The order of a pool of `size` in this epoch: positions in the pool.
    pub fn permutation(&self, size: u32) -> Vec<u32> {
        let mut stream = Stream::new(self);
        let mut positions: Vec<u32> = (0..size).collect();
        for last in (1..positions.len()).rev() {
            let other = stream.uniform(last as u64 + 1) as usize;
            positions.swap(last, other);
        }
        positions
    }

    /// The deal of the epoch: positions in the pool, in the order in which batches are cut from it.
    pub fn deal(&self, parameters: &Parameters) -> Vec<u32> {
        let mut positions = self.permutation(parameters.pool_size);
        positions.truncate(parameters.zipcodes_per_epoch as usize);
        positions
    }
}

/// The SHAKE-256 output of a seed, read as little-endian 64-bit numbers.
struct Stream(<Shake256 as ExtendableOutput>::Reader);

impl Stream {
    fn new(seed: &Seed) -> Self {
        Self(Shake256::default().chain(seed.0).finalize_xof())
    }

    fn next(&mut self) -> u64 {
        let mut bytes = [0; 8];
        self.0.read(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    /// A number below `m`, every one as likely as any other.
    fn uniform(&mut self, m: u64) -> u64 {
        let remainder = (u64::MAX % m + 1) % m;
        loop {
            let drawn = self.next();
            if drawn <= u64::MAX - remainder {
                return drawn % m;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_permutation_has_every_position_once(seed: [u8; 32], size in 0_u32..2_000) {
            let mut positions = Seed(seed).permutation(size);
            positions.sort_unstable();
            prop_assert_eq!(positions, (0..size).collect::<Vec<_>>());
        }

        #[test]
        fn a_drawn_number_is_below_its_bound(seed: [u8; 32], m in 1_u64..) {
            prop_assert!(Stream::new(&Seed(seed)).uniform(m) < m);
        }
    }
}

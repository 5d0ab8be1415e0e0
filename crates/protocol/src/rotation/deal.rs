use sha2::{Digest, Sha256};

use super::Parameters;
use crate::SeededStream;

const SEED_LABEL: &[u8] = b"resi-rotation-v1:seed";

/// The seed of an epoch: everything about its deal follows from it and the parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seed([u8; 32]);

impl Seed {
    pub(super) fn of_pre_output(pre_output: &[u8; 32]) -> Self {
        // The proof stays out: a prover could try proofs until one pleases, the pre-output is unique.
        Self(Sha256::new().chain_update(SEED_LABEL).chain_update(pre_output).finalize().into())
    }

    /// Its 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The order of a pool of `size` in this epoch: positions in the pool.
    pub fn permutation(&self, size: u32) -> Vec<u32> {
        let mut positions: Vec<u32> = (0..size).collect();
        SeededStream::new(&self.0).shuffle(&mut positions);
        positions
    }

    /// The deal of the epoch: positions in the pool, in the order in which batches are cut from it.
    pub fn deal(&self, parameters: &Parameters) -> Vec<u32> {
        let mut positions = self.permutation(parameters.pool_size);
        positions.truncate(parameters.zipcodes_per_epoch as usize);
        positions
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
    }
}

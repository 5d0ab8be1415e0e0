use std::collections::HashSet;

use sha2::{Digest, Sha256};

use crate::{Sha256Hash, Zipcode};

/// The zipcodes in play, in the order of the pool: by size rank, then by zipcode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pool {
    zipcodes: Vec<Zipcode>,
    sha256: Sha256Hash,
}

/// Why a list of zipcodes is no pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PoolError {
    /// There is none.
    #[error("a pool has at least one zipcode")]
    Empty,
    /// One is there twice.
    #[error("zipcode {0} is in the pool twice")]
    Duplicate(Zipcode),
}

impl Pool {
    /// A pool of these zipcodes, in this order.
    ///
    /// # Errors
    /// When there is none, or one twice.
    pub fn new(zipcodes: Vec<Zipcode>) -> Result<Self, PoolError> {
        if zipcodes.is_empty() {
            return Err(PoolError::Empty);
        }
        let mut seen = HashSet::with_capacity(zipcodes.len());
        if let Some(twice) = zipcodes.iter().find(|zipcode| !seen.insert(**zipcode)) {
            return Err(PoolError::Duplicate(*twice));
        }
        let mut hasher = Sha256::new();
        for (position, zipcode) in zipcodes.iter().enumerate() {
            if position > 0 {
                hasher.update(b"\n");
            }
            hasher.update(zipcode.as_str());
        }
        Ok(Self { sha256: Sha256Hash::from_bytes(hasher.finalize().into()), zipcodes })
    }

    /// The zipcodes, in order.
    pub fn zipcodes(&self) -> &[Zipcode] {
        &self.zipcodes
    }

    /// How many there are.
    #[expect(clippy::len_without_is_empty, reason = "a pool is never empty")]
    pub fn len(&self) -> u32 {
        u32::try_from(self.zipcodes.len()).unwrap_or(u32::MAX)
    }

    /// SHA-256 over the zipcodes joined by a line feed.
    pub const fn sha256(&self) -> Sha256Hash {
        self.sha256
    }

    /// The zipcodes at these positions of the pool; positions past its end are left out.
    pub fn pick(&self, positions: &[u32]) -> Vec<Zipcode> {
        positions
            .iter()
            .filter_map(|position| self.zipcodes.get(*position as usize).copied())
            .collect()
    }
}

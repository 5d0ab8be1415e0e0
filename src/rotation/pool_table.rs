use resi_protocol::Zipcode;
use resi_protocol::rotation::{Pool, PoolError};
use resi_store::{PoolEntry, StoredPool};
use resi_zipcodes::ZipcodePool;

/// What batches say about the zipcodes of a pool, none of which is a decoy.
pub fn pool_entries(pool: &ZipcodePool) -> Vec<PoolEntry> {
    let entry = |entry: &resi_zipcodes::Entry| PoolEntry {
        zipcode: entry.zipcode,
        state: entry.state.to_string(),
        metro: entry.metro.to_string(),
        size_rank: entry.size_rank,
        decoy: false,
    };
    pool.entries.iter().map(entry).collect()
}

/// A pool, and what batches say about its zipcodes.
#[derive(Debug)]
pub struct PoolTable {
    pool: Pool,
    entries: Vec<PoolEntry>,
}

impl PoolTable {
    /// A pool of these entries, in this order.
    ///
    /// # Errors
    /// When there is none, or one twice.
    pub fn new(entries: Vec<PoolEntry>) -> Result<Self, PoolError> {
        let zipcodes: Vec<Zipcode> = entries.iter().map(|entry| entry.zipcode).collect();
        Ok(Self { pool: Pool::new(zipcodes)?, entries })
    }

    /// The pool.
    pub fn pool(&self) -> &Pool {
        &self.pool
    }

    /// The entry at a position of the pool.
    pub fn entry(&self, position: u32) -> Option<&PoolEntry> {
        self.entries.get(position as usize)
    }

    /// Whether no home is sold in some of them.
    pub fn has_decoys(&self) -> bool {
        self.entries.iter().any(|entry| entry.decoy)
    }

    /// As it is kept in the store.
    pub fn to_stored(&self) -> StoredPool {
        StoredPool { sha256: self.pool.sha256(), entries: self.entries.clone() }
    }
}

//! Who pulled which blocks: noted on the path of requests, written in the background.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use resi_protocol::{EpochId, Hotkey, Sources};
use resi_store::{Pull, Store, StoreError};

/// More than this many notes are not kept while the database is away.
const MAX_WAITING: usize = 100_000;

/// Notes of pulls, each once an epoch.
#[derive(Debug, Default)]
pub struct Pulls(Mutex<Notes>);

#[derive(Debug, Default)]
struct Notes {
    epoch: Option<EpochId>,
    seen: HashSet<(Hotkey, Sources, u32)>,
    waiting: Vec<Pull>,
}

impl Pulls {
    /// Notes a pull, unless it was noted in this epoch.
    pub fn note(&self, pull: Pull) {
        let mut notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if notes.epoch != Some(pull.epoch) {
            notes.epoch = Some(pull.epoch);
            notes.seen.clear();
        }
        if notes.waiting.len() < MAX_WAITING
            && notes.seen.len() < MAX_WAITING
            && notes.seen.insert((pull.hotkey, pull.sources, pull.block_size))
        {
            notes.waiting.push(pull);
        }
    }

    /// Writes what was noted. What cannot be written is kept for the next time.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn write(&self, store: &dyn Store) -> Result<(), StoreError> {
        let waiting =
            std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner).waiting);
        if waiting.is_empty() {
            return Ok(());
        }
        let written = store.record_pulls(&waiting).await;
        if written.is_err() {
            let mut notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let newer = std::mem::replace(&mut notes.waiting, waiting);
            notes.waiting.extend(newer);
        }
        written
    }
}

//! Which epochs reports may name.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use resi_protocol::EpochIndex;
use resi_store::{Store, StoreError};

use crate::rotation::Deck;

/// How many epochs back a report may be; a week of epochs of four hours.
pub const REPORTABLE_EPOCHS: u64 = 42;

/// Of the epochs that reports may still name: whether blocks were dealt in them, as far as that is known.
#[derive(Debug, Default)]
pub struct KnownEpochs(Mutex<BTreeMap<EpochIndex, bool>>);

impl KnownEpochs {
    /// Blocks are dealt in the running epoch, whether its record can be written or not.
    pub fn dealt(&self, running: EpochIndex) {
        self.note(running, true, running);
    }

    /// Whether blocks were dealt in `epoch`, which is the running one or before it: it has a record, or this process saw
    /// it. A record is asked for only as far back as records reach: before the first one, everything may have been.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn knows(
        &self,
        epoch: EpochIndex,
        running: EpochIndex,
        deck: &Deck,
        store: &dyn Store,
    ) -> Result<bool, StoreError> {
        if epoch == running {
            return Ok(true);
        }
        let known = self.epochs().get(&epoch).copied();
        if let Some(known) = known {
            return Ok(known);
        }
        let parameters = deck.parameters();
        let (netuid, id) = (parameters.netuid, parameters.schedule.id(epoch));
        let dealt = store.epoch_record(netuid, id).await?.is_some()
            || store.epoch_records(netuid, id, 1).await?.is_empty();
        self.note(epoch, dealt, running);
        Ok(dealt)
    }

    fn note(&self, epoch: EpochIndex, dealt: bool, running: EpochIndex) {
        let mut epochs = self.epochs();
        epochs.insert(epoch, dealt);
        let oldest = EpochIndex(running.0.saturating_sub(REPORTABLE_EPOCHS));
        epochs.retain(|known, _| *known >= oldest);
    }

    fn epochs(&self) -> MutexGuard<'_, BTreeMap<EpochIndex, bool>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

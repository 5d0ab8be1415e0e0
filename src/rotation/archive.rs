use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use resi_protocol::wire::{Epoch, EpochResource, EpochState};
use resi_protocol::{EpochId, Sha256Hash, Timestamp};
use resi_store::{EpochRecord, StoreError};

use super::deal::{Link, rotation};
use super::{Deck, PoolTable};
use crate::http::prepared::Prepared;

/// How many ended epochs and pools are kept ready.
const KEPT: usize = 32;

/// What everybody may know of epochs and pools, and when: nothing of the future, the proof only after the end.
#[derive(Debug)]
pub struct Archive {
    reveal_at_start: bool,
    /// What cannot change any more, by the path it is asked for.
    settled: Mutex<VecDeque<(String, Arc<Prepared>)>>,
}

/// A public resource.
#[derive(Debug)]
pub enum Published {
    /// It will never change.
    Settled(Arc<Prepared>),
    /// It will change when the epoch ends.
    Open(Box<EpochResource>),
}

impl Archive {
    /// Shows proofs after the end of an epoch, or already at its start.
    pub fn new(reveal_at_start: bool) -> Self {
        Self { reveal_at_start, settled: Mutex::default() }
    }

    /// The epoch of that name; `None` when it has no record or lies ahead.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn epoch(
        &self,
        deck: &Deck,
        id: EpochId,
        now: Timestamp,
    ) -> Result<Option<Published>, StoreError> {
        if id.starts_at() > now {
            return Ok(None);
        }
        let name = id.to_string();
        if let Some(ready) = self.ready(&name) {
            return Ok(Some(Published::Settled(ready)));
        }
        let netuid = deck.parameters().netuid;
        let Some(record) = deck.store().epoch_record(netuid, id).await? else { return Ok(None) };
        let mut resource = self.resource(&record, now);
        let revealed = resource.revealed_at <= now;
        if revealed {
            resource.rotation.signature = record.signature.or_else(|| deck.late_signature(&record));
            if let (Some(signature), Some(pool)) =
                (resource.rotation.signature, deck.pool_of(record.parameters.pool_sha256).await?)
            {
                let positions = signature.seed_unverified().deal(&record.parameters);
                resource.zipcodes = Some(pool.pool().pick(&positions));
            }
        }
        if resource.state == EpochState::Ended {
            resource.honeypots = record.honeypots;
        }
        if resource.state == EpochState::Ended && resource.zipcodes.is_some() {
            return Ok(Some(Published::Settled(self.settle(name, &resource))));
        }
        Ok(Some(Published::Open(Box::new(resource))))
    }

    /// The running epoch, from memory.
    pub fn running(&self, deal: &super::Deal, now: Timestamp) -> EpochResource {
        let mut rotation = deal.rotation();
        let Link { prev_sha256, record_signature } = deal.link();
        let revealed = self.reveal_at_start;
        if !revealed {
            rotation.signature = None;
        }
        EpochResource {
            epoch: deal.epoch,
            state: if deal.epoch.ends_at <= now { EpochState::Ended } else { EpochState::Running },
            revealed_at: if revealed { deal.epoch.starts_at } else { deal.epoch.ends_at },
            rotation,
            prev_sha256,
            record_signature,
            zipcodes: revealed.then(|| deal.zipcodes.clone()),
            honeypots: None,
        }
    }

    /// What a record says, with the proof where it may be shown, without the zipcodes.
    pub fn summary(&self, deck: &Deck, record: &EpochRecord, now: Timestamp) -> EpochResource {
        let mut resource = self.resource(record, now);
        if resource.revealed_at <= now {
            resource.rotation.signature = record.signature.or_else(|| deck.late_signature(record));
        }
        resource
    }

    fn resource(&self, record: &EpochRecord, now: Timestamp) -> EpochResource {
        let schedule = record.parameters.schedule;
        let epoch = Epoch {
            id: record.id(),
            index: record.epoch,
            starts_at: schedule.starts_at(record.epoch),
            ends_at: schedule.ends_at(record.epoch),
        };
        EpochResource {
            epoch,
            state: if epoch.ends_at <= now { EpochState::Ended } else { EpochState::Running },
            revealed_at: if self.reveal_at_start { epoch.starts_at } else { epoch.ends_at },
            rotation: rotation(
                &record.parameters,
                record.public_key,
                record.honeypots.as_ref(),
                None,
            ),
            prev_sha256: record.prev_sha256,
            record_signature: record.record_signature,
            zipcodes: None,
            honeypots: None,
        }
    }

    /// The pool of that hash.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn pool(
        &self,
        deck: &Deck,
        sha256: Sha256Hash,
    ) -> Result<Option<Arc<Prepared>>, StoreError> {
        let name = sha256.to_string();
        if let Some(ready) = self.ready(&name) {
            return Ok(Some(ready));
        }
        let Some(table) = deck.pool_of(sha256).await? else { return Ok(None) };
        Ok(Some(self.settle(name, &pool_resource(&table))))
    }

    /// Whether a resource of that name, an epoch's or a pool's, can be had without asking the store.
    pub fn is_ready(&self, name: &str) -> bool {
        self.ready(name).is_some()
    }

    fn ready(&self, name: &str) -> Option<Arc<Prepared>> {
        let settled = self.settled.lock().unwrap_or_else(PoisonError::into_inner);
        settled.iter().find(|(known, _)| known == name).map(|(_, ready)| Arc::clone(ready))
    }

    fn settle(&self, name: String, resource: &impl serde::Serialize) -> Arc<Prepared> {
        let json = serde_json::to_vec(resource)
            .unwrap_or_else(|error| unreachable!("resources are JSON: {error}"));
        let ready = Arc::new(Prepared::new(json));
        let mut settled = self.settled.lock().unwrap_or_else(PoisonError::into_inner);
        if settled.len() >= KEPT {
            settled.pop_front();
        }
        settled.push_back((name, Arc::clone(&ready)));
        ready
    }
}

fn pool_resource(table: &PoolTable) -> resi_protocol::wire::PoolResource {
    resi_protocol::wire::PoolResource {
        sha256: table.pool().sha256(),
        size: table.pool().len(),
        zipcodes: table.pool().zipcodes().to_vec(),
    }
}

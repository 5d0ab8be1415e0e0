//! The deals of the running and the coming epoch, in memory, agreed with the other replicas through epoch records.

mod announced;
mod archive;
mod deal;
mod honeypots;
mod pool_table;

use std::collections::HashMap;
use std::sync::atomic::AtomicI64;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use resi_protocol::rotation::{Parameters, RotationKey, RotationPublicKey};
use resi_protocol::{EpochIndex, EpochSchedule, Sha256Hash, Timestamp};
use resi_store::{EpochRecord, Store, StoreError};

use self::announced::Announced;
use self::deal::Link;
pub use announced::missing_key;
pub use archive::{Archive, Published};
pub use deal::{Answer, Deal};
pub use honeypots::with_honeypots;
pub use pool_table::{PoolTable, pool_entries};

/// How long before an epoch begins its record is written and its answers are made: a quarter of an epoch, at most this.
const MAX_AHEAD: Duration = Duration::from_secs(600);
/// Pools of records with other settings that are kept in memory.
const FOREIGN_POOLS: usize = 4;

/// Why there is no deal for an epoch.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NoDeal(pub Arc<str>);

/// The deals of the running and the coming epoch.
///
/// Which epoch runs is decided by the time that is asked for, never by a background task that was on time: a deal that
/// was not prepared is made on the spot.
#[derive(Debug)]
pub struct Deck {
    /// The key of the settings, and the one that may follow it.
    keys: Vec<RotationKey>,
    announced: Announced,
    announced_at: AtomicI64,
    own: Parameters,
    pool: Arc<PoolTable>,
    foreign_pools: Mutex<HashMap<Sha256Hash, Arc<PoolTable>>>,
    store: Arc<dyn Store>,
    slots: ArcSwap<Vec<Slot>>,
    preparing: tokio::sync::Mutex<()>,
}

#[derive(Clone, Debug)]
struct Slot {
    epoch: EpochIndex,
    /// Whether the store has agreed; a deal made while the database is away has yet to be compared with the record.
    settled: bool,
    deal: Result<Arc<Deal>, NoDeal>,
}

impl Deck {
    /// A deck that deals `zipcodes_per_epoch` zipcodes of `pool` in each epoch of `schedule`.
    pub fn new(
        key: RotationKey,
        netuid: u16,
        schedule: EpochSchedule,
        pool: PoolTable,
        zipcodes_per_epoch: u32,
        store: Arc<dyn Store>,
    ) -> Self {
        Self {
            own: Parameters::new(netuid, schedule, pool.pool(), zipcodes_per_epoch),
            keys: vec![key],
            announced: Announced::default(),
            announced_at: AtomicI64::new(0),
            pool: Arc::new(pool),
            foreign_pools: Mutex::default(),
            store,
            slots: ArcSwap::default(),
            preparing: tokio::sync::Mutex::default(),
        }
    }

    /// Holds another key too, for the epochs from which on it is announced.
    #[must_use]
    pub fn with_next_key(mut self, key: Option<RotationKey>) -> Self {
        self.keys.extend(key);
        self
    }

    /// The parameters of the settings. Those of a record may differ for an epoch.
    pub fn parameters(&self) -> &Parameters {
        &self.own
    }

    /// The public half of the rotation key of the settings.
    pub fn public_key(&self) -> RotationPublicKey {
        self.keys[0].public()
    }

    fn key_of(&self, public_key: RotationPublicKey) -> Option<&RotationKey> {
        self.keys.iter().find(|key| key.public() == public_key)
    }

    /// The epoch that runs at `now`; the first one before 1970.
    pub fn epoch_at(&self, now: Timestamp) -> EpochIndex {
        self.own.schedule.index_at(now).unwrap_or(EpochIndex(0))
    }

    /// The deal of the epoch that runs at `now`.
    ///
    /// # Errors
    /// When this replica must not deal, since it differs from the record of the epoch.
    pub async fn deal_at(&self, now: Timestamp) -> Result<Arc<Deal>, NoDeal> {
        let epoch = self.epoch_at(now);
        match self.slot(epoch) {
            Some(slot) => slot.deal,
            None => self.prepare(epoch, now).await.deal,
        }
    }

    /// The same without waiting: `None` when it is not prepared.
    pub fn prepared_at(&self, now: Timestamp) -> Option<Result<Arc<Deal>, NoDeal>> {
        self.slot(self.epoch_at(now)).map(|slot| slot.deal)
    }

    fn slot(&self, epoch: EpochIndex) -> Option<Slot> {
        self.slots.load().iter().find(|slot| slot.epoch == epoch).cloned()
    }

    /// What is to be done from time to time: the running epoch is settled with the store and its proof added to the
    /// record, the coming one is prepared ahead.
    pub async fn tend(&self, now: Timestamp) {
        self.follow_announcements(now).await;
        let running = self.epoch_at(now);
        let slot = match self.slot(running) {
            Some(slot) if slot.settled => slot,
            _ => self.prepare(running, now).await,
        };
        // Without a record there is nothing yet that the proof could be added to.
        if let (true, Ok(deal)) = (slot.settled, &slot.deal) {
            self.publish(deal).await;
        }
        let coming = running.next();
        let ahead = (self.own.schedule.length() / 4).min(MAX_AHEAD);
        if self.own.schedule.starts_at(coming).minus(ahead) <= now
            && !self.slot(coming).is_some_and(|slot| slot.settled)
        {
            let prepared = self.prepare(coming, now).await;
            if let (Ok(next), Ok(current)) = (&prepared.deal, &slot.deal) {
                next.warm_like(current);
            }
        }
    }

    async fn publish(&self, deal: &Deal) {
        if deal.is_published() {
            return;
        }
        match self.store.publish_signature(self.own.netuid, deal.epoch.id, &deal.signature).await {
            Ok(()) => deal.mark_published(),
            Err(error) => {
                tracing::warn!(epoch = %deal.epoch.id, "the proof is not in the record yet: {error}")
            }
        }
    }

    async fn prepare(&self, epoch: EpochIndex, now: Timestamp) -> Slot {
        let _one_at_a_time = self.preparing.lock().await;
        let known = self.slot(epoch);
        if let Some(slot) = known.clone().filter(|slot| slot.settled) {
            return slot;
        }
        let slot = self.make(epoch, now, known).await;
        let running = self.epoch_at(now);
        let mut slots: Vec<_> = self
            .slots
            .load()
            .iter()
            .filter(|s| s.epoch >= running && s.epoch != epoch)
            .cloned()
            .collect();
        slots.push(slot.clone());
        self.slots.store(Arc::new(slots));
        slot
    }

    async fn make(&self, epoch: EpochIndex, now: Timestamp, known: Option<Slot>) -> Slot {
        let known_deal = known.and_then(|slot| slot.deal.ok());
        match self.agree(epoch, now).await {
            Ok(Ok(record)) => {
                let is_of_record = |deal: &Arc<Deal>| {
                    deal.parameters == record.parameters
                        && deal.public_key == record.public_key
                        && deal.honeypots == record.honeypots
                };
                let deal = match known_deal.filter(is_of_record) {
                    Some(deal) => Ok(deal),
                    _ => self.deal_by(&record).await,
                };
                match &deal {
                    Ok(deal) => {
                        let EpochRecord { prev_sha256, record_signature, .. } = record;
                        deal.set_link(Link { prev_sha256, record_signature });
                        tracing::info!(epoch = %deal.epoch.id, zipcodes = deal.zipcodes.len(), "epoch prepared")
                    }
                    Err(reason) => {
                        tracing::error!(epoch = %self.own.schedule.id(epoch), "cannot deal: {reason}")
                    }
                }
                Slot { epoch, settled: deal.is_ok(), deal }
            }
            Ok(Err(reason)) => Slot { epoch, settled: false, deal: Err(reason) },
            Err(error) => {
                // The deal is a pure function: it needs no database. Should the record say otherwise, it will be
                // replaced as soon as the record can be read.
                tracing::warn!(epoch = %self.own.schedule.id(epoch), "dealing without a record: {error}");
                let deal = match known_deal {
                    Some(deal) => Ok(deal),
                    None => match self.proposal(epoch, now).await {
                        Ok(proposal) => self.deal_by(&proposal).await,
                        Err(reason) => Err(reason),
                    },
                };
                Slot { epoch, settled: false, deal }
            }
        }
    }

    async fn agree(
        &self,
        epoch: EpochIndex,
        now: Timestamp,
    ) -> Result<Result<EpochRecord, NoDeal>, StoreError> {
        let own = &self.own;
        let moment = own.schedule.starts_at(epoch).max(now.min(own.schedule.ends_at(epoch)));
        if let Some(other) =
            self.store.conflicting_record(own.netuid, own.schedule.seconds(), moment).await?
        {
            let theirs = other.parameters.schedule;
            let until = theirs.ends_at(other.epoch);
            return Ok(Err(NoDeal(
                format!(
                    "epoch_seconds is {} here and {} in the record of the running epoch, which ends at {until}",
                    own.schedule.seconds(),
                    theirs.seconds()
                )
                .into(),
            )));
        }
        self.read_announcements().await?;
        let proposed = match self.proposal(epoch, now).await {
            Ok(proposed) => proposed,
            Err(reason) => return Ok(Err(reason)),
        };
        if proposed.parameters.pool_sha256 == own.pool_sha256 {
            self.store.keep_pool(&self.pool.to_stored()).await?;
        }
        let record = self.store.agree_epoch(&proposed).await?;
        self.signed(record).await.map(Ok)
    }

    /// The record of an epoch that runs or comes, with the signature of its key where this replica has the key. Those of
    /// epochs that are over stay as they are.
    async fn signed(&self, mut record: EpochRecord) -> Result<EpochRecord, StoreError> {
        if record.record_signature.is_none()
            && let Some(key) = self.key_of(record.public_key)
        {
            let (netuid, id) = (record.parameters.netuid, record.id());
            let signature = key.sign_record(&record.recorded());
            record.record_signature = self.store.sign_record(netuid, id, &signature).await?;
        }
        Ok(record)
    }

    /// The deal that a record prescribes, where this replica can make it.
    async fn deal_by(&self, record: &EpochRecord) -> Result<Arc<Deal>, NoDeal> {
        let key = self.key_of(record.public_key).ok_or_else(|| self.no_key(record))?;
        let (own, theirs) = (&self.own, &record.parameters);
        if theirs.schedule != own.schedule {
            let seconds = [own, theirs].map(|parameters| parameters.schedule.seconds());
            return Err(differs(record, "epoch_seconds", seconds[0], seconds[1]));
        }
        let pool = self.pool_for(record).await?;
        if *theirs != *own && self.announced.list().is_empty() {
            tracing::warn!(
                epoch = %record.id(),
                "this epoch is dealt by its record, not by the settings: they count from the next epoch without one"
            );
        }
        let honeypots = record.honeypots.clone();
        Ok(Arc::new(Deal::new(theirs.clone(), key, record.epoch, &pool, honeypots)))
    }

    async fn pool_for(&self, record: &EpochRecord) -> Result<Arc<PoolTable>, NoDeal> {
        let (own, theirs) = (self.own.pool_sha256, record.parameters.pool_sha256);
        match self.pool_of(theirs).await {
            Ok(Some(pool)) => Ok(pool),
            Ok(None) => Err(differs(record, "the pool", own, theirs)),
            Err(error) => Err(NoDeal(
                format!("the pool of the epoch's record cannot be read: {error}").into(),
            )),
        }
    }

    /// A pool that is in force or was once.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn pool_of(&self, sha256: Sha256Hash) -> Result<Option<Arc<PoolTable>>, StoreError> {
        if sha256 == self.own.pool_sha256 {
            return Ok(Some(Arc::clone(&self.pool)));
        }
        let known =
            self.foreign_pools.lock().unwrap_or_else(PoisonError::into_inner).get(&sha256).cloned();
        if known.is_some() {
            return Ok(known);
        }
        let Some(stored) = self.store.pool(sha256).await? else { return Ok(None) };
        let table = PoolTable::new(stored.entries)
            .ok()
            .filter(|table| table.pool().sha256() == sha256)
            .ok_or_else(|| {
                StoreError::Inconsistent(format!("pool {sha256} does not hash to its name"))
            })?;
        let table = Arc::new(table);
        let mut pools = self.foreign_pools.lock().unwrap_or_else(PoisonError::into_inner);
        if pools.len() >= FOREIGN_POOLS {
            pools.clear();
        }
        pools.insert(sha256, Arc::clone(&table));
        Ok(Some(table))
    }

    /// The store that holds the records.
    fn store(&self) -> &dyn Store {
        &*self.store
    }

    /// The signature of an ended epoch whose record has none, where this replica has the key of that epoch.
    fn late_signature(
        &self,
        record: &EpochRecord,
    ) -> Option<resi_protocol::rotation::VrfSignature> {
        let key = self.key_of(record.public_key)?;
        Some(key.sign(&record.parameters, record.epoch))
    }
}

fn differs(
    record: &EpochRecord,
    what: &str,
    own: impl std::fmt::Display,
    theirs: impl std::fmt::Display,
) -> NoDeal {
    let id = record.id();
    NoDeal(format!("{what} is {own} here and {theirs} in the record of epoch {id}").into())
}

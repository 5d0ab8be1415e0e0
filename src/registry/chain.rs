use std::sync::Arc;
use std::time::Duration;

use resi_chain::{ChainClient, Deadlines, Metagraph, RAO_PER_ALPHA, SyncError};
use resi_protocol::{Hotkey, Timestamp};
use resi_store::{KeptMembers, Store, StoreError};

use super::{Freshness, Registry, Standing};
use crate::settings::{ChainSetting, Settings};

/// The members of a subnet, as the chain says; synced by whoever calls [`sync`](Self::sync).
#[derive(Clone, Debug)]
pub struct ChainRegistry {
    metagraph: Arc<Metagraph>,
    netuid: u16,
}

impl ChainRegistry {
    /// The registry of subnet `netuid` by what `metagraph` knows of it.
    pub fn new(metagraph: Arc<Metagraph>, netuid: u16) -> Self {
        Self { metagraph, netuid }
    }

    /// The registry that `settings` name. Knows nothing yet.
    pub fn open(chain: &ChainSetting, settings: &Settings) -> Self {
        let client = ChainClient::new(chain.network.clone(), settings.netuid, Deadlines::default());
        let minimum_rao = settings.min_alpha_stake.saturating_mul(RAO_PER_ALPHA);
        Self::new(Arc::new(Metagraph::new(client, chain.rules, minimum_rao)), settings.netuid)
    }

    /// Asks the chain once.
    ///
    /// # Errors
    /// What was wrong with each of its nodes.
    pub async fn ask(&self, now: Timestamp) -> Result<(), SyncError> {
        self.metagraph.sync(now).await.map(drop)
    }

    /// Asks the chain once, and keeps what it said in the store. When the chain is away, takes over what another
    /// replica kept, if that is later.
    pub async fn sync(&self, store: &dyn Store, now: Timestamp) {
        match self.metagraph.sync(now).await {
            Ok(synced) => {
                for failure in &synced.failures {
                    tracing::warn!("chain: {failure}");
                }
                let (block, node) = (synced.snapshot.block, &synced.endpoint);
                tracing::info!(block, %node, validators = self.validators(), "members read from the chain");
                if let Err(error) = self.keep(store).await {
                    tracing::warn!("members of block {block} are not kept: {error}");
                }
            }
            Err(error) => {
                tracing::error!("chain: {error}; what was known before stays in force");
                self.restore(store, now).await;
            }
        }
    }

    async fn keep(&self, store: &dyn Store) -> Result<(), StoreError> {
        let (Some(snapshot), Some(bytes)) = (self.metagraph.snapshot(), self.metagraph.to_stored())
        else {
            return Ok(());
        };
        let genesis = *snapshot.genesis.as_bytes();
        let block = snapshot.block;
        store.keep_members(&KeptMembers { genesis, netuid: self.netuid, block, bytes }).await
    }

    /// Takes over what the store keeps, if it is of this chain and later than what is known.
    pub async fn restore(&self, store: &dyn Store, now: Timestamp) {
        let kept = match store.members(self.netuid).await {
            Ok(kept) => kept,
            Err(error) => {
                tracing::warn!("kept members cannot be read: {error}");
                return;
            }
        };
        for members in kept {
            match self.metagraph.restore(&members.bytes, now) {
                Ok(true) => {
                    tracing::info!(block = members.block, "members taken over from the store");
                }
                Ok(false) => {}
                Err(error) => tracing::warn!("kept members are not taken over: {error}"),
            }
        }
    }

    /// How long to wait for the next sync, by `random` from all of its range.
    pub fn next_sync_in(&self, random: u32) -> Duration {
        self.metagraph.next_sync_in(random)
    }
}

impl Registry for ChainRegistry {
    fn kind(&self) -> &'static str {
        "chain"
    }

    fn standing(&self, hotkey: &Hotkey) -> Standing {
        match self.metagraph.snapshot() {
            None => Standing::Unknown,
            Some(_) if self.metagraph.may_validate(hotkey) => Standing::Validator,
            Some(_) => Standing::Stranger,
        }
    }

    fn freshness(&self, now: Timestamp) -> Freshness {
        match self.metagraph.freshness(now) {
            resi_chain::Freshness::Fresh => Freshness::Fresh,
            resi_chain::Freshness::Stale => Freshness::Stale,
            resi_chain::Freshness::Expired => Freshness::Expired,
        }
    }

    fn age(&self, now: Timestamp) -> Option<Duration> {
        self.metagraph.age(now)
    }

    fn validators(&self) -> Option<u64> {
        Some(self.metagraph.validators().unwrap_or(0) as u64)
    }

    fn problem(&self) -> Option<String> {
        self.metagraph.problem()
    }

    fn refresh(&self, _: Timestamp) {}

    fn chain(&self) -> Option<&ChainRegistry> {
        Some(self)
    }
}

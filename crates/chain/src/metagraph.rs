use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use resi_protocol::{Hotkey, Timestamp};

use crate::age::{AgeRules, Freshness};
use crate::client::{ChainClient, FetchError};
use crate::network::Endpoint;
use crate::snapshot::Snapshot;
use crate::stored::{RestoreError, StoredSnapshot};
use crate::succession::{Step, follow};

/// Who may act as a validator of a subnet, answered from memory, and kept up to date by whoever calls [`sync`](Self::sync)
/// now and then.
#[derive(Debug)]
pub struct Metagraph {
    client: ChainClient,
    rules: AgeRules,
    minimum_rao: u64,
    /// The node that last gave something later.
    preferred: AtomicUsize,
    state: RwLock<State>,
}

#[derive(Debug, Default)]
struct State {
    known: Option<StoredSnapshot>,
    problem: Option<String>,
}

/// What a sync brought.
#[derive(Debug)]
pub struct Synced {
    /// The snapshot that is known now.
    pub snapshot: Arc<Snapshot>,
    /// The node that gave it.
    pub endpoint: Endpoint,
    /// What was wrong with the nodes that were asked before.
    pub failures: Vec<NodeFailure>,
}

/// Why one node brought nothing.
#[derive(Debug, thiserror::Error)]
#[error("{endpoint}: {reason}")]
pub struct NodeFailure {
    /// The node.
    pub endpoint: Endpoint,
    /// Why.
    pub reason: NodeFailureReason,
}

/// What is wrong with a node.
#[derive(Debug, thiserror::Error)]
pub enum NodeFailureReason {
    /// It gave no snapshot that may be taken.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// It answers, but its finalized block is still the one that is known.
    #[error("block {0} is still its last finalized one")]
    Standstill(u64),
}

/// No node brought anything later; what was known stays, and ages. Holds what was wrong with each.
#[derive(Debug)]
pub struct SyncError(pub Vec<NodeFailure>);

impl Metagraph {
    /// Knows nothing yet. Members with a permit and at least `minimum_rao` of alpha stake may act as validators.
    pub fn new(client: ChainClient, rules: AgeRules, minimum_rao: u64) -> Self {
        let preferred = AtomicUsize::new(0);
        Self { client, rules, minimum_rao, preferred, state: RwLock::default() }
    }

    /// Asks the nodes in turn, first the one that was best before, until one gives a later block. `now` is the moment
    /// of the call: the age of what it brings counts from there.
    ///
    /// # Errors
    /// [`SyncError`] when none does.
    pub async fn sync(&self, now: Timestamp) -> Result<Synced, SyncError> {
        let endpoints: Vec<_> = self.client.endpoints().cloned().collect();
        let first = self.preferred.load(Ordering::Relaxed);
        let mut failures = Vec::new();
        for (node, endpoint) in
            endpoints.iter().enumerate().cycle().skip(first).take(endpoints.len())
        {
            let endpoint = endpoint.clone();
            match self.sync_with(node, now).await {
                Ok(snapshot) => {
                    self.preferred.store(node, Ordering::Relaxed);
                    return Ok(Synced { snapshot, endpoint, failures });
                }
                Err(reason) => failures.push(NodeFailure { endpoint, reason }),
            }
        }
        let error = SyncError(failures);
        self.write().problem = Some(error.to_string());
        Err(error)
    }

    async fn sync_with(
        &self,
        node: usize,
        now: Timestamp,
    ) -> Result<Arc<Snapshot>, NodeFailureReason> {
        let snapshot = Arc::new(self.client.fetch(node).await?);
        let mut state = self.write();
        let known = state.known.as_ref().map(|known| &*known.snapshot);
        match follow(known, &snapshot).map_err(FetchError::from)? {
            Step::Standstill => Err(NodeFailureReason::Standstill(snapshot.block)),
            Step::Forward => {
                let known = StoredSnapshot { advanced_at: now, snapshot: Arc::clone(&snapshot) };
                *state = State { known: Some(known), problem: None };
                Ok(snapshot)
            }
        }
    }

    /// Takes over what [`to_stored`](Self::to_stored) gave, here before a restart or at another replica, if it is later
    /// than what is known; whether it was. Its age goes on from when it was young.
    ///
    /// # Errors
    /// [`RestoreError`] when it cannot be read, is of another chain or subnet, or of the future.
    pub fn restore(&self, stored: &[u8], now: Timestamp) -> Result<bool, RestoreError> {
        let stored = StoredSnapshot::read(stored, now)?;
        if let Some(expected) = self.client.genesis()
            && expected != stored.snapshot.genesis
        {
            return Err(RestoreError::OtherChain { expected, found: stored.snapshot.genesis });
        }
        if stored.snapshot.netuid != self.client.netuid() {
            return Err(RestoreError::OtherSubnet {
                expected: self.client.netuid(),
                found: stored.snapshot.netuid,
            });
        }
        let mut state = self.write();
        let known = state.known.as_ref().map(|known| &*known.snapshot);
        let later = matches!(follow(known, &stored.snapshot), Ok(Step::Forward));
        if later {
            state.known = Some(stored);
        }
        Ok(later)
    }

    /// What is known, as bytes to keep; `None` where nothing is.
    pub fn to_stored(&self) -> Option<Vec<u8>> {
        self.read().known.as_ref().map(StoredSnapshot::to_bytes)
    }

    /// Whether `hotkey` may act as a validator by what is known, however old that is: see
    /// [`freshness`](Self::freshness).
    pub fn may_validate(&self, hotkey: &Hotkey) -> bool {
        let state = self.read();
        state
            .known
            .as_ref()
            .is_some_and(|known| known.snapshot.may_validate(hotkey, self.minimum_rao))
    }

    /// How many may act as validators; `None` where nothing is known.
    pub fn validators(&self) -> Option<usize> {
        self.snapshot().map(|snapshot| snapshot.validators(self.minimum_rao).count())
    }

    /// What is known.
    pub fn snapshot(&self) -> Option<Arc<Snapshot>> {
        self.read().known.as_ref().map(|known| Arc::clone(&known.snapshot))
    }

    /// How far what is known is trusted at `now`.
    pub fn freshness(&self, now: Timestamp) -> Freshness {
        self.rules.freshness(self.age(now))
    }

    /// The time since the finalized block number last advanced; `None` where nothing is known.
    pub fn age(&self, now: Timestamp) -> Option<Duration> {
        self.read().known.as_ref().map(|known| now.since(known.advanced_at))
    }

    /// Why the last sync brought nothing; `None` where it did.
    pub fn problem(&self) -> Option<String> {
        self.read().problem.clone()
    }

    /// How long to wait for the next sync, by `random` from all of its range; after one that failed, a tenth of that.
    pub fn next_sync_in(&self, random: u32) -> Duration {
        match self.read().problem {
            None => self.rules.next_sync_in(random),
            Some(_) => self.rules.retry_in(random),
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Display for SyncError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, failure) in self.0.iter().enumerate() {
            let separator = if at == 0 { "" } else { "; " };
            write!(f, "{separator}{failure}")?;
        }
        Ok(())
    }
}

impl std::error::Error for SyncError {}

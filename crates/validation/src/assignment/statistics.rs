use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::PlannedBatch;
use super::deal::Candidate;

/// Figures about a plan.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Statistics {
    /// Batches with at least one group.
    pub batches: usize,
    /// Groups.
    pub groups: usize,
    /// Miners in groups, each counted as often as it is in one.
    pub assignments: usize,
    /// Different miners.
    pub unique_miners: usize,
    /// Different owners.
    pub unique_coldkeys: usize,
    /// Different owners for each different miner; 1 when nobody runs two, 0 when nobody is assigned.
    pub coldkey_diversity_ratio: f64,
    /// The fewest assignments of an active miner.
    pub lightest_load: usize,
    /// The most.
    pub heaviest_load: usize,
    /// Active miners without an assignment.
    pub idle_miners: usize,
    /// Miners that are not active, and so have none.
    pub inactive_miners: usize,
    /// Figures for each batch, in its order.
    pub per_batch: Vec<BatchStatistics>,
}

/// Figures about a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct BatchStatistics {
    /// Its name.
    pub batch: String,
    /// Its groups.
    pub groups: usize,
    /// Its miners.
    pub miners: usize,
    /// Their owners.
    pub coldkeys: usize,
}

impl Statistics {
    pub(super) fn of(
        batches: &[PlannedBatch],
        candidates: &[Candidate],
        inactive_miners: usize,
    ) -> Self {
        let mut loads: BTreeMap<u16, usize> =
            candidates.iter().map(|candidate| (candidate.uid, 0)).collect();
        let owner_of: BTreeMap<u16, _> =
            candidates.iter().map(|candidate| (candidate.uid, candidate.coldkey)).collect();
        let mut per_batch = Vec::with_capacity(batches.len());
        for batch in batches {
            let miners = || batch.groups.iter().flat_map(|group| &group.miners);
            miners().for_each(|uid| *loads.entry(*uid).or_default() += 1);
            per_batch.push(BatchStatistics {
                batch: batch.name.clone(),
                groups: batch.groups.len(),
                miners: miners().count(),
                coldkeys: miners()
                    .filter_map(|uid| owner_of.get(uid))
                    .collect::<BTreeSet<_>>()
                    .len(),
            });
        }
        let unique_miners = loads.values().filter(|load| **load > 0).count();
        let owners: BTreeSet<_> = loads
            .iter()
            .filter(|(_, load)| **load > 0)
            .filter_map(|(uid, _)| owner_of.get(uid))
            .collect();
        Self {
            batches: per_batch.iter().filter(|batch| batch.groups > 0).count(),
            groups: per_batch.iter().map(|batch| batch.groups).sum(),
            assignments: loads.values().sum(),
            unique_miners,
            unique_coldkeys: owners.len(),
            coldkey_diversity_ratio: owners.len() as f64 / unique_miners.max(1) as f64,
            lightest_load: loads.values().min().copied().unwrap_or(0),
            heaviest_load: loads.values().max().copied().unwrap_or(0),
            idle_miners: loads.len() - unique_miners,
            inactive_miners,
            per_batch,
        }
    }
}

use std::collections::BTreeMap;

use resi_protocol::SeededStream;

use super::deal::Candidate;

/// What can be in a batch once: some miners of one owner, of whom each batch gets at most one. An owner of whom a group
/// may have `n` miners has `n` lanes, or as many as it has miners.
#[derive(Clone, Debug)]
pub(super) struct Lane {
    pub(super) owner: usize,
    /// Positions among the candidates.
    pub(super) miners: Vec<usize>,
}

pub(super) struct Lanes {
    pub(super) lanes: Vec<Lane>,
    pub(super) owners: usize,
}

impl Lanes {
    pub(super) fn new(
        candidates: &[Candidate],
        per_owner: usize,
        stream: &mut SeededStream,
    ) -> Self {
        let mut by_owner = BTreeMap::new();
        for (position, candidate) in candidates.iter().enumerate() {
            by_owner.entry(candidate.coldkey).or_insert_with(Vec::new).push(position);
        }
        let owners = by_owner.len();
        let mut lanes = Vec::with_capacity(owners);
        for (owner, mut miners) in by_owner.into_values().enumerate() {
            stream.shuffle(&mut miners);
            let first = lanes.len();
            let count = per_owner.clamp(1, miners.len());
            lanes.extend((0..count).map(|_| Lane { owner, miners: Vec::new() }));
            for (position, miner) in miners.into_iter().enumerate() {
                lanes[first + position % count].miners.push(miner);
            }
        }
        stream.shuffle(&mut lanes);
        Self { lanes, owners }
    }
}

use super::Share;
use crate::{Coldkey, Credibilities, Miner};

/// The miners of an epoch and their owners as small numbers, in an order that follows from their keys alone.
#[derive(Clone, Debug)]
pub(crate) struct Panel {
    miners: Vec<Miner>,
    credibilities: Vec<Share>,
    owner_of: Vec<u32>,
    owners: Vec<Coldkey>,
}

impl Panel {
    pub(crate) fn new(miners: &[Miner], credibilities: &Credibilities) -> Self {
        let mut miners = miners.to_vec();
        miners.sort_unstable_by_key(|miner| (miner.uid, miner.hotkey, miner.coldkey));
        miners.dedup_by_key(|miner| miner.uid);
        let mut owners: Vec<Coldkey> = miners.iter().map(|miner| miner.coldkey).collect();
        owners.sort_unstable();
        owners.dedup();
        let owner_of = miners
            .iter()
            .map(|miner| owners.partition_point(|owner| *owner < miner.coldkey) as u32)
            .collect();
        let credibilities = miners.iter().map(|miner| credibilities.of(&miner.hotkey)).collect();
        Self { miners, credibilities, owner_of, owners }
    }

    pub(crate) fn miners(&self) -> &[Miner] {
        &self.miners
    }

    /// Of the miner at this position, before the epoch.
    pub(crate) fn credibility(&self, miner: usize) -> Share {
        self.credibilities[miner]
    }

    /// Sorted, without repetition.
    pub(crate) fn owners(&self) -> &[Coldkey] {
        &self.owners
    }

    pub(crate) fn position(&self, uid: u16) -> Option<usize> {
        self.miners.binary_search_by_key(&uid, |miner| miner.uid).ok()
    }

    pub(crate) fn owner(&self, miner: usize) -> usize {
        self.owner_of[miner] as usize
    }

    pub(crate) fn uid(&self, miner: usize) -> u16 {
        self.miners[miner].uid
    }

    pub(crate) fn uids_of(&self, owner: usize) -> impl Iterator<Item = u16> {
        (0..self.miners.len())
            .filter(move |&miner| self.owner(miner) == owner)
            .map(|miner| self.uid(miner))
    }
}

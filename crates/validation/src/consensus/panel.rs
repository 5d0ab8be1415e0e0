use super::Miner;

/// The miners of an epoch and their owners as small numbers, in an order that follows from their names alone.
#[derive(Clone, Debug)]
pub(crate) struct Panel {
    miners: Vec<Miner>,
    owner_of: Vec<u32>,
    owners: Vec<String>,
}

impl Panel {
    pub(crate) fn new(miners: &[Miner]) -> Self {
        let mut miners = miners.to_vec();
        miners.sort_by(|a, b| (a.uid, &a.hotkey, &a.coldkey).cmp(&(b.uid, &b.hotkey, &b.coldkey)));
        miners.dedup_by_key(|miner| miner.uid);
        let mut owners: Vec<String> = miners.iter().map(|miner| miner.coldkey.clone()).collect();
        owners.sort_unstable();
        owners.dedup();
        let owner_of = miners
            .iter()
            .map(|miner| owners.partition_point(|owner| *owner < miner.coldkey) as u32)
            .collect();
        Self { miners, owner_of, owners }
    }

    pub(crate) fn miners(&self) -> &[Miner] {
        &self.miners
    }

    /// Sorted, without repetition.
    pub(crate) fn owners(&self) -> &[String] {
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

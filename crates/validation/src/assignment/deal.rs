use resi_protocol::SeededStream;

use super::groups::split;
use super::lanes::Lanes;
use super::quotas::quotas;
use super::schedule::schedule;
use super::spread::{Areas, seats, spread_out};

/// A miner that can be given work.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate {
    pub(super) uid: u16,
    pub(super) coldkey: crate::Coldkey,
    pub(super) credibility: f64,
}

/// What is to be dealt: equal batches, and the rules of their groups.
pub(super) struct Demand {
    pub(super) group_size: usize,
    pub(super) overlap: usize,
    pub(super) max_per_owner: usize,
    pub(super) min_owners: usize,
    pub(super) min_miners: usize,
    /// Where the zipcodes of each batch are; as many as there are batches.
    pub(super) areas: Vec<Areas>,
    pub(super) spread: bool,
}

/// How many groups of which size every batch gets.
pub(super) struct Shape {
    pub(super) sizes: Vec<usize>,
    /// How many miners one batch could have, by the rules.
    pub(super) available: usize,
    /// How many owners these have.
    pub(super) owners: usize,
}

pub(super) struct Dealt {
    pub(super) shape: Shape,
    /// For every batch its groups, for every group the positions of its miners among the candidates.
    pub(super) batches: Vec<Vec<Vec<usize>>>,
}

impl Demand {
    /// So many miners of one owner that a full group has enough owners all the same.
    fn lanes_per_owner(&self) -> usize {
        self.max_per_owner.min(self.group_size / self.min_owners.max(1)).max(1)
    }

    fn shape(&self, lanes: &Lanes) -> Shape {
        let available = lanes.lanes.len();
        let owners = lanes.owners;
        let needed = self.min_miners.max(self.min_owners).max(1);
        let groups = if self.group_size < needed {
            0
        } else {
            self.overlap.min(available / needed).min(owners / self.min_owners.max(1))
        };
        let slots = available.min(groups * self.group_size);
        let sizes = (0..groups).map(|group| slots / groups + usize::from(group < slots % groups));
        Shape { sizes: sizes.collect(), available, owners }
    }

    /// Deals the batches to groups of the candidates, who are in the order of their uids.
    pub(super) fn deal(&self, candidates: &[Candidate], stream: &mut SeededStream) -> Dealt {
        let lanes = Lanes::new(candidates, self.lanes_per_owner(), stream);
        let shape = self.shape(&lanes);
        let batches = self.areas.len();
        let slots = shape.sizes.iter().sum::<usize>() * batches;
        if slots == 0 {
            return Dealt { shape, batches: vec![Vec::new(); batches] };
        }
        let lanes = lanes.lanes;
        let quotas = quotas(&lanes, batches, slots, stream);
        let lane_quotas: Vec<usize> = quotas.iter().map(|lane| lane.iter().sum()).collect();
        let schedule = schedule(&lane_quotas, batches, stream);
        let mut seats = seats(&schedule, &lanes, &quotas, &self.areas, candidates.len(), stream);
        if self.spread {
            spread_out(&mut seats, &self.areas, lanes.len(), candidates.len(), stream);
        }
        let batches = seats
            .iter()
            .map(|seats| split(seats, &lanes, candidates, &shape.sizes, stream))
            .collect();
        Dealt { shape, batches }
    }
}

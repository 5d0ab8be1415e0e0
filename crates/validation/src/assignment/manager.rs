use std::collections::{BTreeMap, BTreeSet};

use resi_protocol::wire::ValidatorData;
use resi_protocol::{SeededStream, Source, Sources, Zipcode};

use super::deal::{Candidate, Dealt, Demand};
use super::spread::areas;
use super::{AssignmentRules, Group, Plan, PlannedBatch, Shortfall, Statistics, Work};
use crate::messages::{AssignmentMode, PropertyKey};
use crate::{Credibilities, Metagraph};

const ZIPCODES: &str = "resi-assignment-v1:zipcodes";
const PROPERTIES: &str = "resi-assignment-v1:properties";

/// A batch of zipcodes to be assigned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// Its name, such as `batch_001`.
    pub name: String,
    /// Where to scrape.
    pub sources: Sources,
    /// What to scrape.
    pub zipcodes: Vec<Zipcode>,
}

impl Block {
    /// The blocks of an answer of the coordination service, in its order.
    pub fn of_validator_data(data: &ValidatorData) -> Vec<Self> {
        let blocks = data.data_blocks.iter().map(|(name, batch)| Self {
            name: name.clone(),
            sources: batch.sources,
            zipcodes: batch.zipcodes.clone(),
        });
        blocks.collect()
    }
}

/// Assigns work to miners by rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssignmentManager {
    rules: AssignmentRules,
}

impl AssignmentManager {
    /// A manager with these rules.
    pub const fn new(rules: AssignmentRules) -> Self {
        Self { rules }
    }

    /// Assigns blocks of zipcodes. `seed` is the epoch's; whoever has the same seed gets the same plan.
    pub fn zipcodes(
        &self,
        blocks: &[Block],
        metagraph: &Metagraph,
        credibilities: &Credibilities,
        seed: &[u8; 32],
    ) -> Plan {
        let rules = &self.rules;
        let (assigned, beyond) = blocks.split_at(blocks.len().min(rules.max_batches as usize));
        let mut shortfalls = Vec::new();
        for block in beyond {
            let batch = block.name.clone();
            shortfalls.push(Shortfall::BatchBeyondLimit { batch, limit: rules.max_batches });
        }
        for block in assigned {
            let zipcodes = block.zipcodes.len();
            if zipcodes > rules.zipcodes_per_batch as usize {
                let (batch, limit) = (block.name.clone(), rules.zipcodes_per_batch);
                shortfalls.push(Shortfall::OversizedBatch { batch, zipcodes, limit });
            }
        }
        let demand = Demand {
            group_size: rules.miners_per_group as usize,
            overlap: rules.overlap as usize,
            max_per_owner: rules.max_miners_per_coldkey as usize,
            min_owners: rules.min_coldkeys as usize,
            min_miners: rules.min_miners as usize,
            areas: assigned.iter().map(|block| areas(&block.zipcodes)).collect(),
            spread: rules.geographic_spread,
        };
        let work = assigned.iter().map(|block| {
            let (sources, zipcodes) = (block.sources, block.zipcodes.clone());
            (block.name.clone(), Work::Zipcodes { sources, zipcodes })
        });
        let (mode, stream) = (AssignmentMode::Zipcodes, SeededStream::labelled(ZIPCODES, seed));
        plan(mode, work.collect(), &demand, metagraph, credibilities, shortfalls, stream)
    }

    /// Assigns homes by their ids: every home once, whatever how often it is listed, to
    /// [`AssignmentRules::miners_per_property`] miners of different owners. An assignment is of one source and not of
    /// neighbours: ids are mixed first.
    pub fn properties(
        &self,
        ids: &BTreeMap<Source, Vec<String>>,
        metagraph: &Metagraph,
        credibilities: &Credibilities,
        seed: &[u8; 32],
    ) -> Plan {
        let rules = &self.rules;
        let mut stream = SeededStream::labelled(PROPERTIES, seed);
        let mut shortfalls = Vec::new();
        let mut work = Vec::new();
        for (&source, ids) in ids {
            let mut known: BTreeMap<PropertyKey, &String> = BTreeMap::new();
            for id in ids {
                match PropertyKey::of_id(source, id) {
                    Some(key) => {
                        known.entry(key).or_insert(id);
                    }
                    None => {
                        let id = id.chars().take(80).collect();
                        shortfalls.push(Shortfall::UnreadableId { source, id });
                    }
                }
            }
            let mut ids: Vec<String> = known.into_values().cloned().collect();
            stream.shuffle(&mut ids);
            for ids in ids.chunks(rules.max_properties.max(1) as usize) {
                let name = format!("properties_{:03}", work.len() + 1);
                work.push((name, Work::Properties { source, ids: ids.to_vec() }));
            }
        }
        let group_size = rules.miners_per_property as usize;
        let demand = Demand {
            group_size,
            overlap: 1,
            max_per_owner: 1,
            // The minima are meant for the larger groups of zipcodes.
            min_owners: group_size.min(rules.min_coldkeys as usize),
            min_miners: group_size.min(rules.min_miners as usize),
            areas: vec![[0; 10]; work.len()],
            spread: false,
        };
        let mode = AssignmentMode::PropertyIds;
        plan(mode, work, &demand, metagraph, credibilities, shortfalls, stream)
    }
}

fn plan(
    mode: AssignmentMode,
    work: Vec<(String, Work)>,
    demand: &Demand,
    metagraph: &Metagraph,
    credibilities: &Credibilities,
    mut shortfalls: Vec<Shortfall>,
    mut stream: SeededStream,
) -> Plan {
    let miners = metagraph.miners();
    let candidates: Vec<Candidate> = miners
        .iter()
        .filter(|miner| miner.active)
        .map(|miner| Candidate {
            uid: miner.uid,
            coldkey: miner.coldkey,
            credibility: credibilities.of(&miner.hotkey).as_f64(),
        })
        .collect();
    let Dealt { shape, batches: dealt } = demand.deal(&candidates, &mut stream);
    let mut batches = Vec::with_capacity(work.len());
    for ((name, work), dealt) in work.into_iter().zip(dealt) {
        let mut groups = Vec::with_capacity(dealt.len());
        for overlap_group in 0..demand.overlap {
            let members = dealt.get(overlap_group).map_or(&[][..], Vec::as_slice);
            let owners =
                members.iter().map(|at| candidates[*at].coldkey).collect::<BTreeSet<_>>().len();
            let batch = name.clone();
            let (miners, wanted) = (members.len(), demand.group_size);
            if miners < demand.min_miners.max(1) || owners < demand.min_owners {
                let (needed, owners) = (demand.min_miners, demand.min_owners);
                let enough = shape.available >= needed * (groups.len() + 1) && wanted >= needed;
                let overlap_group = number(overlap_group);
                shortfalls.push(if enough && needed > 0 {
                    let (available, needed) = (shape.owners, owners);
                    Shortfall::TooFewColdkeys { batch, overlap_group, available, needed }
                } else {
                    let available = shape.available;
                    Shortfall::TooFewMiners { batch, overlap_group, available, needed }
                });
                continue;
            }
            let overlap_group = number(overlap_group);
            if miners < wanted {
                shortfalls.push(Shortfall::ShortGroup { batch, overlap_group, miners, wanted });
            }
            let mut miners: Vec<u16> = members.iter().map(|at| candidates[*at].uid).collect();
            miners.sort_unstable();
            groups.push(Group { overlap_group, miners });
        }
        batches.push(PlannedBatch { name, work, groups });
    }
    let inactive = miners.len() - candidates.len();
    let statistics = Statistics::of(&batches, &candidates, inactive);
    let (lightest, heaviest) = (statistics.lightest_load, statistics.heaviest_load);
    if heaviest > lightest + 1 {
        shortfalls.push(Shortfall::UnevenLoad { lightest, heaviest });
    }
    Plan { mode, batches, shortfalls, statistics }
}

fn number(overlap_group: usize) -> u32 {
    u32::try_from(overlap_group).unwrap_or(u32::MAX)
}

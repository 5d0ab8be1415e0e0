use std::fmt;

use resi_protocol::{Source, Sources, Zipcode};
use serde::{Deserialize, Serialize};

use super::Statistics;
use crate::messages::AssignmentMode;

/// Who gets what, and what could not be met.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Plan {
    /// What is assigned.
    pub mode: AssignmentMode,
    /// The batches, in the order in which they were given.
    pub batches: Vec<PlannedBatch>,
    /// What the rules asked for and could not be had.
    pub shortfalls: Vec<Shortfall>,
    /// Figures about it.
    pub statistics: Statistics,
}

/// A batch and its groups.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlannedBatch {
    /// Its name.
    pub name: String,
    /// What is to be scraped.
    pub work: Work,
    /// The groups that scrape it, independently of each other; no miner and no owner is in two of them.
    pub groups: Vec<Group>,
}

/// Miners that scrape the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Its number in the batch, from 0.
    pub overlap_group: u32,
    /// The uids of its miners, in order.
    pub miners: Vec<u16>,
}

/// What is to be scraped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Work {
    /// All homes of these zipcodes at these sources.
    Zipcodes {
        /// The sources.
        sources: Sources,
        /// The zipcodes.
        zipcodes: Vec<Zipcode>,
    },
    /// These homes.
    Properties {
        /// Where they are listed.
        source: Source,
        /// Their ids there.
        ids: Vec<String>,
    },
}

/// Something the rules asked for that could not be had.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Shortfall {
    /// A batch is not assigned, as there are enough without it.
    BatchBeyondLimit {
        /// Which batch.
        batch: String,
        /// How many batches are assigned at most.
        limit: u32,
    },
    /// A batch is larger than it is meant to be; it is assigned whole.
    OversizedBatch {
        /// Which batch.
        batch: String,
        /// How many zipcodes it has.
        zipcodes: usize,
        /// How many it is meant to have.
        limit: u32,
    },
    /// A group is not formed, as it would be too small to find a consensus.
    TooFewMiners {
        /// Which batch.
        batch: String,
        /// Which group.
        overlap_group: u32,
        /// How many miners there are for all groups of the batch, by the rules.
        available: usize,
        /// How many a group needs.
        needed: usize,
    },
    /// A group is not formed, as too few owners would be in it.
    TooFewColdkeys {
        /// Which batch.
        batch: String,
        /// Which group.
        overlap_group: u32,
        /// How many owners there are for all groups of the batch.
        available: usize,
        /// How many a group needs.
        needed: usize,
    },
    /// A group is formed with fewer miners than it is meant to have.
    ShortGroup {
        /// Which batch.
        batch: String,
        /// Which group.
        overlap_group: u32,
        /// How many miners it has.
        miners: usize,
        /// How many it is meant to have.
        wanted: usize,
    },
    /// Some miners have at least two assignments more than others: the rules about owners leave no other way.
    UnevenLoad {
        /// The fewest assignments of a miner.
        lightest: usize,
        /// The most.
        heaviest: usize,
    },
    /// An id is none of its source.
    UnreadableId {
        /// The source.
        source: Source,
        /// The first 80 characters of the id.
        id: String,
    },
}

impl fmt::Display for Shortfall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BatchBeyondLimit { batch, limit } => {
                write!(f, "{batch} is not assigned: at most {limit} batches are")
            }
            Self::OversizedBatch { batch, zipcodes, limit } => {
                write!(
                    f,
                    "{batch} has {zipcodes} zipcodes, more than the {limit} it is meant to have"
                )
            }
            Self::TooFewMiners { batch, overlap_group, available, needed } => write!(
                f,
                "group {overlap_group} of {batch} is not formed: the rules about owners allow {available} miners for \
                 the batch, each group needs {needed}"
            ),
            Self::TooFewColdkeys { batch, overlap_group, available, needed } => write!(
                f,
                "group {overlap_group} of {batch} is not formed: {available} owners are to be had for the batch, \
                 each group needs {needed}"
            ),
            Self::ShortGroup { batch, overlap_group, miners, wanted } => {
                write!(f, "group {overlap_group} of {batch} has {miners} miners of {wanted}")
            }
            Self::UnevenLoad { lightest, heaviest } => write!(
                f,
                "some miners have {lightest} assignments and some {heaviest}: their owners have too many miners"
            ),
            Self::UnreadableId { source, id } => write!(f, "{id:?} is no id of {source}"),
        }
    }
}

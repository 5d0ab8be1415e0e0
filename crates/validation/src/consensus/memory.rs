use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Coldkey;

/// What a validator carries from one epoch to the next: plain data, to be kept as JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// The coldkeys that the numbers below are positions of; rising.
    pub owners: Vec<Coldkey>,
    /// How often two owners stood together in disputed batches, less how often against each other; fading.
    pub meetings: Vec<Meeting>,
    /// Who sat in batches that were disputed in the last epochs.
    pub disputes: Vec<Dispute>,
    /// How reliable an owner was, by coldkey; fading.
    pub records: BTreeMap<Coldkey, Record>,
}

/// Two owners that met in disputed batches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meeting {
    /// Who.
    pub owners: [u32; 2],
    /// 1024 for each batch in which they stood together, as much less for each in which they stood against each other.
    pub strength: i32,
}

/// A batch in which two sides stood against each other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dispute {
    /// How many epochs ago.
    pub age: u32,
    /// Who sat in it.
    pub owners: Vec<u32>,
}

/// How often an owner was judged and wrong: for each field in its order, and last for whether homes exist.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Values that could be held against accepted ones.
    pub judged: [u32; 7],
    /// Those of them that were wrong.
    pub wrong: [u32; 7],
}

impl Record {
    pub(crate) fn add(&mut self, other: &Self) {
        for channel in 0..self.judged.len() {
            self.judged[channel] = self.judged[channel].saturating_add(other.judged[channel]);
            self.wrong[channel] = self.wrong[channel].saturating_add(other.wrong[channel]);
        }
    }

    pub(crate) fn less(&self, other: &Self) -> Self {
        Self {
            judged: std::array::from_fn(|channel| {
                self.judged[channel].saturating_sub(other.judged[channel])
            }),
            wrong: std::array::from_fn(|channel| {
                self.wrong[channel].saturating_sub(other.wrong[channel])
            }),
        }
    }

    pub(crate) fn faded(&self) -> Self {
        let half = |count: &u32| count / 2;
        Self { judged: self.judged.each_ref().map(half), wrong: self.wrong.each_ref().map(half) }
    }
}

use serde::{Deserialize, Serialize};

use super::actor::Actor;
use super::bounds;

/// What is played: a world, who lies in it, and for how long.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// For tables.
    #[serde(default = "unnamed")]
    pub name: String,
    /// Epochs that are counted.
    #[serde(default = "five", deserialize_with = "bounds::epochs")]
    pub epochs: u32,
    /// Epochs before those, in which everybody is honest.
    #[serde(default, deserialize_with = "bounds::epochs_or_none")]
    pub honest_epochs: u32,
    /// The part of the honest miners that is new after the honest epochs.
    #[serde(default, deserialize_with = "bounds::part")]
    pub newcomers: f64,
    /// The size of the world and its noise.
    #[serde(default)]
    pub world: World,
    /// Those that are not honest; the rest of the miners is.
    #[serde(default)]
    pub actors: Vec<Actor>,
}

fn unnamed() -> String {
    "mixture".to_owned()
}

fn five() -> u32 {
    5
}

/// Why a scenario cannot be played.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum ScenarioError {
    /// More than all miners are dishonest.
    #[error("the shares of the actors sum to {0:.3}, which is more than 1")]
    Shares(f64),
    /// More miners sit in a batch than are compared with each other.
    #[error("{0} groups of {1} are {2} miners a batch, and at most 64 are compared")]
    Seats(usize, usize, usize),
    /// More zipcodes than there are numbers for.
    #[error("{0} batches of {1} are {2} zipcodes, and at most {MOST_ZIPCODES} are played")]
    Zipcodes(usize, usize, usize),
    /// More than fits in memory.
    #[error("an epoch of {0} reported homes is too large: at most {MOST_REPORTS} are played")]
    Reports(u64),
}

/// Those from 10000 to 99999.
pub(super) const MOST_ZIPCODES: usize = 90_000;
/// Each takes 36 bytes: less than 4 GB.
const MOST_REPORTS: u64 = 100_000_000;

impl Scenario {
    /// So many epochs of a world of the usual size, in which everybody is honest.
    pub fn honest(name: &str, epochs: u32) -> Self {
        Self {
            name: name.to_owned(),
            epochs,
            honest_epochs: 0,
            newcomers: 0.0,
            world: World::default(),
            actors: Vec::new(),
        }
    }

    /// The part of the miners that is not honest.
    pub fn dishonest(&self) -> f64 {
        self.actors.iter().map(|actor| actor.share).sum()
    }

    /// Whether it can be played.
    ///
    /// # Errors
    /// When its numbers do not fit each other, or what is judged at once does not fit in memory.
    pub fn check(&self) -> Result<(), ScenarioError> {
        let shares = self.dishonest();
        // Shares such as 0.1 are not exact.
        if shares > 1.0 + 1e-9 {
            return Err(ScenarioError::Shares(shares));
        }
        let World { group, groups, batches, zipcodes, homes, miners, .. } = self.world;
        let seats = group.saturating_mul(groups);
        if seats > 64 {
            return Err(ScenarioError::Seats(groups, group, seats));
        }
        let codes = batches.saturating_mul(zipcodes);
        if codes > MOST_ZIPCODES {
            return Err(ScenarioError::Zipcodes(batches, zipcodes, codes));
        }
        let reports = codes.saturating_mul(homes).saturating_mul(seats.min(miners)) as u64;
        if reports > MOST_REPORTS {
            return Err(ScenarioError::Reports(reports));
        }
        Ok(())
    }
}

/// The size of a world and how much honest miners differ in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct World {
    /// Miners; each has an owner of its own unless an actor says otherwise.
    #[serde(deserialize_with = "bounds::miners")]
    pub miners: usize,
    /// Batches an epoch.
    #[serde(deserialize_with = "bounds::size")]
    pub batches: usize,
    /// Zipcodes a batch.
    #[serde(deserialize_with = "bounds::size")]
    pub zipcodes: usize,
    /// Homes a zipcode, on average.
    #[serde(deserialize_with = "bounds::homes")]
    pub homes: usize,
    /// Miners a group.
    #[serde(deserialize_with = "bounds::seats")]
    pub group: usize,
    /// Groups a batch.
    #[serde(deserialize_with = "bounds::seats")]
    pub groups: usize,
    /// The part of the assigned miners that answers at all.
    #[serde(deserialize_with = "bounds::part")]
    pub answering: f64,
    /// The least and the largest part of homes that a scraper misses.
    #[serde(deserialize_with = "bounds::parts")]
    pub missed: [f64; 2],
    /// The least and the largest part of each field's values that a scraper misreads.
    #[serde(deserialize_with = "bounds::parts")]
    pub misread: [f64; 2],
    /// The part of homes whose price changes within the window.
    #[serde(deserialize_with = "bounds::part")]
    pub changing_prices: f64,
    /// How many scrapers the honest miners share; 0 when everybody has an own one.
    #[serde(deserialize_with = "bounds::tools")]
    pub tools: usize,
    /// The part of each field's values that such a scraper misreads, for everybody who uses it.
    #[serde(deserialize_with = "bounds::part")]
    pub tool_misreads: f64,
    /// The part of homes that are hard for everybody.
    #[serde(deserialize_with = "bounds::part")]
    pub hard: f64,
    /// How often each of them is missed, and each of its fields misread.
    #[serde(deserialize_with = "bounds::part")]
    pub hard_missed: f64,
}

impl Default for World {
    fn default() -> Self {
        Self {
            miners: 256,
            batches: 50,
            zipcodes: 20,
            homes: 50,
            group: 10,
            groups: 2,
            answering: 1.0,
            missed: [0.005, 0.03],
            misread: [0.001, 0.006],
            changing_prices: 0.002,
            tools: 0,
            tool_misreads: 0.003,
            hard: 0.0,
            hard_missed: 0.3,
        }
    }
}

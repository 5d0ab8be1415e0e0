use serde::{Deserialize, Serialize};

/// What is played: a world, who lies in it, and for how long.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// For tables.
    pub name: String,
    /// Epochs that are counted.
    #[serde(default = "five")]
    pub epochs: u32,
    /// Epochs before those, in which everybody is honest.
    #[serde(default)]
    pub honest_epochs: u32,
    /// The part of the honest miners that is new after the honest epochs.
    #[serde(default)]
    pub newcomers: f64,
    /// The size of the world and its noise.
    #[serde(default)]
    pub world: World,
    /// Those that are not honest; the rest of the miners is.
    #[serde(default)]
    pub actors: Vec<Actor>,
}

fn five() -> u32 {
    5
}

/// The size of a world and how much honest miners differ in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct World {
    /// Miners; each has an owner of its own unless an actor says otherwise.
    pub miners: usize,
    /// Batches an epoch.
    pub batches: usize,
    /// Zipcodes a batch.
    pub zipcodes: usize,
    /// Homes a zipcode, on average.
    pub homes: usize,
    /// Miners a group.
    pub group: usize,
    /// Groups a batch.
    pub groups: usize,
    /// The part of the assigned miners that answers at all.
    pub answering: f64,
    /// The least and the largest part of homes that a scraper misses.
    pub missed: [f64; 2],
    /// The least and the largest part of each field's values that a scraper misreads.
    pub misread: [f64; 2],
    /// The part of homes whose price changes within the window.
    pub changing_prices: f64,
    /// How many scrapers the honest miners share; 0 when everybody has an own one.
    pub tools: usize,
    /// The part of each field's values that such a scraper misreads, for everybody who uses it.
    pub tool_misreads: f64,
    /// The part of homes that are hard for everybody.
    pub hard: f64,
    /// How often each of them is missed, and each of its fields misread.
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

/// A part of the miners that behaves alike.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Actor {
    /// Of all miners.
    pub share: f64,
    /// How.
    #[serde(flatten)]
    pub behaviour: Behaviour,
}

/// How a dishonest miner behaves.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Behaviour {
    /// All tell the same lies.
    Ring {
        /// The part of homes they lie about.
        homes: f64,
        /// What they lie about.
        lies: Lies,
        /// They lie only in batches where so many of them sit.
        #[serde(default)]
        holding: usize,
        /// So many miners have one owner.
        #[serde(default = "one")]
        miners_per_owner: usize,
    },
    /// Each makes up values of its own.
    Fabricator {
        /// The part of homes they do so for.
        homes: f64,
    },
    /// Groups of a few that report homes that do not exist.
    Inventor {
        /// So many invent the same homes.
        together: usize,
        /// Invented homes, as a part of the real ones.
        homes: f64,
    },
    /// Sends the answer of an honest miner of the batch; all of a batch copy the same one.
    Copier {
        /// The longest time between the two answers, in seconds.
        delay: u32,
        /// The part of homes that are changed a little, or left out.
        changes: f64,
    },
    /// Sends a part of what it was asked for.
    Lazy {
        /// Which part.
        sends: f64,
    },
    /// Answers after more than two hours.
    Slow,
    /// Answers within two minutes.
    Fast,
}

fn one() -> usize {
    1
}

/// What a ring lies about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lies {
    /// Every field.
    Everything,
    /// The price.
    Price,
    /// The price, by 4.5 % only.
    Shade,
}

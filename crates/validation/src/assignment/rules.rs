/// How work is spread over miners. Values are taken as they are; [`crate::settings::Settings`] checks them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssignmentRules {
    /// How many zipcodes a batch is meant to have; larger ones are noted.
    pub zipcodes_per_batch: u32,
    /// How many miners a group has.
    pub miners_per_group: u32,
    /// How many groups get the same batch.
    pub overlap: u32,
    /// How many batches are assigned at most.
    pub max_batches: u32,
    /// How many miners of one owner a group may have. Where a full group of that kind could lack owners, fewer are taken.
    pub max_miners_per_coldkey: u32,
    /// How many owners a group must have.
    pub min_coldkeys: u32,
    /// How many miners a group must have.
    pub min_miners: u32,
    /// Whether each miner's zipcodes are to be far apart.
    pub geographic_spread: bool,
    /// How many miners get the same property id.
    pub miners_per_property: u32,
    /// How many property ids an assignment has at most.
    pub max_properties: u32,
}

impl Default for AssignmentRules {
    /// Those of the `consensus` preset.
    fn default() -> Self {
        Self {
            zipcodes_per_batch: 20,
            miners_per_group: 10,
            overlap: 2,
            max_batches: 50,
            max_miners_per_coldkey: 1,
            min_coldkeys: 5,
            min_miners: 6,
            geographic_spread: true,
            miners_per_property: 5,
            max_properties: 50,
        }
    }
}

use resi_protocol::{Timestamp, Zipcode};

use super::{Catalog, FIELDS, PropertyId, Refusal};
use crate::{Credibilities, Miner};

/// What stands where a miner said nothing about a field: an abstention.
pub const ABSENT: u32 = u32::MAX;

/// What one miner says about one home.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Report {
    /// Which home.
    pub property: PropertyId,
    /// One value a field, in the order of [`Field::ALL`](super::Field::ALL) and in its units, or [`ABSENT`].
    pub values: [u32; FIELDS],
    /// How each value was written, where equal values can be written differently (`450000` and `450000.0`).
    /// Only [`Majority`](super::Majority), which compares texts, looks at it.
    pub spelling: [u8; FIELDS],
}

/// What one miner sent back for one batch.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Who.
    pub uid: u16,
    /// In which of the batch's groups.
    pub group: u16,
    /// Whether the miner calls it completed.
    pub completed: bool,
    /// When the validator sent the assignment, by its own clock.
    pub sent_at: Timestamp,
    /// When the validator received the answer, by its own clock.
    pub received_at: Timestamp,
    /// When scraping began, as the miner claims.
    pub scrape_started: Option<Timestamp>,
    /// The homes. At most [`Settings::max_homes_per_zipcode`](super::Settings::max_homes_per_zipcode) for each zipcode of
    /// the batch, or the whole answer is refused.
    pub reports: Vec<Report>,
    /// How many values were refused while parsing: not a number, out of every range.
    pub refused_values: u32,
}

/// A batch of zipcodes and what came back for it.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// `batch_001`.
    pub name: String,
    /// Reports of other zipcodes are left out.
    pub zipcodes: Vec<Zipcode>,
    /// The miners it was assigned to; those that did not answer are judged by it.
    pub assigned: Vec<u16>,
    /// The answers, in any order; more may be pushed until it is judged.
    pub answers: Vec<Answer>,
    /// Answers that were refused before; they are reported and judged with those that are refused here.
    pub refused: Vec<Refusal>,
}

/// Everything that is judged together.
#[derive(Clone, Debug, Default)]
pub struct Epoch {
    /// `2025-01-15T08-00-00`.
    pub id: String,
    /// The homes and texts that reports point to.
    pub catalog: Catalog,
    /// All miners of the metagraph, in any order. An owner has one vote however many miners it runs.
    pub miners: Vec<Miner>,
    /// Of those miners, as the validator kept them.
    pub credibilities: Credibilities,
    /// The batches.
    pub batches: Vec<Batch>,
    /// Zipcodes where no home is sold, as the service revealed them after the epoch: whoever reports homes there made
    /// them up.
    pub honeypots: Vec<Zipcode>,
}

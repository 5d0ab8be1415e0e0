//! Whole epochs in memory: a hidden truth, honest miners that differ by rounding, gaps, misreadings and timing, and liars.
//!
//! ```
//! use resi_validation::simulation::{Scenario, World, run};
//!
//! let world = World { miners: 24, batches: 4, zipcodes: 2, homes: 20, ..World::default() };
//! let scenario = Scenario { name: "small".into(), epochs: 1, honest_epochs: 0, newcomers: 0.0, world, actors: vec![] };
//! for run in run(&scenario, 1) {
//!     assert!(run.pooled().coverage() > 0.5);
//! }
//! ```

mod campaign;
mod cast;
mod chart;
mod curves;
mod page;
mod play;
mod report;
mod rng;
mod scenario;
mod score;
mod table;
mod truth;

pub use campaign::{Run, Standing, first_epoch, run};
pub use curves::{CURVE_SHARES, curve_name, curves};
pub use page::page;
pub use report::{Line, batch_confidence, credibility, markdown, summary};
pub use scenario::{Actor, Behaviour, Lies, Scenario, World};
pub use score::Score;
pub use table::{Goal, Row, attacks, held_out, mixture, table};

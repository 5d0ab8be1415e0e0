//! Whole epochs in memory: a hidden truth, honest miners that differ by rounding, gaps, misreadings and timing, and liars.
//!
//! ```
//! use resi_validation::simulation::{Scenario, World, run};
//!
//! let world = World { miners: 24, batches: 4, zipcodes: 2, homes: 20, ..World::default() };
//! let scenario = Scenario { world, ..Scenario::honest("small", 1) };
//! for run in run(&scenario, 1) {
//!     assert!(run.pooled().coverage() > 0.5);
//! }
//! ```

mod actor;
mod bounds;
mod campaign;
mod cast;
mod chart;
mod curves;
mod held_out;
mod markdown;
mod page;
mod play;
mod report;
mod rng;
mod scenario;
mod score;
mod table;
mod tournament;
mod truth;

pub use actor::{Actor, ActorError, Behaviour, Lies};
pub use campaign::{Run, Standing, first_epoch, run};
pub use curves::{Curve, curves, curves_of};
pub use held_out::{beyond, held_out};
pub use markdown::markdown;
pub use page::page;
pub use report::{Figures, Line, Performance, summary};
pub use scenario::{Scenario, ScenarioError, World};
pub use score::Score;
pub use table::{Goal, Row, attacks, mixture, table};
pub use tournament::{Game, play_all};

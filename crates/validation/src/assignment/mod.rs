//! Who scrapes what: batches of zipcodes, or of property ids, dealt to groups of miners.
//!
//! Everything follows from the arguments: the same blocks, miners, credibilities, rules and seed give the same plan on
//! every validator, in whatever order the metagraph came. What the rules asked for and could not be had is in the plan
//! ([`Plan::shortfalls`]); no rule is broken to fill a group.
//!
//! ```
//! use resi_protocol::Hotkey;
//! use resi_validation::assignment::{AssignmentManager, AssignmentRules, Block, RequestHeader};
//! use resi_validation::{Coldkey, Credibilities, Metagraph, Miner};
//!
//! let miners = (0..40).map(|uid: u8| Miner {
//!     uid: uid.into(),
//!     hotkey: Hotkey::from_bytes([uid; 32]),
//!     coldkey: Coldkey(Hotkey::from_bytes([uid / 2; 32])),
//!     active: true,
//! });
//! let metagraph = Metagraph::new(miners.collect())?;
//! let blocks = [Block {
//!     name: "batch_001".into(),
//!     sources: "ZILLOW_SOLD".parse()?,
//!     zipcodes: vec!["77494".parse()?, "08701".parse()?],
//! }];
//!
//! let manager = AssignmentManager::new(AssignmentRules::default());
//! let plan = manager.zipcodes(&blocks, &metagraph, &Credibilities::default(), &[7; 32]);
//! assert_eq!(plan.batches[0].groups.len(), 2);
//! assert!(plan.shortfalls.is_empty());
//!
//! let uid = plan.batches[0].groups[1].miners[0];
//! let header = RequestHeader::new("zipcode_assignment_1".into());
//! let request = plan.requests_for(uid, &header).next().ok_or("none")?;
//! assert_eq!(request.overlap_group, Some(1));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod deal;
mod groups;
mod lanes;
mod manager;
mod plan;
mod quotas;
mod requests;
mod rules;
mod schedule;
mod spread;
mod statistics;

pub use manager::{AssignmentManager, Block};
pub use plan::{Group, Plan, PlannedBatch, Shortfall, Work};
pub use requests::RequestHeader;
pub use rules::AssignmentRules;
pub use statistics::{BatchStatistics, Statistics};

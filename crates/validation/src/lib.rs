//! What a RESI validator does with its blocks, without I/O, a clock or chance of its own: from blocks and a metagraph to
//! assignments, from miners' answers to what can be judged, from judgements to credibilities.
//!
//! - [`messages`]: what is sent to miners, and what is kept of their answers.
//! - [`settings`]: presets, and the names under which users change them.
//! - [`assignment`]: which miners scrape what.
//! - [`spot_check`]: what a validator scrapes itself, and what that says.
//! - [`CredibilityRules`], [`TimeRewardRules`]: what being right, and being quick, is worth.
//! - [`consensus`]: from the answers of an epoch to accepted values, findings and credibilities.
//! - [`offline`]: from what was recorded to what [`consensus`] judges.
//! - [`simulation`]: whole epochs in memory, with honest miners and organised liars, to measure a strategy.
//! - [`canonical`]: one text and hash for one result.
#![deny(missing_docs)]

pub mod assignment;
pub mod canonical;
pub mod consensus;
mod credibility;
pub mod messages;
mod metagraph;
pub mod offline;
pub mod settings;
pub mod simulation;
pub mod spot_check;
mod time_rewards;

pub use credibility::{Conduct, Credibilities, CredibilityRules, reward_weight};
pub use metagraph::{Coldkey, Metagraph, MetagraphError, Miner};
pub use time_rewards::TimeRewardRules;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

//! Who may act as a validator of a subnet, as the chain says.
//!
//! What is decided is pure: [`Snapshot`] and its sanity, [`follow`] (what may take the place of what), [`AgeRules`] (what
//! is due, stale, expired). [`ChainClient`] does the asking, within [`Deadlines`]; [`Metagraph`] holds the last good
//! snapshot in memory and asks the nodes of a [`Network`] in turn. No clock is read and no randomness made: both come as
//! arguments.
//!
//! ```no_run
//! use resi_chain::{AgeRules, ChainClient, Deadlines, Freshness, Metagraph, Network, RAO_PER_ALPHA};
//! use resi_protocol::{Hotkey, Timestamp};
//!
//! # async fn example(now: Timestamp, hotkey: Hotkey) -> Result<(), Box<dyn std::error::Error>> {
//! let client = ChainClient::new(Network::choose(Some("finney"), None)?, 46, Deadlines::default());
//! let metagraph = Metagraph::new(client, AgeRules::default(), 20_000 * RAO_PER_ALPHA);
//! metagraph.sync(now).await?;
//! let may_enter = metagraph.may_validate(&hotkey) && metagraph.freshness(now) != Freshness::Expired;
//! # Ok(()) }
//! ```
//!
//! Over a restart: [`Metagraph::to_stored`] after each sync that brought something, [`Metagraph::restore`] before the first
//! one. The bytes belong to one chain, subnet and block; replicas that share a place for them keep those of the latest.
#![deny(missing_docs)]

mod age;
mod client;
mod columns;
mod deadline;
mod metagraph;
mod network;
mod shape;
mod snapshot;
#[cfg(feature = "stand-in")]
pub mod stand_in;

mod stored;
mod succession;

pub use age::{AgeRules, AgeRulesError, Freshness};
pub use client::{ChainClient, Deadlines, FetchError};
pub use metagraph::{Metagraph, NodeFailure, NodeFailureReason, SyncError, Synced};
pub use network::{Endpoint, GenesisHash, Network, NetworkError};
pub use shape::ShapeError;
pub use snapshot::{Coldkey, Member, RAO_PER_ALPHA, Snapshot, SnapshotError};
pub use stored::RestoreError;
pub use succession::{NoSuccessor, Step, follow};

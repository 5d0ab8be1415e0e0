#![doc = include_str!("../README.md")]
#![deny(missing_docs)]

mod announcements;
#[cfg(feature = "blocking")]
pub mod blocking;
mod blocks;
mod builder;
mod calls;
mod client;
mod clock;
mod data_folder;
mod environment;
mod error;
mod flights;
mod known_rotation;
mod requests;
mod retry;
mod session;
mod signer;
mod token;
mod transport;
mod verified_blocks;
mod verified_epoch;
mod wallet;
mod watch;

/// The wire types, keys and checks that service and client share.
pub use resi_protocol as protocol;

pub use builder::{BuildError, ClientBuilder};
pub use client::Client;
pub use clock::{Clock, Jitter, SystemClock, SystemJitter};
pub use error::{Cause, ClockOff, Error, Refusal, Unverified};
pub use known_rotation::{KnownRotation, Trust};
pub use requests::{AssignmentsRequest, BlocksRequest, PageRequest};
pub use retry::RetryPolicy;
pub use signer::Signer;
pub use verified_blocks::VerifiedBlocks;
pub use verified_epoch::VerifiedEpoch;
pub use wallet::{Wallet, WalletError};

//! What the RESI coordination service and its clients say to each other, and the rules both sides must agree on.
//!
//! Nothing here does I/O, reads a clock or is asynchronous: every rule is a function of its arguments.
//!
//! - [`wire`]: the bodies of requests and answers, and the error codes.
//! - [`Hotkey`], [`Signature`], [`Keypair`]: SS58 addresses and sr25519 over them.
//! - [`btauth`]: HTTP requests signed by headers.
//! - [`Sources`]: the data sources and their names.
//! - [`EpochSchedule`], [`EpochIndex`], [`EpochId`]: time cut into epochs.
//! - [`SeededStream`]: random choices that everybody can repeat.
//! - [`Foreign`]: text of others, fit to be shown.
//! - [`rotation`]: the verifiable deal of zipcodes, and its verifier.
//!
//! ```
//! use resi_protocol::{EpochSchedule, Timestamp};
//!
//! let schedule = EpochSchedule::new(14_400).expect("not zero");
//! let epoch = schedule.index_at("2025-01-15T10:30:00Z".parse::<Timestamp>().expect("a time")).expect("after 1970");
//! assert_eq!(schedule.id(epoch).to_string(), "2025-01-15T08-00-00");
//! ```
#![deny(missing_docs)]

pub mod btauth;
mod epoch;
mod foreign;
mod hotkey;
mod junction;
mod keypair;
pub mod rotation;
mod seeded_stream;
mod sha256_hash;
mod signature;
mod sources;
mod timestamp;
pub mod wire;
mod zipcode;

pub use epoch::{EpochId, EpochIdError, EpochIndex, EpochSchedule, EpochSecondsError};
pub use foreign::Foreign;
pub use hotkey::{Hotkey, HotkeyError};
pub use junction::Junction;
pub use keypair::{Keypair, SecretKeyError};
pub use seeded_stream::SeededStream;
pub use sha256_hash::{HexError, Sha256Hash};
pub use signature::{InvalidSignature, Signature, SignatureFormatError};
pub use sources::{Source, Sources, SourcesError};
pub use timestamp::{Timestamp, TimestampError};
pub use zipcode::{Zipcode, ZipcodeError};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

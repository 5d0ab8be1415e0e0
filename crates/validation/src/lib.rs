//! What a validator of the RESI network concludes from its miners' answers, without I/O, clock or randomness of its own.
//!
//! - [`consensus`]: from the answers of an epoch to accepted values, findings and credibilities.
//! - [`simulation`]: whole epochs in memory, with honest miners and organised liars, to measure a strategy.
#![deny(missing_docs)]

pub mod consensus;
pub mod simulation;

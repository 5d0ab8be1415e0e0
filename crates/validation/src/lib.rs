//! What a RESI validator does with its blocks, without I/O.
#![deny(missing_docs)]

pub mod messages;

//! The commands of the binary.

pub mod keygen;
pub mod serve;
pub mod verify;

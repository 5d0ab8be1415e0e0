//! The commands of the binary.

pub mod audit;
pub mod keygen;
pub mod opening;
pub mod serve;
pub mod verify;

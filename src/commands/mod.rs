//! The commands of the binary.

pub mod audit;
pub mod backup;
pub mod completions;
pub mod config_init;
pub mod doctor;
pub mod epochs;
pub mod health;
pub mod keygen;
pub mod man;
pub mod opening;
pub mod restore;
pub mod rotate_jwt_key;
pub mod rotation;
pub mod serve;
pub mod validators;
pub mod verify;

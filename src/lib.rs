//! The coordination service of the RESI data network: the HTTP server around `resi-protocol` and `resi-store`.

pub mod app;
pub mod auth;
pub mod background;
pub mod board;
pub mod cli;
pub mod clock;
pub mod commands;
pub mod endpoints;
pub mod error;
pub mod http;
pub mod ids;
pub mod known_epochs;
pub mod lifecycle;
pub mod limits;
pub mod log;
pub mod metrics;
pub mod nonces;
pub mod printable;
pub mod pulls;
pub mod refusals;
pub mod registry;
pub mod rotation;
pub mod settings;
pub mod shared_limit;
pub mod signed;
pub mod tokens;

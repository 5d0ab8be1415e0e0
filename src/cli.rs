//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::settings::RawSettings;

/// The coordination service of the RESI data network.
#[derive(Debug, Parser)]
#[command(name = "resi-data-api", version, about, propagate_version = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What the binary can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the service
    Serve(SettingsArgs),
    /// Look at settings
    Config {
        /// What to do with them.
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Check a saved answer, or one that is fetched, against the rules of the rotation
    Verify(VerifyArgs),
    /// Print new keys as lines of an env file
    Keygen,
    /// Print the OpenAPI document
    Openapi,
}

/// What to do with settings.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Check them and print what is in force, secrets hidden
    Check(SettingsArgs),
}

/// Where settings come from.
#[derive(Debug, Args)]
pub struct SettingsArgs {
    /// Settings file (TOML); flags and environment go before it
    #[arg(long, env = "RESI_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// What is said by flag or environment.
    #[command(flatten)]
    pub settings: Box<RawSettings>,
}

/// What to verify, and what was known before.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// A file with the answer of /api/v1/validator-data or /api/v1/epochs/{id}, or the URL of one
    #[arg(value_name = "FILE|URL")]
    pub answer: String,
    /// The rotation's public key as you know it; without it the answer vouches for itself only
    #[arg(long, value_name = "HEX")]
    pub public_key: Option<String>,
    /// The subnet as you know it
    #[arg(long)]
    pub netuid: Option<u16>,
    /// The length of an epoch as you know it
    #[arg(long, value_name = "SECONDS")]
    pub epoch_seconds: Option<u32>,
    /// The hash of the pool as you know it
    #[arg(long, value_name = "HEX")]
    pub pool_sha256: Option<String>,
    /// How many zipcodes are dealt in an epoch, as you know it
    #[arg(long, value_name = "N")]
    pub zipcodes_per_epoch: Option<u32>,
    /// The block size that was asked for
    #[arg(long, value_name = "N")]
    pub block_size: Option<u32>,
    /// The pool: an answer of /api/v1/pools/{sha256}, or zipcodes one a line [default: the table inside, or the service]
    #[arg(long, value_name = "FILE")]
    pub pool: Option<PathBuf>,
    /// When the answer was got, if not now: 2025-01-15T10:30:00Z
    #[arg(long, value_name = "TIME")]
    pub at: Option<String>,
    /// Access token for a URL that needs one
    #[arg(long, env = "RESI_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    pub token: Option<String>,
}

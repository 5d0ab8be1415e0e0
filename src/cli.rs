//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use resi_secret::Secret;

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
    /// Print what was granted, refused, dealt and reported, oldest first
    Audit(AuditArgs),
    /// Check everything that the service needs, in words, and change nothing; exits with 1 where something fails
    Doctor(SettingsArgs),
    /// Copy a database of SQLite into a new file, also while the service runs
    Backup {
        /// The new file
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Which database.
        #[command(flatten)]
        settings: SettingsArgs,
    },
    /// Put a backup in the place of the database of SQLite; the service must be stopped
    Restore {
        /// What `backup` made
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Which database.
        #[command(flatten)]
        settings: SettingsArgs,
    },
    /// Look at validators
    Validators {
        /// What to do.
        #[command(subcommand)]
        command: ValidatorsCommand,
    },
    /// Look at the records of epochs
    Epochs {
        /// What to do.
        #[command(subcommand)]
        command: EpochsCommand,
    },
    /// Take one step of the rotation of the key that signs tokens: append a new one
    RotateJwtKey(RotateJwtKeyArgs),
    /// Change the rotation's key or parameters
    Rotation {
        /// What to do.
        #[command(subcommand)]
        command: RotationCommand,
    },
    /// Check a saved answer, or one that is fetched, against the rules of the rotation
    Verify(VerifyArgs),
    /// Ask a running service whether it is ready; exits with 1 where it is not
    Health(HealthArgs),
    /// Print new keys as lines of an env file
    Keygen,
    /// Print the OpenAPI document
    Openapi,
    /// Print what a shell needs to complete this command line
    Completions {
        /// The shell
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
    /// Print the man page, or write one for each command
    Man {
        /// A folder to write them into
        #[arg(value_name = "DIR")]
        folder: Option<PathBuf>,
    },
}

/// What to do with settings.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Check them and print what is in force, secrets hidden
    Check(SettingsArgs),
    /// Write a settings file that has every setting at its default, commented out; a file that is there is left alone
    Init {
        /// The new file
        #[arg(value_name = "FILE", default_value = "resi.toml")]
        file: PathBuf,
    },
}

/// What to do with validators.
#[derive(Debug, Subcommand)]
pub enum ValidatorsCommand {
    /// List who was ever granted access, and whether the registry lets them in now
    List {
        /// One JSON object a line
        #[arg(long)]
        json: bool,
        /// Which database.
        #[command(flatten)]
        settings: SettingsArgs,
    },
}

/// What to do with epochs.
#[derive(Debug, Subcommand)]
pub enum EpochsCommand {
    /// List the newest records, and what changed from one to the next
    List(EpochsListArgs),
}

/// What to do with the rotation.
#[derive(Debug, Subcommand)]
pub enum RotationCommand {
    /// Announce that the next key, and the parameters of these settings, count from an epoch on; it cannot be taken back
    Announce(AnnounceArgs),
}

/// What to announce.
#[derive(Debug, Args)]
pub struct AnnounceArgs {
    /// The first epoch of what comes, such as 2025-01-17T08-00-00 [default: the first that is far enough ahead]
    #[arg(long, value_name = "EPOCH")]
    pub from: Option<String>,
    /// The public half of the next key, where NEXT_ROTATION_KEY is not here [default: of NEXT_ROTATION_KEY; else no other]
    #[arg(long, value_name = "HEX")]
    pub new_key: Option<String>,
    /// The new parameters, the key that signs, and which database.
    #[command(flatten)]
    pub settings: SettingsArgs,
}

/// Which records to list.
#[derive(Debug, Args)]
pub struct EpochsListArgs {
    /// At most this many
    #[arg(long, value_name = "N", default_value_t = 12)]
    pub limit: u32,
    /// One JSON object a line
    #[arg(long)]
    pub json: bool,
    /// Which database.
    #[command(flatten)]
    pub settings: SettingsArgs,
}

/// Which step of a rotation to take.
#[derive(Debug, Args)]
pub struct RotateJwtKeyArgs {
    /// Move the newest key to the front: it signs
    #[arg(long)]
    pub promote: bool,
    /// Drop all keys but the one that signs
    #[arg(long, conflicts_with = "promote")]
    pub drop: bool,
    /// Which keys.
    #[command(flatten)]
    pub settings: SettingsArgs,
}

/// Where settings come from.
#[derive(Clone, Debug, Args)]
pub struct SettingsArgs {
    /// Settings file (TOML); flags and environment go before it
    #[arg(long, env = "RESI_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// What is said by flag or environment, which [`RawSettings::overlay`] puts over the file.
    #[command(flatten)]
    pub settings: Box<RawSettings>,
}

/// Which entries of the audit to print.
#[derive(Debug, Args)]
pub struct AuditArgs {
    /// Only those of this hotkey
    #[arg(long, value_name = "SS58")]
    pub hotkey: Option<String>,
    /// From this time on, or from so long ago: 2025-01-15T10:30:00Z, 30m, 24h, 7d [default: 24h]
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// One JSON object a line
    #[arg(long)]
    pub json: bool,
    /// Which database.
    #[command(flatten)]
    pub settings: SettingsArgs,
}

/// Which service to ask.
#[derive(Debug, Args)]
pub struct HealthArgs {
    /// Where it answers [default: where it listens by its settings]
    #[arg(long, value_name = "URL")]
    pub url: Option<Secret>,
    /// How long it may take
    #[arg(long, value_name = "SECONDS", default_value_t = 3)]
    pub timeout: u64,
    /// Which service.
    #[command(flatten)]
    pub settings: SettingsArgs,
}

/// What to verify, and what was known before.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// A file with the answer of /api/v1/validator-data or /api/v1/epochs/{id}, or the URL of one
    #[arg(value_name = "FILE|URL")]
    pub answer: Secret,
    /// Check the records of all epochs instead: every signature, every link, every proof; FILE has pages of
    /// /api/v1/epochs one after the other, URL is the service's
    #[arg(long, conflicts_with_all = [
        "epoch_seconds", "pool_sha256", "zipcodes_per_epoch", "honeypots_sha256", "epoch", "sources", "block_size",
        "pool", "token",
    ])]
    pub history: bool,
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
    /// The hash of the decoys, as the blocks of this epoch had it
    #[arg(long, value_name = "HEX")]
    pub honeypots_sha256: Option<String>,
    /// The epoch that was asked for, where it is not in the URL: 2025-01-15T08-00-00
    #[arg(long)]
    pub epoch: Option<String>,
    /// The sources that were asked for, where they are not in the URL
    #[arg(long)]
    pub sources: Option<String>,
    /// The block size that was asked for, where it is not in the URL
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub block_size: Option<u32>,
    /// The pool: an answer of /api/v1/pools/{sha256}, or zipcodes one a line [default: the table inside, or the service]
    #[arg(long, value_name = "FILE")]
    pub pool: Option<PathBuf>,
    /// When the answer was got, if not now: 2025-01-15T10:30:00Z
    #[arg(long, value_name = "TIME")]
    pub at: Option<String>,
    /// Access token for a URL that needs one
    #[arg(long, env = "RESI_TOKEN", value_name = "TOKEN")]
    pub token: Option<Secret>,
}

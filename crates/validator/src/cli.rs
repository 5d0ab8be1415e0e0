use clap::Parser;

use crate::commands::Command;
use crate::connection::ConnectionArgs;
use crate::output::StyleArgs;

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  something on this machine is wrong
  2  the command line is wrong
  3  not verified: do not use these blocks
  4  the service refused, and will again
  5  the service is not there, or busy: try again later
  6  the clock of this machine is off
  7  the wallet cannot be used
  8  the answer is none to what was asked: something else may be at that address
  9  verify found nothing wrong, but for what is marked ?? there is nothing but the answer itself";

/// The validators' command for the RESI coordination service
///
/// People get text, pipes get JSON, whatever --json or --table do not decide.
#[derive(Debug, Parser)]
#[command(name = "resi-validator", version, about, after_help = EXIT_CODES, propagate_version = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
    #[command(flatten)]
    pub(crate) style: StyleArgs,
    /// What to say of tries and faults, on standard error
    #[arg(long, env = "RESI_LOG", global = true, default_value = "warn", hide = true)]
    pub(crate) log: String,
    #[command(subcommand)]
    pub(crate) command: Command,
}

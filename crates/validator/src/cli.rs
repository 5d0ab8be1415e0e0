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

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;
    use resi_secret::command_line::{is_secret, is_secret_file};

    use super::*;

    /// The tests that walk over all secret settings cannot see the definition of the command line, and read this list.
    #[test]
    fn the_list_of_secret_settings_is_that_of_the_command_line() {
        let mut lines = Vec::new();
        let mut commands = vec![Cli::command()];
        while let Some(command) = commands.pop() {
            for argument in command.get_arguments() {
                let name = argument.get_long().unwrap_or(argument.get_id().as_str());
                let variable = argument.get_env().map(|name| name.to_string_lossy().into_owned());
                let variable = variable.unwrap_or_else(|| "-".to_owned());
                if is_secret(argument) || is_secret_file(argument) {
                    let kind = if is_secret(argument) { "text" } else { "file" };
                    lines.push(format!("{name} {variable} {kind}\n"));
                } else {
                    assert!(!sounds_secret(name), "{name} is not hidden");
                }
            }
            commands.extend(command.get_subcommands().cloned());
        }
        lines.sort();
        assert_eq!(lines.concat(), include_str!("../tests/secret_settings.txt"));
    }

    fn sounds_secret(name: &str) -> bool {
        // The public half of the rotation's key, and a seed that everybody may make the plan from again.
        let public =
            ["wallet.hotkey", "rotation-key", "assignment-seed", "seed", "seeds", "hotkey"];
        let sounds = ["key", "token", "password", "secret", "url", "uri", "phrase", "seed"];
        sounds.iter().any(|sound| name.contains(sound)) && !public.contains(&name)
    }
}

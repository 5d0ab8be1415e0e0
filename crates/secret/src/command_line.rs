//! Command lines that have secrets among their arguments, by the type of the argument: no help shows their values, no
//! error quotes a piece of one, and what is given as a flag can be warned of, since everybody on the machine sees it.

use std::any::TypeId;
use std::error::Error as _;
use std::ffi::{OsStr, OsString};

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command, Error, Parser};

use crate::{Secret, SecretFile};

const NOT_SHOWN: &str = "there is a word on the command line that has no place there; it is not shown, since it may belong to \
     a secret (a value with blanks must be in quotes, and a flag takes one value)";

/// No flag or command has a longer name.
const LONGEST_NAME: usize = 40;

/// Whether what `argument` takes is secret: whether it is read as a [`Secret`].
pub fn is_secret(argument: &Arg) -> bool {
    argument.get_value_parser().type_id() == TypeId::of::<Secret>()
}

/// Whether `argument` names a file with a secret in it: whether it is read as a [`SecretFile`].
pub fn is_secret_file(argument: &Arg) -> bool {
    argument.get_value_parser().type_id() == TypeId::of::<SecretFile>()
}

/// The command line of this process, and what clap knows of it. Where it is wrong this prints why and ends the process,
/// as clap's own does.
pub fn parse<C: Parser>() -> (C, ArgMatches) {
    try_parse(std::env::args_os().collect()).unwrap_or_else(|error| error.exit())
}

fn try_parse<C: Parser>(words: Vec<OsString>) -> Result<(C, ArgMatches), Error> {
    let mut command = guarded(C::command());
    let matches = command
        .try_get_matches_from_mut(&words)
        .map_err(|error| without_foreign_words(error, &words, &mut command))?;
    let parsed = C::from_arg_matches(&matches).map_err(|error| error.format(&mut command))?;
    Ok((parsed, matches))
}

/// The command with its secrets hidden: `--help` prints the value that a variable has, and a secret that begins with a
/// hyphen would be taken for flags, and these named in an error.
fn guarded(command: Command) -> Command {
    command
        .mut_args(|argument| {
            let hidden = is_secret(&argument) || is_secret_file(&argument);
            let takes_hyphens = is_secret(&argument) && !argument.is_positional();
            let argument = if hidden { argument.hide_env_values(true) } else { argument };
            if takes_hyphens { argument.allow_hyphen_values(true) } else { argument }
        })
        .mut_subcommands(guarded)
}

/// Clap quotes what it does not understand, which may be a secret in the wrong place, or the rest of one.
fn without_foreign_words(error: Error, words: &[OsString], command: &mut Command) -> Error {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => text.as_str(),
        _ => "",
    };
    let is_name = |character: char| character.is_ascii_alphanumeric() || "-._".contains(character);
    let quoted = match error.kind() {
        ErrorKind::UnknownArgument => text(ContextKind::InvalidArg),
        ErrorKind::InvalidSubcommand => text(ContextKind::InvalidSubcommand),
        ErrorKind::ValueValidation if is_like_key(text(ContextKind::InvalidValue)) => {
            let (flag, reason) = (text(ContextKind::InvalidArg), error.source());
            let reason = reason.map_or(String::new(), |reason| format!(": {reason}"));
            let words =
                format!("invalid value for '{flag}', not shown since it looks like a key{reason}");
            return Error::raw(ErrorKind::ValueValidation, words).format(command);
        }
        _ => return error,
    };
    let fit = quoted.len() < LONGEST_NAME && quoted.chars().all(is_name);
    if fit && !words.iter().any(|word| gives_secret(word, command)) {
        return error;
    }
    Error::raw(ErrorKind::UnknownArgument, NOT_SHOWN).format(command)
}

/// Whether it has as many hex digits in a row as half a key.
fn is_like_key(text: &str) -> bool {
    text.split(|character: char| !character.is_ascii_hexdigit()).any(|digits| digits.len() >= 32)
}

fn gives_secret(word: &OsStr, command: &Command) -> bool {
    let text = word.to_string_lossy();
    let flag = text.split_once('=').map_or(&*text, |(flag, _)| flag);
    let named = |argument: &Arg| {
        let long = argument.get_long().filter(|_| is_secret(argument));
        long.is_some_and(|long| flag.strip_prefix("--") == Some(long))
    };
    command.get_arguments().any(named)
        || command.get_subcommands().any(|command| gives_secret(word, command))
}

/// A secret that stands on the command line.
#[derive(Debug)]
pub struct Exposed {
    /// The flag that gave it, with its hyphens.
    pub flag: String,
    /// The variable that takes it instead, where there is one.
    pub variable: Option<String>,
    /// What was given.
    pub secret: Secret,
}

impl Exposed {
    /// What to say of it.
    pub fn warning(&self) -> String {
        let instead = match &self.variable {
            Some(variable) => format!("give it as {variable}, or in a file"),
            None => "keep it in a file".to_owned(),
        };
        format!("{}: `ps` shows it to everybody on this machine; {instead}", self.flag)
    }
}

/// The secrets among what was said on the command line, each once.
pub fn exposed(command: &Command, matches: &ArgMatches) -> Vec<Exposed> {
    let on_line = |argument: &&Arg| {
        let id = argument.get_id().as_str();
        is_secret(argument) && matches.value_source(id) == Some(ValueSource::CommandLine)
    };
    let exposed = |argument: &Arg| {
        let secret = matches.get_one::<Secret>(argument.get_id().as_str())?.clone();
        let variable = argument.get_env().map(|name| name.to_string_lossy().into_owned());
        Some(Exposed { flag: format!("--{}", argument.get_long()?), variable, secret })
    };
    let mut found: Vec<_> = command.get_arguments().filter(on_line).filter_map(exposed).collect();
    if let Some((name, matches)) = matches.subcommand()
        && let Some(command) = command.find_subcommand(name)
    {
        found.extend(self::exposed(command, matches));
    }
    found
}

/// What was said to the innermost command.
pub fn innermost(matches: &ArgMatches) -> &ArgMatches {
    matches.subcommand().map_or(matches, |(_, inner)| innermost(inner))
}

#[cfg(test)]
mod tests {
    use clap::{Args, CommandFactory as _, Subcommand};

    use super::*;

    #[derive(Debug, Parser)]
    #[command(name = "tool", version)]
    struct Tool {
        #[arg(long, global = true, env = "RESI_SECRET_TEST_PASSWORD")]
        password: Option<Secret>,
        #[command(subcommand)]
        command: Work,
    }

    #[derive(Debug, Subcommand)]
    enum Work {
        Run(Run),
    }

    #[derive(Debug, Args)]
    struct Run {
        #[arg(long)]
        key: Option<Secret>,
        #[arg(long)]
        key_file: Option<SecretFile>,
        #[arg(long)]
        number: Option<u16>,
    }

    fn parse(words: &[&str]) -> Result<(Tool, ArgMatches), Error> {
        try_parse(["tool"].iter().chain(words).map(OsString::from).collect())
    }

    #[test]
    fn a_secret_is_known_by_its_type() {
        let command = Tool::command();
        let run = command.find_subcommand("run").expect("a command");
        let names = |is: fn(&Arg) -> bool| {
            run.get_arguments()
                .filter(|argument| is(argument))
                .map(|a| a.get_id().as_str())
                .collect::<Vec<_>>()
        };
        assert_eq!((names(is_secret), names(is_secret_file)), (vec!["key"], vec!["key_file"]));
        assert!(command.get_arguments().any(is_secret));
    }

    #[test]
    fn no_error_quotes_a_piece_of_a_secret() {
        for words in [
            &["run", "--key", "correct", "hunter2"][..],
            &["run", "--key=correct", "hunter2"],
            &["run", "--key=correct", "--hunter2"],
            &["run", "--key", "correct", "-hunter2"],
            &["--password", "correct", "hunter2", "run"],
            &["run", "--key", "correct", "--key", "hunter2"],
            &["run", "--kye=hunter2"],
            &["run", "--kye", "hunter2"],
            &["run", "--https://me:hunter2@host"],
            &["me:hunter2@host"],
            &["run", "--number", "7", "--password"],
        ] {
            let shown = parse(words).expect_err("wrong").to_string();
            assert!(!shown.contains("hunter") && !shown.contains("correct"), "{words:?}: {shown}");
        }
        let key = "7e".repeat(31);
        let shown = parse(&["run", "--number", &key]).expect_err("wrong").to_string();
        assert!(!shown.contains("7e7e") && shown.contains("--number <NUMBER>"), "{shown}");
        let shown = parse(&["run", "--nmuber", "7"]).expect_err("wrong").to_string();
        assert!(shown.contains("--nmuber") && shown.contains("--number"), "{shown}");
        let (tool, _) = parse(&["run", "--key", "-hunter2"]).expect("a key");
        let Work::Run(run) = tool.command;
        assert_eq!(run.key.expect("given").expose(), "-hunter2");
        assert!(run.key_file.is_none() && run.number.is_none() && tool.password.is_none());
    }

    #[test]
    fn what_stands_on_the_command_line_is_found_once() {
        let words = |words: &[&str]| {
            let (_, matches) = parse(words).expect("right");
            let exposed = exposed(&guarded(Tool::command()), &matches);
            exposed.iter().map(Exposed::warning).collect::<Vec<_>>()
        };
        assert!(words(&["run", "--key-file", "x", "--number", "7"]).is_empty());
        assert_eq!(
            words(&["run", "--key", "x", "--password", "x"]),
            [
                "--password: `ps` shows it to everybody on this machine; give it as RESI_SECRET_TEST_PASSWORD, or in a file",
                "--key: `ps` shows it to everybody on this machine; keep it in a file",
            ]
        );
        assert_eq!(words(&["--password", "x", "run"]).len(), 1);
    }

    #[test]
    fn help_hides_what_variables_hold() {
        let command = guarded(Tool::command());
        let run = command.find_subcommand("run").expect("a command");
        for argument in command.get_arguments().chain(run.get_arguments()) {
            let hidden = is_secret(argument) || is_secret_file(argument);
            assert_eq!(argument.is_hide_env_values_set(), hidden, "{argument}");
        }
    }
}

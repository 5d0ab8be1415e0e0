use std::error::Error as StdError;
use std::fmt::Display;
use std::process::ExitCode;

use resi_client::{BuildError, Error, WalletError};
use resi_protocol::Foreign;
use resi_protocol::rotation::VerifyError;

/// How many characters of each cause are shown.
const LONGEST_CAUSE: usize = 1_000;

/// Nothing is wrong with an answer, and something of it nobody vouches for. It was shown already.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("not everything is vouched for")]
pub(crate) struct Open;

/// Says on standard error what went wrong.
pub(crate) fn tell(error: &anyhow::Error) {
    if !error.is::<Open>() {
        say(words(error));
    }
}

/// One line on standard error. Whoever chose some of the words must be shown as foreign.
pub(crate) fn say(words: impl Display) {
    eprintln!("resi-validator: {words}");
}

/// An error with its causes, in one line: files and services choose some of the words.
pub(crate) fn words(error: &anyhow::Error) -> String {
    error.chain().map(cause).collect::<Vec<_>>().join(": ")
}

fn cause(cause: &(dyn StdError + 'static)) -> String {
    let words = cause.to_string();
    // It draws the line of the file that is wrong, and where in it.
    if cause.is::<toml::de::Error>() {
        let lines = words.lines().map(|line| Foreign::new(line).at_most(LONGEST_CAUSE).to_string());
        return lines.collect::<Vec<_>>().join("\n");
    }
    // Those of the client are shown as foreign already.
    if cause.is::<Error>() || cause.is::<WalletError>() {
        return words;
    }
    Foreign::new(&words).at_most(LONGEST_CAUSE).to_string()
}

/// A number that a script can act upon; `--help` lists them.
pub(crate) fn exit_code(error: &anyhow::Error) -> ExitCode {
    let code = error.chain().find_map(|cause| {
        if let Some(error) = cause.downcast_ref::<Error>() {
            return Some(code_of_call(error));
        }
        if cause.is::<VerifyError>() {
            return Some(3);
        }
        if cause.is::<WalletError>() {
            return Some(7);
        }
        if cause.is::<Open>() {
            return Some(9);
        }
        cause.is::<BuildError>().then_some(2)
    });
    ExitCode::from(code.unwrap_or(1))
}

fn code_of_call(error: &Error) -> u8 {
    match error {
        Error::Unverified(_) | Error::Pool(_) => 3,
        Error::ClockOff(_) => 6,
        error if error.is_retryable() => 5,
        Error::Refused(_) => 4,
        Error::Nonsense { .. } => 8,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use anyhow::{Context as _, anyhow};

    use super::*;

    #[test]
    fn causes_stay_in_one_line() {
        let error = Err::<(), _>(anyhow!("unknown field `\u{1b}[2J\n\u{9b}ok`"));
        let error = error.context("miners.json").expect_err("an error");
        assert_eq!(words(&error), r"miners.json: unknown field `\u{1b}[2J\n\u{9b}ok`");
    }
}

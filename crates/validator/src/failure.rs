use std::process::ExitCode;

use resi_client::{BuildError, Error, WalletError};
use resi_protocol::rotation::VerifyError;

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
        cause.is::<BuildError>().then_some(2)
    });
    ExitCode::from(code.unwrap_or(1))
}

fn code_of_call(error: &Error) -> u8 {
    match error {
        Error::Unverified(_) => 3,
        Error::ClockOff(_) => 6,
        error if error.is_retryable() => 5,
        Error::Refused(_) => 4,
        _ => 1,
    }
}

//! The binary: reads the command line, and hands over.

use std::io::IsTerminal as _;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;
use resi_data_api::cli::{Cli, Command, ConfigCommand, SettingsArgs};
use resi_data_api::clock::{Clock, SystemClock};
use resi_data_api::commands::{keygen, serve, verify};
use resi_data_api::endpoints::openapi;
use resi_data_api::log::{self, LogSink};
use resi_data_api::settings::Settings;

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("resi-data-api: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> Result<()> {
    match cli.command {
        Command::Serve(args) => {
            let settings = settings(args)?;
            let sink = LogSink::start();
            log::init(&sink, settings.log_format, &settings.log).context("--log")?;
            warn_of_old_names();
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
            let served = runtime.block_on(serve::run(settings, sink.clone()));
            runtime.shutdown_background();
            sink.flush();
            served
        }
        Command::Config { command: ConfigCommand::Check(args) } => {
            print!("{}", settings(args)?.in_force());
            Ok(())
        }
        Command::Verify(args) => {
            print!("{}", verify::run(&args, SystemClock::new().now())?);
            Ok(())
        }
        Command::Keygen => {
            print!("{}", keygen::run()?);
            Ok(())
        }
        Command::Openapi => {
            print!("{}", openapi::text());
            Ok(())
        }
    }
}

fn settings(args: SettingsArgs) -> Result<Settings> {
    let mut raw = *args.settings;
    if raw.netuid.is_none()
        && let Some(netuid) = environment("NET_UID")
    {
        raw.netuid = Some(netuid.parse().context("NET_UID")?);
    }
    if let Some(path) = args.config {
        raw = raw.over_file(&path)?;
    }
    Settings::resolve(raw, std::io::stderr().is_terminal())
}

/// Files in the field set it to numbers that nothing ever enforced.
fn warn_of_old_names() {
    if environment("VALIDATOR_MIN_STAKE").is_some() {
        tracing::warn!(
            "VALIDATOR_MIN_STAKE is not read; the least stake is VALIDATOR_MIN_ALPHA_STAKE, in whole alpha"
        );
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "names that clap cannot read beside the one it reads"
)]
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

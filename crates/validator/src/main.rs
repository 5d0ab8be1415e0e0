//! The validators' command: what the client crate does, from a shell.

mod cli;
mod commands;
mod connection;
mod failure;
mod files;
mod output;
mod progress;

use std::io::{self, IsTerminal as _};
use std::process::ExitCode;

use anyhow::Result;
use clap::CommandFactory as _;
use resi_secret::command_line::{self, Exposed};
use tracing::{Level, Metadata};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::cli::Cli;
use crate::failure::{exit_code, tell};

fn main() -> ExitCode {
    let (cli, said) = command_line::parse::<Cli>();
    for exposed in command_line::exposed(&Cli::command(), &said).iter().filter(holds_secret) {
        eprintln!("resi-validator: warning: {}", exposed.warning());
    }
    match run(&cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tell(&error);
            exit_code(&error)
        }
    }
}

/// An address mostly holds none, and keys of development, such as //Alice, are known to everybody.
fn holds_secret(exposed: &&Exposed) -> bool {
    match exposed.flag.as_str() {
        "--url" => exposed.secret.expose().contains('@'),
        "--wallet-uri" => !exposed.secret.expose().starts_with('/'),
        _ => true,
    }
}

fn run(cli: &Cli) -> Result<()> {
    let layer = tracing_subscriber::fmt::layer()
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .with_target(false);
    // A library does not know which of the values that it logs for those who debug it are secret.
    let is_fit =
        |event: &Metadata<'_>| event.target().starts_with("resi_") || *event.level() <= Level::WARN;
    tracing_subscriber::registry()
        .with(EnvFilter::new(&cli.log))
        .with(filter_fn(is_fit))
        .with(layer)
        .init();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(cli.command.run(cli))
}

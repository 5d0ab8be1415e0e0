//! The binary: reads the command line, and hands over.

use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Parser;
use resi_data_api::cli::{
    Cli, Command, ConfigCommand, EpochsCommand, RotationCommand, SettingsArgs, ValidatorsCommand,
};
use resi_data_api::clock::{Clock, SystemClock};
use resi_data_api::commands::doctor::{self, Verdict};
use resi_data_api::commands::rotate_jwt_key::{self, Step};
use resi_data_api::commands::{
    audit, backup, completions, config_init, epochs, health, keygen, man, restore, rotation, serve,
    validators, verify,
};
use resi_data_api::endpoints::openapi;
use resi_data_api::log::{self, LogSink};
use resi_data_api::settings::Settings;

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("resi-data-api: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> Result<ExitCode> {
    let now = SystemClock::new().now();
    let text = match cli.command {
        Command::Serve(args) => return serve(args).map(|()| ExitCode::SUCCESS),
        Command::Doctor(args) => return doctor(args),
        Command::Audit(args) => {
            let settings = settings(args.settings.clone())?;
            let printed = block_on(audit::run(&args, &settings, now, &mut io::stdout()))?;
            return unless_pipe_closed(printed);
        }
        Command::Config { command: ConfigCommand::Check(args) } => settings(args)?.in_force(),
        Command::Config { command: ConfigCommand::Init { file } } => config_init::run(&file)?,
        Command::Backup { file, settings: args } => {
            let settings = settings(args)?;
            block_on(backup::run(&file, &settings))??
        }
        Command::Restore { file, settings: args } => {
            let settings = settings(args)?;
            block_on(restore::run(&file, &settings))??
        }
        Command::Validators { command: ValidatorsCommand::List { json, settings: args } } => {
            let settings = settings(args)?;
            block_on(validators::list(json, &settings, now))??
        }
        Command::Epochs { command: EpochsCommand::List(args) } => {
            let settings = settings(args.settings.clone())?;
            block_on(epochs::list(&args, &settings, now))??
        }
        Command::Rotation { command: RotationCommand::Announce(args) } => {
            let settings = settings(args.settings.clone())?;
            block_on(rotation::announce(&args, &settings, now))??
        }
        Command::RotateJwtKey(args) => {
            let step = match (args.promote, args.drop) {
                (true, _) => Step::Promote,
                (_, true) => Step::Drop,
                _ => Step::Append,
            };
            rotate_jwt_key::run(step, &settings(args.settings)?)?
        }
        Command::Verify(args) => verify::run(&args, now)?,
        Command::Health(args) => {
            let url = match args.url {
                Some(url) => url,
                None => health::url_of(settings(args.settings)?.listen),
            };
            health::run(&url, Duration::from_secs(args.timeout))?
        }
        Command::Keygen => keygen::run()?,
        Command::Openapi => openapi::text(),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            completions::run(shell, &mut script);
            String::from_utf8(script)?
        }
        Command::Man { folder } => String::from_utf8(man::run(folder.as_deref())?)?,
    };
    unless_pipe_closed(io::stdout().write_all(text.as_bytes()).map_err(Into::into))
}

fn serve(args: SettingsArgs) -> Result<()> {
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

fn doctor(args: SettingsArgs) -> Result<ExitCode> {
    let now = SystemClock::new().now();
    let settings = settings(args);
    let findings = block_on(doctor::run(settings.as_ref(), now))?;
    let mut out = io::stdout();
    for finding in &findings {
        writeln!(out, "{finding}")?;
    }
    let failed = findings.iter().any(|finding| finding.verdict == Verdict::Fail);
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn block_on<T>(command: impl Future<Output = T>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    Ok(runtime.block_on(command))
}

/// Who reads with `head` has seen enough, and that is no error.
fn unless_pipe_closed(printed: Result<()>) -> Result<ExitCode> {
    match printed {
        Err(error)
            if error
                .downcast_ref::<io::Error>()
                .is_none_or(|error| error.kind() != io::ErrorKind::BrokenPipe) =>
        {
            Err(error)
        }
        _ => Ok(ExitCode::SUCCESS),
    }
}

fn settings(args: SettingsArgs) -> Result<Settings> {
    let mut raw = *args.settings;
    if raw.netuid.is_none()
        && let Some(netuid) = environment("NET_UID")
    {
        raw.netuid = Some(netuid.parse().context("NET_UID")?);
    }
    if raw.subtensor_network.is_none() {
        raw.subtensor_network = environment("SUBTENSOR_NETWORK").map(Into::into);
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

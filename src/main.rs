//! The binary: reads the command line, and hands over.

use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::{ArgMatches, CommandFactory as _};
use resi_data_api::cli::{
    Cli, Command, ConfigCommand, EpochsCommand, RotationCommand, SettingsArgs, ValidatorsCommand,
    VerifyArgs,
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
use resi_data_api::printable::Printable;
use resi_data_api::settings::{RawSettings, Settings};
use resi_secret::command_line::{self, Exposed};

fn main() -> ExitCode {
    let (cli, said) = command_line::parse::<Cli>();
    match run(cli, &said) {
        Ok(code) => code,
        Err(error) => {
            // It may quote a file, a node or a database.
            for line in format!("resi-data-api: {error:#}").lines() {
                eprintln!("{}", Printable(line));
            }
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli, said: &ArgMatches) -> Result<ExitCode> {
    let now = SystemClock::new().now();
    let warnings = warnings(said);
    if !matches!(cli.command, Command::Serve(_)) {
        warnings.iter().for_each(|warning| eprintln!("resi-data-api: warning: {warning}"));
    }
    let settings = |args: SettingsArgs| settings(args, command_line::innermost(said));
    let text = match cli.command {
        Command::Serve(args) => {
            return serve(settings(args)?, &warnings).map(|()| ExitCode::SUCCESS);
        }
        Command::Doctor(args) => return doctor(settings(args)),
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
        Command::Verify(args) => return verify(&args),
        Command::Health(args) => {
            let url = match args.url {
                Some(url) => url.expose().to_owned(),
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

/// What to say of secrets on the command line.
fn warnings(said: &ArgMatches) -> Vec<String> {
    let exposed = command_line::exposed(&Cli::command(), said);
    exposed.iter().filter(|exposed| holds_secret(exposed)).map(Exposed::warning).collect()
}

/// What may hold a secret often holds none.
fn holds_secret(exposed: &Exposed) -> bool {
    let text = exposed.secret.expose();
    match exposed.flag.as_str() {
        "--database-url" | "--url" => text.contains('@') || text.contains("password"),
        "--subtensor.network" | "--subtensor.chain_endpoint" => text.split(',').any(|node| {
            let (_, address) = node.split_once("://").unwrap_or_default();
            address.trim_end_matches('/').contains(['@', '/', '?'])
        }),
        _ => true,
    }
}

fn serve(settings: Settings, warnings: &[String]) -> Result<()> {
    let sink = LogSink::start();
    log::init(&sink, settings.log_format, &settings.log).context("--log")?;
    log::log_panics();
    warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
    warn_of_old_names();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let served = runtime.block_on(serve::run(settings, sink.clone()));
    runtime.shutdown_background();
    sink.flush();
    served
}

fn doctor(settings: Result<Settings>) -> Result<ExitCode> {
    let now = SystemClock::new().now();
    let findings = block_on(doctor::run(settings.as_ref(), now))?;
    let mut out = io::stdout();
    for finding in &findings {
        writeln!(out, "{finding}")?;
    }
    let failed = findings.iter().any(|finding| finding.verdict == Verdict::Fail);
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Exits with 0 only where everything was verified.
fn verify(args: &VerifyArgs) -> Result<ExitCode> {
    let verdict = verify::run(args, &SystemClock::new())?;
    let printed = io::stdout().write_all(verdict.text.as_bytes());
    let printed = unless_pipe_closed(printed.map_err(Into::into))?;
    Ok(if verdict.is_verified { printed } else { ExitCode::FAILURE })
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

fn settings(args: SettingsArgs, said: &ArgMatches) -> Result<Settings> {
    let mut raw = match &args.config {
        None => RawSettings::default(),
        Some(path) => RawSettings::from_file(path)?,
    };
    if let Some(netuid) = environment("NET_UID") {
        raw.netuid = Some(netuid.parse().context("NET_UID")?);
    }
    if let Some(network) = environment("SUBTENSOR_NETWORK") {
        raw.subtensor_network = Some(network.into());
    }
    raw.overlay(said)?;
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

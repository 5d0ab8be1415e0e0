//! Tools behind `scripts/bench.sh`.

mod bodies;
mod ceiling;
mod clock;
mod connection;
mod epochs;
mod percentile;
mod rate;
mod start;
mod verify;

use std::net::{Ipv4Addr, TcpListener};

use anyhow::Result;
use clap::{Parser, Subcommand};
use tokio::runtime::{Builder, Runtime};

#[derive(Parser)]
#[command(name = "resi-load", version, about = "Load for measuring the service", long_about = None)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Writes signed bodies for POST /get-validator-access, no two alike, one a line.
    Bodies(bodies::Arguments),
    /// Serves one body from memory with plain axum, and prints its port.
    Ceiling(ceiling::Arguments),
    /// Asks for one resource on many connections, and tells latency by the time since an epoch began.
    Epochs(epochs::Arguments),
    /// Asks at a steady rate, or as fast as it can, and prints latencies and statuses as JSON.
    Rate(rate::Arguments),
    /// Starts a command, and tells how many milliseconds pass until a URL answers 200; then stops it.
    Start(start::Arguments),
    /// Verifies signatures on one thread, and prints how many a second.
    Verify(verify::Arguments),
    /// Prints a port of 127.0.0.1 that is free now.
    FreePort,
}

fn main() -> Result<()> {
    match Arguments::parse().command {
        Command::Bodies(arguments) => bodies::run(&arguments),
        Command::Ceiling(arguments) => {
            runtime(arguments.workers)?.block_on(ceiling::run(arguments))
        }
        Command::Epochs(arguments) => runtime(1)?.block_on(epochs::run(&arguments)),
        Command::Rate(arguments) => runtime(1)?.block_on(rate::run(arguments)),
        Command::Start(arguments) => runtime(1)?.block_on(start::run(&arguments)),
        Command::Verify(arguments) => verify::run(&arguments),
        Command::FreePort => {
            println!("{}", TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port());
            Ok(())
        }
    }
}

fn runtime(workers: usize) -> Result<Runtime> {
    Ok(Builder::new_multi_thread().worker_threads(workers).enable_all().build()?)
}

mod access;
mod assignments;
mod blocks;
mod completions;
mod consensus;
mod decoys;
mod epoch;
mod man;
mod report;
mod simulate;
mod verify;
mod wallet;

use anyhow::Result;
use clap::Subcommand;

use crate::cli::Cli;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Access(access::Access),
    Blocks(blocks::Blocks),
    Report(report::Report),
    Assignments(assignments::Assignments),
    Epoch(epoch::Epoch),
    Verify(verify::Verify),
    Wallet(wallet::Wallet),
    Consensus(consensus::Consensus),
    Simulate(simulate::Simulate),
    Completions(completions::Completions),
    Man(man::Man),
}

impl Command {
    pub(crate) async fn run(&self, cli: &Cli) -> Result<()> {
        match self {
            Self::Access(command) => command.run(cli).await,
            Self::Blocks(command) => command.run(cli).await,
            Self::Report(command) => command.run(cli).await,
            Self::Assignments(command) => command.run(cli).await,
            Self::Epoch(command) => command.run(cli).await,
            Self::Verify(command) => command.run(cli).await,
            Self::Wallet(command) => command.run(cli),
            Self::Consensus(command) => command.run(cli).await,
            Self::Simulate(command) => command.run(cli),
            Self::Completions(command) => command.run(),
            Self::Man(command) => command.run(),
        }
    }
}

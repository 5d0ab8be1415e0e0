use std::fs;

use anyhow::{Context as _, Result};
use clap::{Args, ValueEnum};
use resi_protocol::wire::{AssignmentId, AssignmentReport, AssignmentStatistics, ReportedStatus};
use resi_protocol::{EpochId, Foreign, Sha256Hash, Sources};

use crate::cli::Cli;
use crate::progress::waiting;

/// Report how an assignment goes
///
/// It is on disk when this ends without error. Repeating a report changes nothing.
#[derive(Debug, Args)]
pub(crate) struct Report {
    /// Your own name for the assignment
    assignment_id: AssignmentId,
    /// How it went
    status: Status,
    /// The epoch whose blocks were assigned [default: the running one]
    #[arg(long, value_name = "ID")]
    epoch: Option<EpochId>,
    /// Hash of what was found to be the consensus
    #[arg(long, value_name = "HEX")]
    consensus_hash: Option<Sha256Hash>,
    /// Figures as JSON, such as '{"success_rate": 0.95}', or @FILE
    #[arg(long, value_name = "JSON|@FILE")]
    statistics: Option<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Status {
    /// It was given to miners
    Started,
    /// Its results are in and were judged
    Completed,
    /// It came to nothing
    Failed,
}

impl From<Status> for ReportedStatus {
    fn from(status: Status) -> Self {
        match status {
            Status::Started => Self::Started,
            Status::Completed => Self::Completed,
            Status::Failed => Self::Failed,
        }
    }
}

impl Report {
    pub(crate) async fn run(&self, cli: &Cli) -> Result<()> {
        let report = AssignmentReport {
            assignment_id: self.assignment_id.clone(),
            status: self.status.into(),
            statistics: self.statistics.as_deref().map(statistics).transpose()?,
            epoch_id: self.epoch,
            consensus_hash: self.consensus_hash,
        };
        let client = cli.connection.client(Sources::DEFAULT)?;
        let accepted = waiting("reporting", client.report(&report)).await?;
        cli.style.show(&accepted, |accepted| {
            format!("{}: {}\n", report.assignment_id, Foreign::new(&accepted.message))
        })
    }
}

fn statistics(given: &str) -> Result<AssignmentStatistics> {
    let text = match given.strip_prefix('@') {
        Some(path) => fs::read_to_string(path).with_context(|| format!("cannot read {path}"))?,
        None => given.to_owned(),
    };
    serde_json::from_str(&text).context("--statistics")
}

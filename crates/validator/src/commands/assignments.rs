use anyhow::Result;
use clap::Args;
use resi_client::{AssignmentsRequest, Client};
use resi_protocol::Sources;
use resi_protocol::wire::{AssignmentId, AssignmentStatus, AssignmentView};

use crate::cli::Cli;
use crate::output::table;
use crate::progress::waiting;

/// The most that the service hands out at once.
const PAGE: u32 = 100;

/// Read your own assignments back, newest first
#[derive(Debug, Args)]
pub(crate) struct Assignments {
    /// Only this one
    #[arg(conflicts_with_all = ["status", "limit"])]
    assignment_id: Option<AssignmentId>,
    /// Only those that are started, completed, failed or expired
    #[arg(long)]
    status: Option<AssignmentStatus>,
    /// How many at most
    #[arg(long, default_value_t = 20, value_name = "N")]
    limit: usize,
}

impl Assignments {
    pub(crate) async fn run(&self, cli: &Cli) -> Result<()> {
        let client = cli.connection.client(Sources::DEFAULT)?;
        let assignments = waiting("reading assignments", async {
            match &self.assignment_id {
                Some(id) => client.assignment(id).await.map(|only| vec![only]),
                None => self.newest(&client).await,
            }
        });
        cli.style.show(&assignments.await?, |assignments| text(assignments))
    }

    async fn newest(&self, client: &Client) -> Result<Vec<AssignmentView>, resi_client::Error> {
        let mut found = Vec::new();
        let mut cursor: Option<String> = None;
        while found.len() < self.limit {
            let left = u32::try_from(self.limit - found.len()).unwrap_or(PAGE);
            let mut request = AssignmentsRequest::new().limit(left.min(PAGE));
            if let Some(status) = self.status {
                request = request.status(status);
            }
            if let Some(cursor) = cursor {
                request = request.after(cursor);
            }
            let page = client.assignments(request).await?;
            found.extend(page.assignments);
            cursor = page.next_cursor;
            if cursor.is_none() {
                break;
            }
        }
        Ok(found)
    }
}

fn text(assignments: &[AssignmentView]) -> String {
    if assignments.is_empty() {
        return "No such assignments\n".into();
    }
    let rows = assignments.iter().map(|assignment| {
        let rate = assignment.statistics.as_ref().and_then(|figures| figures.success_rate);
        let late = if assignment.late { ", late" } else { "" };
        [
            assignment.assignment_id.to_string(),
            format!("{}{late}", assignment.status.name()),
            assignment.epoch_id.to_string(),
            rate.map(|rate| format!("{:.1} %", rate * 100.0)).unwrap_or_default(),
            assignment.updated_at.to_string(),
        ]
    });
    table(["assignment", "status", "epoch", "success", "updated"], rows)
}

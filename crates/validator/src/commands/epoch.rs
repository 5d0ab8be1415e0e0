use anyhow::Result;
use clap::Args;
use resi_client::{Client, PageRequest};
use resi_protocol::EpochId;
use resi_protocol::wire::{EpochResource, EpochState};

use crate::cli::Cli;
use crate::output::{pairs, table};
use crate::progress::waiting;

/// The most that the service hands out at once.
const PAGE: u32 = 100;

/// Show the running epoch, or another, as the service says it
#[derive(Debug, Args)]
pub(crate) struct Epoch {
    /// Start of the epoch, such as 2025-01-15T08-00-00
    id: Option<EpochId>,
    /// The last so many epochs instead
    #[arg(long, value_name = "N", conflicts_with = "id", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    last: Option<u32>,
}

impl Epoch {
    pub(crate) async fn run(&self, cli: &Cli) -> Result<()> {
        let client = cli.connection.public_client()?;
        if let Some(count) = self.last {
            let epochs = waiting("reading epochs", newest(&client, count as usize)).await?;
            return cli.style.show(&epochs, |epochs| list(epochs));
        }
        let epoch = waiting("reading the epoch", async {
            match self.id {
                Some(id) => client.epoch(id).await,
                None => client.current_epoch().await,
            }
        });
        cli.style.show(&epoch.await?, text)
    }
}

async fn newest(client: &Client, count: usize) -> Result<Vec<EpochResource>, resi_client::Error> {
    let mut found = Vec::new();
    let mut next = Some(PageRequest::new());
    while let Some(request) = next.filter(|_| found.len() < count) {
        let left = u32::try_from(count - found.len()).unwrap_or(PAGE);
        let page = client.epochs(request.limit(left.min(PAGE))).await?;
        found.extend(page.epochs);
        next = page.next_cursor.map(|cursor| PageRequest::new().after(cursor));
    }
    Ok(found)
}

fn state(epoch: &EpochResource) -> String {
    match epoch.state {
        EpochState::Running => "running".into(),
        EpochState::Ended => "ended".into(),
    }
}

fn text(resource: &EpochResource) -> String {
    let (epoch, rotation) = (&resource.epoch, &resource.rotation);
    pairs([
        ("epoch", format!("{}, number {}, {}", epoch.id, epoch.index, state(resource))),
        ("from", epoch.starts_at.to_string()),
        ("until", epoch.ends_at.to_string()),
        ("rotation key", rotation.public_key.to_string()),
        ("netuid", rotation.netuid.to_string()),
        ("pool", format!("{} zipcodes, {}", rotation.pool_size, rotation.pool_sha256)),
        ("dealt", format!("{} zipcodes", rotation.zipcodes_per_epoch)),
        (
            "proof",
            match rotation.signature {
                Some(_) => "shown".into(),
                None => format!("shown from {} on", resource.revealed_at),
            },
        ),
    ])
}

fn list(epochs: &[EpochResource]) -> String {
    let rows = epochs.iter().map(|resource| {
        let (epoch, rotation) = (&resource.epoch, &resource.rotation);
        [
            epoch.id.to_string(),
            epoch.index.to_string(),
            state(resource),
            rotation.zipcodes_per_epoch.to_string(),
            rotation.public_key.to_string(),
        ]
    });
    table(["epoch", "number", "state", "dealt", "rotation key"], rows)
}

use anyhow::Result;
use clap::Args;
use resi_client::PageRequest;
use resi_protocol::EpochId;
use resi_protocol::wire::{EpochResource, EpochState};

use crate::cli::Cli;
use crate::output::{pairs, table};
use crate::progress::waiting;

/// Show the running epoch, or another, as the service says it
#[derive(Debug, Args)]
pub(crate) struct Epoch {
    /// Start of the epoch, such as 2025-01-15T08-00-00
    id: Option<EpochId>,
    /// The last so many epochs instead
    #[arg(long, value_name = "N", conflicts_with = "id")]
    last: Option<u32>,
}

impl Epoch {
    pub(crate) async fn run(&self, cli: &Cli) -> Result<()> {
        let client = cli.connection.public_client()?;
        if let Some(count) = self.last {
            let page = client.epochs(PageRequest::new().limit(count));
            let epochs = waiting("reading epochs", page).await?.epochs;
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

//! Pulls the blocks of every epoch, and reports each as an assignment.
//!
//! ```console
//! $ DATA_API_URL=http://127.0.0.1:8000 cargo run --example pull_and_report -- ~/.bittensor/wallets validator default
//! ```

use std::error::Error;
use std::pin::pin;

use futures_util::StreamExt;
use resi_client::protocol::wire::{AssignmentReport, AssignmentStatistics, ReportedStatus};
use resi_client::{BlocksRequest, Client, VerifiedBlocks, Wallet};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("usage: pull_and_report WALLETS NAME HOTKEY")?;
    let name = arguments.next().unwrap_or_else(|| "validator".into());
    let hotkey = arguments.next().unwrap_or_else(|| "default".into());
    let client =
        Client::builder().signer(Wallet::open(path, &name, &hotkey)?).netuid(46).build()?;

    let mut epochs = pin!(client.watch(BlocksRequest::new().block_size(20)));
    while let Some(blocks) = epochs.next().await {
        match blocks {
            Ok(blocks) => {
                println!(
                    "epoch {}: {}, {}",
                    blocks.epoch().id,
                    blocks.data().request_id,
                    blocks.trust()
                );
                if let Err(error) = work_on(&client, &blocks).await {
                    eprintln!("epoch {}: {error}", blocks.epoch().id);
                }
            }
            Err(error) => eprintln!("no blocks yet: {error}"),
        }
    }
    Ok(())
}

async fn work_on(client: &Client, blocks: &VerifiedBlocks) -> Result<(), Box<dyn Error>> {
    let mut report = AssignmentReport {
        assignment_id: format!("epoch_{}", blocks.epoch().id).parse()?,
        status: ReportedStatus::Started,
        statistics: None,
        epoch_id: Some(blocks.epoch().id),
        consensus_hash: None,
    };
    client.report(&report).await?;

    // Here the batches are given to miners, and their answers judged.
    let batches = blocks.batches().count() as u64;

    report.status = ReportedStatus::Completed;
    report.statistics = Some(AssignmentStatistics {
        consensus_achieved: Some(batches),
        success_rate: Some(1.0),
        ..AssignmentStatistics::default()
    });
    client.report(&report).await?;
    Ok(())
}

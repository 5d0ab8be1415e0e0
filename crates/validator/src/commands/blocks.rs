use std::pin::pin;

use anyhow::Result;
use clap::Args;
use futures_util::StreamExt as _;
use resi_client::{BlocksRequest, VerifiedBlocks};
use resi_protocol::Sources;
use resi_protocol::rotation::Part;

use crate::cli::Cli;
use crate::failure::say;
use crate::output::{pairs, print, table};
use crate::progress::{until_next_epoch, waiting};

/// Pull the blocks of the running epoch, verified
#[derive(Debug, Args)]
pub(crate) struct Blocks {
    /// Sources, separated by commas
    #[arg(long, default_value_t = Sources::DEFAULT, value_name = "SOURCES")]
    sources: Sources,
    /// Zipcodes in a block, from 1 to 50
    #[arg(long, default_value_t = 20, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=50))]
    block_size: u32,
    /// One line a zipcode
    #[arg(long, conflicts_with_all = ["json", "table"])]
    csv: bool,
    /// Go on with each new epoch
    #[arg(long)]
    watch: bool,
}

impl Blocks {
    pub(crate) async fn run(&self, cli: &Cli) -> Result<()> {
        let client = cli.connection.client(self.sources)?;
        let request = BlocksRequest::new().sources(self.sources).block_size(self.block_size);
        if !self.watch {
            let blocks = waiting("asking for blocks", client.blocks(request)).await?;
            return self.show(cli, &blocks);
        }
        let mut epochs = pin!(client.watch(request));
        let mut running = None;
        loop {
            match until_next_epoch(running, epochs.next()).await {
                Some(Ok(blocks)) => {
                    running = Some(blocks.epoch());
                    self.show(cli, &blocks)?;
                }
                Some(Err(error)) if error.is_retryable() => say(error),
                Some(Err(error)) => return Err(error.into()),
                None => return Ok(()),
            }
        }
    }

    fn show(&self, cli: &Cli, blocks: &VerifiedBlocks) -> Result<()> {
        if self.csv {
            return print(&csv(blocks)?);
        }
        cli.style.show(blocks.data(), |_| text(blocks))
    }
}

fn text(blocks: &VerifiedBlocks) -> String {
    let (data, epoch) = (blocks.data(), blocks.epoch());
    let head = pairs([
        ("epoch", format!("{} until {}", epoch.id, epoch.ends_at)),
        (
            "blocks",
            format!(
                "{} with {} zipcodes, {}",
                data.total_batches, data.total_zipcodes, data.request_id
            ),
        ),
        ("rotation key", format!("{}, {}", blocks.proof().public_key, vouched(blocks))),
        verified(blocks),
    ]);
    let rows = blocks.batches().map(|(name, batch)| {
        let places = &batch.geographic_info;
        [
            name.to_owned(),
            batch.zipcodes.len().to_string(),
            batch.expected_properties.to_string(),
            places.states.join(" "),
        ]
    });
    format!("{head}\n{}", table(["block", "zipcodes", "homes", "states"], rows))
}

/// What vouches for the rotation key.
fn vouched(blocks: &VerifiedBlocks) -> String {
    let voucher = blocks.proof().voucher(Part::PublicKey);
    voucher.map(|voucher| voucher.to_string()).unwrap_or_default()
}

/// Whether anything is open.
fn verified(blocks: &VerifiedBlocks) -> (&'static str, String) {
    let open: Vec<_> = blocks.proof().open().map(Part::name).collect();
    if open.is_empty() {
        return ("verified", "all that can be".into());
    }
    ("not verified", format!("{}: there is nothing but the answer itself", open.join(", ")))
}

fn csv(blocks: &VerifiedBlocks) -> Result<String> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(["epoch", "block", "position", "zipcode", "size_rank", "sources"])?;
    let epoch = blocks.epoch().id.to_string();
    for (name, batch) in blocks.batches() {
        let sources = batch.sources.to_string();
        for (at, zipcode) in batch.zipcodes.iter().enumerate() {
            let rank = batch.geographic_info.size_ranks.get(at).copied().flatten();
            let rank = rank.map(|rank| rank.to_string()).unwrap_or_default();
            let position = (at + 1).to_string();
            writer.write_record([&epoch, name, &position, zipcode.as_str(), &rank, &sources])?;
        }
    }
    Ok(String::from_utf8(writer.into_inner()?)?)
}

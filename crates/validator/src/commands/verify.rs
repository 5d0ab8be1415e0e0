use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use resi_client::{BlocksRequest, Client, Clock as _, SystemClock};
use resi_protocol::rotation::{Pinned, Verified, verify_blocks, verify_epoch};
use resi_protocol::wire::{EpochResource, ValidatorData};
use resi_protocol::{EpochId, Sources, Timestamp};
use serde::Serialize;

use crate::cli::Cli;
use crate::progress::waiting;

/// Prove that a deal was honest: of the running epoch, of one that has ended, or of a saved answer
#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// An epoch that has ended, such as 2025-01-15T08-00-00 [default: the blocks of the running one]
    epoch: Option<EpochId>,
    /// A saved answer: blocks or an epoch, as JSON
    #[arg(long, conflicts_with = "epoch", value_name = "FILE")]
    file: Option<PathBuf>,
    /// When saved blocks were got, if not now
    #[arg(long, requires = "file", value_name = "TIME")]
    at: Option<Timestamp>,
    /// Zipcodes in a block, as they are or were asked for
    #[arg(long, default_value_t = 20, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=50))]
    block_size: u32,
}

impl Verify {
    pub(crate) async fn run(&self, cli: &Cli) -> Result<()> {
        let proof = waiting("verifying", async {
            match (self.epoch, &self.file) {
                (Some(id), _) => {
                    let client = cli.connection.public_client()?;
                    let epoch = client.epoch(id).await?;
                    of_epoch(&client, &epoch).await
                }
                (None, Some(path)) => {
                    let text = fs::read_to_string(path)
                        .with_context(|| format!("cannot read {}", path.display()))?;
                    self.of_saved(&cli.connection.public_client()?, &text).await
                }
                (None, None) => {
                    let client = cli.connection.client(Sources::DEFAULT)?;
                    let known = client.pinned().await?;
                    let request = BlocksRequest::new().block_size(self.block_size);
                    let proof = client.blocks(request).await?.proof().clone();
                    Ok(Proof::new(&proof, &known))
                }
            }
        });
        cli.style.show(&proof.await?, Proof::text)
    }

    async fn of_saved(&self, client: &Client, text: &str) -> Result<Proof> {
        if let Ok(epoch) = serde_json::from_str::<EpochResource>(text) {
            return of_epoch(client, &epoch).await;
        }
        let Ok(blocks) = serde_json::from_str::<ValidatorData>(text) else {
            bail!("the file holds neither blocks nor an epoch");
        };
        let now = self.at.unwrap_or_else(|| SystemClock::new().now());
        let known = Pinned {
            block_size: Some(self.block_size),
            now: Some(now),
            ..client.pinned_at(now).await?
        };
        known.check(&blocks.rotation)?;
        let pool = client.pool(blocks.rotation.pool_sha256).await?;
        let verified = verify_blocks(&blocks, &pool, &known)?;
        Ok(Proof::new(&verified, &known))
    }
}

async fn of_epoch(client: &Client, epoch: &EpochResource) -> Result<Proof> {
    let known = client.pinned_at(epoch.epoch.starts_at).await?;
    known.check(&epoch.rotation)?;
    let pool = client.pool(epoch.rotation.pool_sha256).await?;
    Ok(Proof::new(&verify_epoch(epoch, &pool, &known)?, &known))
}

/// What was proved; what was not known before is in `not_pinned`, and proves less.
#[derive(Debug, Serialize)]
struct Proof {
    verified: bool,
    epoch: String,
    rotation_key: String,
    zipcodes: usize,
    batches: usize,
    clock_checked: bool,
    not_pinned: Vec<&'static str>,
}

impl Proof {
    fn new(verified: &Verified, known: &Pinned) -> Self {
        let not_pinned = [
            ("the rotation key", known.public_key.is_some()),
            ("netuid", known.netuid.is_some()),
            ("epoch_seconds", known.epoch_seconds.is_some()),
            ("pool_sha256", known.pool_sha256.is_some()),
            ("zipcodes_per_epoch", known.zipcodes_per_epoch.is_some()),
        ];
        Self {
            verified: true,
            epoch: verified.parameters.schedule.id(verified.epoch).to_string(),
            rotation_key: verified.public_key.to_string(),
            zipcodes: verified.zipcodes.len(),
            batches: verified.batches,
            clock_checked: verified.clock_checked,
            not_pinned: not_pinned
                .iter()
                .filter(|(_, known)| !known)
                .map(|(name, _)| *name)
                .collect(),
        }
    }

    fn text(&self) -> String {
        let clock = if self.clock_checked {
            "it is the running one"
        } else {
            "a record, not compared with the clock"
        };
        let last = if self.not_pinned.is_empty() {
            "Verified: nobody picked these zipcodes, given that key and parameters were fixed before the epoch.".into()
        } else {
            format!(
                "Verified as far as it goes. Not known before, so only the answer itself vouches for: {}.",
                self.not_pinned.join(", ")
            )
        };
        format!(
            "ok   epoch {}: {clock}\nok   the proof is of key {}\nok   all {} zipcodes are those that the proof gives, \
             in order\n\n{last}\n",
            self.epoch, self.rotation_key, self.zipcodes
        )
    }
}

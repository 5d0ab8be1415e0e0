use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Result, bail};
use clap::Args;
use resi_client::{BlocksRequest, Client, Clock as _, SystemClock};
use resi_protocol::rotation::{
    Part, Pinned, Pool, Question, Verified, Voucher, verify_blocks, verify_epoch,
};
use resi_protocol::wire::{EpochResource, Rotation, ValidatorData};
use resi_protocol::{EpochId, Sources, Timestamp};
use serde::Serialize;

use crate::cli::Cli;
use crate::failure::Open;
use crate::files;
use crate::progress::waiting;

/// Prove that a deal was honest: of the running epoch, of one that has ended, or of a saved answer
///
/// Says of each part of the answer what vouches for it: pinned, remembered since the first contact, first contact, what
/// was asked for, the clock, the proof (recomputed), the signature of the record, or nothing. Parts that no proof is about
/// are marked --.
#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// An epoch that has ended, such as 2025-01-15T08-00-00 [default: the blocks of the running one]
    epoch: Option<EpochId>,
    /// A saved answer: blocks or an epoch, as JSON
    #[arg(long, value_name = "FILE")]
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
            match (&self.file, self.epoch) {
                (Some(path), _) => {
                    let client = cli.connection.public_client()?;
                    self.of_saved(&client, &files::read(path)?).await
                }
                (None, Some(id)) => {
                    let client = cli.connection.public_client()?;
                    let ended = client.verified_epoch(id).await?;
                    anyhow::Ok(Proof::new(ended.proof()))
                }
                (None, None) => {
                    let client = cli.connection.client(Sources::DEFAULT)?;
                    let request = BlocksRequest::new().block_size(self.block_size);
                    Ok(Proof::new(client.blocks(request).await?.proof()))
                }
            }
        });
        let proof = proof.await?;
        cli.style.show(&proof, Proof::text)?;
        if proof.verified { Ok(()) } else { Err(Open.into()) }
    }

    async fn of_saved(&self, client: &Client, text: &[u8]) -> Result<Proof> {
        let now = self.at.unwrap_or_else(|| SystemClock::new().now());
        let question = Question { epoch: self.epoch, at: Some(now), ..Question::default() };
        if let Ok(epoch) = serde_json::from_slice::<EpochResource>(text) {
            let known = client.pinned_at(epoch.epoch.starts_at).await?;
            let pool = pool_of(client, &known, &epoch.rotation).await?;
            return Ok(Proof::new(&verify_epoch(&epoch, &pool, &known, &question)?));
        }
        let Ok(blocks) = serde_json::from_slice::<ValidatorData>(text) else {
            bail!("the file holds neither blocks nor an epoch");
        };
        let known = client.pinned_at(now).await?;
        let pool = pool_of(client, &known, &blocks.rotation).await?;
        let question = Question { block_size: Some(self.block_size), ..question };
        Ok(Proof::new(&verify_blocks(&blocks, &pool, &known, &question)?))
    }
}

/// Nobody's pool is asked for before it is known to be the right one.
async fn pool_of(client: &Client, known: &Pinned, rotation: &Rotation) -> Result<Arc<Pool>> {
    known.check(rotation)?;
    Ok(client.pool(rotation.pool_sha256).await?)
}

/// What was proved, and what vouches for each part.
#[derive(Debug, Serialize)]
struct Proof {
    /// Whether everything is vouched for that can be.
    verified: bool,
    epoch: String,
    rotation_key: String,
    zipcodes: usize,
    dealt: u32,
    batches: usize,
    honeypots: usize,
    clock_checked: bool,
    /// Of key and parameters, those that nobody named: they are remembered, or of the first contact.
    not_pinned: Vec<&'static str>,
    /// What nothing vouches for, though something could.
    open: Vec<&'static str>,
    /// What vouches for each part.
    vouchers: BTreeMap<&'static str, String>,
    #[serde(skip)]
    lines: Vec<(Part, Voucher, String)>,
}

impl Proof {
    fn new(verified: &Verified) -> Self {
        let parts = || verified.vouchers.iter().copied();
        let is_not_pinned =
            |voucher| matches!(voucher, Voucher::RememberedSince(_) | Voucher::FirstContact);
        let is_clock = |part| verified.voucher(part) == Some(Voucher::Clock);
        Self {
            verified: verified.is_complete(),
            epoch: verified.parameters.schedule.id(verified.epoch).to_string(),
            rotation_key: verified.public_key.to_string(),
            zipcodes: verified.zipcodes.len(),
            dealt: verified.parameters.zipcodes_per_epoch,
            batches: verified.batches,
            honeypots: verified.honeypots.len(),
            clock_checked: is_clock(Part::Epoch) || is_clock(Part::State),
            not_pinned: parts()
                .filter(|(_, voucher)| is_not_pinned(*voucher))
                .map(|(part, _)| part.name())
                .collect(),
            open: verified.open().map(Part::name).collect(),
            vouchers: parts().map(|(part, voucher)| (part.name(), voucher.to_string())).collect(),
            lines: parts().map(|(part, voucher)| (part, voucher, value(verified, part))).collect(),
        }
    }

    fn text(&self) -> String {
        let mut text = String::new();
        for (part, voucher, value) in &self.lines {
            let mark = match voucher {
                Voucher::NotCovered => "--",
                voucher if voucher.is_open() => "??",
                _ => "ok",
            };
            let _ = writeln!(text, "{mark}   {part}{value}: {voucher}");
        }
        let last = if self.verified {
            "Verified: nobody picked these zipcodes, given that key and parameters were not chosen with this epoch in mind."
        } else {
            "Not verified: for what is marked ?? there is nothing but the answer itself."
        };
        text + "\n" + last + "\n"
    }
}

/// What the answer says of a part, with a blank before it; nothing where it is too long for a line.
fn value(verified: &Verified, part: Part) -> String {
    let (parameters, zipcodes) = (&verified.parameters, verified.zipcodes.len());
    match part {
        Part::PublicKey => format!(" {}", verified.public_key),
        Part::Netuid => format!(" {}", parameters.netuid),
        Part::EpochSeconds => format!(" {}", parameters.schedule.seconds()),
        Part::PoolSha256 => format!(" {}", parameters.pool_sha256),
        Part::ZipcodesPerEpoch => format!(" {}", parameters.zipcodes_per_epoch),
        Part::Epoch => format!(" {}", parameters.schedule.id(verified.epoch)),
        Part::Zipcodes => format!(", {zipcodes} of {} dealt", parameters.zipcodes_per_epoch),
        Part::Honeypots => format!(", {} of the zipcodes", verified.honeypots.len()),
        _ => String::new(),
    }
}

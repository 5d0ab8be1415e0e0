use anyhow::{Context, Result, bail};
use resi_protocol::wire::{Epoch, EpochResource, Rotation, ValidatorData};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::fetch::{json, refusal};

/// What is to be verified.
pub(super) enum Answer {
    Blocks(Box<ValidatorData>),
    Epoch(Box<EpochResource>),
}

impl Answer {
    pub(super) fn rotation(&self) -> &Rotation {
        match self {
            Self::Blocks(blocks) => &blocks.rotation,
            Self::Epoch(epoch) => &epoch.rotation,
        }
    }

    pub(super) fn epoch(&self) -> &Epoch {
        match self {
            Self::Blocks(blocks) => &blocks.epoch,
            Self::Epoch(epoch) => &epoch.epoch,
        }
    }
}

/// By which fields it is told what an answer is. None of their values is kept.
#[derive(Deserialize)]
struct Fields {
    data_blocks: Option<IgnoredAny>,
    epoch: Option<IgnoredAny>,
    state: Option<IgnoredAny>,
    error_code: Option<IgnoredAny>,
}

pub(super) fn parse(text: &str) -> Result<Answer> {
    let text = text.trim_start_matches('\u{feff}');
    let fields: Fields = json(text).context("the answer is not JSON")?;
    if fields.data_blocks.is_some() {
        return Ok(Answer::Blocks(json(text).context("these are no blocks")?));
    }
    if fields.epoch.is_some() && fields.state.is_some() {
        return Ok(Answer::Epoch(json(text).context("this is no epoch")?));
    }
    if fields.error_code.is_some() {
        return Err(refusal(None, text));
    }
    bail!("this is neither an answer of /api/v1/validator-data nor of /api/v1/epochs/{{id}}")
}

use anyhow::{Context, Result, ensure};
use resi_protocol::rotation::{Question, batch_name};
use resi_protocol::wire::{EpochState, ValidatorData};
use resi_protocol::{EpochId, Sources, Timestamp};

use super::answer::Answer;
use super::option;
use crate::cli::VerifyArgs;
use crate::endpoints::blocks;

/// What was asked, by the options and by the URL, which the service reads alike.
#[derive(Debug)]
pub(super) struct Asked {
    resource: Option<Resource>,
    epoch: Option<EpochId>,
    sources: Option<Sources>,
    block_size: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Resource {
    Blocks,
    RunningEpoch,
    Epoch,
}

impl Asked {
    pub(super) fn new(args: &VerifyArgs) -> Result<Self> {
        let mut asked = Self {
            resource: None,
            epoch: option("--epoch", args.epoch.as_deref())?,
            sources: option("--sources", args.sources.as_deref())?,
            block_size: args.block_size,
        };
        let answer = args.answer.expose();
        let is_url = answer.contains("://");
        if let Some((_, resource)) = answer.split_once("/api/v1/").filter(|_| is_url) {
            asked.read(resource.split('#').next().unwrap_or_default())?;
        }
        Ok(asked)
    }

    /// Reads what stands after `/api/v1/` in a URL.
    fn read(&mut self, resource: &str) -> Result<()> {
        let (path, query) = resource.split_once('?').unwrap_or((resource, ""));
        match path.trim_end_matches('/').split_once('/') {
            None if path.starts_with("validator-data") => {
                let (sources, block_size) = blocks::parameters(Some(query))
                    .map_err(|error| anyhow::anyhow!("the URL: {}", error.message))?;
                self.resource = Some(Resource::Blocks);
                self.sources.get_or_insert(sources);
                self.block_size.get_or_insert(block_size);
            }
            Some(("epochs", "current")) => self.resource = Some(Resource::RunningEpoch),
            Some(("epochs", id)) => {
                let id: EpochId = id.parse().context("the URL")?;
                ensure!(
                    self.epoch.is_none_or(|epoch| epoch == id),
                    "--epoch is another epoch than the URL's"
                );
                (self.resource, self.epoch) = (Some(Resource::Epoch), Some(id));
            }
            _ => {}
        }
        Ok(())
    }

    /// The question that `answer`, got at `at`, must be the answer to.
    pub(super) fn question(&self, answer: &Answer, at: Timestamp) -> Result<Question> {
        let Self { epoch, block_size, .. } = *self;
        let mut question = Question { epoch, block_size, at: Some(at), sources: None };
        match (answer, self.resource) {
            (Answer::Blocks(data), None | Some(Resource::Blocks)) => {
                question.sources = self.sources.map(|asked| expected(asked, data));
            }
            (Answer::Epoch(answer), Some(Resource::RunningEpoch)) => {
                let is_running = answer.state == EpochState::Running;
                ensure!(is_running, "not verified: the answer is of an epoch that is over");
            }
            (Answer::Epoch(_), None) => {
                let of_blocks = self.block_size.is_some() || self.sources.is_some();
                ensure!(!of_blocks, "not verified: blocks were asked for, and this is an epoch");
            }
            (Answer::Epoch(_), Some(Resource::Epoch)) => {}
            (Answer::Blocks(_), _) => {
                anyhow::bail!("not verified: an epoch was asked for, and these are blocks")
            }
            (Answer::Epoch(_), Some(Resource::Blocks)) => {
                anyhow::bail!("not verified: blocks were asked for, and this is an epoch")
            }
        }
        Ok(question)
    }
}

/// A service answers those of the sources asked for that the token is for, and does not say which these are.
fn expected(asked: Sources, answered: &ValidatorData) -> Sources {
    let answered = answered.data_blocks.get(&batch_name(0)).map(|batch| batch.sources);
    let both = answered.map(|answered| asked.intersection(answered));
    both.filter(|both| !both.is_empty()).unwrap_or(asked)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(resource: &str) -> Result<Asked> {
        let mut asked = Asked { resource: None, epoch: None, sources: None, block_size: None };
        asked.read(resource)?;
        Ok(asked)
    }

    #[test]
    fn a_url_is_read_as_the_service_reads_it() {
        let asked = read("validator-data").expect("a URL");
        assert_eq!(
            (asked.resource, asked.block_size, asked.sources),
            (Some(Resource::Blocks), Some(20), Some(Sources::DEFAULT))
        );
        let asked = read("validator-data?block_size=1000&sources=redfin%2Crealtor").expect("a URL");
        assert_eq!(asked.block_size, Some(50));
        assert_eq!(asked.sources, "REDFIN,REALTOR_COM".parse().ok());
        let id = "2025-01-15T08-00-00";
        let asked = read(&format!("epochs/{id}")).expect("a URL");
        assert_eq!((asked.resource, asked.epoch), (Some(Resource::Epoch), id.parse().ok()));
        assert_eq!(read("epochs/current").expect("a URL").resource, Some(Resource::RunningEpoch));
        assert!(read("epochs/yesterday").is_err());
        assert!(read("validator-data?block_size=x").is_err());
    }
}

//! The default strategy: it finds out who stands with whom, convicts the side that is outnumbered, and only then votes.

mod camps;
mod cliques;
mod clusters;
mod copying;
mod digest;
mod evidence;
mod recapture;
mod reliability;
mod sides;
mod trial;
mod verdict;
#[cfg(test)]
mod written;
mod zipcodes;

use std::collections::BTreeSet;
use std::num::NonZeroUsize;

use resi_protocol::Zipcode;

use self::digest::{Digest, Scratch};
use self::trial::Trial;
use super::panel::Panel;
use super::{Catalog, Conclusion, Epoch, Memory, Settings, Strategy};
use crate::{Credibilities, Miner};

/// Truth discovery that holds against organised liars, as long as they are less than half of the owners.
#[derive(Clone, Debug)]
pub struct Robust {
    /// What can be set.
    pub settings: Settings,
    /// How many threads digest batches; the result is the same for any number.
    pub threads: NonZeroUsize,
}

impl Default for Robust {
    fn default() -> Self {
        Self { settings: Settings::default(), threads: NonZeroUsize::MIN }
    }
}

/// An epoch whose batches are judged as they close: each is digested and can be dropped, all are concluded together.
///
/// ```
/// use resi_validation::Credibilities;
/// use resi_validation::consensus::{Batch, Catalog, Memory, Robust};
///
/// let robust = Robust::default();
/// let mut judging = robust.begin("2025-01-15T08-00-00", &[], &Credibilities::default());
/// judging.add(&Batch { name: "batch_001".to_owned(), ..Batch::default() }, &Catalog::new());
/// assert_eq!(judging.conclude(&Memory::default()).judgement.batches.len(), 1);
/// ```
#[derive(Debug)]
pub struct Judging<'a> {
    settings: &'a Settings,
    epoch_id: String,
    panel: Panel,
    digests: Vec<Digest>,
    honeypots: BTreeSet<Zipcode>,
    scratch: Scratch,
}

impl Robust {
    /// Begins an epoch with the miners of its metagraph.
    pub fn begin(
        &self,
        epoch_id: &str,
        miners: &[Miner],
        credibilities: &Credibilities,
    ) -> Judging<'_> {
        Judging {
            settings: &self.settings,
            epoch_id: epoch_id.to_owned(),
            panel: Panel::new(miners, credibilities),
            digests: Vec::new(),
            honeypots: BTreeSet::new(),
            scratch: Scratch::default(),
        }
    }
}

impl Judging<'_> {
    /// Reads a batch and all its answers. All batches of an epoch share one catalog, which may have grown in between.
    pub fn add(&mut self, batch: &super::Batch, catalog: &Catalog) {
        self.digests.push(digest::digest(
            batch,
            catalog,
            &self.panel,
            self.settings,
            &mut self.scratch,
        ));
    }

    /// Names zipcodes where no home is sold, as the service revealed them after the epoch.
    pub fn reveal(&mut self, honeypots: impl IntoIterator<Item = Zipcode>) {
        self.honeypots.extend(honeypots);
    }

    /// Judges all batches together, with what was learned in earlier epochs.
    pub fn conclude(mut self, memory: &Memory) -> Conclusion {
        self.digests.sort_by(|a, b| a.batch.cmp(&b.batch));
        Trial::new(&self.panel, &self.digests, memory, self.settings)
            .conclude(self.epoch_id, &self.honeypots)
    }
}

impl Strategy for Robust {
    fn name(&self) -> &'static str {
        "robust"
    }

    fn judge(&self, epoch: &Epoch, memory: &Memory) -> Conclusion {
        let mut judging = self.begin(&epoch.id, &epoch.miners, &epoch.credibilities);
        judging.reveal(epoch.honeypots.iter().copied());
        let panel = &judging.panel;
        let share = epoch.batches.len().div_ceil(self.threads.get()).max(1);
        let digest_all = |batches: &[super::Batch]| -> Vec<Digest> {
            let mut scratch = Scratch::default();
            let digest =
                |batch| digest::digest(batch, &epoch.catalog, panel, &self.settings, &mut scratch);
            batches.iter().map(digest).collect()
        };
        let digests = if self.threads == NonZeroUsize::MIN {
            digest_all(&epoch.batches)
        } else {
            std::thread::scope(|scope| {
                let workers: Vec<_> = epoch
                    .batches
                    .chunks(share)
                    .map(|batches| scope.spawn(move || digest_all(batches)))
                    .collect();
                let join = |worker: std::thread::ScopedJoinHandle<'_, Vec<Digest>>| {
                    worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
                };
                workers.into_iter().flat_map(join).collect()
            })
        };
        judging.digests = digests;
        judging.conclude(memory)
    }
}

//! From recorded blocks and answers to an [`Epoch`], so that anyone can judge it again.

use std::collections::{BTreeMap, BTreeSet};

use resi_protocol::{EpochId, Sources, Timestamp, Zipcode};
use serde::Deserialize;

use crate::Metagraph;
use crate::consensus::{
    ABSENT, Answer, Batch, Catalog, Conclusion, Epoch, Memory, Miner, Refusal, RefusalReason,
    Report, Share, Strategy,
};
use crate::messages::{Assigned, CompletionStatus, Limits, PropertyReport, Reason, RecordedAnswer};

/// What is judged by of the blocks of an epoch; read from the JSON of all of them.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Deal {
    /// The epoch.
    pub epoch: DealtEpoch,
    /// The batches, by name.
    pub data_blocks: BTreeMap<String, DealtBatch>,
}

/// When blocks were dealt.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct DealtEpoch {
    /// Its name.
    pub id: EpochId,
    /// Its first moment: nobody was asked earlier.
    pub starts_at: Timestamp,
}

/// What miners of a batch were asked for.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct DealtBatch {
    /// Where homes lie.
    pub zipcodes: Vec<Zipcode>,
    /// Where they are looked up.
    pub sources: Sources,
}

/// An epoch that is put together from what was recorded.
///
/// Who was assigned is not recorded, so nobody is judged for an answer that is not there. Values are compared in their
/// normal form, also by the plain vote: how they were written is not kept.
#[derive(Clone, Debug)]
pub struct Recording {
    epoch: Epoch,
    asked_at: Timestamp,
    assigned: Vec<Assigned>,
    limits: Limits,
    refused: Vec<Refusal>,
}

impl Recording {
    /// An epoch without answers; `credibility` is what each miner had before it.
    pub fn new(
        deal: Deal,
        metagraph: &Metagraph,
        credibility: impl Fn(&crate::Miner) -> Share,
        limits: Limits,
    ) -> Self {
        let miners = metagraph.miners().iter().map(|miner| Miner {
            uid: miner.uid,
            hotkey: miner.hotkey.to_string(),
            coldkey: miner.coldkey.to_string(),
            credibility: credibility(miner),
        });
        let (assigned, batches) = deal
            .data_blocks
            .into_iter()
            .map(|(name, DealtBatch { zipcodes, sources })| {
                let assigned = Assigned::zipcodes(sources, zipcodes.iter().copied());
                (assigned, Batch { name, zipcodes, ..Batch::default() })
            })
            .unzip();
        let epoch = Epoch {
            id: deal.epoch.id.to_string(),
            catalog: Catalog::new(),
            miners: miners.collect(),
            batches,
            honeypots: Vec::new(),
        };
        Self { epoch, asked_at: deal.epoch.starts_at, assigned, limits, refused: Vec::new() }
    }

    /// Adds an answer. One that belongs to no batch or group is refused, which [`Self::judge`] tells.
    pub fn add(&mut self, recorded: RecordedAnswer) {
        let RecordedAnswer { uid, received_at, mut answer } = recorded;
        let named = answer.zipcode_batch_id.take().unwrap_or_default();
        let place = self.epoch.batches.binary_search_by(|batch| batch.name.cmp(&named));
        let group = answer.overlap_group.and_then(|group| u16::try_from(group).ok());
        let (Ok(place), Some(group)) = (place, group) else {
            let lacks = if place.is_ok() { "no group is named" } else { "no such batch" };
            self.refused.push(Refusal {
                uid,
                batch: named,
                reason: RefusalReason::NotAssigned,
                detail: lacks.to_owned(),
            });
            return;
        };
        answer.restrict(&self.assigned[place], &self.limits);
        let not_values = [Reason::NotANumber, Reason::NotFinite, Reason::OutOfRange];
        let refused_values: u64 =
            not_values.map(|reason| answer.refusals.count(reason)).iter().sum();
        let catalog = &mut self.epoch.catalog;
        let reports = answer.reports.iter().filter_map(|report| in_catalog(report, catalog));
        let reports = reports.collect();
        self.epoch.batches[place].answers.push(Answer {
            uid,
            group,
            completed: answer.status == Some(CompletionStatus::Completed),
            sent_at: self.asked_at,
            received_at,
            scrape_started: answer.scrape_timestamp,
            reports,
            refused_values: u32::try_from(refused_values).unwrap_or(u32::MAX),
        });
    }

    /// Names the decoys among the zipcodes, as the service revealed them after the epoch.
    pub fn reveal(&mut self, honeypots: impl IntoIterator<Item = Zipcode>) {
        self.epoch.honeypots.extend(honeypots);
    }

    /// Judges what was added, and gives the homes that the conclusion is about with it.
    pub fn judge(mut self, strategy: &dyn Strategy) -> (Conclusion, Catalog) {
        for batch in &mut self.epoch.batches {
            let uids: BTreeSet<u16> = batch.answers.iter().map(|answer| answer.uid).collect();
            batch.assigned = uids.into_iter().collect();
        }
        let mut conclusion = strategy.judge(&self.epoch, &Memory::default());
        conclusion.judgement.refused.append(&mut self.refused);
        conclusion.judgement.refused.sort();
        (conclusion, self.epoch.catalog)
    }
}

fn in_catalog(report: &PropertyReport, catalog: &mut Catalog) -> Option<Report> {
    let property = catalog.property(&report.key.to_string(), report.source, report.zipcode?);
    let mut text = |text: Option<&str>| text.map_or(ABSENT, |text| catalog.text(text).0);
    let values = [
        // The engine counts in 32 bits; a price beyond is an abstention.
        report.price.and_then(|price| u32::try_from(price).ok()).unwrap_or(ABSENT),
        report.bedrooms.map_or(ABSENT, u32::from),
        report.bathrooms.map_or(ABSENT, |bathrooms| bathrooms.hundredths().into()),
        report.living_area.unwrap_or(ABSENT),
        text(report.address.as_ref().map(|address| address.as_str())),
        text(report.property_type.as_ref().map(|kind| kind.as_str())),
    ];
    Some(Report { property, values, spelling: [0; crate::consensus::FIELDS] })
}

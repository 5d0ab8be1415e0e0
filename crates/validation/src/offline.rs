//! From recorded blocks, assignments and answers to an [`Epoch`], so that anyone can judge it again.

use std::collections::{BTreeMap, BTreeSet};

use resi_protocol::{EpochId, Sources, Timestamp, Zipcode};
use serde::Deserialize;

use crate::assignment::{Block, Group, Plan, PlannedBatch};
use crate::consensus::{
    ABSENT, Answer, Batch, Catalog, Conclusion, Epoch, FIELDS, Memory, Refusal, RefusalReason,
    Report, Strategy,
};
use crate::messages::{
    AnswerError, Assigned, CompletionStatus, Limits, NotCounted, PropertyReport, Reason,
    RecordedAnswer, ResponseWindow,
};
use crate::{Credibilities, Metagraph};

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

impl Deal {
    /// What an assignment manager deals to miners.
    pub fn blocks(&self) -> Vec<Block> {
        let block = |(name, batch): (&String, &DealtBatch)| Block {
            name: name.clone(),
            sources: batch.sources,
            zipcodes: batch.zipcodes.clone(),
        };
        self.data_blocks.iter().map(block).collect()
    }
}

/// Who was assigned to what; read from the JSON of a [`Plan`].
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Assignments {
    /// The batches, in any order.
    pub batches: Vec<AssignedBatch>,
}

/// The miners of a batch.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct AssignedBatch {
    /// Its name.
    pub name: String,
    /// Its groups.
    pub groups: Vec<Group>,
}

impl From<Plan> for Assignments {
    fn from(plan: Plan) -> Self {
        let batch = |batch: PlannedBatch| AssignedBatch { name: batch.name, groups: batch.groups };
        Self { batches: plan.batches.into_iter().map(batch).collect() }
    }
}

/// An assignment of a batch that is in no block.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is assigned, and is none of the blocks")]
pub struct UnknownBatch(pub String);

/// An epoch that is put together from what was recorded.
///
/// Where it is not told who was assigned, nobody is judged for an answer that is not there. Values are compared in their
/// normal form, also by the plain vote: how they were written is not kept.
#[derive(Clone, Debug)]
pub struct Recording {
    epoch: Epoch,
    asked_at: Timestamp,
    places: Vec<Place>,
    /// Of answers that belong to no batch.
    refused: Vec<Refusal>,
    window: ResponseWindow,
    limits: Limits,
}

/// What belongs to a batch beside its answers.
#[derive(Clone, Debug)]
struct Place {
    homes: Assigned,
    /// By uid; nothing where it is not known who was assigned.
    groups: Option<BTreeMap<u16, u16>>,
}

impl Recording {
    /// An epoch without answers; `credibilities` are those before it.
    pub fn new(
        deal: Deal,
        metagraph: &Metagraph,
        credibilities: Credibilities,
        window: ResponseWindow,
        limits: Limits,
    ) -> Self {
        let (places, batches) = deal
            .data_blocks
            .into_iter()
            .map(|(name, DealtBatch { zipcodes, sources })| {
                let homes = Assigned::zipcodes(sources, zipcodes.iter().copied());
                let batch = Batch { name, zipcodes, ..Batch::default() };
                (Place { homes, groups: None }, batch)
            })
            .unzip();
        let epoch = Epoch {
            id: deal.epoch.id.to_string(),
            catalog: Catalog::new(),
            miners: metagraph.miners().to_vec(),
            credibilities,
            batches,
            honeypots: Vec::new(),
        };
        let asked_at = deal.epoch.starts_at;
        Self { epoch, asked_at, places, refused: Vec::new(), window, limits }
    }

    /// Tells who was assigned, before answers are added. From then on a miner is judged by what it left out, and an answer
    /// counts only in the group that its miner was put into.
    ///
    /// # Errors
    /// When a batch is assigned that was not dealt.
    pub fn assign(&mut self, assignments: &Assignments) -> Result<(), UnknownBatch> {
        self.places.iter_mut().for_each(|place| place.groups = Some(BTreeMap::new()));
        for batch in &assignments.batches {
            let at = self.place(&batch.name).ok_or_else(|| UnknownBatch(batch.name.clone()))?;
            let seats = batch.groups.iter().flat_map(|group| {
                let number = u16::try_from(group.overlap_group).unwrap_or(u16::MAX);
                group.miners.iter().map(move |uid| (*uid, number))
            });
            self.places[at].groups = Some(seats.collect());
        }
        Ok(())
    }

    fn place(&self, batch: &str) -> Option<usize> {
        self.epoch.batches.binary_search_by(|known| known.name.as_str().cmp(batch)).ok()
    }

    /// Adds an answer. One that belongs to no batch or group, or whose times cannot be, is refused, which [`Self::judge`]
    /// tells.
    pub fn add(&mut self, recorded: RecordedAnswer) {
        let RecordedAnswer { uid, received_at, mut answer } = recorded;
        let named = answer.zipcode_batch_id.take().unwrap_or_default();
        let refusal =
            |reason, detail: String| Refusal { uid, batch: named.clone(), reason, detail };
        let Some(at) = self.place(&named) else {
            let lacks = "no such batch".to_owned();
            return self.refused.push(refusal(RefusalReason::NotAssigned, lacks));
        };
        let place = &self.places[at];
        let group = match &place.groups {
            Some(groups) => groups.get(&uid).copied().ok_or("assigned to others"),
            None => answer
                .overlap_group
                .and_then(|group| u16::try_from(group).ok())
                .ok_or("no group is named"),
        };
        let batch = &mut self.epoch.batches[at];
        let group = match group {
            Ok(group) => group,
            Err(lacks) => {
                let refusal = refusal(RefusalReason::NotAssigned, lacks.to_owned());
                return batch.refused.push(refusal);
            }
        };
        answer.restrict(&place.homes, &self.limits);
        match self.window.admit(&answer, Some(self.asked_at), received_at) {
            Err(reason @ NotCounted::NoTimes) => {
                return batch.refused.push(refusal(RefusalReason::NoTimes, reason.to_string()));
            }
            Err(reason @ NotCounted::ImplausibleTime(_)) => {
                let refusal = refusal(RefusalReason::ImplausibleTime, reason.to_string());
                return batch.refused.push(refusal);
            }
            // A strategy refuses those itself.
            Err(NotCounted::NotCompleted | NotCounted::Empty) | Ok(_) => {}
        }
        let not_values = [Reason::NotANumber, Reason::NotFinite, Reason::OutOfRange];
        let refused_values: u64 =
            not_values.map(|reason| answer.refusals.count(reason)).iter().sum();
        let catalog = &mut self.epoch.catalog;
        let reports = answer.reports.iter().filter_map(|report| in_catalog(report, catalog));
        batch.answers.push(Answer {
            uid,
            group,
            completed: answer.status == Some(CompletionStatus::Completed),
            sent_at: self.asked_at,
            received_at,
            scrape_started: answer.scrape_timestamp,
            reports: reports.collect(),
            refused_values: u32::try_from(refused_values).unwrap_or(u32::MAX),
        });
    }

    /// Notes that what a miner sent is refused whole, and why. Which batch it was for is not known then.
    pub fn refuse(&mut self, uid: u16, error: &AnswerError) {
        let (batch, reason, detail) = (String::new(), RefusalReason::Malformed, error.to_string());
        self.refused.push(Refusal { uid, batch, reason, detail });
    }

    /// Names the decoys among the zipcodes, as the service revealed them after the epoch.
    pub fn reveal(&mut self, honeypots: impl IntoIterator<Item = Zipcode>) {
        self.epoch.honeypots.extend(honeypots);
    }

    /// Judges what was added, and gives the homes that the conclusion is about with it.
    pub fn judge(mut self, strategy: &dyn Strategy) -> (Conclusion, Catalog) {
        for (batch, place) in self.epoch.batches.iter_mut().zip(&self.places) {
            let uids: BTreeSet<u16> = match &place.groups {
                Some(groups) => groups.keys().copied().collect(),
                None => batch.answers.iter().map(|answer| answer.uid).collect(),
            };
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
    Some(Report { property, values, spelling: [0; FIELDS] })
}

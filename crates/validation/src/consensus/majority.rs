use std::collections::{BTreeMap, BTreeSet};

use resi_protocol::Zipcode;

use super::admission::admit;
use super::panel::Panel;
use super::{
    ABSENT, Answer, Batch, BatchSummary, Conclusion, Epoch, FIELDS, FieldVerdict, Finding,
    FindingKind, Judgement, Memory, PropertyId, PropertyVerdict, Report, Settings, Share, Strategy,
};
use crate::Conduct;

/// Everybody's confidence is multiplied with it when too many answers are suspect.
const ANOMALY_FACTOR: f64 = 0.8;

/// The plain weighted vote as validators run it today, with its faults, as a baseline.
///
/// Values are compared as texts, weights are credibilities, the winner has the largest weight × votes, confidence is
/// over all who reported the home, a miner votes as often as it reports, and uid 0 is taken for nobody.
#[derive(Clone, Debug, Default)]
pub struct Majority {
    /// What can be set; most of it does not matter here.
    pub settings: Settings,
}

/// One way to write one value, and who voted for it.
struct Ballot {
    value: u32,
    spelling: u8,
    weight: f64,
    votes: u32,
}

struct Vote<'a> {
    weight: f64,
    uid: u16,
    report: &'a Report,
}

impl Strategy for Majority {
    fn name(&self) -> &'static str {
        "majority"
    }

    fn judge(&self, epoch: &Epoch, memory: &Memory) -> Conclusion {
        let panel = Panel::new(&epoch.miners, &epoch.credibilities);
        let mut judgement = Judgement { strategy: "majority", ..Judgement::default() };
        let mut correct: BTreeMap<u16, (u64, u64)> = BTreeMap::new();
        for batch in &epoch.batches {
            self.judge_batch(batch, &panel, &mut judgement, &mut correct);
        }
        judgement.findings.extend(trapped(epoch, &panel));
        let suspects = judgement.found();
        let rules = self.settings.credibility();
        let moved = panel.miners().iter().enumerate().map(|(position, miner)| {
            let conduct = if suspects.contains(&miner.uid) {
                Conduct::Convicted
            } else {
                let (correct, accepted) = correct.get(&miner.uid).copied().unwrap_or_default();
                Conduct::Agreement { correct, accepted }
            };
            (miner.uid, rules.after(panel.credibility(position), conduct))
        });
        judgement.credibility = moved.collect();
        judgement.refused.sort_unstable();
        judgement.findings.sort_unstable();
        judgement.findings.dedup();
        Conclusion { epoch_id: epoch.id.clone(), judgement, memory: memory.clone() }
    }
}

impl Majority {
    fn judge_batch(
        &self,
        batch: &Batch,
        panel: &Panel,
        judgement: &mut Judgement,
        correct: &mut BTreeMap<u16, (u64, u64)>,
    ) {
        let mut answers: Vec<(&Answer, f64)> = Vec::new();
        judgement.refused.extend_from_slice(&batch.refused);
        for answer in &batch.answers {
            match (admit(answer, batch, &self.settings), panel.position(answer.uid)) {
                (Err(refusal), _) => judgement.refused.push(refusal),
                (Ok(()), Some(miner)) if answer.uid != 0 => {
                    answers.push((answer, panel.credibility(miner).as_f64()))
                }
                _ => {}
            }
        }
        answers.sort_by_key(|(answer, _)| (answer.uid, answer.received_at));
        let suspects =
            suspects(&answers, i64::from(self.settings.sync_threshold_seconds) * 1_000_000);
        let anomalous = !suspects.is_empty()
            && Share::of(suspects.len() as u64, answers.len() as u64)
                > self.settings.anomaly_detection_threshold;
        for &(uid, kind) in &suspects {
            let evidence = format!("in {}", batch.name);
            judgement.findings.push(Finding {
                kind,
                miners: vec![uid],
                score: Share::ONE,
                evidence,
            });
        }
        let factor = if anomalous { ANOMALY_FACTOR } else { 1.0 };
        let mut votes: Vec<(PropertyId, usize, Vote<'_>)> = Vec::new();
        for (answer, weight) in &answers {
            let vote = |report| Vote { weight: *weight, uid: answer.uid, report };
            votes.extend(
                answer
                    .reports
                    .iter()
                    .enumerate()
                    .map(|(order, report)| (report.property, order, vote(report))),
            );
        }
        votes.sort_by_key(|(property, order, vote)| (*property, vote.uid, *order));
        let (mut accepted, mut reported) = (0u64, 0u64);
        for home in votes.chunk_by(|a, b| a.0 == b.0) {
            let verdict = self.judge_home(home, factor, correct);
            reported += verdict.fields.iter().filter(|field| field.value.is_some()).count() as u64;
            accepted += verdict.fields.iter().filter(|field| field.accepted).count() as u64;
            judgement.properties.push(verdict);
        }
        judgement.batches.push(BatchSummary {
            batch: batch.name.clone(),
            confidence: Share::of(accepted, reported),
            zipcode_confidence: Share::ZERO,
            miners: answers.len() as u32,
            group_agreement: Share::ZERO,
        });
    }

    fn judge_home(
        &self,
        home: &[(PropertyId, usize, Vote<'_>)],
        factor: f64,
        correct: &mut BTreeMap<u16, (u64, u64)>,
    ) -> PropertyVerdict {
        let all: f64 = home.iter().map(|(_, _, vote)| vote.weight).sum();
        let mut ballots: Vec<Ballot> = Vec::with_capacity(4);
        let (mut confidence, mut counted) = (0.0, 0u32);
        let mut winners = [None; FIELDS];
        let mut fields: [FieldVerdict; FIELDS] = std::array::from_fn(|field| {
            ballots.clear();
            for (_, _, vote) in home {
                let (value, spelling) = (vote.report.values[field], vote.report.spelling[field]);
                if value == ABSENT {
                    continue;
                }
                match ballots
                    .iter_mut()
                    .find(|ballot| ballot.value == value && ballot.spelling == spelling)
                {
                    Some(ballot) => {
                        ballot.weight += vote.weight;
                        ballot.votes += 1;
                    }
                    None => ballots.push(Ballot { value, spelling, weight: vote.weight, votes: 1 }),
                }
            }
            let score = |ballot: &Ballot| ballot.weight * f64::from(ballot.votes);
            let Some(winner) = ballots
                .iter()
                .reduce(|best, next| if score(next) > score(best) { next } else { best })
            else {
                return FieldVerdict::default();
            };
            let of_field = if all > 0.0 { winner.weight / all * factor } else { 0.0 };
            confidence += of_field;
            counted += 1;
            winners[field] = Some((winner.value, winner.spelling));
            FieldVerdict {
                value: Some(winner.value),
                confidence: Share::nearest(of_field),
                accepted: false,
            }
        });
        let mean = if counted > 0 { confidence / f64::from(counted) } else { 0.0 };
        let accepted = Share::nearest(mean) >= self.settings.consensus_confidence_threshold;
        for field in &mut fields {
            field.accepted = accepted && field.value.is_some();
        }
        if accepted {
            for (_, _, vote) in home {
                let tally = correct.entry(vote.uid).or_default();
                for (field, winner) in
                    winners.iter().enumerate().filter(|(_, winner)| winner.is_some())
                {
                    let own = (vote.report.values[field], vote.report.spelling[field]);
                    tally.1 += 1;
                    tally.0 += u64::from(*winner == Some(own));
                }
            }
        }
        let owners = home.len() as u32;
        PropertyVerdict {
            property: home[0].0,
            fields,
            exists: accepted,
            confidence: Share::nearest(mean),
            accepted,
            reports: owners,
            owners,
        }
    }
}

/// Whoever reported homes where none is sold. Their votes of this epoch were counted, as those of all suspects are.
fn trapped(epoch: &Epoch, panel: &Panel) -> Vec<Finding> {
    let mut homes: BTreeMap<u16, BTreeMap<Zipcode, u32>> = BTreeMap::new();
    let answers = epoch.batches.iter().filter(|_| !epoch.honeypots.is_empty());
    for answer in answers.flat_map(|batch| &batch.answers) {
        for report in &answer.reports {
            let zipcode = epoch.catalog.property_of(report.property).map(|home| home.zipcode);
            if let Some(zipcode) = zipcode.filter(|zipcode| epoch.honeypots.contains(zipcode))
                && panel.position(answer.uid).is_some()
            {
                *homes.entry(answer.uid).or_default().entry(zipcode).or_default() += 1;
            }
        }
    }
    let finding = |(uid, zipcodes): (u16, BTreeMap<Zipcode, u32>)| {
        Finding::of_honeypots(uid, &zipcodes.into_iter().collect::<Vec<_>>())
    };
    homes.into_iter().map(finding).collect()
}

/// Whoever answered within the threshold of another, or with the very same content as another.
fn suspects(answers: &[(&Answer, f64)], threshold: i64) -> BTreeSet<(u16, FindingKind)> {
    let mut suspects = BTreeSet::new();
    let mut arrivals: Vec<(i64, u16)> =
        answers.iter().map(|(answer, _)| (answer.received_at.micros(), answer.uid)).collect();
    arrivals.sort_unstable();
    for pair in arrivals.windows(2) {
        if pair[1].0 - pair[0].0 <= threshold {
            suspects.extend(pair.iter().map(|&(_, uid)| (uid, FindingKind::Synchronized)));
        }
    }
    for (position, (answer, _)) in answers.iter().enumerate() {
        for (other, _) in &answers[position + 1..] {
            if answer.uid != other.uid && answer.reports == other.reports {
                suspects
                    .extend([answer.uid, other.uid].map(|uid| (uid, FindingKind::CopiedContent)));
            }
        }
    }
    suspects
}

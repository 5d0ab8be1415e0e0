use std::collections::{BTreeMap, BTreeSet};
use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

use super::actor::Behaviour;
use super::cast::Player;
use super::play::Played;
use super::truth::TrueHome;
use crate::Coldkey;
use crate::consensus::{ABSENT, FIELDS, Judgement, Share};

/// From this part of false values on, a batch counts as one in which a miner lied.
const LIED: Share = Share::percent(5);
const CONFIDENT: Share = Share::percent(90);

/// Counts over one epoch or many; a figure is a quotient of two.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Score {
    /// (home, field) pairs whose accepted value the page showed at some moment.
    pub accepted_true: u64,
    /// Accepted pairs.
    pub accepted: u64,
    /// Pairs whose true value two owners or more reported.
    pub reachable: u64,
    /// Those of them that were accepted with a true value.
    pub reached: u64,
    /// Homes that do not exist and were accepted.
    pub invented: u64,
    /// Dishonest miners that did enough to be told by: 5 % false values or more in two batches that they did not hold, or
    /// what their kind is about.
    pub dishonest: u64,
    /// Those of them that something was found about.
    pub dishonest_found: u64,
    /// Honest miners with an answer.
    pub honest: u64,
    /// Those of them that something was found about.
    pub honest_found: u64,
    /// Batches.
    pub batches: u64,
    /// Batches with a confidence over 0.9.
    pub confident: u64,
    /// The sum of the zipcode formula over batches, in millionths.
    pub zipcode_confidence: u64,
}

impl AddAssign for Score {
    fn add_assign(&mut self, other: Self) {
        self.accepted_true += other.accepted_true;
        self.accepted += other.accepted;
        self.reachable += other.reachable;
        self.reached += other.reached;
        self.invented += other.invented;
        self.dishonest += other.dishonest;
        self.dishonest_found += other.dishonest_found;
        self.honest += other.honest;
        self.honest_found += other.honest_found;
        self.batches += other.batches;
        self.confident += other.confident;
        self.zipcode_confidence += other.zipcode_confidence;
    }
}

impl Score {
    /// The true part of what was accepted; all of nothing.
    pub fn truth(&self) -> f64 {
        part(self.accepted_true, self.accepted, 1.0)
    }

    /// The part of what could be known that was accepted.
    pub fn coverage(&self) -> f64 {
        part(self.reached, self.reachable, 1.0)
    }

    /// The part of the dishonest that was found; nothing where there are none.
    pub fn found(&self) -> Option<f64> {
        (self.dishonest > 0).then(|| part(self.dishonest_found, self.dishonest, 0.0))
    }

    /// The part of the honest that something was found about.
    pub fn false_alarms(&self) -> f64 {
        part(self.honest_found, self.honest, 0.0)
    }

    /// The part of the batches with a confidence over 0.9.
    pub fn confident_batches(&self) -> f64 {
        part(self.confident, self.batches, 0.0)
    }

    /// The mean of the zipcode formula over batches.
    pub fn zipcode_agreement(&self) -> f64 {
        part(self.zipcode_confidence, self.batches * 1_000_000, 0.0)
    }
}

fn part(of: u64, whole: u64, of_nothing: f64) -> f64 {
    if whole == 0 { of_nothing } else { of as f64 / whole as f64 }
}

/// The truth of an epoch, and who lied in it: independent of any strategy, so computed once.
#[derive(Debug)]
pub(super) struct Referee<'a> {
    homes: Vec<Option<&'a TrueHome>>,
    /// By home, which fields two owners reported truly.
    reachable: Vec<u8>,
    dishonest: BTreeSet<u16>,
    honest: BTreeSet<u16>,
}

impl<'a> Referee<'a> {
    pub(super) fn new(played: &'a Played, players: &[Player], awake: bool) -> Self {
        let count = played.epoch.catalog.properties();
        let mut homes: Vec<Option<&TrueHome>> = vec![None; count];
        for home in played.truth.iter().flatten() {
            homes[home.property.0 as usize] = Some(home);
        }
        let mut once = vec![0u8; count];
        let mut reachable = vec![0u8; count];
        let mut lied: BTreeMap<Coldkey, BTreeSet<u16>> = BTreeMap::new();
        let mut batches_lied: BTreeMap<Coldkey, u32> = BTreeMap::new();
        let (mut honest, mut dishonest) = (BTreeSet::new(), BTreeSet::new());
        for batch in &played.epoch.batches {
            let seated = |actor| {
                let of_actor = |uid: &&u16| {
                    players[usize::from(**uid)].role.is_some_and(|role| role.actor == actor)
                };
                batch.assigned.iter().filter(of_actor).count()
            };
            for answer in &batch.answers {
                let player = &players[usize::from(answer.uid)];
                let (mut values, mut false_values) = (0u64, 0u64);
                for report in &answer.reports {
                    let position = report.property.0 as usize;
                    let mut truly = 0u8;
                    if let Some(home) = homes[position] {
                        for field in 0..FIELDS {
                            truly |= u8::from(home.showed(field, report.values[field])) << field;
                        }
                    }
                    reachable[position] |= once[position] & truly;
                    once[position] |= truly;
                    if player.role.is_some() {
                        let present =
                            report.values.iter().filter(|&&value| value != ABSENT).count() as u64;
                        values += present;
                        false_values += present.saturating_sub(u64::from(truly.count_ones()));
                    }
                }
                match player.role.filter(|_| awake) {
                    None if player.role.is_none() => {
                        honest.insert(answer.uid);
                    }
                    None => {}
                    Some(role) => match role.behaviour {
                        Behaviour::Ring { .. }
                        | Behaviour::DoubleAgent { .. }
                        | Behaviour::Fabricator { .. }
                        | Behaviour::Inventor { .. } => {
                            let lying = LIED.is_reached_by(false_values, values);
                            let in_company = role.behaviour.common_lies().is_none()
                                || seated(role.actor) * 2 < batch.assigned.len();
                            if lying && in_company {
                                *batches_lied.entry(player.owner).or_default() += 1;
                                lied.entry(player.owner).or_default().insert(answer.uid);
                            }
                        }
                        _ => {
                            dishonest.insert(answer.uid);
                        }
                    },
                }
            }
        }
        for (owner, uids) in lied {
            if batches_lied.get(&owner).is_some_and(|&batches| batches >= 2) {
                dishonest.extend(uids);
            }
        }
        Self { homes, reachable, dishonest, honest }
    }

    pub(super) fn score(&self, judgement: &Judgement) -> Score {
        let mut score = Score {
            reachable: self.reachable.iter().map(|fields| u64::from(fields.count_ones())).sum(),
            dishonest: self.dishonest.len() as u64,
            honest: self.honest.len() as u64,
            batches: judgement.batches.len() as u64,
            ..Score::default()
        };
        for verdict in &judgement.properties {
            let position = verdict.property.0 as usize;
            let home = self.homes[position];
            score.invented +=
                u64::from(home.is_none() && verdict.fields.iter().any(|field| field.accepted));
            for (field, judged) in
                verdict.fields.iter().enumerate().filter(|(_, judged)| judged.accepted)
            {
                let truly =
                    home.zip(judged.value).is_some_and(|(home, value)| home.showed(field, value));
                score.accepted += 1;
                score.accepted_true += u64::from(truly);
                score.reached += u64::from(truly && self.reachable[position] >> field & 1 == 1);
            }
        }
        let found = judgement.found();
        score.dishonest_found = self.dishonest.intersection(&found).count() as u64;
        score.honest_found = self.honest.intersection(&found).count() as u64;
        score.confident =
            judgement.batches.iter().filter(|batch| batch.confidence > CONFIDENT).count() as u64;
        score.zipcode_confidence = judgement
            .batches
            .iter()
            .map(|batch| u64::from(batch.zipcode_confidence.as_millionths()))
            .sum();
        score
    }
}

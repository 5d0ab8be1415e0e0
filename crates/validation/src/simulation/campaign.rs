use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::cast;
use super::play::play;
use super::scenario::Scenario;
use super::score::{Referee, Score};
use super::truth::Town;
use crate::consensus::{Epoch, FindingKind, Majority, Memory, Robust, Share, Strategy};

/// One strategy in one scenario with one seed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// The scenario's name.
    pub scenario: String,
    /// The strategy's name.
    pub strategy: String,
    /// The seed.
    pub seed: u64,
    /// By counted epoch.
    pub epochs: Vec<Score>,
    /// By counted epoch, the credibility of every honest miner and of every other.
    pub credibility: Vec<Credibility>,
    /// Findings about honest miners, by kind.
    pub false_alarms: BTreeMap<FindingKind, u64>,
}

/// Credibilities after an epoch.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Credibility {
    /// The mean over the honest.
    pub honest: f64,
    /// The least of an honest one.
    pub honest_least: f64,
    /// The mean over the others.
    pub dishonest: f64,
    /// The largest of another one that is convicted.
    pub convicted_most: f64,
    /// The mean change of an honest one since the epoch before.
    pub honest_change: f64,
}

impl Run {
    /// All epochs together.
    pub fn pooled(&self) -> Score {
        let mut pooled = Score::default();
        self.epochs.iter().for_each(|epoch| pooled += *epoch);
        pooled
    }
}

/// Plays a scenario with one seed, and lets both strategies judge the same answers; each keeps its own memory and
/// credibilities.
pub fn run(scenario: &Scenario, seed: u64) -> Vec<Run> {
    let strategies: [Box<dyn Strategy>; 2] =
        [Box::new(Majority::default()), Box::new(Robust::default())];
    let mut town = Town::new(&scenario.world, seed);
    let mut players = cast::cast(scenario, seed);
    let mut states: Vec<(Memory, Vec<Share>)> =
        vec![(Memory::default(), vec![Share::percent(50); players.len()]); strategies.len()];
    let mut runs: Vec<Run> = strategies
        .iter()
        .map(|strategy| Run {
            scenario: scenario.name.clone(),
            strategy: strategy.name().to_owned(),
            seed,
            epochs: Vec::new(),
            credibility: Vec::new(),
            false_alarms: BTreeMap::new(),
        })
        .collect();
    for epoch in 0..u64::from(scenario.honest_epochs + scenario.epochs) {
        let counted = epoch >= u64::from(scenario.honest_epochs);
        if epoch == u64::from(scenario.honest_epochs) && scenario.newcomers > 0.0 {
            for (_, credibility) in &mut states {
                cast::renew(&mut players, scenario.newcomers, credibility, seed);
            }
        }
        let mut played = play(scenario, &mut town, &players, &states[0].1, seed, epoch);
        {
            let mut credible: Vec<_> =
                states.iter().map(|(_, credible)| cast::metagraph(&players, credible)).collect();
            for (position, strategy) in strategies.iter().enumerate() {
                played.epoch.miners = std::mem::take(&mut credible[position]);
                let (memory, credible) = &mut states[position];
                let conclusion = strategy.judge(&played.epoch, memory);
                let before = credible.clone();
                for (&uid, &moved) in &conclusion.judgement.credibility {
                    credible[usize::from(uid)] = moved;
                }
                if counted {
                    let referee = Referee::new(&played, &players, true);
                    runs[position].epochs.push(referee.score(&conclusion.judgement));
                    for finding in &conclusion.judgement.findings {
                        let honest = |uid: &&u16| players[usize::from(**uid)].role.is_none();
                        let alarms = finding.miners.iter().filter(honest).count() as u64;
                        if alarms > 0 {
                            *runs[position].false_alarms.entry(finding.kind).or_default() += alarms;
                        }
                    }
                    let convicted = conclusion.judgement.convicted();
                    runs[position]
                        .credibility
                        .push(Credibility::of(&players, &before, credible, &convicted));
                }
                *memory = conclusion.memory;
            }
        }
        town.catalog = std::mem::take(&mut played.epoch.catalog);
    }
    runs
}

impl Credibility {
    fn of(
        players: &[cast::Player],
        before: &[Share],
        after: &[Share],
        convicted: &BTreeSet<u16>,
    ) -> Self {
        let mean = |values: &[f64]| {
            if values.is_empty() { 0.0 } else { values.iter().sum::<f64>() / values.len() as f64 }
        };
        let of = |honest: bool| -> Vec<f64> {
            let same = |(player, _): &(&cast::Player, &Share)| player.role.is_none() == honest;
            players.iter().zip(after).filter(same).map(|(_, share)| share.as_f64()).collect()
        };
        let changes: Vec<f64> = players
            .iter()
            .zip(before.iter().zip(after))
            .filter(|(player, _)| player.role.is_none())
            .map(|(_, (before, after))| (after.as_f64() - before.as_f64()).abs())
            .collect();
        let honest = of(true);
        let worst = players
            .iter()
            .enumerate()
            .filter(|(uid, player)| player.role.is_some() && convicted.contains(&(*uid as u16)))
            .map(|(uid, _)| after[uid].as_f64());
        Self {
            honest: mean(&honest),
            honest_least: honest.iter().copied().fold(1.0, f64::min),
            dishonest: mean(&of(false)),
            convicted_most: worst.fold(0.0, f64::max),
            honest_change: mean(&changes),
        }
    }
}

/// The answers of a scenario's first epoch, to measure a strategy with.
pub fn first_epoch(scenario: &Scenario, seed: u64) -> Epoch {
    let mut town = Town::new(&scenario.world, seed);
    let players = cast::cast(scenario, seed);
    let credibility = vec![Share::percent(50); players.len()];
    play(scenario, &mut town, &players, &credibility, seed, u64::from(scenario.honest_epochs)).epoch
}

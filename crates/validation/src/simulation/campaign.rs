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
    /// How credibilities stood from the sixteenth counted epoch on, if there were so many.
    pub standing: Option<Standing>,
    /// Findings about honest miners, by kind.
    pub false_alarms: BTreeMap<FindingKind, u64>,
}

/// Credibilities once they have settled.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Standing {
    /// The standard deviation over epochs of an honest miner's: the mean over them.
    pub honest_deviation: f64,
    /// The largest of one.
    pub honest_deviation_most: f64,
    /// The least that an honest miner ended with, less the most that one convicted in the last epoch ended with.
    pub honest_less_convicted: f64,
}

const SETTLED: usize = 15;

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
            standing: None,
            false_alarms: BTreeMap::new(),
        })
        .collect();
    let mut histories: Vec<Vec<Vec<Share>>> = vec![Vec::new(); strategies.len()];
    for epoch in 0..u64::from(scenario.honest_epochs + scenario.epochs) {
        let counted = epoch >= u64::from(scenario.honest_epochs);
        if epoch == u64::from(scenario.honest_epochs) && scenario.newcomers > 0.0 {
            for (_, credibility) in &mut states {
                cast::renew(&mut players, scenario.newcomers, credibility, seed);
            }
        }
        let mut played = play(scenario, &mut town, &players, &states[0].1, seed, epoch);
        for (position, strategy) in strategies.iter().enumerate() {
            let (memory, credible) = &mut states[position];
            played.epoch.credibilities = cast::credibilities(&players, credible);
            let conclusion = strategy.judge(&played.epoch, memory);
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
                histories[position].push(credible.clone());
                if epoch + 1 == u64::from(scenario.honest_epochs + scenario.epochs) {
                    let convicted = conclusion.judgement.convicted();
                    runs[position].standing =
                        Standing::of(&players, &histories[position], &convicted);
                }
            }
            *memory = conclusion.memory;
        }
        town.catalog = std::mem::take(&mut played.epoch.catalog);
    }
    runs
}

impl Standing {
    /// `history` is by epoch and uid.
    fn of(
        players: &[cast::Player],
        history: &[Vec<Share>],
        convicted: &BTreeSet<u16>,
    ) -> Option<Self> {
        let settled = history.get(SETTLED..).filter(|settled| settled.len() > 1)?;
        let last = settled.last()?;
        let deviation = |uid: usize| {
            let values: Vec<f64> = settled.iter().map(|epoch| epoch[uid].as_f64()).collect();
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
            (squares / (values.len() - 1) as f64).sqrt()
        };
        let honest = || (0..players.len()).filter(|&uid| players[uid].role.is_none());
        let convicted = (0..players.len())
            .filter(|&uid| players[uid].role.is_some() && convicted.contains(&(uid as u16)));
        Some(Self {
            honest_deviation: honest().map(deviation).sum::<f64>() / honest().count().max(1) as f64,
            honest_deviation_most: honest().map(deviation).fold(0.0, f64::max),
            honest_less_convicted: honest().map(|uid| last[uid].as_f64()).fold(1.0, f64::min)
                - convicted.map(|uid| last[uid].as_f64()).fold(0.0, f64::max),
        })
    }
}

/// The answers of a scenario's first epoch, to measure a strategy with.
pub fn first_epoch(scenario: &Scenario, seed: u64) -> Epoch {
    let mut town = Town::new(&scenario.world, seed);
    let players = cast::cast(scenario, seed);
    let credibility = vec![Share::percent(50); players.len()];
    play(scenario, &mut town, &players, &credibility, seed, u64::from(scenario.honest_epochs)).epoch
}

use std::collections::BTreeMap;

use serde::Serialize;

use super::campaign::{Run, Standing};
use super::score::Score;
use super::table::{Goal, Row};
use crate::consensus::FindingKind;

/// A scenario with what came out, both strategies on the same answers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Line {
    /// The scenario's name.
    pub scenario: String,
    /// Over how many seeds.
    pub seeds: usize,
    /// What it must reach, where that is known.
    pub goal: Option<Goal>,
    /// Whether the robust strategy did, in every figure.
    pub met: Option<bool>,
    /// Whether some miners do not answer.
    #[serde(skip)]
    pub partial_answers: bool,
    /// The default.
    pub robust: Performance,
    /// The plain vote.
    pub majority: Performance,
}

/// What one strategy made of a scenario: all seeds together.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Performance {
    /// All epochs together.
    pub figures: Figures,
    /// By counted epoch.
    pub by_epoch: Vec<Figures>,
    /// Findings about honest miners, by kind.
    pub false_alarms: BTreeMap<FindingKind, u64>,
    /// How credibilities stood once they had settled, the worst over seeds; of long scenarios.
    pub standing: Option<Standing>,
}

/// Parts of a whole, from 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Figures {
    /// Accepted values that the page showed at some moment; 1 where nothing is accepted.
    #[serde(rename = "true")]
    pub truth: f64,
    /// What was accepted of what could be known.
    pub accepted: f64,
    /// Attackers that something was found about, where there are any that did enough.
    pub found: Option<f64>,
    /// Honest miners that something was found about.
    pub honest_flagged: f64,
    /// Batches with a confidence over 0.9.
    pub confident_batches: f64,
    /// The mean of 0.6 × count + 0.4 × price over batches; the plain vote has none.
    pub zipcode_agreement: Option<f64>,
    /// Homes that do not exist and were accepted: a count.
    pub invented: u64,
}

impl From<&Score> for Figures {
    fn from(score: &Score) -> Self {
        Self {
            truth: score.truth(),
            accepted: score.coverage(),
            found: score.found(),
            honest_flagged: score.false_alarms(),
            confident_batches: score.confident_batches(),
            zipcode_agreement: (score.zipcode_confidence > 0).then(|| score.zipcode_agreement()),
            invented: score.invented,
        }
    }
}

/// One line for each row that was played.
pub fn summary(rows: &[Row], runs: &[Run]) -> Vec<Line> {
    rows.iter().filter_map(|row| line(row, runs)).collect()
}

fn line(row: &Row, runs: &[Run]) -> Option<Line> {
    let of = |strategy: &str| -> Vec<&Run> {
        let is_it = |run: &&Run| run.scenario == row.scenario.name && run.strategy == strategy;
        runs.iter().filter(is_it).collect()
    };
    let robust = of("robust");
    let result = Performance::of(&robust);
    (!robust.is_empty()).then(|| Line {
        scenario: row.scenario.name.clone(),
        seeds: robust.len(),
        goal: row.goal,
        met: row.goal.map(|goal| goal.is_met_by(&result)),
        partial_answers: row.scenario.world.answering < 1.0,
        robust: result,
        majority: Performance::of(&of("majority")),
    })
}

impl Performance {
    fn of(runs: &[&Run]) -> Self {
        let epochs = runs.iter().map(|run| run.epochs.len()).max().unwrap_or(0);
        let mut pooled = Score::default();
        let mut by_epoch = vec![Score::default(); epochs];
        let mut false_alarms = BTreeMap::new();
        for run in runs {
            pooled += run.pooled();
            by_epoch.iter_mut().zip(&run.epochs).for_each(|(pooled, epoch)| *pooled += *epoch);
            for (kind, count) in &run.false_alarms {
                *false_alarms.entry(*kind).or_default() += count;
            }
        }
        let standings = runs.iter().filter_map(|run| run.standing);
        Self {
            figures: Figures::from(&pooled),
            by_epoch: by_epoch.iter().map(Figures::from).collect(),
            false_alarms,
            standing: standings.reduce(Standing::worse),
        }
    }
}

impl Standing {
    fn worse(self, other: Self) -> Self {
        Self {
            honest_deviation: self.honest_deviation.max(other.honest_deviation),
            honest_deviation_most: self.honest_deviation_most.max(other.honest_deviation_most),
            honest_less_convicted: self.honest_less_convicted.min(other.honest_less_convicted),
        }
    }
}

impl Goal {
    fn is_met_by(&self, result: &Performance) -> bool {
        let Performance { figures, by_epoch, .. } = result;
        let in_epoch = |epoch: usize, least: f64| {
            by_epoch.get(epoch).is_none_or(|figures| figures.accepted >= least)
        };
        let found = |least: f64| {
            by_epoch.first().and_then(|figures| figures.found).is_none_or(|found| found >= least)
        };
        figures.truth >= self.truth
            && figures.accepted >= self.coverage
            && self.first_epoch.is_none_or(|least| in_epoch(0, least))
            && self
                .from_third_epoch
                .is_none_or(|least| (2..by_epoch.len()).all(|epoch| in_epoch(epoch, least)))
            && self.found.is_none_or(found)
            && figures.honest_flagged <= self.false_alarms
    }
}

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Serialize;

use super::campaign::{Run, Standing};
use super::score::Score;
use super::table::{Goal, Row};

/// A row of the table with what came out.
#[derive(Clone, Debug, Serialize)]
pub struct Line {
    /// The scenario's name.
    pub scenario: String,
    /// What it must reach.
    pub goal: Goal,
    /// Whether the robust strategy did, in every figure.
    pub met: bool,
    /// Whether some miners do not answer.
    pub partial_answers: bool,
    /// Over how many seeds.
    pub seeds: usize,
    /// All seeds and epochs together.
    pub robust: Score,
    /// The same answers judged by the plain vote.
    pub majority: Score,
    /// The robust strategy by epoch, all seeds together.
    pub robust_by_epoch: Vec<Score>,
}

/// One line for each row that was played.
pub fn summary(rows: &[Row], runs: &[Run]) -> Vec<Line> {
    rows.iter().filter_map(|row| line(row, runs)).collect()
}

fn line(row: &Row, runs: &[Run]) -> Option<Line> {
    let of = |strategy: &'static str| {
        runs.iter().filter(move |run| run.scenario == row.scenario.name && run.strategy == strategy)
    };
    let pooled = |strategy: &'static str| {
        let mut pooled = Score::default();
        of(strategy).for_each(|run| pooled += run.pooled());
        pooled
    };
    let seeds = of("robust").count();
    let mut by_epoch = vec![Score::default(); row.scenario.epochs as usize];
    for run in of("robust") {
        by_epoch.iter_mut().zip(&run.epochs).for_each(|(pooled, epoch)| *pooled += *epoch);
    }
    let robust = pooled("robust");
    (seeds > 0).then(|| Line {
        scenario: row.scenario.name.clone(),
        partial_answers: row.scenario.world.answering < 1.0,
        goal: row.goal,
        met: row.goal.is_met_by(&robust, &by_epoch),
        seeds,
        robust,
        majority: pooled("majority"),
        robust_by_epoch: by_epoch,
    })
}

impl Goal {
    fn is_met_by(&self, pooled: &Score, by_epoch: &[Score]) -> bool {
        let in_epoch = |epoch: usize, least: f64| {
            by_epoch.get(epoch).is_none_or(|score| score.coverage() >= least)
        };
        let found =
            |least: f64| by_epoch.first().and_then(Score::found).is_none_or(|found| found >= least);
        pooled.truth() >= self.truth
            && pooled.coverage() >= self.coverage
            && self.first_epoch.is_none_or(|least| in_epoch(0, least))
            && self
                .from_third_epoch
                .is_none_or(|least| (2..by_epoch.len()).all(|epoch| in_epoch(epoch, least)))
            && self.found.is_none_or(found)
            && pooled.false_alarms() <= self.false_alarms
    }
}

/// The table for people: each figure of the robust strategy, and the plain vote's beside it.
pub fn markdown(lines: &[Line]) -> String {
    let mut text = String::from(
        "| world | seeds | true | plain vote | accepted | plain vote | attackers found, epoch 1 | all epochs | honest flagged | plain vote | goal |\n\
         | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |\n",
    );
    for line in lines {
        let (robust, majority) = (&line.robust, &line.majority);
        let percent = |value: f64, digits: usize| format!("{:.digits$} %", value * 100.0);
        let found = |score: Option<&Score>| {
            score.and_then(Score::found).map_or("–".to_owned(), |found| percent(found, 1))
        };
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |",
            line.scenario,
            line.seeds,
            percent(robust.truth(), 3),
            percent(majority.truth(), 2),
            percent(robust.coverage(), 2),
            percent(majority.coverage(), 2),
            found(line.robust_by_epoch.first()),
            found(Some(robust)),
            percent(robust.false_alarms(), 2),
            percent(majority.false_alarms(), 1),
            if line.met { "met" } else { "**missed**" },
        );
    }
    text
}

/// How sure batches are, where not everybody answers: those over 0.9, and the mean of the zipcode formula beside it.
pub fn batch_confidence(lines: &[Line]) -> String {
    let mut text = String::from(
        "| world | batches over 0.9 | mean of 0.6 × count + 0.4 × price |\n| --- | ---: | ---: |\n",
    );
    for line in lines.iter().filter(|line| line.partial_answers) {
        let _ = writeln!(
            text,
            "| {} | {:.1} % | {:.3} |",
            line.scenario,
            line.robust.confident_batches() * 100.0,
            line.robust.zipcode_agreement()
        );
    }
    text
}

/// How credibilities stand from the sixteenth epoch on, of scenarios that are so long: the worst over seeds.
pub fn credibility(runs: &[Run]) -> String {
    let mut text = String::from(
        "| world | seeds | deviation over epochs of an honest miner, mean | largest | least honest less most convicted |\n\
         | --- | ---: | ---: | ---: | ---: |\n",
    );
    let mut by_scenario: BTreeMap<&str, Vec<Standing>> = BTreeMap::new();
    for run in runs.iter().filter(|run| run.strategy == "robust") {
        by_scenario.entry(&run.scenario).or_default().extend(run.standing);
    }
    for (scenario, standings) in
        by_scenario.into_iter().filter(|(_, standings)| !standings.is_empty())
    {
        let most =
            |figure: fn(&Standing) -> f64| standings.iter().map(figure).fold(f64::MIN, f64::max);
        let _ = writeln!(
            text,
            "| {scenario} | {} | {:.4} | {:.4} | {:.3} |",
            standings.len(),
            most(|standing| standing.honest_deviation),
            most(|standing| standing.honest_deviation_most),
            -most(|standing| standing.convicted_most - standing.honest_least)
        );
    }
    text
}

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use resi_validation::simulation::{
    Curve, Game, Row, Scenario, beyond, curves, curves_of, held_out, mixture, table,
};

use super::Simulate;
use super::seeds::Seeds;

/// What is played.
pub(super) struct Plan {
    pub(super) rows: Vec<Row>,
    /// For the page; none without one.
    pub(super) curves: Vec<Curve>,
}

impl Plan {
    pub(super) fn of(command: &Simulate) -> Result<Self> {
        let (mut rows, mut curves) = if command.suite {
            (table(), curves())
        } else if command.held_out {
            (held_out(), Vec::new())
        } else if command.beyond {
            (beyond(), Vec::new())
        } else {
            let scenario = own(command)?;
            let curves = curves_of(&scenario);
            (vec![Row { scenario, goal: None }], curves)
        };
        rows.retain(|row| row.scenario.name.contains(&command.only));
        curves.retain(|curve| command.page.is_some() && curve.name.contains(&command.only));
        if rows.is_empty() && curves.is_empty() {
            bail!("no world has {:?} in its name", command.only);
        }
        if let Some(epochs) = command.epochs {
            rows.iter_mut().for_each(|row| row.scenario.epochs = epochs);
        }
        Ok(Self { rows, curves })
    }

    /// Seed by seed, so that what is cut short has all worlds.
    pub(super) fn games(&self, seeds: Seeds) -> Vec<Game> {
        let points = self.curves.iter().flat_map(|curve| &curve.points);
        let scenarios: Vec<&Scenario> = self
            .rows
            .iter()
            .map(|row| &row.scenario)
            .chain(points.map(|(_, scenario)| scenario))
            .collect();
        let with = |seed| scenarios.iter().map(move |&scenario| (scenario.clone(), seed));
        seeds.all().flat_map(with).map(|(scenario, seed)| Game { scenario, seed }).collect()
    }
}

fn own(command: &Simulate) -> Result<Scenario> {
    if let Some(path) = &command.config {
        return read(path);
    }
    let scenario = if command.actors.is_empty() {
        Scenario { actors: mixture(0.05), ..Scenario::honest("mixture of all, 40 %", 5) }
    } else {
        Scenario { actors: command.actors.clone(), ..Scenario::honest("mixture", 5) }
    };
    scenario.check()?;
    Ok(scenario)
}

fn read(path: &Path) -> Result<Scenario> {
    let text =
        fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let scenario: Scenario = toml::from_str(&text).with_context(|| path.display().to_string())?;
    scenario.check().with_context(|| path.display().to_string())?;
    Ok(scenario)
}

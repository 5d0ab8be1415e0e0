use serde::Serialize;

use super::actor::{Actor, Behaviour, Lies};
use super::scenario::{Scenario, World};

/// What a row of the table must reach.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Goal {
    /// The true part of accepted values, at least.
    pub truth: f64,
    /// The accepted part, at least.
    pub coverage: f64,
    /// The accepted part in the first epoch alone, at least.
    pub first_epoch: Option<f64>,
    /// The accepted part in each epoch from the third on, at least.
    pub from_third_epoch: Option<f64>,
    /// The found part of the dishonest in the first epoch, at least.
    pub found: Option<f64>,
    /// The part of the honest that something is found about, at most.
    pub false_alarms: f64,
}

/// A scenario and what it must reach.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// What is played.
    pub scenario: Scenario,
    /// What it must reach, where that is known.
    pub goal: Option<Goal>,
}

pub(super) const fn goal(truth: f64, coverage: f64, found: Option<f64>, false_alarms: f64) -> Goal {
    Goal { truth, coverage, first_epoch: None, from_third_epoch: None, found, false_alarms }
}

pub(super) fn row(name: &str, world: World, actors: Vec<Actor>, goal: Goal) -> Row {
    let scenario = Scenario { world, actors, ..Scenario::honest(name, 5) };
    Row { scenario, goal: Some(goal) }
}

pub(super) fn ring(homes: f64, lies: Lies, holding: usize) -> Behaviour {
    Behaviour::Ring { homes, lies, holding, miners_per_owner: 1 }
}

fn double_agents(honest: f64) -> Behaviour {
    Behaviour::DoubleAgent { homes: 1.0, lies: Lies::Everything, holding: 0, sleeps: 0, honest }
}

/// The attacks whose accuracy is drawn against the share of attackers.
pub fn attacks() -> Vec<(&'static str, Behaviour)> {
    vec![
        ("ring, all fields", ring(1.0, Lies::Everything, 0)),
        ("ring, price only", ring(1.0, Lies::Price, 0)),
        ("ring, a tenth of the homes", ring(0.1, Lies::Everything, 0)),
        ("ring, shaded by 4.5 %", ring(1.0, Lies::Shade, 0)),
        ("fabricators", Behaviour::Fabricator { homes: 0.5 }),
        ("inventors", Behaviour::Inventor { together: 2, homes: 0.1 }),
        ("adaptive ring, T = 8", ring(1.0, Lies::Everything, 8)),
        ("adaptive ring, T = 10", ring(1.0, Lies::Everything, 10)),
        ("adaptive ring, T = 12", ring(1.0, Lies::Everything, 12)),
        ("adaptive ring, T = 15", ring(1.0, Lies::Everything, 15)),
        ("copiers", Behaviour::Copier { delay: 20, changes: 0.0 }),
        ("double agents, honest in a half of their batches", double_agents(0.5)),
    ]
}

/// Every row of the table, in its order.
pub fn table() -> Vec<Row> {
    let world = World::default();
    let mut rows = honest_worlds(&world);
    let strict = goal(0.9995, 0.99, Some(0.99), 0.005);
    for share in [0.30, 0.40, 0.45] {
        let percent = (share * 100.0_f64).round();
        let alone = |behaviour| vec![Actor { share, behaviour }];
        for (name, behaviour) in attacks() {
            let goal = match behaviour {
                Behaviour::Ring { holding: 0, .. }
                | Behaviour::Fabricator { .. }
                | Behaviour::Inventor { .. } => strict,
                Behaviour::Ring { holding, .. } => adaptive_goal(share, holding),
                _ => continue,
            };
            rows.push(row(&format!("{name}, {percent} %"), world.clone(), alone(behaviour), goal));
        }
        let owner = Behaviour::Ring {
            homes: 1.0,
            lies: Lies::Everything,
            holding: 0,
            miners_per_owner: 50,
        };
        rows.push(row(
            &format!("owners with fifty miners, {percent} %"),
            world.clone(),
            alone(owner),
            strict,
        ));
        for (name, newcomers) in [("sleepers", 0.0), ("sleepers, half of the honest new", 0.5)] {
            let mut sleepers = row(
                &format!("{name}, {percent} %"),
                world.clone(),
                alone(ring(1.0, Lies::Everything, 0)),
                strict,
            );
            sleepers.scenario.honest_epochs = 10;
            sleepers.scenario.newcomers = newcomers;
            rows.push(sleepers);
        }
    }
    rows.extend(copiers(&world));
    rows.extend(others(&world));
    rows
}

fn adaptive_goal(share: f64, holding: usize) -> Goal {
    match (share, holding) {
        (..0.35, 12..) => goal(0.999, 0.99, None, 0.01),
        (..0.35, ..10) => Goal {
            first_epoch: Some(0.70),
            from_third_epoch: Some(0.99),
            ..goal(0.999, 0.0, None, 0.01)
        },
        (..0.35, _) => goal(0.999, 0.0, None, 0.01),
        (..0.42, _) => goal(0.993, 0.94, None, 0.01),
        _ => goal(0.99, 0.85, None, 0.01),
    }
}

fn honest_worlds(world: &World) -> Vec<Row> {
    let clean = goal(0.9995, 0.99, None, 0.002);
    let varied = [
        ("nobody cheats", world.clone()),
        ("prices that change", World { changing_prices: 0.02, ..world.clone() }),
        ("three shared tools", World { tools: 3, ..world.clone() }),
        ("three shared bad tools", World { tools: 3, tool_misreads: 0.008, ..world.clone() }),
        ("homes hard for everybody", World { hard: 0.01, ..world.clone() }),
        ("eight of ten answer", World { answering: 0.8, ..world.clone() }),
    ];
    varied.into_iter().map(|(name, world)| row(name, world, Vec::new(), clean)).collect()
}

fn copiers(world: &World) -> Vec<Row> {
    let kinds = [
        ("copiers at once, 40 %", 20, 0.0),
        ("copiers after up to 40 min, 40 %", 40 * 60, 0.0),
        ("copiers at once, small changes, 40 %", 20, 0.03),
        ("copiers after up to 40 min, small changes, 40 %", 40 * 60, 0.03),
    ];
    let copied = goal(0.999, 0.99, Some(0.90), 0.005);
    let of = |(name, delay, changes)| {
        row(
            name,
            world.clone(),
            vec![Actor { share: 0.4, behaviour: Behaviour::Copier { delay, changes } }],
            copied,
        )
    };
    kinds.into_iter().map(of).collect()
}

fn others(world: &World) -> Vec<Row> {
    let lax = goal(0.999, 0.98, Some(0.99), 0.005);
    let mut rows: Vec<Row> = [
        ("lazy, 30 %", Behaviour::Lazy { sends: 1.0 / 3.0 }),
        ("slow, 30 %", Behaviour::Slow),
        ("too fast, 30 %", Behaviour::Fast),
    ]
    .into_iter()
    .map(|(name, behaviour)| row(name, world.clone(), vec![Actor { share: 0.3, behaviour }], lax))
    .collect();
    let answering = World { answering: 0.8, ..world.clone() };
    let thirty = vec![Actor { share: 0.3, behaviour: ring(1.0, Lies::Everything, 0) }];
    rows.push(row("ring of 30 %, eight of ten answer", answering, thirty, lax));
    let thirty = vec![Actor { share: 0.3, behaviour: ring(1.0, Lies::Everything, 0) }];
    for (name, actors) in
        [("ring of 30 %, 25 epochs", thirty), ("mixture of all, 40 %, 25 epochs", mixture(0.05))]
    {
        let mut long = row(name, world.clone(), actors, goal(0.999, 0.98, None, 0.005));
        long.scenario.epochs = 25;
        rows.push(long);
    }
    rows.push(row(
        "mixture of all, 40 %",
        world.clone(),
        mixture(0.05),
        goal(0.999, 0.98, None, 0.005),
    ));
    rows
}

/// Eight kinds, each with this share.
pub fn mixture(share: f64) -> Vec<Actor> {
    [
        ring(1.0, Lies::Everything, 0),
        ring(1.0, Lies::Price, 0),
        Behaviour::Fabricator { homes: 0.5 },
        Behaviour::Inventor { together: 2, homes: 0.1 },
        Behaviour::Copier { delay: 20 * 60, changes: 0.01 },
        Behaviour::Lazy { sends: 1.0 / 3.0 },
        Behaviour::Slow,
        Behaviour::Fast,
    ]
    .map(|behaviour| Actor { share, behaviour })
    .to_vec()
}

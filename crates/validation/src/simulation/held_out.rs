//! Worlds beside the table: those that nothing was adjusted to, and those past the limits.

use super::actor::{Actor, Behaviour, Lies};
use super::scenario::{Scenario, World};
use super::table::{Row, goal, ring, row};

/// What nothing was adjusted to when it was first looked at: other sizes, other noise, other mixtures. The first two sets
/// were looked at before the engine was last changed, the third after.
pub fn held_out() -> Vec<Row> {
    let mut rows = first();
    rows.extend(second());
    rows.extend(third());
    rows
}

fn first() -> Vec<Row> {
    let world = World {
        miners: 200,
        batches: 40,
        homes: 40,
        missed: [0.01, 0.04],
        misread: [0.002, 0.008],
        changing_prices: 0.004,
        tools: 4,
        hard: 0.004,
        answering: 0.9,
        ..World::default()
    };
    let ring = |share, homes, lies, holding| Actor { share, behaviour: ring(homes, lies, holding) };
    let held = goal(0.999, 0.98, None, 0.005);
    let mixtures = [
        ("held out: nobody cheats", vec![]),
        (
            "held out: two rings",
            vec![ring(0.25, 0.5, Lies::Everything, 0), ring(0.18, 1.0, Lies::Shade, 0)],
        ),
        (
            "held out: adaptive ring, fabricators, copiers",
            vec![
                ring(0.22, 1.0, Lies::Everything, 7),
                Actor { share: 0.1, behaviour: Behaviour::Fabricator { homes: 0.15 } },
                Actor { share: 0.1, behaviour: Behaviour::Copier { delay: 600, changes: 0.02 } },
            ],
        ),
        (
            "held out: inventors of three, lazy, ring in a twelfth of the homes",
            vec![
                Actor { share: 0.12, behaviour: Behaviour::Inventor { together: 3, homes: 0.07 } },
                Actor { share: 0.15, behaviour: Behaviour::Lazy { sends: 0.5 } },
                ring(0.15, 1.0 / 12.0, Lies::Everything, 0),
            ],
        ),
    ];
    mixtures.into_iter().map(|(name, actors)| row(name, world.clone(), actors, held)).collect()
}

fn second() -> Vec<Row> {
    let world = World {
        miners: 320,
        batches: 60,
        homes: 30,
        missed: [0.004, 0.025],
        misread: [0.001, 0.007],
        changing_prices: 0.003,
        tools: 5,
        tool_misreads: 0.005,
        hard: 0.006,
        answering: 0.93,
        ..World::default()
    };
    let of = |share, behaviour| Actor { share, behaviour };
    let mixtures = [
        ("nobody cheats", 0, vec![]),
        (
            "adaptive ring, inventors, lazy",
            0,
            vec![
                liars(0.28, 1.0, Lies::Price, 9),
                of(0.06, Behaviour::Inventor { together: 2, homes: 0.12 }),
                of(0.1, Behaviour::Lazy { sends: 0.4 }),
            ],
        ),
        (
            "ring in a fifth of the homes, adaptive ring, copiers",
            0,
            vec![
                liars(0.2, 0.2, Lies::Everything, 0),
                liars(0.15, 1.0, Lies::Everything, 7),
                of(0.08, Behaviour::Copier { delay: 1800, changes: 0.015 }),
            ],
        ),
        (
            "sleepers that shade, fabricators, slow",
            3,
            vec![
                liars(0.33, 1.0, Lies::Shade, 8),
                of(0.05, Behaviour::Fabricator { homes: 0.3 }),
                of(0.05, Behaviour::Slow),
            ],
        ),
    ];
    let named = |(name, honest_epochs, actors)| {
        sleeping(format!("held out again: {name}"), world.clone(), honest_epochs, actors)
    };
    mixtures.into_iter().map(named).collect()
}

fn third() -> Vec<Row> {
    let world = World {
        miners: 224,
        batches: 45,
        zipcodes: 16,
        homes: 45,
        group: 7,
        groups: 3,
        missed: [0.008, 0.035],
        misread: [0.001, 0.009],
        changing_prices: 0.005,
        tools: 4,
        tool_misreads: 0.006,
        hard: 0.003,
        hard_missed: 0.25,
        answering: 0.95,
    };
    let of = |share, behaviour| Actor { share, behaviour };
    let agents = Behaviour::DoubleAgent {
        homes: 0.6,
        lies: Lies::Everything,
        holding: 0,
        sleeps: 2,
        honest: 0.3,
    };
    let mixtures = [
        ("nobody cheats", vec![]),
        (
            "ring that shades a half, adaptive ring",
            vec![liars(0.13, 0.5, Lies::Shade, 0), liars(0.25, 1.0, Lies::Everything, 9)],
        ),
        (
            "ring in an eighth of the homes, inventors of three, copiers",
            vec![
                liars(0.27, 0.125, Lies::Everything, 0),
                of(0.06, Behaviour::Inventor { together: 3, homes: 0.08 }),
                of(0.08, Behaviour::Copier { delay: 900, changes: 0.02 }),
            ],
        ),
        (
            "double agents, fabricators, lazy, too fast",
            vec![
                of(0.26, agents),
                of(0.07, Behaviour::Fabricator { homes: 0.12 }),
                of(0.07, Behaviour::Lazy { sends: 0.45 }),
                of(0.03, Behaviour::Fast),
            ],
        ),
        (
            "one owner's coldkeys in 3 % of the homes, copiers",
            vec![
                liars(0.38, 0.03, Lies::Everything, 0),
                of(0.06, Behaviour::Copier { delay: 1200, changes: 0.0 }),
            ],
        ),
    ];
    let named = |(name, actors)| {
        sleeping(format!("held out a third time: {name}"), world.clone(), 0, actors)
    };
    mixtures.into_iter().map(named).collect()
}

/// Where it breaks: rings that are honest in batches that others dispute, and lies below every threshold.
pub fn beyond() -> Vec<Row> {
    let mut rows = Vec::new();
    let mut add = |name: String, honest_epochs, actors| {
        rows.push(sleeping(name, World::default(), honest_epochs, actors));
    };
    for share in [0.25, 0.35, 0.45] {
        let percent = (share * 100.0_f64).round();
        for holding in [8, 10, 12] {
            let agents = liars(share, 1.0, Lies::Everything, holding);
            let of = format!("{percent} %, T = {holding}");
            add(format!("double agents of {of}, honest for ten epochs"), 10, vec![agents]);
            if share < 0.4 {
                let loud = liars(0.1, 1.0, Lies::Everything, 0);
                add(
                    format!("double agents of {of}, beside a loud ring of 10 %"),
                    0,
                    vec![agents, loud],
                );
                let fabricators =
                    Actor { share: 0.1, behaviour: Behaviour::Fabricator { homes: 0.3 } };
                add(
                    format!("double agents of {of}, beside fabricators"),
                    0,
                    vec![agents, fabricators],
                );
            }
        }
        for holding in [0, 12, 15] {
            let split = liars(share, 0.03, Lies::Everything, holding);
            let name =
                format!("one owner's coldkeys, {percent} %, 3 % of the homes, T = {holding}");
            add(name, 0, vec![split]);
        }
    }
    rows
}

fn liars(share: f64, homes: f64, lies: Lies, holding: usize) -> Actor {
    Actor { share, behaviour: ring(homes, lies, holding) }
}

fn sleeping(name: String, world: World, honest_epochs: u32, actors: Vec<Actor>) -> Row {
    let scenario = Scenario { honest_epochs, world, actors, ..Scenario::honest(&name, 5) };
    Row { scenario, goal: Some(goal(0.999, 0.98, None, 0.005)) }
}

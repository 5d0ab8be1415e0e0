use super::scenario::{Actor, Scenario, World};
use super::table::attacks;

/// The shares of attackers that curves are drawn over.
pub const CURVE_SHARES: [f64; 10] = [0.05, 0.10, 0.15, 0.20, 0.25, 0.30, 0.35, 0.40, 0.45, 0.50];

/// The name of one point of a curve.
pub fn curve_name(attack: &str, share: f64) -> String {
    format!("{attack} @ {:.0} %", share * 100.0)
}

/// For each attack and share a scenario of two epochs.
pub fn curves() -> Vec<Scenario> {
    let of_attack = |(attack, behaviour)| {
        CURVE_SHARES.map(|share| Scenario {
            name: curve_name(attack, share),
            epochs: 2,
            honest_epochs: 0,
            newcomers: 0.0,
            world: World::default(),
            actors: vec![Actor { share, behaviour }],
        })
    };
    attacks().into_iter().flat_map(of_attack).collect()
}

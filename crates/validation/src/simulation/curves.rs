use super::actor::{Actor, Behaviour};
use super::scenario::Scenario;
use super::table::{attacks, mixture};

/// The shares of attackers that curves are drawn over.
const SHARES: [f64; 9] = [0.10, 0.20, 0.30, 0.35, 0.40, 0.45, 0.50, 0.55, 0.60];

/// What is drawn against the share of attackers.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    /// The attack.
    pub name: String,
    /// Share by share: what is played.
    pub points: Vec<(f64, Scenario)>,
}

impl Curve {
    /// The same actors in the same proportions, as more and more of all miners.
    fn of(name: &str, actors: &[Actor], like: &Scenario) -> Self {
        // Two epochs in which everybody is awake.
        let sleeps = actors.iter().map(|actor| match actor.behaviour {
            Behaviour::DoubleAgent { sleeps, .. } => sleeps,
            _ => 0,
        });
        let epochs = 2 + sleeps.max().unwrap_or(0);
        let all: f64 = actors.iter().map(|actor| actor.share).sum();
        let point = |share: f64| {
            let scaled = |actor: &Actor| Actor { share: actor.share / all * share, ..*actor };
            let scenario = Scenario {
                name: format!("{name} @ {:.0} %", share * 100.0),
                epochs,
                actors: actors.iter().map(scaled).collect(),
                ..like.clone()
            };
            (share, scenario)
        };
        Self { name: name.to_owned(), points: SHARES.map(point).to_vec() }
    }
}

/// A curve for each attack of the table, and one for all of them at once.
pub fn curves() -> Vec<Curve> {
    let like = Scenario::honest("", 2);
    let attacks = attacks()
        .into_iter()
        .map(|(name, behaviour)| Curve::of(name, &[Actor { share: 1.0, behaviour }], &like));
    attacks.chain([Curve::of("mixture of all", &mixture(0.05), &like)]).collect()
}

/// A curve for the actors of a scenario together, and one for each of several alone.
pub fn curves_of(scenario: &Scenario) -> Vec<Curve> {
    let actors: Vec<Actor> =
        scenario.actors.iter().filter(|actor| actor.share > 0.0).copied().collect();
    let alone = actors.iter().enumerate().map(|(position, actor)| {
        let name = format!("{}: {} alone", position + 1, actor.behaviour.name());
        Curve::of(&name, &[*actor], scenario)
    });
    match actors.len() {
        0 => Vec::new(),
        1 => vec![Curve::of(&scenario.name, &actors, scenario)],
        _ => [Curve::of(&scenario.name, &actors, scenario)].into_iter().chain(alone).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proportions_stay_while_the_share_grows() {
        let scenario = Scenario { actors: mixture(0.04), ..Scenario::honest("all", 5) };
        let curves = curves_of(&scenario);
        assert_eq!(curves.len(), 9);
        for (share, point) in &curves[0].points {
            assert!((point.dishonest() - share).abs() < 1e-9, "{share}");
            assert!(point.actors.windows(2).all(|pair| pair[0].share == pair[1].share));
            assert_eq!(point.check(), Ok(()));
        }
        assert_eq!(curves_of(&Scenario::honest("nobody", 1)), []);
    }

    #[test]
    fn every_point_is_a_scenario_of_its_own() {
        let mut names: Vec<String> = curves()
            .into_iter()
            .flat_map(|curve| curve.points)
            .map(|(_, scenario)| scenario.name)
            .collect();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
    }
}

//! What the large table promises, on a world that is small enough for every change.

use resi_validation::simulation::{
    Actor, Behaviour, Lies, Scenario, Score, World, mixture, run, table,
};

fn play(epochs: u32, actors: Vec<Actor>) -> [Score; 2] {
    let world = World { miners: 96, batches: 24, zipcodes: 4, homes: 16, ..World::default() };
    let scenario = Scenario {
        name: "small".to_owned(),
        epochs,
        honest_epochs: 0,
        newcomers: 0.0,
        world,
        actors,
    };
    let mut last =
        run(&scenario, 11).into_iter().map(|run| run.epochs.last().copied().unwrap_or_default());
    [last.next().unwrap_or_default(), last.next().unwrap_or_default()]
}

fn ring(lies: Lies, homes: f64, holding: usize) -> Behaviour {
    Behaviour::Ring { homes, lies, holding, miners_per_owner: 1 }
}

#[test]
fn honest_miners_are_believed_and_left_alone() {
    let [majority, robust] = play(1, Vec::new());
    assert!(robust.truth() > 0.9995 && robust.coverage() > 0.99);
    assert_eq!(robust.honest_found, 0);
    // The plain vote takes any two answers within 30 s for an offence.
    assert!(majority.false_alarms() > 0.1);
}

#[test]
fn a_ring_of_45_percent_wins_nothing_in_its_first_epoch() {
    for lies in
        [ring(Lies::Everything, 1.0, 0), ring(Lies::Price, 1.0, 0), ring(Lies::Shade, 1.0, 0)]
    {
        let [majority, robust] = play(1, vec![Actor { share: 0.45, behaviour: lies }]);
        assert!(robust.truth() > 0.9995 && robust.coverage() > 0.99, "{lies:?} {robust:?}");
        assert_eq!((robust.found(), robust.honest_found), (Some(1.0), 0), "{lies:?}");
        // It takes the lies for true, or nothing at all.
        assert!(majority.truth().min(majority.coverage()) < 0.95, "{lies:?} {majority:?}");
    }
}

#[test]
fn an_adaptive_ring_is_known_from_the_epochs_before() {
    let actors = vec![Actor { share: 0.35, behaviour: ring(Lies::Everything, 1.0, 8) }];
    let [_, first] = play(1, actors.clone());
    let [_, third] = play(3, actors);
    assert!(first.truth() > 0.995, "{first:?}");
    assert!(third.truth() > 0.9995 && third.coverage() > 0.99, "{third:?}");
    assert_eq!(third.honest_found, 0);
}

#[test]
fn a_loud_ring_is_no_cover_for_a_quiet_one() {
    let quiet = Actor { share: 0.35, behaviour: ring(Lies::Everything, 1.0, 8) };
    let loud = Actor { share: 0.1, behaviour: ring(Lies::Everything, 1.0, 0) };
    let [_, third] = play(3, vec![quiet, loud]);
    assert!(third.truth() > 0.9995 && third.coverage() > 0.99, "{third:?}");
    assert_eq!(third.honest_found, 0);
}

#[test]
fn inventors_and_a_mixture_of_all_are_kept_out() {
    let inventors =
        vec![Actor { share: 0.4, behaviour: Behaviour::Inventor { together: 2, homes: 0.2 } }];
    let [majority, robust] = play(1, inventors);
    assert_eq!(robust.invented, 0);
    assert!(majority.invented > 100);
    let [_, robust] = play(2, mixture(0.05));
    assert!(robust.truth() > 0.999 && robust.coverage() > 0.98, "{robust:?}");
    assert_eq!(robust.honest_found, 0);
}

#[test]
fn a_scenario_is_written_and_read_back() {
    for row in table() {
        let text = serde_json::to_string(&row.scenario).expect("plain data");
        let read: Scenario = serde_json::from_str(&text).expect("what was written");
        assert_eq!(read, row.scenario);
    }
    let short: Scenario = serde_json::from_str(
        r#"{"name": "short", "actors": [{"share": 0.3, "kind": "lazy", "sends": 0.5}]}"#,
    )
    .expect("the rest has defaults");
    assert_eq!((short.epochs, short.world), (5, World::default()));
}

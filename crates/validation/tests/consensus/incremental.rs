use std::num::NonZeroUsize;

use resi_validation::consensus::{Memory, Robust, Strategy};
use resi_validation::simulation::{Actor, Behaviour, Lies, Scenario, World, first_epoch};

fn small(actors: Vec<Actor>) -> Scenario {
    Scenario {
        name: "small".to_owned(),
        epochs: 1,
        honest_epochs: 0,
        newcomers: 0.0,
        world: World { miners: 40, batches: 8, zipcodes: 2, homes: 30, ..World::default() },
        actors,
    }
}

fn ring() -> Vec<Actor> {
    let behaviour =
        Behaviour::Ring { homes: 1.0, lies: Lies::Everything, holding: 0, miners_per_owner: 1 };
    vec![Actor { share: 0.4, behaviour }]
}

#[test]
fn batches_may_close_one_by_one_and_in_any_order() {
    let epoch = first_epoch(&small(ring()), 3);
    let robust = Robust::default();
    let at_once = robust.judge(&epoch, &Memory::default());
    let mut judging = robust.begin(&epoch.id, &epoch.miners, &epoch.credibilities);
    epoch.batches.iter().rev().for_each(|batch| judging.add(batch, &epoch.catalog));
    let one_by_one = judging.conclude(&Memory::default());
    assert_eq!(at_once, one_by_one);
    assert!(!at_once.judgement.convicted().is_empty());
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let epoch = first_epoch(&small(ring()), 4);
    let with = |threads| {
        let threads = NonZeroUsize::new(threads).expect("not zero");
        Robust { threads, ..Robust::default() }.judge(&epoch, &Memory::default())
    };
    assert_eq!(with(1), with(3));
    assert_eq!(with(1), with(64));
}

#[test]
fn what_is_remembered_survives_as_json_and_is_used() {
    let epoch = first_epoch(&small(ring()), 5);
    let robust = Robust::default();
    let memory = robust.judge(&epoch, &Memory::default()).memory;
    let text = serde_json::to_string(&memory).expect("plain data");
    let read: Memory = serde_json::from_str(&text).expect("what was written");
    assert_eq!(read, memory);
    // In an epoch in which the ring is honest, it is still known.
    let honest = first_epoch(&small(Vec::new()), 5);
    assert!(robust.judge(&honest, &Memory::default()).judgement.found().is_empty());
    let convicted = robust.judge(&epoch, &Memory::default()).judgement.convicted();
    assert_eq!(robust.judge(&honest, &read).judgement.convicted(), convicted);
}

//! Makes an epoch of so many times a million homes, and judges it: to be run under `/usr/bin/time -v`.
//!
//! Batches are dropped as they are digested. Without `judge` it only makes and drops them, to be subtracted.
//!
//! ```console
//! $ /usr/bin/time -v cargo run --release -p resi-validation --example one_epoch -- 10 judge
//! ```

use resi_validation::consensus::{Memory, Robust};
use resi_validation::simulation::{Scenario, World, first_epoch};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let times: usize = arguments.first().and_then(|times| times.parse().ok()).unwrap_or(1);
    let judges = arguments.get(1).is_some_and(|word| word == "judge");
    let world = World { miners: 256 * times, batches: 50 * times, ..World::default() };
    let scenario = Scenario {
        name: "large".to_owned(),
        epochs: 1,
        honest_epochs: 0,
        newcomers: 0.0,
        world,
        actors: Vec::new(),
    };
    let mut epoch = first_epoch(&scenario, 1);
    let homes: usize = epoch
        .batches
        .iter()
        .flat_map(|batch| &batch.answers)
        .map(|answer| answer.reports.len())
        .sum();
    println!("{homes} reported homes");
    if !judges {
        return;
    }
    let robust = Robust::default();
    let mut judging = robust.begin(&epoch.id, &epoch.miners);
    for batch in std::mem::take(&mut epoch.batches) {
        judging.add(&batch, &epoch.catalog);
    }
    println!("{}", judging.conclude(&Memory::default()).consensus_hash(&epoch.catalog));
}

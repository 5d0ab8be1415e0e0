//! Judges an epoch of so many times a million homes, to be run under `/usr/bin/time -v`.
//!
//! The same million is read again and again as new batches, so that what grows is the engine's own memory. With 0 it only
//! makes them, to be subtracted.
//!
//! ```console
//! $ cargo build --release -p resi-validation --example one_epoch
//! $ /usr/bin/time -v target/release/examples/one_epoch 10
//! ```

use resi_validation::consensus::{Memory, Robust};
use resi_validation::simulation::{Scenario, World, first_epoch};

fn main() {
    let times: usize = std::env::args().nth(1).and_then(|times| times.parse().ok()).unwrap_or(1);
    let world = World::default();
    let scenario = Scenario {
        name: "large".to_owned(),
        epochs: 1,
        honest_epochs: 0,
        newcomers: 0.0,
        world,
        actors: Vec::new(),
    };
    let mut epoch = first_epoch(&scenario, 1);
    let robust = Robust::default();
    let mut judging = robust.begin(&epoch.id, &epoch.miners, &epoch.credibilities);
    for _ in 0..times {
        for batch in &mut epoch.batches {
            batch.name.push('+');
            judging.add(batch, &epoch.catalog);
        }
    }
    println!("{}", judging.conclude(&Memory::default()).consensus_hash(&epoch.catalog));
}

//! How fast zipcodes are assigned: the usual epoch, and one ten times as large over all miners a subnet can have.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use resi_protocol::Hotkey;
use resi_validation::assignment::{AssignmentManager, AssignmentRules, Block};
use resi_validation::{Coldkey, Credibilities, Metagraph, Miner};

fn key(kind: u8, number: usize) -> Hotkey {
    let mut bytes = [kind; 32];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    Hotkey::from_bytes(bytes)
}

fn assigning(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("assign");
    for (zipcodes, miners) in [(1_000, 256), (10_000, 4_096)] {
        let blocks: Vec<Block> = (0..zipcodes / 20)
            .map(|block| Block {
                name: format!("batch_{block:03}"),
                sources: "ZILLOW_SOLD".parse().expect("a source"),
                zipcodes: (0..20)
                    .map(|at| {
                        format!("{:05}", (block * 20 + at) * 7_919 % 100_000)
                            .parse()
                            .expect("digits")
                    })
                    .collect(),
            })
            .collect();
        // Two of three owners run one miner, the others up to three.
        let miner = |uid: usize| Miner {
            uid: u16::try_from(uid).expect("few enough"),
            hotkey: key(1, uid),
            coldkey: Coldkey(key(2, if uid.is_multiple_of(2) { uid } else { uid / 3 * 3 })),
            active: true,
        };
        let metagraph = Metagraph::new((0..miners).map(miner).collect()).expect("all differ");
        let rules = AssignmentRules { max_batches: 500, ..AssignmentRules::default() };
        let manager = AssignmentManager::new(rules);
        let credibilities = Credibilities::default();
        group.bench_function(format!("{zipcodes} zipcodes to {miners} miners"), |bencher| {
            bencher.iter(|| {
                manager.zipcodes(black_box(&blocks), &metagraph, &credibilities, &[7; 32])
            });
        });
    }
    group.finish();
}

criterion_group!(benches, assigning);
criterion_main!(benches);

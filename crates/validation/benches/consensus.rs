//! One epoch of a million reported homes, already parsed.

use std::hint::black_box;
use std::num::NonZeroUsize;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use resi_validation::consensus::{Epoch, Majority, Memory, Robust, Strategy};
use resi_validation::simulation::{Actor, Behaviour, Lies, Scenario, World, first_epoch};

fn epoch(actors: Vec<Actor>) -> Epoch {
    let scenario = Scenario {
        name: "bench".to_owned(),
        epochs: 1,
        honest_epochs: 0,
        newcomers: 0.0,
        world: World::default(),
        actors,
    };
    first_epoch(&scenario, 1)
}

fn homes(epoch: &Epoch) -> u64 {
    epoch
        .batches
        .iter()
        .flat_map(|batch| &batch.answers)
        .map(|answer| answer.reports.len() as u64)
        .sum()
}

fn consensus(criterion: &mut Criterion) {
    let ring =
        Behaviour::Ring { homes: 1.0, lies: Lies::Everything, holding: 0, miners_per_owner: 1 };
    let epochs = [
        ("honest", epoch(Vec::new())),
        ("ring of 40 %", epoch(vec![Actor { share: 0.4, behaviour: ring }])),
    ];
    let memory = Memory::default();
    let mut group = criterion.benchmark_group("one epoch");
    group.sample_size(10);
    for (name, epoch) in &epochs {
        group.throughput(Throughput::Elements(homes(epoch)));
        for threads in [1, 2] {
            let threads = NonZeroUsize::new(threads).unwrap_or(NonZeroUsize::MIN);
            let robust = Robust { threads, ..Robust::default() };
            group.bench_function(
                format!("robust with its hash, {name}, threads {threads}"),
                |bencher| {
                    bencher.iter(|| {
                        black_box(robust.judge(epoch, &memory).consensus_hash(&epoch.catalog))
                    });
                },
            );
        }
        let majority = Majority::default();
        group.bench_function(format!("majority, {name}"), |bencher| {
            bencher.iter(|| black_box(majority.judge(epoch, &memory)));
        });
    }
    group.finish();
}

criterion_group!(benches, consensus);
criterion_main!(benches);

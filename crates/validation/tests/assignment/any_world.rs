use std::collections::BTreeMap;

use proptest::prelude::*;
use resi_validation::Metagraph;
use resi_validation::assignment::{AssignmentRules, Shortfall};

use crate::{assign, blocks, check_rules, loads, metagraph};

#[derive(Clone, Debug)]
struct World {
    rules: AssignmentRules,
    owners: Vec<u64>,
    batches: usize,
    seed: u8,
}

fn world(max_miners_per_coldkey: u32) -> impl Strategy<Value = World> {
    (
        prop::collection::vec(0_u64..40, 0..120),
        1_usize..30,
        1_u32..12,
        1_u32..4,
        1..=max_miners_per_coldkey,
        (0_u32..8, 0_u32..6),
        any::<bool>(),
        any::<u8>(),
    )
        .prop_map(
            |(
                owners,
                batches,
                miners_per_group,
                overlap,
                max_miners_per_coldkey,
                (min_miners, min_coldkeys),
                geographic_spread,
                seed,
            )| {
                let rules = AssignmentRules {
                    miners_per_group,
                    overlap,
                    max_miners_per_coldkey,
                    min_miners: min_miners.min(miners_per_group),
                    min_coldkeys: min_coldkeys.min(miners_per_group),
                    geographic_spread,
                    ..AssignmentRules::default()
                };
                World { rules, owners, batches, seed }
            },
        )
}

proptest! {
    #[test]
    fn rules_are_kept_and_what_is_missing_is_said(world in world(4)) {
        let metagraph = metagraph(world.owners.clone());
        let plan = assign(&world.rules, &blocks(world.batches, 5), &metagraph, world.seed);
        check_rules(&plan, &world.rules, &metagraph)?;
        // Every group that is missing or short is among the shortfalls.
        let groups = plan.batches.iter().flat_map(|batch| &batch.groups);
        let full = groups.filter(|group| group.miners.len() == world.rules.miners_per_group as usize).count();
        let missing = plan.shortfalls.iter().filter(|shortfall| {
            matches!(
                shortfall,
                Shortfall::TooFewMiners { .. } | Shortfall::TooFewColdkeys { .. } | Shortfall::ShortGroup { .. }
            )
        });
        prop_assert_eq!(full + missing.count(), world.batches * world.rules.overlap as usize);
    }

    #[test]
    fn loads_differ_by_one_but_for_owners_that_are_everywhere(world in world(1)) {
        let metagraph = metagraph(world.owners.clone());
        let plan = assign(&world.rules, &blocks(world.batches, 5), &metagraph, world.seed);
        let loads = loads(&plan, &metagraph);
        let heaviest = loads.values().max().copied().unwrap_or(0);
        let mut of_owner: BTreeMap<_, usize> = BTreeMap::new();
        for miner in metagraph.miners() {
            *of_owner.entry(miner.coldkey).or_default() += loads[&miner.uid];
        }
        for miner in metagraph.miners() {
            let everywhere = of_owner[&miner.coldkey] == world.batches;
            prop_assert!(loads[&miner.uid] + 1 >= heaviest || everywhere);
        }
    }

    #[test]
    fn the_order_of_the_metagraph_does_not_matter(world in world(3), order: prop::sample::Index) {
        let one = metagraph(world.owners.clone());
        let mut miners = one.miners().to_vec();
        let middle = if miners.is_empty() { 0 } else { order.index(miners.len()) };
        miners.rotate_left(middle);
        miners.reverse();
        let other = Metagraph::new(miners).expect("the same miners");
        let blocks = blocks(world.batches, 5);
        prop_assert_eq!(
            assign(&world.rules, &blocks, &one, world.seed),
            assign(&world.rules, &blocks, &other, world.seed)
        );
    }
}

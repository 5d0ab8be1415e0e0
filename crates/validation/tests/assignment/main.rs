//! Assignments: what the rules promise, whatever the metagraph looks like.

mod any_world;

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use resi_protocol::{Hotkey, Source, Zipcode};
use resi_validation::assignment::{
    AssignmentManager, AssignmentRules, Block, Plan, RequestHeader, Shortfall, Work,
};
use resi_validation::consensus::Share;
use resi_validation::messages::{Assigned, AssignmentMode};
use resi_validation::{Coldkey, Credibilities, Metagraph, Miner};

fn key(number: u64) -> Hotkey {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    Hotkey::from_bytes(bytes)
}

/// One miner for each owner named.
fn metagraph(owners: impl IntoIterator<Item = u64>) -> Metagraph {
    let miner = |(uid, owner)| Miner {
        uid,
        hotkey: key(1_000_000 + u64::from(uid)),
        coldkey: Coldkey(key(owner)),
        active: true,
    };
    Metagraph::new((0..).zip(owners).map(miner).collect()).expect("all differ")
}

fn blocks(count: usize, zipcodes: usize) -> Vec<Block> {
    let zipcode = |number: usize| format!("{:05}", number * 7_919 % 100_000).parse::<Zipcode>();
    (0..count)
        .map(|block| Block {
            name: format!("batch_{:03}", block + 1),
            sources: "ZILLOW_SOLD".parse().expect("a source"),
            zipcodes: (0..zipcodes)
                .map(|at| zipcode(block * zipcodes + at).expect("digits"))
                .collect(),
        })
        .collect()
}

fn assign(rules: &AssignmentRules, blocks: &[Block], metagraph: &Metagraph, seed: u8) -> Plan {
    AssignmentManager::new(rules.clone()).zipcodes(
        blocks,
        metagraph,
        &Credibilities::default(),
        &[seed; 32],
    )
}

fn loads(plan: &Plan, metagraph: &Metagraph) -> BTreeMap<u16, usize> {
    let mut loads: BTreeMap<u16, usize> = metagraph
        .miners()
        .iter()
        .filter(|miner| miner.active)
        .map(|miner| (miner.uid, 0))
        .collect();
    let groups = plan.batches.iter().flat_map(|batch| &batch.groups);
    groups.flat_map(|group| &group.miners).for_each(|uid| *loads.entry(*uid).or_default() += 1);
    loads
}

/// The rules about owners and sizes hold in every group of every batch.
fn check_rules(
    plan: &Plan,
    rules: &AssignmentRules,
    metagraph: &Metagraph,
) -> Result<(), TestCaseError> {
    let owner = |uid: &u16| metagraph.get(*uid).map(|miner| miner.coldkey);
    for batch in &plan.batches {
        let mut in_batch = BTreeSet::new();
        for group in &batch.groups {
            let mut per_owner: BTreeMap<_, u32> = BTreeMap::new();
            for uid in &group.miners {
                prop_assert!(metagraph.get(*uid).is_some_and(|miner| miner.active));
                *per_owner.entry(owner(uid)).or_default() += 1;
            }
            let size = u32::try_from(group.miners.len()).unwrap_or(u32::MAX);
            prop_assert_eq!(group.miners.iter().collect::<BTreeSet<_>>().len(), group.miners.len());
            prop_assert!((rules.min_miners..=rules.miners_per_group).contains(&size));
            prop_assert!(per_owner.values().all(|miners| *miners <= rules.max_miners_per_coldkey));
            prop_assert!(per_owner.len() >= rules.min_coldkeys as usize);
            for owner in per_owner.into_keys() {
                prop_assert!(in_batch.insert(owner), "an owner in two groups of one batch");
            }
        }
    }
    Ok(())
}

#[test]
fn the_usual_epoch_is_met_whole() {
    let (rules, metagraph) = (AssignmentRules::default(), metagraph(0..256));
    let plan = assign(&rules, &blocks(50, 20), &metagraph, 1);
    assert_eq!(plan.shortfalls, []);
    check_rules(&plan, &rules, &metagraph).expect("kept");
    let mut statistics = plan.statistics.clone();
    statistics.per_batch.truncate(1);
    insta::assert_json_snapshot!(statistics, @r#"
    {
      "batches": 50,
      "groups": 100,
      "assignments": 1000,
      "unique_miners": 256,
      "unique_coldkeys": 256,
      "coldkey_diversity_ratio": 1.0,
      "lightest_load": 3,
      "heaviest_load": 4,
      "idle_miners": 0,
      "inactive_miners": 0,
      "per_batch": [
        {
          "batch": "batch_001",
          "groups": 2,
          "miners": 20,
          "coldkeys": 20
        }
      ]
    }
    "#);
}

#[test]
fn an_owner_with_fifty_miners_is_in_every_batch_once_and_the_rest_share_the_rest() {
    let owners = (0..206).chain(std::iter::repeat_n(999, 50));
    let (rules, metagraph) = (AssignmentRules::default(), metagraph(owners));
    let plan = assign(&rules, &blocks(50, 20), &metagraph, 1);
    check_rules(&plan, &rules, &metagraph).expect("kept");
    let loads = loads(&plan, &metagraph);
    assert!((206..256).all(|uid| loads[&uid] == 1));
    assert!((0..206).all(|uid| (4..=5).contains(&loads[&uid])));
    assert_eq!(plan.shortfalls, [Shortfall::UnevenLoad { lightest: 1, heaviest: 5 }]);
}

#[test]
fn what_could_not_be_met_is_said() {
    let rules =
        AssignmentRules { max_batches: 2, zipcodes_per_batch: 3, ..AssignmentRules::default() };
    let mut blocks = blocks(3, 3);
    blocks[0].zipcodes.push("77494".parse().expect("a zipcode"));
    let say = |owners: Vec<u64>| {
        let plan = assign(&rules, &blocks, &metagraph(owners), 1);
        plan.shortfalls.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    insta::assert_snapshot!(say((0..13).collect()), @"
    batch_003 is not assigned: at most 2 batches are
    batch_001 has 4 zipcodes, more than the 3 it is meant to have
    group 0 of batch_001 has 7 miners of 10
    group 1 of batch_001 has 6 miners of 10
    group 0 of batch_002 has 7 miners of 10
    group 1 of batch_002 has 6 miners of 10
    ");
    insta::assert_snapshot!(say((0..9).collect()), @"
    batch_003 is not assigned: at most 2 batches are
    batch_001 has 4 zipcodes, more than the 3 it is meant to have
    group 0 of batch_001 has 9 miners of 10
    group 1 of batch_001 is not formed: the rules about owners allow 9 miners for the batch, each group needs 6
    group 0 of batch_002 has 9 miners of 10
    group 1 of batch_002 is not formed: the rules about owners allow 9 miners for the batch, each group needs 6
    ");
    insta::assert_snapshot!(say(vec![1; 30]), @"
    batch_003 is not assigned: at most 2 batches are
    batch_001 has 4 zipcodes, more than the 3 it is meant to have
    group 0 of batch_001 is not formed: the rules about owners allow 1 miners for the batch, each group needs 6
    group 1 of batch_001 is not formed: the rules about owners allow 1 miners for the batch, each group needs 6
    group 0 of batch_002 is not formed: the rules about owners allow 1 miners for the batch, each group needs 6
    group 1 of batch_002 is not formed: the rules about owners allow 1 miners for the batch, each group needs 6
    ");
    insta::assert_snapshot!(say(vec![]), @"
    batch_003 is not assigned: at most 2 batches are
    batch_001 has 4 zipcodes, more than the 3 it is meant to have
    group 0 of batch_001 is not formed: the rules about owners allow 0 miners for the batch, each group needs 6
    group 1 of batch_001 is not formed: the rules about owners allow 0 miners for the batch, each group needs 6
    group 0 of batch_002 is not formed: the rules about owners allow 0 miners for the batch, each group needs 6
    group 1 of batch_002 is not formed: the rules about owners allow 0 miners for the batch, each group needs 6
    ");
}

#[test]
fn too_few_owners_are_told_from_too_few_miners() {
    let rules = AssignmentRules { max_miners_per_coldkey: 2, ..AssignmentRules::default() };
    // Four owners of two lanes each are enough miners, but not enough owners.
    let metagraph = metagraph((0..40).map(|uid| uid % 4));
    let plan = assign(&rules, &blocks(1, 20), &metagraph, 1);
    assert_eq!(plan.batches[0].groups, []);
    let first = Shortfall::TooFewColdkeys {
        batch: "batch_001".into(),
        overlap_group: 0,
        available: 4,
        needed: 5,
    };
    assert_eq!(plan.shortfalls[0], first);
}

#[test]
fn inactive_miners_get_nothing_and_are_counted() {
    let mut miners = metagraph(0..30).miners().to_vec();
    miners[0].active = false;
    let metagraph = Metagraph::new(miners).expect("valid");
    let plan = assign(&AssignmentRules::default(), &blocks(20, 20), &metagraph, 1);
    assert_eq!(plan.statistics.inactive_miners, 1);
    assert!(plan.requests(&RequestHeader::new("a".into())).all(|(uid, _)| uid != 0));
}

#[test]
fn zipcodes_of_a_miner_are_far_apart_where_blocks_are_not() {
    // Every block is of one of ten areas.
    let of_areas: Vec<Block> = (0..50)
        .map(|block| Block {
            name: format!("batch_{block}"),
            sources: "ZILLOW_SOLD".parse().expect("a source"),
            zipcodes: (0..20)
                .map(|at| format!("{}{at:04}", block % 10).parse().expect("digits"))
                .collect(),
        })
        .collect();
    let metagraph = metagraph(0..256);
    let repeated = |spread| {
        let rules = AssignmentRules { geographic_spread: spread, ..AssignmentRules::default() };
        let plan = assign(&rules, &of_areas, &metagraph, 3);
        check_rules(&plan, &rules, &metagraph).expect("kept");
        let mut areas: BTreeMap<u16, BTreeSet<usize>> = BTreeMap::new();
        let mut repeated = 0;
        for (at, batch) in plan.batches.iter().enumerate() {
            for uid in batch.groups.iter().flat_map(|group| &group.miners) {
                repeated += usize::from(!areas.entry(*uid).or_default().insert(at % 10));
            }
        }
        repeated
    };
    assert!(repeated(false) > 100, "{}", repeated(false));
    assert!(repeated(true) < 10, "{}", repeated(true));
}

#[test]
fn groups_of_a_batch_are_alike_in_credibility() {
    let metagraph = metagraph(0..256);
    let mut credibilities = Credibilities::new(Share::percent(10));
    for miner in metagraph.miners().iter().filter(|miner| miner.uid % 2 == 0) {
        credibilities.set(miner.hotkey, Share::percent(90));
    }
    let manager = AssignmentManager::new(AssignmentRules::default());
    let plan = manager.zipcodes(&blocks(50, 20), &metagraph, &credibilities, &[1; 32]);
    for batch in &plan.batches {
        let high =
            |group: usize| batch.groups[group].miners.iter().filter(|uid| *uid % 2 == 0).count();
        assert!(high(0).abs_diff(high(1)) <= 1);
    }
}

#[test]
fn a_ring_is_in_batches_as_often_as_by_chance() {
    // 102 of 256 owners are 40 %: by chance at least 12 of 20 slots in 4.8 % of the batches.
    let metagraph = metagraph(0..256);
    let mut held = 0;
    for seed in 0..100 {
        let plan = assign(&AssignmentRules::default(), &blocks(50, 20), &metagraph, seed);
        held += plan
            .batches
            .iter()
            .filter(|batch| {
                let miners = batch.groups.iter().flat_map(|group| &group.miners);
                miners.filter(|uid| **uid < 102).count() >= 12
            })
            .count();
    }
    assert!((190..=290).contains(&held), "{held} of 5,000");
}

#[test]
fn the_plan_of_a_seed_stays_what_it_is() {
    let plan = assign(
        &AssignmentRules::default(),
        &blocks(50, 20),
        &metagraph((0..300).map(|uid| uid / 2)),
        42,
    );
    let hash = resi_validation::canonical::hash(&plan.batches).expect("canonical");
    insta::assert_snapshot!(hash, @"c31ce2d90ac34f31dfa9c5a47efce081a0fc88ea0542278aaf22e81fc57ceffa");
}

#[test]
fn requests_say_what_is_to_be_scraped_and_by_when() {
    let metagraph = metagraph(0..20);
    let plan = assign(&AssignmentRules::default(), &blocks(2, 2), &metagraph, 1);
    let header = RequestHeader {
        block_id: Some("zipcode_block_20250115_0800_a1b2c3d4".into()),
        expires_at: "2025-01-15T12:00:00Z".parse().ok(),
        expected_properties_per_zipcode: Some(50),
        ..RequestHeader::new("zipcode_assignment_20250115_0800".into())
    };
    let of_zero: Vec<_> = plan.requests_for(0, &header).collect();
    assert_eq!(of_zero.len(), 2);
    let all: Vec<_> =
        plan.requests(&header).filter(|(uid, _)| *uid == 0).map(|(_, request)| request).collect();
    assert_eq!(of_zero, all);
    assert_ne!(of_zero[0].request_id, of_zero[1].request_id);
    insta::assert_json_snapshot!(of_zero[0], @r#"
    {
      "request_id": "zipcode_assignment_20250115_0800_batch_001_miner_0",
      "assignment_mode": "zipcodes",
      "zipcode_assignments": {
        "ZILLOW_SOLD": [
          "00000",
          "07919"
        ]
      },
      "assignment_data": {},
      "zipcode_batch_id": "batch_001",
      "overlap_group": 1,
      "expected_properties_per_zipcode": 50,
      "expires_at": "2025-01-15T12:00:00Z",
      "expected_completion": null,
      "assignment_type": "zipcode_scraping",
      "block_id": "zipcode_block_20250115_0800_a1b2c3d4",
      "priority": 1,
      "version": null,
      "submission_timestamp": null,
      "scrape_timestamp": null,
      "completion_status": "pending",
      "scraped_data": {},
      "assignment_stats": null,
      "error_details": null
    }
    "#);
}

#[test]
fn homes_are_assigned_by_their_ids_once_each() {
    let metagraph = metagraph((0..60).map(|uid| uid / 2));
    let ids = |from: usize, to: usize| (from..to).map(|id| id.to_string()).collect::<Vec<_>>();
    let mut zillow = ids(0, 120);
    zillow.extend(["007".into(), "not a number".into()]);
    let listed = BTreeMap::from([(Source::ZillowSold, zillow), (Source::Redfin, ids(0, 10))]);
    let manager = AssignmentManager::new(AssignmentRules::default());
    let plan = manager.properties(&listed, &metagraph, &Credibilities::default(), &[5; 32]);

    assert_eq!(plan.mode, AssignmentMode::PropertyIds);
    let unreadable =
        Shortfall::UnreadableId { source: Source::ZillowSold, id: "not a number".into() };
    assert_eq!(plan.shortfalls, [unreadable]);
    let sizes = plan.batches.iter().map(|batch| match &batch.work {
        Work::Properties { source, ids } => (*source, ids.len()),
        Work::Zipcodes { .. } => panic!("{batch:?}"),
    });
    let expected = [
        (Source::ZillowSold, 50),
        (Source::ZillowSold, 50),
        (Source::ZillowSold, 20),
        (Source::Redfin, 10),
    ];
    assert_eq!(sizes.collect::<Vec<_>>(), expected);
    for batch in &plan.batches {
        let owners: BTreeSet<_> = batch.groups[0].miners.iter().map(|uid| uid / 2).collect();
        assert_eq!((batch.groups.len(), owners.len()), (1, 5));
    }
    let (_, request) = plan.requests(&RequestHeader::new("a".into())).next().expect("one");
    assert_eq!(request.assignment_data[&Source::ZillowSold].len(), 50);
    assert_ne!(Assigned::of_request(&request), Assigned::anything());
}

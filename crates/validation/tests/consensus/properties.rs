use proptest::prelude::*;
use resi_validation::consensus::{ABSENT, Epoch, FIELDS, Memory, Robust, Share, Strategy};
use resi_validation::simulation::{Scenario, World, first_epoch, mixture};

use crate::support::Story;

/// (batch, miner, home, values): few different ones, so that they meet.
fn reports(homes: u32) -> impl Strategy_<Value = Vec<(usize, u16, u32, [u32; FIELDS])>> {
    let value =
        prop_oneof![4 => Just(100u32), 2 => 99..110u32, 1 => any::<u32>(), 1 => Just(ABSENT)];
    let values = prop::array::uniform6(value);
    prop::collection::vec((0..2usize, 0..9u16, 0..homes, values), 0..120)
}

use proptest::strategy::Strategy as Strategy_;

fn story(reports: &[(usize, u16, u32, [u32; FIELDS])]) -> Story {
    let mut story = Story::new(2);
    story.miners(0..7);
    // Two miners of one owner.
    story.miner(7, "both");
    story.miner(8, "both");
    for &(batch, uid, home, values) in reports {
        story.says(batch, uid, home, values);
    }
    story
}

fn robust(epoch: &Epoch) -> String {
    Robust::default().judge(epoch, &Memory::default()).consensus_hash(&epoch.catalog)
}

fn shuffle<T>(items: &mut [T], keys: &[u64]) {
    for last in (1..items.len()).rev() {
        let key = keys[last % keys.len()].wrapping_mul(last as u64 * 2 + 1);
        items.swap(last, (key % (last as u64 + 1)) as usize);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn confidences_are_from_zero_to_one_whatever_is_reported(reports in reports(30)) {
        let story = story(&reports);
        for verdicts in [story.robust(), story.majority()] {
            let judgement = &verdicts.conclusion.judgement;
            for property in &judgement.properties {
                prop_assert!(property.confidence <= Share::ONE);
                for field in &property.fields {
                    prop_assert!(field.value.is_some() || !field.accepted);
                    prop_assert!(field.confidence <= Share::ONE);
                }
            }
            prop_assert!(judgement.credibility.len() == 9);
        }
    }

    #[test]
    fn the_order_of_anything_changes_nothing(reports in reports(12), keys in prop::collection::vec(any::<u64>(), 8)) {
        let mut shuffled_reports = reports.clone();
        // The catalog numbers homes in another order, too; what one miner says about one home twice stays as it was.
        shuffled_reports.sort_by_key(|&(batch, uid, home, _)| (keys[uid as usize % 8].wrapping_mul(u64::from(home) + 7), batch));
        let mut shuffled = story(&shuffled_reports).epoch;
        shuffle(&mut shuffled.miners, &keys);
        shuffle(&mut shuffled.batches, &keys);
        for batch in &mut shuffled.batches {
            shuffle(&mut batch.answers, &keys);
            shuffle(&mut batch.assigned, &keys);
        }
        prop_assert_eq!(robust(&story(&reports).epoch), robust(&shuffled));
    }

    #[test]
    fn nobody_gains_by_reporting_twice(reports in reports(12), uid in 0..9u16, resend in any::<bool>()) {
        let once = story(&reports);
        let mut twice = story(&reports);
        for batch in &mut twice.epoch.batches {
            let Some(position) = batch.answers.iter().position(|answer| answer.uid == uid) else { continue };
            if resend {
                let again = batch.answers[position].clone();
                batch.answers.push(again);
            } else {
                let again = batch.answers[position].reports.clone();
                batch.answers[position].reports.extend(again);
            }
        }
        prop_assert_eq!(once.robust().hash(), twice.robust().hash());
    }

    #[test]
    fn one_more_that_agrees_never_lowers_a_confidence(reports in reports(5)) {
        // With fewer than eight homes nobody is convicted, and with one batch reliabilities are those of the prior.
        let reports: Vec<_> = reports.into_iter().map(|(_, uid, home, values)| (0, uid, home, values)).collect();
        let before = story(&reports);
        let mut after = story(&reports);
        after.miner(20, "somebody new");
        let verdicts = before.robust();
        let mut said = Vec::new();
        for home in 0..5 {
            if reports.iter().any(|&(_, _, reported, _)| reported == home) {
                let values = verdicts.home(home).fields.map(|field| field.value.unwrap_or(ABSENT));
                after.says(0, 20, home, values);
                said.push(home);
            }
        }
        let later = after.robust();
        for home in said {
            for (old, new) in verdicts.home(home).fields.iter().zip(&later.home(home).fields) {
                prop_assert!(new.confidence >= old.confidence, "{:?} {:?}", old, new);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn a_whole_epoch_of_every_kind_of_liar_is_judged_the_same_in_any_order(seed in 0..1000u64, keys in prop::collection::vec(any::<u64>(), 8)) {
        let world = World { miners: 40, batches: 8, zipcodes: 2, homes: 30, ..World::default() };
        let scenario =
            Scenario { name: "all".to_owned(), epochs: 1, honest_epochs: 0, newcomers: 0.0, world, actors: mixture(0.05) };
        let epoch = first_epoch(&scenario, seed);
        let mut shuffled = epoch.clone();
        shuffle(&mut shuffled.miners, &keys);
        shuffle(&mut shuffled.batches, &keys);
        for batch in &mut shuffled.batches {
            shuffle(&mut batch.answers, &keys);
            for answer in &mut batch.answers {
                shuffle(&mut answer.reports, &keys);
            }
        }
        prop_assert_eq!(robust(&epoch), robust(&shuffled));
    }
}

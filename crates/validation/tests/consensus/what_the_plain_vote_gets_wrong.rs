use resi_protocol::Timestamp;
use resi_validation::consensus::{
    ABSENT, Field, FindingKind, Majority, Memory, RefusalReason, Robust, Strategy,
};
use resi_validation::simulation::{Scenario, World, first_epoch};

use crate::support::{MINUTE, Story, most_homes};

/// The plain vote takes equal answers for copies; this makes them differ in a home that no test looks at.
fn nobody_copies(story: &mut Story) {
    for uid in story.epoch.miners.iter().map(|miner| miner.uid).collect::<Vec<_>>() {
        story.price(0, uid, 99, 100_000 + 10_000 * u32::from(uid));
    }
}

#[test]
fn one_owner_with_many_miners_has_one_vote() {
    let mut story = Story::new(1);
    story.miners(1..=3);
    (1..=3).for_each(|uid| story.price(0, uid, 1, 450_000));
    for uid in 10..17 {
        story.miner(uid, "one owner");
        story.price(0, uid, 1, 900_000);
    }
    nobody_copies(&mut story);
    assert_eq!(story.majority().price(1), Some(900_000));
    assert_eq!(story.robust().price(1), Some(450_000));
    assert_eq!(story.robust().home(1).owners, 4);
}

#[test]
fn one_miner_that_reports_a_home_five_times_weighs_once() {
    let mut story = Story::new(1);
    story.miners(1..=4);
    (1..=3).for_each(|uid| story.price(0, uid, 1, 450_000));
    (0..5).for_each(|_| story.price(0, 4, 1, 900_000));
    nobody_copies(&mut story);
    assert_eq!(story.majority().price(1), Some(900_000));
    assert_eq!(story.robust().price(1), Some(450_000));
}

#[test]
fn numbers_are_not_strings() {
    let mut story = Story::new(1);
    story.miners(1..=6);
    for uid in 1..=6 {
        story.price(0, uid, 1, 450_000);
        story.spelled(0, uid, (uid % 2) as u8);
        story.price(0, uid, 2, if uid % 2 == 0 { 449_900 } else { 450_100 });
    }
    assert_eq!((story.majority().price(1), story.majority().price(2)), (None, None));
    assert_eq!(story.robust().price(1), Some(450_000));
    assert_eq!(story.robust().price(2), Some(449_900));
}

#[test]
fn addresses_agree_after_normalisation() {
    let mut story = Story::new(1);
    story.miners(1..=6);
    let address = story.epoch.catalog.text("1 main st").0;
    for uid in 1..=6 {
        story.says(0, uid, 1, [450_000, 3, 200, 1800, address, ABSENT]);
        story.spelled(0, uid, (uid % 2) as u8);
    }
    assert!(!story.majority().field(1, Field::Address).accepted);
    assert!(story.robust().field(1, Field::Address).accepted);
}

#[test]
fn a_price_shaded_by_four_and_a_half_percent_does_not_agree() {
    let mut story = Story::new(1);
    story.miners(1..=10);
    (1..=6).for_each(|uid| story.price(0, uid, 1, 450_000));
    (7..=10).for_each(|uid| story.price(0, uid, 1, 470_250));
    let price = story.robust().field(1, Field::Price);
    assert_eq!((price.value, price.accepted), (Some(450_000), false));
    assert_eq!(price.confidence.to_string(), "0.600000");
}

#[test]
fn identical_content_is_no_offence() {
    let mut story = Story::new(2);
    story.miners(1..=8);
    for batch in 0..2 {
        for uid in 1..=8 {
            (0..100).for_each(|home| story.price(batch, uid, home, 300_000 + home));
        }
    }
    assert_eq!(story.majority().found().len(), 8);
    assert_eq!(story.robust().found(), Vec::<u16>::new());
}

/// Eight scrapers that each miss twenty homes of their own, and one that has exactly the gaps of miner 3.
fn copied(received: i64) -> Story {
    let mut story = Story::new(1);
    story.miners(1..=9);
    for uid in 1..=9u16 {
        let gaps = if uid == 9 { 3 } else { uid };
        let misses = |home: &u32| (home / 20) as u16 == gaps;
        (0..200)
            .filter(|home| !misses(home))
            .for_each(|home| story.price(0, uid, home, 300_000 + home));
    }
    story.answer(0, 9).received_at = Timestamp::from_micros(received);
    story
}

#[test]
fn a_copy_shows_in_shared_errors_and_only_the_later_is_suspect() {
    let later = copied(50 * MINUTE);
    assert_eq!(later.majority().found(), [3, 9]);
    let verdicts = later.robust();
    assert_eq!(verdicts.found(), [9]);
    let finding = &verdicts.conclusion.judgement.findings[0];
    assert_eq!(finding.kind, FindingKind::CopiedContent);
    assert_eq!(finding.evidence, "20 of 20 errors of miner 3 in batch_001, received later");
    assert_eq!(copied(11 * MINUTE).robust().found(), [3]);
}

#[test]
fn fourteen_shared_errors_are_too_few_to_tell() {
    let shares = |errors: u32| {
        let mut story = Story::new(1);
        story.miners(1..=9);
        for uid in 1..=9u16 {
            let of = if uid == 9 { 3 } else { u32::from(uid) };
            let misses = |home: &u32| (of * 20..of * 20 + errors).contains(home);
            (0..200)
                .filter(|home| !misses(home))
                .for_each(|home| story.price(0, uid, home, 300_000 + home));
        }
        story
    };
    assert_eq!((shares(14).majority().found(), shares(14).robust().found()), (vec![3, 9], vec![]));
    assert_eq!(shares(15).robust().found(), [9]);
}

#[test]
fn who_shares_wrong_values_but_misses_homes_of_its_own_is_no_copy() {
    let shares_gaps = |shares: bool| {
        let mut story = Story::new(1);
        story.miners(1..=9);
        for uid in 1..=9u16 {
            let gaps = if shares && uid == 9 { 3 } else { u32::from(uid) };
            for home in (0..500).filter(|home| !(gaps * 3..gaps * 3 + 3).contains(home)) {
                let misread = (uid == 3 || uid == 9) && home >= 481;
                story.price(0, uid, home, if misread { 200_000 } else { 300_000 + home });
            }
        }
        story
    };
    assert_eq!(shares_gaps(true).robust().found(), [9]);
    assert!(shares_gaps(false).robust().found().is_empty());
}

#[test]
fn shared_tools_and_homes_that_are_hard_for_everybody_do_not_look_like_copying() {
    let world = World {
        miners: 40,
        batches: 8,
        zipcodes: 2,
        homes: 40,
        tools: 3,
        hard: 0.02,
        ..World::default()
    };
    let epoch = first_epoch(&Scenario { world, ..Scenario::honest("tools", 1) }, 1);
    let found =
        |strategy: &dyn Strategy| strategy.judge(&epoch, &Memory::default()).judgement.found();
    // It takes answers within 30 s of each other for an offence.
    assert!(!found(&Majority::default()).is_empty());
    assert!(found(&Robust::default()).is_empty());
}

#[test]
fn what_the_miner_claims_of_its_time_does_not_make_it_the_earlier() {
    let mut story = copied(50 * MINUTE);
    story.answer(0, 9).scrape_started = Some(Timestamp::from_micros(-500 * MINUTE));
    assert_eq!(story.robust().found(), [9]);
}

#[test]
fn only_the_members_of_a_cluster_in_time_are_suspects() {
    let mut story = Story::new(2);
    story.miners(1..=20);
    for batch in 0..2 {
        for uid in 1..=20 {
            (0..30).for_each(|home| story.price(batch, uid, home, 300_000 + home + u32::from(uid)));
        }
        for uid in 10..=14 {
            let moment = 50 * MINUTE + i64::from(uid) * 1_000_000;
            story.answer(batch, uid).received_at = Timestamp::from_micros(moment);
        }
        // Two that meet by chance.
        story.answer(batch, 19).received_at = Timestamp::from_micros(86 * MINUTE);
        story.answer(batch, 20).received_at = Timestamp::from_micros(86 * MINUTE + 5);
    }
    assert_eq!(story.majority().found(), [10, 11, 12, 13, 14, 19, 20]);
    assert_eq!(story.robust().found(), [11, 12, 13, 14]);
}

#[test]
fn uid_zero_counts_like_any_other() {
    let mut story = Story::new(1);
    story.miners(0..=3);
    (0..=2).for_each(|uid| story.price(0, uid, 1, 450_000));
    story.price(0, 3, 1, 500_000);
    assert_eq!((story.majority().home(1).reports, story.robust().home(1).reports), (3, 4));
    assert_eq!(story.robust().price(1), Some(450_000));
}

#[test]
fn a_missing_field_is_an_abstention() {
    let mut story = Story::new(1);
    story.miners(1..=8);
    for uid in 1..=8 {
        let bedrooms = if uid <= 4 { 3 } else { ABSENT };
        story.says(0, uid, 1, [450_000, bedrooms, ABSENT, ABSENT, ABSENT, ABSENT]);
    }
    nobody_copies(&mut story);
    assert_eq!(story.majority().field(1, Field::Bedrooms).confidence.to_string(), "0.500000");
    assert_eq!(story.robust().field(1, Field::Bedrooms).confidence.to_string(), "1.000000");
}

#[test]
fn a_ring_wins_nothing_where_honest_miners_differ_by_rounding() {
    let mut story = Story::new(1);
    story.miners(1..=10);
    for home in 0..20 {
        for uid in 1..=10 {
            let price = if uid <= 6 { 449_000 + 500 * u32::from(uid) } else { 520_000 };
            story.says(0, uid, home, [price, 3, 200, 1800, ABSENT, ABSENT]);
        }
    }
    assert_eq!(story.majority().price(7), Some(520_000));
    let verdicts = story.robust();
    assert_eq!(verdicts.price(7), Some(450_500));
    assert_eq!(verdicts.found(), [7, 8, 9, 10]);
}

#[test]
fn a_home_that_two_liars_invent_is_not_accepted() {
    let mut story = Story::new(1);
    story.miners(1..=10);
    (1..=10).for_each(|uid| story.price(0, uid, 1, 450_000));
    (9..=10).for_each(|uid| story.price(0, uid, 2, 666_000));
    assert_eq!(story.majority().price(2), Some(666_000));
    assert_eq!(story.robust().price(2), None);
    assert!(!story.robust().home(2).exists);
}

#[test]
fn absurd_values_and_giant_answers_harm_nobody_else() {
    let mut calm = Story::new(1);
    calm.miners(1..=7);
    (1..=5).for_each(|uid| calm.price(0, uid, 1, 450_000));
    let mut stormy = Story::new(1);
    stormy.miners(1..=7);
    (1..=5).for_each(|uid| stormy.price(0, uid, 1, 450_000));
    stormy.says(0, 6, 1, [u32::MAX - 2, 0, u32::MAX - 1, 0, u32::MAX - 1, u32::MAX - 1]);
    stormy.answer(0, 6).refused_values = u32::MAX;
    let too_many = most_homes() as u32 + 1;
    (0..too_many).for_each(|home| stormy.price(0, 7, home, 1));
    let verdicts = stormy.robust();
    assert_eq!(verdicts.price(1), calm.robust().price(1));
    assert_eq!(verdicts.conclusion.judgement.properties.len(), 1);
    let refused = &verdicts.conclusion.judgement.refused;
    assert_eq!(
        refused.iter().map(|refusal| (refusal.uid, refusal.reason)).collect::<Vec<_>>(),
        [(7, RefusalReason::TooManyHomes)]
    );
    let findings = &verdicts.conclusion.judgement.findings;
    assert_eq!(
        findings.iter().map(|finding| finding.kind).collect::<Vec<_>>(),
        [FindingKind::ImplausibleValues]
    );
}

/// Not of the plain vote's faults: both find it, and only one lets such miners vote no more.
#[test]
fn homes_in_honeypots_are_fabricated() {
    let mut story = Story::new(2);
    story.miners(1..=5);
    for uid in 1..=5 {
        story.price(0, uid, 1, 450_000 + u32::from(uid));
    }
    for uid in 4..=5 {
        story.price(1, uid, 2, 300_000);
    }
    nobody_copies(&mut story);
    let found = |verdicts: &crate::support::Verdicts<'_>| -> Vec<(Vec<u16>, String)> {
        let findings = verdicts.conclusion.judgement.findings.iter();
        let fabricated = findings.filter(|finding| finding.kind == FindingKind::Fabricated);
        fabricated.map(|finding| (finding.miners.clone(), finding.evidence.clone())).collect()
    };
    assert!(found(&story.robust()).is_empty() && found(&story.majority()).is_empty());
    let before = story.robust().conclusion.judgement.credibility[&4];

    story.epoch.honeypots = story.epoch.batches[1].zipcodes.clone();
    let evidence = "1 homes where none is sold, in 1 honeypots: 77002".to_owned();
    let expected = [(vec![4], evidence.clone()), (vec![5], evidence)];
    for verdicts in [story.robust(), story.majority()] {
        assert_eq!(found(&verdicts), expected);
        assert!(verdicts.conclusion.judgement.credibility[&4] < before);
        assert!(verdicts.conclusion.judgement.convicted().contains(&5));
    }
    assert_eq!(story.robust().price(2), None);
    assert_eq!(story.robust().home(1).owners, 3, "who was trapped votes nowhere");
}

use resi_protocol::Timestamp;

use crate::support::{MINUTE, Story};

fn told() -> Story {
    let mut story = Story::new(1);
    story.miners(1..=5);
    let address = story.epoch.catalog.text("1 \"main\" st").0;
    let kind = story.epoch.catalog.text("condo").0;
    for uid in 1..=4 {
        story.says(
            0,
            uid,
            12_345,
            [450_000, if uid == 4 { 4 } else { 3 }, 250, 1800, address, kind],
        );
    }
    (1..=2).for_each(|uid| story.price(0, uid, 7, 100_000));
    (3..=4).for_each(|uid| story.price(0, uid, 7, 200_000));
    story.price(0, 5, 7, 1);
    story.answer(0, 5).received_at = Timestamp::from_micros(2 * MINUTE);
    story
}

#[test]
fn is_written_as_the_validators_read_it() {
    let story = told();
    let verdicts = story.robust();
    insta::assert_json_snapshot!(verdicts.conclusion.outcome(&story.epoch.catalog));
}

#[test]
fn the_hash_is_over_what_is_accepted_and_the_scores() {
    let story = told();
    let verdicts = story.robust();
    let canonical = concat!(
        r#"{"accepted":{"77001/ZILLOW_SOLD/zillow:12345":{"address":"1 \"main\" st","bathrooms":"2.500000","#,
        r#""bedrooms":3,"living_area":1800,"price":450000,"property_type":"condo"}},"#,
        r#""epoch_id":"2025-01-15T08-00-00","#,
        r#""scores":{"1":"0.575000","2":"0.575000","3":"0.575000","4":"0.550000","5":"0.425000"}}"#
    );
    use sha2::{Digest, Sha256};
    assert_eq!(verdicts.hash(), hex::encode(Sha256::digest(canonical)));
}

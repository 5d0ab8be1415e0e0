//! Accepted values and answers against an own scrape.

use std::collections::HashMap;

use resi_protocol::Source;
use resi_validation::messages::{
    Address, Bathrooms, FieldName, PropertyKey, PropertyReport, PropertyType,
};
use resi_validation::spot_check::{
    ApiValidation, HomeVerdict, OwnScrape, ZipcodeFigures, check_home, check_zipcode,
};

fn home(zpid: u64, price: u64) -> PropertyReport {
    PropertyReport {
        key: PropertyKey::Zillow(zpid),
        source: Source::ZillowSold,
        zipcode: "77494".parse().ok(),
        price: Some(price),
        bedrooms: Some(3),
        bathrooms: Some(Bathrooms::from_hundredths(250)),
        living_area: Some(2_000),
        address: Address::normalise("1 Oak St"),
        property_type: PropertyType::normalise("CONDO"),
    }
}

#[test]
fn confidence_falls_with_the_fields_that_do_not_hold() {
    let own = home(1, 400_000);
    assert_eq!(check_home(&home(1, 440_000), 0.9, Some(&own)).confidence, 0.9);
    let verdict = check_home(&home(1, 440_001), 0.9, Some(&own));
    assert_eq!((verdict.held, verdict.checked), (5, 6));
    assert!((verdict.confidence - 0.75).abs() < 1e-12);
    // Three bedrooms and four are a third apart.
    let bedrooms = PropertyReport { bedrooms: Some(4), ..own.clone() };
    assert_eq!(check_home(&bedrooms, 1.0, Some(&own)).held, 5);
}

#[test]
fn what_was_not_accepted_is_not_checked_and_what_is_not_there_does_not_hold() {
    let own = home(1, 400_000);
    let price_only = PropertyReport {
        bedrooms: None,
        bathrooms: None,
        living_area: None,
        address: None,
        property_type: None,
        ..home(1, 100)
    };
    let verdict = check_home(&price_only, 0.8, Some(&own));
    assert_eq!((verdict.held, verdict.checked, verdict.confidence), (0, 1, 0.0));
    assert_eq!(check_home(&own, 0.8, None).confidence, 0.0);
    let nothing = PropertyReport { price: None, ..price_only };
    assert_eq!(check_home(&nothing, 0.8, Some(&own)).confidence, 0.8);
}

#[test]
fn a_zipcode_is_checked_by_count_and_median() {
    let figures = |properties, median_price| ZipcodeFigures { properties, median_price };
    let own = figures(50, Some(400_000));
    assert_eq!(check_zipcode(figures(45, Some(440_000)), 0.8, own).confidence, 0.8);
    assert_eq!(check_zipcode(figures(44, Some(440_000)), 0.8, own).confidence, 0.4);
    assert_eq!(check_zipcode(figures(44, None), 0.8, own).confidence, 0.0);
    assert_eq!(check_zipcode(figures(0, None), 0.8, figures(0, None)).confidence, 0.8);
}

#[test]
fn an_answer_is_valid_from_four_fifths_of_its_fields_on() {
    let key = |zpid| (Source::ZillowSold, PropertyKey::Zillow(zpid));
    let own: HashMap<_, _> = [
        (key(1), OwnScrape::Found(home(1, 400_000))),
        (key(2), OwnScrape::Found(home(2, 400_000))),
        (key(3), OwnScrape::NotFound),
        (key(4), OwnScrape::Failed),
    ]
    .into();
    let mut validation = ApiValidation::default();
    let one_wrong = home(2, 800_000);
    let two_wrong = PropertyReport { bedrooms: None, ..one_wrong.clone() };

    let verdict = validation.judge(&[home(1, 420_000), one_wrong], &own);
    assert!(verdict.valid && verdict.share == Some(11.0 / 12.0));
    assert!(verdict.homes.iter().all(|home| matches!(home, HomeVerdict::Valid(_))));

    let verdict = validation.judge(&[two_wrong], &own);
    assert!(!verdict.valid);
    let HomeVerdict::Invalid(comparison) = &verdict.homes[0] else { panic!("{verdict:?}") };
    assert_eq!(comparison.fields[1].field, FieldName::Bedrooms);
    assert_eq!(comparison.fields[1].holds, None);

    // An invented home weighs as much as a real one; one that could not be looked for weighs nothing.
    let verdict = validation.judge(&[home(1, 400_000), home(3, 1), home(4, 1), home(5, 1)], &own);
    assert_eq!((verdict.share, verdict.valid), (Some(0.5), false));
    let verdict = validation.judge(&[home(4, 1)], &own);
    assert_eq!((verdict.share, verdict.valid), (None, false));

    insta::assert_json_snapshot!(validation.statistics(), @r#"
    {
      "total_validations": 8,
      "successful_validations": 3,
      "failed_validations": 2,
      "api_errors": 3,
      "success_rate": 0.375,
      "error_rate": 0.375
    }
    "#);
}

//! Presets, and the names under which users change them.

use proptest::prelude::*;
use resi_validation::settings::{Preset, Settings};

fn changed(preset: Preset, name: &str, value: &str) -> Result<Settings, String> {
    Settings::resolve(preset, [(name, value)]).map_err(|error| error.to_string())
}

#[test]
fn presets_are_those_of_the_table() {
    let rows = Preset::ALL.map(|preset| {
        let all = preset.settings();
        let rules = &all.assignment;
        let on = |on, detail: String| if on { format!("on ({detail})") } else { "off".into() };
        format!(
            "{preset}: {} {} {} | {}/{}/{}/{} | {} | {} {} {} | {} | {}",
            on(all.spot_checks.enabled, all.spot_checks.sample_size.to_string()),
            all.consensus_confidence,
            all.anomaly_detection,
            rules.zipcodes_per_batch,
            rules.miners_per_group,
            rules.overlap,
            rules.max_batches,
            rules.min_miners,
            all.assignment_timeout_hours,
            all.assignment_cycle_hours,
            all.expected_properties_per_zipcode,
            on(
                all.s3.enabled,
                format!("{} min, {}", all.s3.upload_timeout_minutes, all.s3.completion_threshold)
            ),
            rules.min_coldkeys,
        )
    });
    insta::assert_snapshot!(rows.join("\n"), @"
    consensus: off 0.6 0.3 | 20/10/2/50 | 6 | 4 4 50 | off | 5
    api: on (5) 0.8 0.2 | 20/5/2/50 | 5 | 4 4 50 | off | 5
    development: off 0.5 0.4 | 5/5/2/10 | 3 | 1 1 30 | off | 3
    testnet: on (3) 0.6 0.3 | 10/7/2/20 | 4 | 2 2 40 | on (20 min, 0.75) | 3
    production: off 0.7 0.25 | 20/10/2/50 | 6 | 4 4 50 | on (30 min, 0.8) | 5
    ");
}

#[test]
fn every_preset_is_valid_and_survives_being_written() {
    for preset in Preset::ALL {
        let settings = preset.settings();
        assert_eq!(Settings::resolve(Preset::Consensus, settings.pairs()).as_ref(), Ok(&settings));
        assert_eq!(preset.name().parse(), Ok(preset));
    }
    assert!("prod".parse::<Preset>().is_err());
}

#[test]
fn the_names_and_defaults_are_known() {
    let lines = Preset::Consensus.settings().pairs();
    let lines: Vec<_> = lines.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    insta::assert_snapshot!(lines.join("\n"), @"
    DATA_API_URL=http://localhost:8000
    ENABLED_DATA_SOURCES=ZILLOW_SOLD
    ZIPCODES_PER_BATCH=20
    MINERS_PER_ZIPCODE_BATCH=10
    BATCH_OVERLAP_FACTOR=2
    MAX_BATCHES_PER_CYCLE=50
    MINERS_PER_PROPERTY=5
    MAX_PROPERTIES_PER_ASSIGNMENT=50
    BLOCK_SIZE_PER_SOURCE=1000
    CONSENSUS_CONFIDENCE_THRESHOLD=0.6
    ZIPCODE_CONFIDENCE_THRESHOLD=0.7
    ANOMALY_DETECTION_THRESHOLD=0.3
    MIN_MINERS_FOR_CONSENSUS=6
    MAX_MINERS_PER_COLDKEY=1
    MIN_DIFFERENT_COLDKEYS=5
    GEOGRAPHIC_DIVERSITY_REQUIRED=true
    ASSIGNMENT_TIMEOUT_HOURS=4
    ASSIGNMENT_CYCLE_HOURS=4
    EXPECTED_PROPERTIES_PER_ZIPCODE=50
    MIN_RESPONSE_MINUTES=5
    MAX_RESPONSE_MINUTES=120
    CLOCK_TOLERANCE_SECONDS=60
    USE_S3_CONSENSUS=false
    S3_UPLOAD_TIMEOUT_MINUTES=30
    S3_COMPLETION_THRESHOLD=0.8
    ENABLE_VALIDATOR_SPOT_CHECKS=false
    SPOT_CHECK_SAMPLE_SIZE=5
    SPOT_CHECK_TIMEOUT_MINUTES=10
    ENABLE_BEHAVIORAL_ANALYSIS=true
    SYNC_THRESHOLD_SECONDS=30
    IDENTICAL_CONTENT_PENALTY=0.5
    CREDIBILITY_ALPHA=0.15
    CREDIBILITY_INITIAL=0.5
    ENABLE_TIME_BASED_REWARDS=true
    FAST_RESPONSE_BONUS=1.5
    MEDIUM_RESPONSE_BONUS=1.2
    SLOW_RESPONSE_PENALTY=0.8
    ENABLE_DETAILED_LOGGING=false
    LOG_VALIDATION_DETAILS=false
    ");
}

#[test]
fn a_value_out_of_its_range_is_an_error_that_names_the_setting() {
    let wrong = [
        ("ZIPCODES_PER_BATCH", "0"),
        ("ZIPCODES_PER_BATCH", "51"),
        ("ZIPCODES_PER_BATCH", ""),
        ("ZIPCODES_PER_BATCH", "-1"),
        ("ZIPCODES_PER_BATCH", "20.5"),
        ("CONSENSUS_CONFIDENCE_THRESHOLD", "1.01"),
        ("CONSENSUS_CONFIDENCE_THRESHOLD", "NaN"),
        ("ANOMALY_DETECTION_THRESHOLD", "inf"),
        ("USE_S3_CONSENSUS", "maybe"),
        ("ENABLED_DATA_SOURCES", "ZILLOW,MLS"),
        ("ENABLED_DATA_SOURCES", ""),
        ("DATA_API_URL", "ftp://example.com"),
        ("DATA_API_URL", "http:///path"),
        ("MINERS_PER_ZIPCODE_BATCH", "4"),
        ("MIN_RESPONSE_MINUTES", "99999999999999999999"),
    ];
    let errors: Vec<_> = wrong
        .iter()
        .map(|(name, value)| changed(Preset::Consensus, name, value).expect_err(value))
        .collect();
    assert!(wrong.iter().zip(&errors).all(|((name, _), error)| error.starts_with(name)));
    insta::assert_snapshot!(errors.join("\n"), @r#"
    ZIPCODES_PER_BATCH: "0" is no whole number from 1 to 50
    ZIPCODES_PER_BATCH: "51" is no whole number from 1 to 50
    ZIPCODES_PER_BATCH: "" is no whole number from 1 to 50
    ZIPCODES_PER_BATCH: "-1" is no whole number from 1 to 50
    ZIPCODES_PER_BATCH: "20.5" is no whole number from 1 to 50
    CONSENSUS_CONFIDENCE_THRESHOLD: "1.01" is no number from 0 to 1
    CONSENSUS_CONFIDENCE_THRESHOLD: "NaN" is no number from 0 to 1
    ANOMALY_DETECTION_THRESHOLD: "inf" is no number from 0 to 1
    USE_S3_CONSENSUS: "maybe" is neither true nor false
    ENABLED_DATA_SOURCES: unknown source "MLS"; known are ZILLOW_SOLD, ZILLOW, REDFIN, REALTOR_COM, HOMES_COM
    ENABLED_DATA_SOURCES: a source name is empty
    DATA_API_URL: "ftp://example.com" is no URL with http or https
    DATA_API_URL: "http:///path" is no URL with http or https
    MINERS_PER_ZIPCODE_BATCH: 4 is less than MIN_MINERS_FOR_CONSENSUS, which is 6
    MIN_RESPONSE_MINUTES: "99999999999999999999" is no whole number from 0 to 10080
    "#);
}

#[test]
fn settings_must_fit_each_other() {
    let error = |name, value| changed(Preset::Consensus, name, value).expect_err("does not fit");
    let errors = [
        error("MIN_DIFFERENT_COLDKEYS", "11"),
        error("MIN_MINERS_FOR_CONSENSUS", "11"),
        error("MIN_RESPONSE_MINUTES", "120"),
    ];
    insta::assert_snapshot!(errors.join("\n"), @"
    MINERS_PER_ZIPCODE_BATCH: 10 is less than MIN_DIFFERENT_COLDKEYS, which is 11
    MINERS_PER_ZIPCODE_BATCH: 10 is less than MIN_MINERS_FOR_CONSENSUS, which is 11
    MAX_RESPONSE_MINUTES: 120 is less than MIN_RESPONSE_MINUTES + 1, which is 121
    ");
    let both = [("MIN_MINERS_FOR_CONSENSUS", "11"), ("MINERS_PER_ZIPCODE_BATCH", "12")];
    assert!(Settings::resolve(Preset::Consensus, both).is_ok());
}

#[test]
fn what_is_no_setting_is_left_alone_and_the_last_value_counts() {
    let environment = [
        ("PATH", "/bin"),
        ("USE_S3_CONSENSUS", "True"),
        ("ZIPCODES_PER_BATCH", " 7 "),
        ("USE_S3_CONSENSUS", "off"),
    ];
    let settings = Settings::resolve(Preset::Consensus, environment).expect("valid");
    assert!(!settings.s3.enabled);
    assert_eq!(settings.assignment.zipcodes_per_batch, 7);
    let aliases = changed(Preset::Api, "ENABLED_DATA_SOURCES", "zillow, realtor").expect("known");
    assert_eq!(aliases.sources.to_string(), "ZILLOW_SOLD,ZILLOW,REALTOR_COM");
}

proptest! {
    #[test]
    fn no_value_panics_or_sets_another_setting(
        at in any::<prop::sample::Index>(),
        value in "[0-9.]{1,6}|true|-?[0-9a-z]{0,8}|.{0,20}",
    ) {
        let names: Vec<_> = Settings::names().collect();
        let name = names[at.index(names.len())];
        let before = Preset::Consensus.settings().pairs();
        match Settings::resolve(Preset::Consensus, [(name, &value)]) {
            Ok(settings) => {
                for (before, after) in before.iter().zip(settings.pairs()) {
                    prop_assert!(before == &after || after.0 == name);
                }
            }
            Err(error) => prop_assert!(!error.name.is_empty()),
        }
    }
}

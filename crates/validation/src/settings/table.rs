use std::time::Duration;

use resi_protocol::Sources;

use super::{Problem, SettingError, Settings};
use crate::consensus::Share;

type At<T> = fn(&mut Settings) -> &mut T;

/// What a setting may be, and where it is kept.
pub(super) enum Kind {
    Url(At<String>),
    Sources(At<Sources>),
    Whole(u32, u32, At<u32>),
    Number(f64, f64, At<f64>),
    /// From 0 to 1.
    Part(At<Share>),
    Switch(At<bool>),
    /// A whole number of so many seconds each.
    Time(u32, u32, u64, At<Duration>),
}

use Kind::{Number, Part, Switch, Time, Url, Whole};

pub(super) static TABLE: [(&str, Kind); 39] = [
    ("DATA_API_URL", Url(|all| &mut all.data_api_url)),
    ("ENABLED_DATA_SOURCES", Kind::Sources(|all| &mut all.sources)),
    ("ZIPCODES_PER_BATCH", Whole(1, 50, |all| &mut all.assignment.zipcodes_per_batch)),
    ("MINERS_PER_ZIPCODE_BATCH", Whole(1, 1_000, |all| &mut all.assignment.miners_per_group)),
    ("BATCH_OVERLAP_FACTOR", Whole(1, 20, |all| &mut all.assignment.overlap)),
    ("MAX_BATCHES_PER_CYCLE", Whole(1, 10_000, |all| &mut all.assignment.max_batches)),
    ("MINERS_PER_PROPERTY", Whole(1, 1_000, |all| &mut all.assignment.miners_per_property)),
    ("MAX_PROPERTIES_PER_ASSIGNMENT", Whole(1, 10_000, |all| &mut all.assignment.max_properties)),
    ("BLOCK_SIZE_PER_SOURCE", Whole(1, 1_000_000, |all| &mut all.block_size_per_source)),
    ("CONSENSUS_CONFIDENCE_THRESHOLD", Number(0.0, 1.0, |all| &mut all.consensus_confidence)),
    ("ZIPCODE_CONFIDENCE_THRESHOLD", Number(0.0, 1.0, |all| &mut all.zipcode_confidence)),
    ("ANOMALY_DETECTION_THRESHOLD", Number(0.0, 1.0, |all| &mut all.anomaly_detection)),
    ("MIN_MINERS_FOR_CONSENSUS", Whole(1, 1_000, |all| &mut all.assignment.min_miners)),
    ("MAX_MINERS_PER_COLDKEY", Whole(1, 1_000, |all| &mut all.assignment.max_miners_per_coldkey)),
    ("MIN_DIFFERENT_COLDKEYS", Whole(1, 1_000, |all| &mut all.assignment.min_coldkeys)),
    ("GEOGRAPHIC_DIVERSITY_REQUIRED", Switch(|all| &mut all.assignment.geographic_spread)),
    ("ASSIGNMENT_TIMEOUT_HOURS", Whole(1, 168, |all| &mut all.assignment_timeout_hours)),
    ("ASSIGNMENT_CYCLE_HOURS", Whole(1, 168, |all| &mut all.assignment_cycle_hours)),
    (
        "EXPECTED_PROPERTIES_PER_ZIPCODE",
        Whole(1, 100_000, |all| &mut all.expected_properties_per_zipcode),
    ),
    ("MIN_RESPONSE_MINUTES", Time(0, 10_080, 60, |all| &mut all.response_window.shortest)),
    ("MAX_RESPONSE_MINUTES", Time(1, 10_080, 60, |all| &mut all.response_window.longest)),
    ("CLOCK_TOLERANCE_SECONDS", Time(0, 3_600, 1, |all| &mut all.response_window.clock_tolerance)),
    ("USE_S3_CONSENSUS", Switch(|all| &mut all.s3.enabled)),
    ("S3_UPLOAD_TIMEOUT_MINUTES", Whole(1, 10_080, |all| &mut all.s3.upload_timeout_minutes)),
    ("S3_COMPLETION_THRESHOLD", Number(0.0, 1.0, |all| &mut all.s3.completion_threshold)),
    ("ENABLE_VALIDATOR_SPOT_CHECKS", Switch(|all| &mut all.spot_checks.enabled)),
    ("SPOT_CHECK_SAMPLE_SIZE", Whole(1, 1_000, |all| &mut all.spot_checks.sample_size)),
    ("SPOT_CHECK_TIMEOUT_MINUTES", Whole(1, 10_080, |all| &mut all.spot_checks.timeout_minutes)),
    ("ENABLE_BEHAVIORAL_ANALYSIS", Switch(|all| &mut all.behavioral_analysis)),
    ("SYNC_THRESHOLD_SECONDS", Whole(1, 3_600, |all| &mut all.sync_threshold_seconds)),
    ("IDENTICAL_CONTENT_PENALTY", Part(|all| &mut all.credibility.identical_content_penalty)),
    ("CREDIBILITY_ALPHA", Part(|all| &mut all.credibility.alpha)),
    ("CREDIBILITY_INITIAL", Part(|all| &mut all.credibility.initial)),
    ("ENABLE_TIME_BASED_REWARDS", Switch(|all| &mut all.time_rewards.enabled)),
    ("FAST_RESPONSE_BONUS", Number(0.0, 10.0, |all| &mut all.time_rewards.fast)),
    ("MEDIUM_RESPONSE_BONUS", Number(0.0, 10.0, |all| &mut all.time_rewards.medium)),
    ("SLOW_RESPONSE_PENALTY", Number(0.0, 10.0, |all| &mut all.time_rewards.slow)),
    ("ENABLE_DETAILED_LOGGING", Switch(|all| &mut all.detailed_logging)),
    ("LOG_VALIDATION_DETAILS", Switch(|all| &mut all.log_validation_details)),
];

/// Sets what `name` is the name of; of another name nothing is known here.
pub(super) fn set(settings: &mut Settings, name: &str, value: &str) -> Result<(), SettingError> {
    let Some((name, kind)) = TABLE.iter().find(|(known, _)| *known == name) else {
        return Ok(());
    };
    kind.set(settings, value.trim()).map_err(|problem| SettingError::new(name, problem))
}

pub(super) fn pairs(settings: &Settings) -> Vec<(&'static str, String)> {
    // The places of values are known for changing them; a copy can be changed.
    let mut copy = settings.clone();
    TABLE.iter().map(|(name, kind)| (*name, kind.get(&mut copy))).collect()
}

impl Kind {
    fn set(&self, settings: &mut Settings, value: &str) -> Result<(), Problem> {
        let shown = || value.chars().take(64).collect::<String>();
        let whole = |least: u32, most: u32| {
            let parsed = value.parse().ok().filter(|parsed| (least..=most).contains(parsed));
            parsed.ok_or_else(|| Problem::Whole { value: shown(), least, most })
        };
        let number = |least: f64, most: f64| {
            let parsed = value.parse().ok().filter(|parsed| (least..=most).contains(parsed));
            parsed.ok_or_else(|| Problem::Number { value: shown(), least, most })
        };
        match self {
            Self::Url(at) => {
                let rest = value.strip_prefix("http://").or_else(|| value.strip_prefix("https://"));
                let host = rest.and_then(|rest| rest.split('/').next());
                if host.is_none_or(|host| host.is_empty() || host.contains(char::is_whitespace)) {
                    return Err(Problem::Url { value: shown() });
                }
                value.clone_into(at(settings));
            }
            Self::Sources(at) => *at(settings) = value.parse()?,
            Self::Whole(least, most, at) => *at(settings) = whole(*least, *most)?,
            Self::Number(least, most, at) => *at(settings) = number(*least, *most)?,
            Self::Part(at) => *at(settings) = Share::nearest(number(0.0, 1.0)?),
            Self::Switch(at) => {
                *at(settings) = match value.to_ascii_lowercase().as_str() {
                    "true" | "1" | "yes" | "on" => true,
                    "false" | "0" | "no" | "off" => false,
                    _ => return Err(Problem::Switch { value: shown() }),
                }
            }
            Self::Time(least, most, seconds, at) => {
                *at(settings) = Duration::from_secs(u64::from(whole(*least, *most)?) * seconds);
            }
        }
        // What is suspiciously fast for a reward is what is too fast to count.
        settings.time_rewards.suspiciously_fast = settings.response_window.shortest;
        Ok(())
    }

    fn get(&self, settings: &mut Settings) -> String {
        match self {
            Self::Url(at) => at(settings).clone(),
            Self::Sources(at) => at(settings).to_string(),
            Self::Whole(_, _, at) => at(settings).to_string(),
            Self::Number(_, _, at) => at(settings).to_string(),
            Self::Part(at) => at(settings).as_f64().to_string(),
            Self::Switch(at) => at(settings).to_string(),
            Self::Time(_, _, seconds, at) => (at(settings).as_secs() / seconds).to_string(),
        }
    }
}

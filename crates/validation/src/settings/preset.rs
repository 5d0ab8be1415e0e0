use std::fmt;
use std::str::FromStr;

use resi_protocol::Sources;

use super::{S3Settings, Settings};
use crate::assignment::AssignmentRules;
use crate::messages::ResponseWindow;
use crate::spot_check::SpotCheckRules;
use crate::{CredibilityRules, TimeRewardRules};

/// Settings that go well together, under one name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Preset {
    /// Consensus among miners.
    #[default]
    Consensus,
    /// Comparison with an own scrape.
    Api,
    /// Few miners, short cycles.
    Development,
    /// The test network.
    Testnet,
    /// The main network.
    Production,
}

/// A name that no preset has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown preset {0:?}; known are consensus, api, development, testnet, production")]
pub struct UnknownPreset(String);

impl Preset {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Consensus, Self::Api, Self::Development, Self::Testnet, Self::Production];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Consensus => "consensus",
            Self::Api => "api",
            Self::Development => "development",
            Self::Testnet => "testnet",
            Self::Production => "production",
        }
    }

    /// The settings of this preset, nothing changed.
    pub fn settings(self) -> Settings {
        let consensus = consensus();
        match self {
            Self::Consensus => consensus,
            Self::Api => Settings {
                consensus_confidence: 0.8,
                anomaly_detection: 0.2,
                spot_checks: SpotCheckRules { enabled: true, ..consensus.spot_checks },
                assignment: AssignmentRules {
                    miners_per_group: 5,
                    min_miners: 5,
                    ..consensus.assignment
                },
                ..consensus
            },
            Self::Development => Settings {
                consensus_confidence: 0.5,
                anomaly_detection: 0.4,
                assignment: AssignmentRules {
                    zipcodes_per_batch: 5,
                    miners_per_group: 5,
                    max_batches: 10,
                    min_miners: 3,
                    min_coldkeys: 3,
                    ..consensus.assignment
                },
                assignment_timeout_hours: 1,
                assignment_cycle_hours: 1,
                expected_properties_per_zipcode: 30,
                ..consensus
            },
            Self::Testnet => Settings {
                spot_checks: SpotCheckRules {
                    enabled: true,
                    sample_size: 3,
                    ..consensus.spot_checks
                },
                assignment: AssignmentRules {
                    zipcodes_per_batch: 10,
                    miners_per_group: 7,
                    max_batches: 20,
                    min_miners: 4,
                    min_coldkeys: 3,
                    ..consensus.assignment
                },
                assignment_timeout_hours: 2,
                assignment_cycle_hours: 2,
                expected_properties_per_zipcode: 40,
                s3: S3Settings {
                    enabled: true,
                    upload_timeout_minutes: 20,
                    completion_threshold: 0.75,
                },
                ..consensus
            },
            Self::Production => Settings {
                consensus_confidence: 0.7,
                anomaly_detection: 0.25,
                s3: S3Settings { enabled: true, ..consensus.s3 },
                ..consensus
            },
        }
    }
}

fn consensus() -> Settings {
    Settings {
        data_api_url: "http://localhost:8000".into(),
        sources: Sources::DEFAULT,
        block_size_per_source: 1_000,
        assignment: AssignmentRules::default(),
        assignment_timeout_hours: 4,
        assignment_cycle_hours: 4,
        expected_properties_per_zipcode: 50,
        consensus_confidence: 0.6,
        zipcode_confidence: 0.7,
        anomaly_detection: 0.3,
        response_window: ResponseWindow::default(),
        s3: S3Settings { enabled: false, upload_timeout_minutes: 30, completion_threshold: 0.8 },
        spot_checks: SpotCheckRules::default(),
        behavioral_analysis: true,
        sync_threshold_seconds: 30,
        credibility: CredibilityRules::default(),
        time_rewards: TimeRewardRules::default(),
        detailed_logging: false,
        log_validation_details: false,
    }
}

impl FromStr for Preset {
    type Err = UnknownPreset;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let named = Self::ALL.into_iter().find(|preset| preset.name() == name);
        named.ok_or_else(|| UnknownPreset(name.chars().take(64).collect()))
    }
}

impl fmt::Display for Preset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

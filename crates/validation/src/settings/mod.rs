//! Settings under the names that users have in their files: a preset, and changes on top. The environment is handed in,
//! never read.

mod error;
mod preset;
mod table;

use resi_protocol::Sources;

pub use error::{Problem, SettingError};
pub use preset::{Preset, UnknownPreset};

use crate::assignment::AssignmentRules;
use crate::messages::ResponseWindow;
use crate::spot_check::SpotCheckRules;
use crate::{CredibilityRules, TimeRewardRules};

/// All settings in force, each within its range and all of them fitting each other.
///
/// ```
/// use resi_validation::settings::{Preset, Settings};
///
/// let environment = [("ZIPCODES_PER_BATCH", "10"), ("HOME", "/root")];
/// let settings = Settings::resolve(Preset::Testnet, environment)?;
/// assert_eq!(settings.assignment.zipcodes_per_batch, 10);
/// assert_eq!(settings.assignment.miners_per_group, 7);
///
/// let error = Settings::resolve(Preset::Consensus, [("MINERS_PER_ZIPCODE_BATCH", "5")]).unwrap_err();
/// assert_eq!(error.to_string(), "MINERS_PER_ZIPCODE_BATCH: 5 is less than MIN_MINERS_FOR_CONSENSUS, which is 6");
/// # Ok::<(), resi_validation::settings::SettingError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Where the coordination service is.
    pub data_api_url: String,
    /// What is asked for.
    pub sources: Sources,
    /// How many ids of a source are asked for at once, where blocks are of ids.
    pub block_size_per_source: u32,
    /// How work is spread over miners.
    pub assignment: AssignmentRules,
    /// After how many hours an assignment is over.
    pub assignment_timeout_hours: u32,
    /// How many hours there are from one assignment to the next.
    pub assignment_cycle_hours: u32,
    /// How many homes a zipcode is expected to have.
    pub expected_properties_per_zipcode: u32,
    /// The confidence from which a field is accepted.
    pub consensus_confidence: f64,
    /// The confidence from which a zipcode is confirmed.
    pub zipcode_confidence: f64,
    /// The share of responses with findings above which spot checks are made.
    pub anomaly_detection: f64,
    /// When an answer counts.
    pub response_window: ResponseWindow,
    /// Consensus on what miners uploaded.
    pub s3: S3Settings,
    /// What the validator scrapes itself.
    pub spot_checks: SpotCheckRules,
    /// Whether miners' behaviour is looked at.
    pub behavioral_analysis: bool,
    /// Within how many seconds submissions are at the same moment.
    pub sync_threshold_seconds: u32,
    /// How credibility follows.
    pub credibility: CredibilityRules,
    /// What being quick is worth.
    pub time_rewards: TimeRewardRules,
    /// Whether more is logged.
    pub detailed_logging: bool,
    /// Whether each judgement is logged.
    pub log_validation_details: bool,
}

/// When consensus on uploads begins.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct S3Settings {
    /// Whether consensus is on uploads.
    pub enabled: bool,
    /// After how many minutes fewer uploads are enough.
    pub upload_timeout_minutes: u32,
    /// The share of assigned miners whose uploads are enough at once.
    pub completion_threshold: f64,
}

impl Settings {
    /// The names of all settings.
    pub fn names() -> impl Iterator<Item = &'static str> {
        table::TABLE.iter().map(|(name, _)| *name)
    }

    /// The preset, changed by those of these pairs whose names are settings. Of a name that is there twice the last
    /// counts.
    ///
    /// # Errors
    /// The first setting that is out of its range or does not fit another, by its name.
    pub fn resolve<N: AsRef<str>, V: AsRef<str>>(
        preset: Preset,
        environment: impl IntoIterator<Item = (N, V)>,
    ) -> Result<Self, SettingError> {
        let mut settings = preset.settings();
        for (name, value) in environment {
            table::set(&mut settings, name.as_ref(), value.as_ref())?;
        }
        settings.fit()?;
        Ok(settings)
    }

    /// All settings as they would be written, in the order of [`Self::names`].
    pub fn pairs(&self) -> Vec<(&'static str, String)> {
        table::pairs(self)
    }

    fn fit(&self) -> Result<(), SettingError> {
        let rules = &self.assignment;
        let at_least = |name, value: u32, other, least: u32| {
            if value >= least {
                return Ok(());
            }
            Err(SettingError::new(name, Problem::LessThan { value, other, least }))
        };
        let group = ("MINERS_PER_ZIPCODE_BATCH", rules.miners_per_group);
        at_least(group.0, group.1, "MIN_MINERS_FOR_CONSENSUS", rules.min_miners)?;
        at_least(group.0, group.1, "MIN_DIFFERENT_COLDKEYS", rules.min_coldkeys)?;
        let minutes = |time: std::time::Duration| time.as_secs().div_euclid(60) as u32;
        let window = &self.response_window;
        let least = minutes(window.shortest) + 1;
        at_least("MAX_RESPONSE_MINUTES", minutes(window.longest), "MIN_RESPONSE_MINUTES + 1", least)
    }
}

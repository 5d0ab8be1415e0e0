use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Share;
use crate::CredibilityRules;
use crate::messages::ResponseWindow;

/// What can be set about a consensus.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The share of weight from which on a field is accepted.
    pub consensus_confidence_threshold: Share,
    /// The share of unconvicted owners from which on a field is accepted.
    pub owner_threshold: Share,
    /// The confidence from which on a zipcode is confirmed.
    pub zipcode_confidence_threshold: Share,
    /// The share of suspect answers above which the plain vote lowers everybody's confidence.
    pub anomaly_detection_threshold: Share,
    /// Numbers this near agree: price and living area.
    pub tolerance: Share,
    /// Below so many unconvicted owners in a batch nothing is accepted.
    pub min_owners: u32,
    /// The false values of a field from which on an owner is convicted; two that differ so often are opponents.
    pub false_share: Share,
    /// The shared part of the smaller set of errors from which on an answer is a copy.
    pub copied_share: Share,
    /// So many errors must be shared.
    pub copied_errors: u32,
    /// A miner with less than this part of the accepted homes is incomplete.
    pub complete_share: Share,
    /// Answers within so many seconds are at the same moment.
    pub sync_threshold_seconds: u32,
    /// What the credibility of a copier is multiplied with.
    pub identical_content_penalty: Share,
    /// How fast credibility follows.
    pub credibility_alpha: Share,
    /// The shortest plausible time of an answer, in seconds.
    pub fastest_seconds: u32,
    /// The longest plausible time of an answer, in seconds.
    pub slowest_seconds: u32,
    /// An answer with more homes for each of its zipcodes is refused.
    pub max_homes_per_zipcode: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            consensus_confidence_threshold: Share::percent(60),
            owner_threshold: Share::percent(75),
            zipcode_confidence_threshold: Share::percent(70),
            anomaly_detection_threshold: Share::percent(30),
            tolerance: Share::per_mille(15),
            min_owners: 3,
            false_share: Share::percent(4),
            copied_share: Share::percent(85),
            copied_errors: 15,
            complete_share: Share::percent(60),
            sync_threshold_seconds: 30,
            identical_content_penalty: Share::percent(50),
            credibility_alpha: Share::percent(15),
            fastest_seconds: 5 * 60,
            slowest_seconds: 2 * 60 * 60,
            max_homes_per_zipcode: 500,
        }
    }
}

impl Settings {
    pub(crate) fn credibility(&self) -> CredibilityRules {
        CredibilityRules {
            alpha: self.credibility_alpha,
            identical_content_penalty: self.identical_content_penalty,
            ..CredibilityRules::default()
        }
    }

    pub(crate) fn response_window(&self) -> ResponseWindow {
        ResponseWindow {
            shortest: Duration::from_secs(self.fastest_seconds.into()),
            longest: Duration::from_secs(self.slowest_seconds.into()),
            ..ResponseWindow::default()
        }
    }
}

impl From<&crate::settings::Settings> for Settings {
    /// What users set by name; the rest as in [`Settings::default`].
    fn from(settings: &crate::settings::Settings) -> Self {
        let seconds = |time: Duration| u32::try_from(time.as_secs()).unwrap_or(u32::MAX);
        Self {
            consensus_confidence_threshold: Share::nearest(settings.consensus_confidence),
            zipcode_confidence_threshold: Share::nearest(settings.zipcode_confidence),
            anomaly_detection_threshold: Share::nearest(settings.anomaly_detection),
            sync_threshold_seconds: settings.sync_threshold_seconds,
            identical_content_penalty: settings.credibility.identical_content_penalty,
            credibility_alpha: settings.credibility.alpha,
            fastest_seconds: seconds(settings.response_window.shortest),
            slowest_seconds: seconds(settings.response_window.longest),
            ..Self::default()
        }
    }
}

use std::collections::HashMap;

use resi_protocol::Source;
use serde::Serialize;

use super::{Comparison, Tolerance};
use crate::messages::{PropertyKey, PropertyReport};

/// What the validator found when it looked for a home itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OwnScrape {
    /// The home.
    Found(PropertyReport),
    /// There is no such home.
    NotFound,
    /// It could not look.
    Failed,
}

/// What the comparison says of a home.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum HomeVerdict {
    /// Enough of its fields hold.
    Valid(Comparison),
    /// Too few do.
    Invalid(Comparison),
    /// There is no such home.
    NotFound,
    /// The validator could not look.
    ApiError,
}

/// What the comparison says of an answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ResponseVerdict {
    /// Each home that was reported, in the order of the reports.
    pub homes: Vec<HomeVerdict>,
    /// The share of fields that hold, over all homes that could be looked for; `None` where none could.
    pub share: Option<f64>,
    /// Whether that share is enough.
    pub valid: bool,
}

/// How many homes were compared, and how that went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct ApiStatistics {
    /// All homes.
    pub total_validations: u64,
    /// Those that hold.
    pub successful_validations: u64,
    /// Those that do not, or do not exist.
    pub failed_validations: u64,
    /// Those that could not be looked for.
    pub api_errors: u64,
    /// Successful ones among all, 0 to 1; 0 where there are none.
    pub success_rate: f64,
    /// Errors among all, 0 to 1; 0 where there are none.
    pub error_rate: f64,
}

impl ApiStatistics {
    fn count(&mut self, verdict: &HomeVerdict) {
        self.total_validations += 1;
        match verdict {
            HomeVerdict::Valid(_) => self.successful_validations += 1,
            HomeVerdict::Invalid(_) | HomeVerdict::NotFound => self.failed_validations += 1,
            HomeVerdict::ApiError => self.api_errors += 1,
        }
        let share = |part: u64| part as f64 / self.total_validations as f64;
        self.success_rate = share(self.successful_validations);
        self.error_rate = share(self.api_errors);
    }
}

/// The other strategy: no consensus, but every answer against the validator's own scrape, field by field.
///
/// A field that the own scrape has and the miner left out does not hold: whoever reports only what it is sure of would
/// be valid otherwise. A home that does not exist counts as one field that does not hold for each field reported of it,
/// and one that the validator could not look for does not count.
#[derive(Clone, Debug)]
pub struct ApiValidation {
    tolerance: Tolerance,
    /// The share of fields from which a home, or an answer, is valid.
    threshold: f64,
    statistics: ApiStatistics,
}

impl Default for ApiValidation {
    /// Numbers within 5 %, valid from 80 % of the fields on.
    fn default() -> Self {
        Self::new(Tolerance::OWN_SCRAPE, 0.8)
    }
}

impl ApiValidation {
    /// A comparison with this tolerance, valid from this share (0 to 1) of the fields on.
    pub fn new(tolerance: Tolerance, threshold: f64) -> Self {
        Self { tolerance, threshold, statistics: ApiStatistics::default() }
    }

    /// How it went so far.
    pub const fn statistics(&self) -> &ApiStatistics {
        &self.statistics
    }

    /// Judges what a miner reported by the validator's own scrapes. A home that is not among those could not be looked
    /// for.
    pub fn judge(
        &mut self,
        reports: &[PropertyReport],
        own: &HashMap<(Source, PropertyKey), OwnScrape>,
    ) -> ResponseVerdict {
        let (mut held, mut of) = (0, 0);
        let mut homes = Vec::with_capacity(reports.len());
        for report in reports {
            let verdict = match own.get(&(report.source, report.key.clone())) {
                None | Some(OwnScrape::Failed) => HomeVerdict::ApiError,
                Some(OwnScrape::NotFound) => {
                    of += Comparison::of(report, report, self.tolerance).fields.len().max(1);
                    HomeVerdict::NotFound
                }
                Some(OwnScrape::Found(own)) => {
                    let comparison = Comparison::of(report, own, self.tolerance);
                    held += comparison.held();
                    of += comparison.fields.len();
                    if comparison.fields.is_empty() {
                        // A page without a single field is as good as none.
                        HomeVerdict::ApiError
                    } else if self.is_enough(comparison.held(), comparison.fields.len()) {
                        HomeVerdict::Valid(comparison)
                    } else {
                        HomeVerdict::Invalid(comparison)
                    }
                }
            };
            self.statistics.count(&verdict);
            homes.push(verdict);
        }
        let share = (of > 0).then(|| held as f64 / of as f64);
        ResponseVerdict { homes, share, valid: of > 0 && self.is_enough(held, of) }
    }

    fn is_enough(&self, held: usize, of: usize) -> bool {
        // A share that is the threshold in decimals may be a little less in binary.
        held as f64 + 1e-9 >= self.threshold * of as f64
    }
}

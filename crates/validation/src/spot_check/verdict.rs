use serde::Serialize;

use super::{Comparison, Tolerance};
use crate::messages::PropertyReport;

/// What a spot check says of something that was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Verdict {
    /// How many of its fields hold.
    pub held: usize,
    /// How many could be checked.
    pub checked: usize,
    /// Its confidence after the check: the one before it times the share of fields that hold. Where nothing could be
    /// checked it stays.
    pub confidence: f64,
}

impl Verdict {
    fn of(held: usize, checked: usize, confidence: f64) -> Self {
        let share = if checked == 0 { 1.0 } else { held as f64 / checked as f64 };
        Self { held, checked, confidence: confidence * share }
    }
}

/// Checks a home that was accepted, with the accepted values as its fields, by the own scrape of it. A home that the
/// validator could not find does not hold at all; a field that was not accepted is not checked.
pub fn check_home(
    accepted: &PropertyReport,
    confidence: f64,
    own: Option<&PropertyReport>,
) -> Verdict {
    match own {
        None => Verdict::of(0, 1, confidence),
        Some(own) => {
            let comparison = Comparison::of(accepted, own, Tolerance::SPOT_CHECK);
            Verdict::of(comparison.held(), comparison.reported(), confidence)
        }
    }
}

/// What is known of a zipcode as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ZipcodeFigures {
    /// How many homes there are.
    pub properties: u64,
    /// The median of their prices in US dollars, where there is one.
    pub median_price: Option<u64>,
}

/// Checks a zipcode that was confirmed by the own scrape of it.
pub fn check_zipcode(confirmed: ZipcodeFigures, confidence: f64, own: ZipcodeFigures) -> Verdict {
    let agrees = |reported, own| Tolerance::SPOT_CHECK.agrees(reported, own);
    let mut checks = vec![agrees(confirmed.properties, own.properties)];
    if let (Some(confirmed), Some(own)) = (confirmed.median_price, own.median_price) {
        checks.push(agrees(confirmed, own));
    }
    let held = checks.iter().filter(|holds| **holds).count();
    Verdict::of(held, checks.len(), confidence)
}

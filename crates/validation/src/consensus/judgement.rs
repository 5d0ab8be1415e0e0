use std::collections::{BTreeMap, BTreeSet};

use resi_protocol::Zipcode;
use serde::Serialize;

use super::{FIELDS, Field, Finding, PropertyId, Refusal, Share};

/// What is concluded about a field of a home.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FieldVerdict {
    /// The winner, in the units of the field; nothing when nobody reported it.
    pub value: Option<u32>,
    /// The weight behind the winner, of the weight of all who reported the field.
    pub confidence: Share,
    /// Whether it counts as true; contested otherwise.
    pub accepted: bool,
}

/// What is concluded about a home.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PropertyVerdict {
    /// Which.
    pub property: PropertyId,
    /// In the order of [`Field::ALL`].
    pub fields: [FieldVerdict; FIELDS],
    /// Whether enough of those that looked saw it.
    pub exists: bool,
    /// The mean over its fields.
    pub confidence: Share,
    /// Whether it exists and its price is accepted.
    pub accepted: bool,
    /// How many miners reported it.
    pub reports: u32,
    /// How many unconvicted owners reported it.
    pub owners: u32,
}

impl PropertyVerdict {
    pub(crate) fn new(
        property: PropertyId,
        fields: [FieldVerdict; FIELDS],
        exists: bool,
        reports: u32,
        owners: u32,
    ) -> Self {
        let reported = || fields.iter().filter(|field| field.value.is_some());
        let sum: u64 = reported().map(|field| u64::from(field.confidence.as_millionths())).sum();
        Self {
            property,
            exists,
            confidence: Share::of(sum, reported().count() as u64 * 1_000_000),
            accepted: exists && fields[Field::Price as usize].accepted,
            fields,
            reports,
            owners,
        }
    }
}

/// What is concluded about a zipcode.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct ZipcodeVerdict {
    /// Which.
    pub zipcode: Zipcode,
    /// 0.6 × the weight whose count of homes agrees + 0.4 × the weight whose median price agrees.
    pub confidence: Share,
    /// Whether that is enough.
    pub confirmed: bool,
    /// How many homes exist there.
    pub properties: u32,
    /// Their median price in dollars, 0 where there is none.
    pub median_price: u32,
}

/// What is concluded about a batch.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct BatchSummary {
    /// Which.
    pub batch: String,
    /// The accepted part of all (home, field) pairs that two miners or more reported who are not convicted.
    pub confidence: Share,
    /// The mean over its zipcodes.
    pub zipcode_confidence: Share,
    /// How many miners' answers counted.
    pub miners: u32,
    /// The part of the homes on which the groups, each judged alone, agree.
    pub group_agreement: Share,
}

/// What is concluded about an epoch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Judgement {
    /// `robust` or `majority`.
    pub strategy: &'static str,
    /// Every home that somebody reported.
    pub properties: Vec<PropertyVerdict>,
    /// Every zipcode of every batch.
    pub zipcodes: Vec<ZipcodeVerdict>,
    /// Every batch.
    pub batches: Vec<BatchSummary>,
    /// The answers that did not count.
    pub refused: Vec<Refusal>,
    /// What was found.
    pub findings: Vec<Finding>,
    /// The new credibility of every miner, by uid.
    pub credibility: BTreeMap<u16, Share>,
}

impl Judgement {
    /// The uids that something was found about.
    pub fn found(&self) -> BTreeSet<u16> {
        self.findings.iter().flat_map(|finding| finding.miners.iter().copied()).collect()
    }

    /// The uids whose votes do not count.
    pub fn convicted(&self) -> BTreeSet<u16> {
        let convicting = self.findings.iter().filter(|finding| finding.kind.convicts());
        convicting.flat_map(|finding| finding.miners.iter().copied()).collect()
    }
}

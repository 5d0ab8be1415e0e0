use std::collections::BTreeMap;
use std::fmt;

use resi_protocol::Foreign;
use serde::Serialize;

/// Why a home, or a field of one, was not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The entity is not an object.
    NotAnEntity,
    /// Its source is none that is known.
    UnknownSource,
    /// Nobody asked for this home, or for this source.
    NotAssigned,
    /// Nothing says which home it is.
    NoKey,
    /// Nothing says which zipcode it is in.
    NoZipcode,
    /// The same home a second time; the first report stands.
    Repeated,
    /// The content is neither base64 nor JSON of an object.
    BadContent,
    /// The content is over the limit.
    ContentTooLarge,
    /// Not a number where one should be, such as a text.
    NotANumber,
    /// NaN or an infinity.
    NotFinite,
    /// Negative, or larger than anything real.
    OutOfRange,
    /// A fraction of what comes in whole numbers.
    NotWhole,
    /// Not a text where one should be, or one without letters and digits.
    NotAText,
    /// A text over the limit.
    TextTooLong,
    /// The same field twice with different values.
    Ambiguous,
    /// Not a time.
    NotATime,
    /// A status that is none.
    UnknownStatus,
}

/// Which field was not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "they are the names of fields")]
pub enum FieldName {
    Uri,
    Label,
    Content,
    Zipcode,
    Price,
    Bedrooms,
    Bathrooms,
    LivingArea,
    Address,
    PropertyType,
    RequestId,
    ZipcodeBatchId,
    OverlapGroup,
    SubmissionTimestamp,
    ScrapeTimestamp,
    CompletionStatus,
    ErrorDetails,
}

/// One thing that was not kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// Which entity of the answer, from 0; none for what is about the whole answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entity: Option<u32>,
    /// Which field; none where the entity was refused whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<FieldName>,
    /// Why.
    pub reason: Reason,
    /// What was found there, at most 80 characters of it, escaped.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

/// All that was not kept of an answer: counted, and the first of them word for word.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Refusals {
    counts: BTreeMap<Reason, u64>,
    first: Vec<Refusal>,
}

impl Refusals {
    /// Whether everything was kept.
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// How many there are for each reason.
    pub const fn counts(&self) -> &BTreeMap<Reason, u64> {
        &self.counts
    }

    /// How many there are for this reason.
    pub fn count(&self, reason: Reason) -> u64 {
        self.counts.get(&reason).copied().unwrap_or(0)
    }

    /// The first ones, as many as the limits allow.
    pub fn first(&self) -> &[Refusal] {
        &self.first
    }

    pub(super) fn add(
        &mut self,
        kept: usize,
        entity: Option<u32>,
        field: Option<FieldName>,
        reason: Reason,
        detail: impl fmt::Display,
    ) {
        *self.counts.entry(reason).or_default() += 1;
        if self.first.len() < kept {
            self.first.push(Refusal {
                entity,
                field,
                reason,
                detail: excerpt(&detail.to_string()),
            });
        }
    }
}

/// What somebody sent, or what is said of it, fit to be shown.
pub(super) fn excerpt(text: &str) -> String {
    Foreign::new(text).at_most(80).to_string()
}

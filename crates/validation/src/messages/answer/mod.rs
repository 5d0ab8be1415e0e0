//! Reading a miner's answer: everything that is hostile stops here.

mod assigned;
mod body;
mod collector;
mod entity;
mod home;
mod limits;
mod non_finite;
mod raw;
mod recorded;
mod refusal;

use resi_protocol::Timestamp;
use serde::de::DeserializeSeed as _;

pub use assigned::Assigned;
pub use limits::Limits;
pub use recorded::{RecordedAnswer, RecordedAnswerError};
pub use refusal::{FieldName, Reason, Refusal, Refusals};

use super::{CompletionStatus, PropertyReport};
use body::BodySeed;
use collector::Collector;

/// What is kept of a miner's answer, and why the rest was not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The id of the request it answers, as it says.
    pub request_id: Option<String>,
    /// Which batch it answers, as it says.
    pub zipcode_batch_id: Option<String>,
    /// Which group the miner is in, as it says.
    pub overlap_group: Option<u32>,
    /// How far the miner is.
    pub status: Option<CompletionStatus>,
    /// When it began to scrape, as it says.
    pub scrape_timestamp: Option<Timestamp>,
    /// When it sent its answer, as it says.
    pub submission_timestamp: Option<Timestamp>,
    /// What went wrong, where it says so in words.
    pub error_details: Option<String>,
    /// The homes that were kept, each once, in the order in which they were sent.
    pub reports: Vec<PropertyReport>,
    /// How many entities were sent.
    pub entities: u32,
    /// What was not kept.
    pub refusals: Refusals,
}

/// Why an answer was refused whole.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// The body is over the limit.
    #[error("the answer has {bytes} bytes, the limit is {limit}")]
    TooLarge {
        /// How many bytes it has.
        bytes: usize,
        /// How many it may have.
        limit: usize,
    },
    /// There are more entities than the limit.
    #[error("the answer has more than {limit} entities")]
    TooManyEntities {
        /// How many it may have.
        limit: u32,
    },
    /// It is not the JSON of an object.
    #[error("the answer is not a JSON object: {0}")]
    Malformed(String),
}

impl Answer {
    /// Reads the body of an answer to what was `assigned`.
    ///
    /// A field that does not hold is left out of its home, a home that cannot be told or was not asked for is left out
    /// of the answer; each leaves a [`Refusal`]. Time is linear in the body, memory bounded by `limits`.
    ///
    /// ```
    /// use resi_validation::messages::{Answer, Assigned, Limits, Reason};
    ///
    /// let body = br#"{"completion_status": "completed", "scraped_data": {"ZILLOW_SOLD": [
    ///     {"uri": "https://www.zillow.com/homedetails/12_zpid/", "label": "zip:77494",
    ///      "content": "{\"price\": 450000.0, \"bedrooms\": \"3\", \"bathrooms\": NaN}"}]}}"#;
    /// let assigned = Assigned::zipcodes("ZILLOW_SOLD".parse()?, ["77494".parse()?]);
    /// let answer = Answer::parse(body, &assigned, &Limits::default())?;
    ///
    /// let report = &answer.reports[0];
    /// assert_eq!((report.key.to_string().as_str(), report.price), ("zillow:12", Some(450_000)));
    /// assert_eq!((report.bedrooms, report.bathrooms), (None, None));
    /// assert_eq!(answer.refusals.count(Reason::NotANumber), 1);
    /// assert_eq!(answer.refusals.count(Reason::NotFinite), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// When the answer is too large, has too many entities, or is not the JSON of an object.
    pub fn parse(body: &[u8], assigned: &Assigned, limits: &Limits) -> Result<Self, AnswerError> {
        if body.len() > limits.body_bytes {
            return Err(AnswerError::TooLarge { bytes: body.len(), limit: limits.body_bytes });
        }
        match Self::parse_json(body, assigned, limits) {
            // Once more with what Python writes for numbers that are none in quotes.
            Err(AnswerError::Malformed(error)) => match non_finite::quoted(body) {
                Some(quoted) => Self::parse_json(&quoted, assigned, limits),
                None => Err(AnswerError::Malformed(error)),
            },
            parsed => parsed,
        }
    }

    /// Leaves out the homes that are not `assigned` after all, as [`Self::parse`] would have.
    pub fn restrict(&mut self, assigned: &Assigned, limits: &Limits) {
        let refusals = &mut self.refusals;
        self.reports.retain(|report| {
            let kept = assigned.keeps(report);
            if !kept {
                let kept = limits.refusals_kept;
                refusals.add(kept, None, None, Reason::NotAssigned, &report.key);
            }
            kept
        });
    }

    fn parse_json(body: &[u8], assigned: &Assigned, limits: &Limits) -> Result<Self, AnswerError> {
        let mut collector = Collector::new(assigned, limits);
        let mut deserializer = serde_json::Deserializer::from_slice(body);
        let body = BodySeed(&mut collector)
            .deserialize(&mut deserializer)
            .and_then(|body| deserializer.end().map(|()| body))
            .map_err(|error| collector.error(&error))?;
        let body = body.keep(&mut collector);
        Ok(Self {
            request_id: body.request_id,
            zipcode_batch_id: body.zipcode_batch_id,
            overlap_group: body.overlap_group,
            status: body.status,
            scrape_timestamp: body.scrape_timestamp,
            submission_timestamp: body.submission_timestamp,
            error_details: body.error_details,
            entities: collector.entities,
            reports: collector.reports,
            refusals: collector.refusals,
        })
    }
}

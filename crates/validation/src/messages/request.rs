use std::collections::BTreeMap;

use resi_protocol::{Source, Timestamp, Zipcode};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{DataEntity, tolerant};

/// What an assignment lists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AssignmentMode {
    /// Zipcodes, of which all homes are wanted.
    Zipcodes,
    /// Homes, by their ids.
    #[default]
    PropertyIds,
}

/// What is to be done with what is listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AssignmentType {
    /// Scrape these homes.
    #[default]
    PropertyScraping,
    /// Scrape these zipcodes.
    ZipcodeScraping,
}

/// How far a miner is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CompletionStatus {
    /// Not done.
    #[default]
    Pending,
    /// Done.
    Completed,
    /// It came to nothing.
    Failed,
}

impl CompletionStatus {
    /// The status of this name on the wire.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "pending" => Some(Self::Pending),
            "completed" => Some(Self::Completed),
            "failed" => Some(Self::Failed),
            _ => None,
        }
    }
}

/// The message a validator sends to a miner and gets back filled in.
///
/// Reading one builds everything that is in it. A miner's answer is read with [`super::Answer::parse`] instead.
///
/// ```
/// use resi_validation::messages::{AssignmentMode, DataAssignmentRequest};
///
/// let request: DataAssignmentRequest = serde_json::from_str(
///     r#"{"request_id": "a_miner_0", "assignment_mode": "zipcodes", "zipcode_assignments": {"zillow_sold": ["77494"]},
///         "expires_at": "2025-10-01T04:00:00", "priority": 5.0, "scraped_data": null}"#,
/// )?;
/// assert_eq!(request.assignment_mode, AssignmentMode::Zipcodes);
/// assert_eq!(request.expires_at.map(|time| time.to_string()), Some("2025-10-01T04:00:00Z".into()));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DataAssignmentRequest {
    /// `{assignment_id}_miner_{uid}`.
    pub request_id: String,
    /// What the assignment lists.
    #[serde(default)]
    pub assignment_mode: AssignmentMode,
    /// The zipcodes to scrape, by source.
    #[serde(default, deserialize_with = "tolerant::by_source")]
    pub zipcode_assignments: BTreeMap<Source, Vec<Zipcode>>,
    /// The homes to scrape, by source: numbers at Zillow and Redfin, addresses elsewhere.
    #[serde(default, deserialize_with = "tolerant::by_source")]
    pub assignment_data: BTreeMap<Source, Vec<String>>,
    /// Which batch this is.
    #[serde(default)]
    pub zipcode_batch_id: Option<String>,
    /// Which of the batch's groups this miner is in, from 0.
    #[serde(default, deserialize_with = "tolerant::whole")]
    pub overlap_group: Option<u32>,
    /// How many homes a zipcode is expected to have.
    #[serde(default, deserialize_with = "tolerant::whole")]
    pub expected_properties_per_zipcode: Option<u32>,
    /// When an answer is too late.
    #[serde(default, deserialize_with = "tolerant::time")]
    pub expires_at: Option<Timestamp>,
    /// When an answer is expected.
    #[serde(default, deserialize_with = "tolerant::time")]
    pub expected_completion: Option<Timestamp>,
    /// What is to be done.
    #[serde(default)]
    pub assignment_type: AssignmentType,
    /// The `request_id` of the blocks that this is part of.
    #[serde(default)]
    pub block_id: Option<String>,
    /// Higher is more urgent.
    #[serde(default = "one", deserialize_with = "tolerant::whole_or_default")]
    pub priority: i64,
    /// Of the protocol.
    #[serde(default, deserialize_with = "tolerant::whole")]
    pub version: Option<i64>,
    /// When the miner sent its answer, as it says.
    #[serde(default, deserialize_with = "tolerant::time")]
    pub submission_timestamp: Option<Timestamp>,
    /// When it began to scrape, as it says.
    #[serde(default, deserialize_with = "tolerant::time")]
    pub scrape_timestamp: Option<Timestamp>,
    /// How far it is.
    #[serde(default)]
    pub completion_status: CompletionStatus,
    /// What it found, by source.
    #[serde(default, deserialize_with = "tolerant::by_source")]
    pub scraped_data: BTreeMap<Source, Vec<DataEntity>>,
    /// Totals assigned, scraped and failed, seconds, errors.
    #[serde(default, deserialize_with = "tolerant::null_is_default")]
    pub assignment_stats: Option<Value>,
    /// What went wrong.
    #[serde(default, deserialize_with = "tolerant::null_is_default")]
    pub error_details: Option<Value>,
}

const fn one() -> i64 {
    1
}

impl DataAssignmentRequest {
    /// An assignment that lists nothing yet.
    pub fn new(request_id: String, assignment_mode: AssignmentMode) -> Self {
        Self {
            request_id,
            assignment_mode,
            zipcode_assignments: BTreeMap::new(),
            assignment_data: BTreeMap::new(),
            zipcode_batch_id: None,
            overlap_group: None,
            expected_properties_per_zipcode: None,
            expires_at: None,
            expected_completion: None,
            assignment_type: match assignment_mode {
                AssignmentMode::Zipcodes => AssignmentType::ZipcodeScraping,
                AssignmentMode::PropertyIds => AssignmentType::PropertyScraping,
            },
            block_id: None,
            priority: one(),
            version: None,
            submission_timestamp: None,
            scrape_timestamp: None,
            completion_status: CompletionStatus::Pending,
            scraped_data: BTreeMap::new(),
            assignment_stats: None,
            error_details: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Label;
    use super::*;

    /// As the Python SDK 9.9.0 writes it, with fields of its own.
    const OF_PYTHON: &str = r#"{"name":"DataAssignmentRequest","timeout":12.0,"dendrite":{"nonce":1795378291067647455},
        "computed_body_hash":"","version":4,"request_id":"assignment_1","assignment_data":{},
        "zipcode_assignments":{"ZILLOW_SOLD":["77494","78701"]},"assignment_mode":"zipcodes",
        "expected_properties_per_zipcode":50,"zipcode_batch_id":null,"overlap_group":1.0,
        "expires_at":"2025-10-01T04:00:00+00:00","expected_completion":null,"assignment_type":"property_scraping",
        "block_id":null,"priority":5,"submission_timestamp":"2025-10-01T00:00:00.5","scrape_timestamp":null,
        "completion_status":"completed","scraped_data":{"zillow":[{"uri":"https://zillow.com/12_zpid/",
        "datetime":"2025-10-01T00:00:00Z","source":4,"label":{"value":"zip:77494"},"content":"eyJwcmljZSI6MX0=",
        "content_size_bytes":11.0}]},"assignment_stats":{"scraped":1,"rate":0.5},"error_details":null}"#;

    #[test]
    fn what_python_sends_is_read_and_survives_being_written() {
        let request: DataAssignmentRequest = serde_json::from_str(OF_PYTHON).expect("valid");
        assert_eq!(
            (request.overlap_group, request.version, request.priority),
            (Some(1), Some(4), 5)
        );
        let entity = &request.scraped_data[&Source::Zillow][0];
        assert_eq!(entity.content.0, br#"{"price":1}"#);
        assert_eq!(entity.label.as_ref().and_then(Label::zipcode), "77494".parse().ok());
        assert_eq!((entity.source, entity.content_size_bytes), (None, Some(11)));

        let written = serde_json::to_string(&request).expect("JSON");
        let mut again: DataAssignmentRequest = serde_json::from_str(&written).expect("valid");
        // Times are written in whole seconds.
        again.submission_timestamp = request.submission_timestamp;
        assert_eq!(again, request);
    }

    #[test]
    fn only_the_request_id_is_needed() {
        let request: DataAssignmentRequest =
            serde_json::from_str(r#"{"request_id": "a"}"#).expect("valid");
        assert_eq!(request, DataAssignmentRequest::new("a".into(), AssignmentMode::PropertyIds));
    }

    #[test]
    fn what_cannot_be_meant_is_an_error() {
        for field in [
            r#""overlap_group": 1.5"#,
            r#""overlap_group": -1"#,
            r#""overlap_group": 1e300"#,
            r#""expires_at": "soon""#,
            r#""zipcode_assignments": {"mls": ["77494"]}"#,
            r#""zipcode_assignments": {"zillow": ["7494"]}"#,
        ] {
            let json = format!(r#"{{"request_id": "a", {field}}}"#);
            assert!(serde_json::from_str::<DataAssignmentRequest>(&json).is_err(), "{field}");
        }
    }
}

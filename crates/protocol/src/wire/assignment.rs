use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::{EpochId, Sha256Hash, Timestamp};

/// The name a validator gives its assignment: 1 to 128 printable ASCII characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AssignmentId(Arc<str>);

/// A text that is no assignment id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 128 printable ASCII characters")]
pub struct AssignmentIdError;

impl AssignmentId {
    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for AssignmentId {
    type Error = AssignmentIdError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let printable = text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        if printable && (1..=128).contains(&text.len()) {
            Ok(Self(text.into()))
        } else {
            Err(AssignmentIdError)
        }
    }
}

impl FromStr for AssignmentId {
    type Err = AssignmentIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.to_owned().try_into()
    }
}

impl fmt::Display for AssignmentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for AssignmentId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for AssignmentId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.try_into().map_err(serde::de::Error::custom)
    }
}

/// What a validator may report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum ReportedStatus {
    /// The assignment was given to miners. Older clients say `pending`.
    #[serde(alias = "pending")]
    Started,
    /// Its results are in and were judged.
    Completed,
    /// It came to nothing.
    Failed,
}

/// How an assignment stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum AssignmentStatus {
    /// Given to miners, not ended yet.
    Started,
    /// Ended with results.
    Completed,
    /// Ended without.
    Failed,
    /// Not reported ended in time.
    Expired,
}

impl AssignmentStatus {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Started, Self::Completed, Self::Failed, Self::Expired];

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Expired => "expired",
        }
    }
}

impl FromStr for AssignmentStatus {
    type Err = UnknownStatus;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|status| status.name() == name).ok_or(UnknownStatus)
    }
}

/// A text that names no status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be one of started, completed, failed, expired")]
pub struct UnknownStatus;

impl From<ReportedStatus> for AssignmentStatus {
    fn from(reported: ReportedStatus) -> Self {
        match reported {
            ReportedStatus::Started => Self::Started,
            ReportedStatus::Completed => Self::Completed,
            ReportedStatus::Failed => Self::Failed,
        }
    }
}

/// Body of `POST /api/v1/assignment-status`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AssignmentReport {
    /// The validator's own name for the assignment: 1 to 128 printable ASCII characters.
    #[cfg_attr(feature = "openapi", schema(value_type = String, min_length = 1, max_length = 128, pattern = "^[ -~]+$", example = "zipcode_assignment_20250115_1030_a1b2c3d4"))]
    pub assignment_id: AssignmentId,
    /// How it went. `pending` is read as `started`.
    #[cfg_attr(feature = "openapi", schema(example = "completed"))]
    pub status: ReportedStatus,
    /// Figures about it; fields that are not known are kept as sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statistics: Option<AssignmentStatistics>,
    /// The epoch whose blocks were assigned; the running one where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, pattern = "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}-[0-9]{2}-[0-9]{2}$", example = "2025-01-15T08-00-00"))]
    pub epoch_id: Option<EpochId>,
    /// Hash of what the validator found to be the consensus, 64 hex digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, pattern = "^[0-9a-fA-F]{64}$", example = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"))]
    pub consensus_hash: Option<Sha256Hash>,
}

/// Figures about an assignment. All are optional; those that are not known here are kept as sent.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AssignmentStatistics {
    /// Miners that got the assignment.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(example = 40))]
    pub total_miners_assigned: Option<u64>,
    /// Miners that answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(example = 38))]
    pub responses_received: Option<u64>,
    /// Batches or zipcodes on which consensus was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(example = 35))]
    pub consensus_achieved: Option<u64>,
    /// Anomalies found.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(example = 2))]
    pub anomalies_detected: Option<u64>,
    /// Homes scraped by all miners together.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(example = 9450))]
    pub total_properties_scraped: Option<u64>,
    /// Mean time to an answer, in minutes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = 0, example = 45.0))]
    pub average_response_time_minutes: Option<f64>,
    /// Share of the assigned miners that delivered, from 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = 0, maximum = 1, example = 0.95))]
    pub success_rate: Option<f64>,
    /// Everything else, as sent.
    #[serde(flatten)]
    #[cfg_attr(feature = "openapi", schema(ignore))]
    pub other: Map<String, Value>,
}

/// The largest whole number that a float holds exactly; JSON of other languages goes no further.
const MAX_COUNT: f64 = 9_007_199_254_740_992.0;

impl<'de> Deserialize<'de> for AssignmentStatistics {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(StatisticsVisitor)
    }
}

struct StatisticsVisitor;

impl<'de> Visitor<'de> for StatisticsVisitor {
    type Value = AssignmentStatistics;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with statistics")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Self::Value, A::Error> {
        let mut read = AssignmentStatistics::default();
        while let Some(name) = fields.next_key::<String>()? {
            let value: Value = fields.next_value()?;
            let slot = match name.as_str() {
                "total_miners_assigned" => &mut read.total_miners_assigned,
                "responses_received" => &mut read.responses_received,
                "consensus_achieved" => &mut read.consensus_achieved,
                "anomalies_detected" => &mut read.anomalies_detected,
                "total_properties_scraped" => &mut read.total_properties_scraped,
                "average_response_time_minutes" => {
                    let range = "that is not negative";
                    read.average_response_time_minutes = number(&name, &value, f64::MAX, range)?;
                    continue;
                }
                "success_rate" => {
                    read.success_rate = number(&name, &value, 1.0, "from 0 to 1")?;
                    continue;
                }
                _ => {
                    read.other.insert(name, value);
                    continue;
                }
            };
            *slot = count(&name, &value)?;
        }
        Ok(read)
    }
}

fn count<E: serde::de::Error>(name: &str, value: &Value) -> Result<Option<u64>, E> {
    match (value, whole(value)) {
        (Value::Null, _) => Ok(None),
        (_, Some(count)) => Ok(Some(count)),
        _ => Err(E::custom(format_args!("{name} must be a whole number, not negative"))),
    }
}

fn number<E: serde::de::Error>(
    name: &str,
    value: &Value,
    max: f64,
    range: &str,
) -> Result<Option<f64>, E> {
    match (value, value.as_f64()) {
        (Value::Null, _) => Ok(None),
        (_, Some(number)) if (0.0..=max).contains(&number) => Ok(Some(number)),
        _ => Err(E::custom(format_args!("{name} must be a number {range}"))),
    }
}

/// Python sends counts as `38` or as `38.0`.
fn whole(value: &Value) -> Option<u64> {
    match value.as_u64() {
        Some(count) => i64::try_from(count).ok().map(|_| count),
        None => value
            .as_f64()
            .filter(|number| number.fract() == 0.0 && (0.0..=MAX_COUNT).contains(number))
            .map(|number| number as u64),
    }
}

/// Answer of `POST /api/v1/assignment-status`, sent only when the report is on disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AssignmentAccepted {
    /// Always true.
    #[cfg_attr(feature = "openapi", schema(example = true))]
    pub success: bool,
    /// For people.
    #[cfg_attr(feature = "openapi", schema(example = "Status updated"))]
    pub message: String,
}

/// An assignment as it is read back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AssignmentView {
    /// The validator's own name for it.
    #[cfg_attr(feature = "openapi", schema(value_type = String, example = "zipcode_assignment_20250115_1030_a1b2c3d4"))]
    pub assignment_id: AssignmentId,
    /// How it stands.
    #[cfg_attr(feature = "openapi", schema(example = "completed"))]
    pub status: AssignmentStatus,
    /// Whether it was reported ended only after it had expired.
    #[cfg_attr(feature = "openapi", schema(example = false))]
    pub late: bool,
    /// The epoch it belongs to.
    #[cfg_attr(feature = "openapi", schema(value_type = String, example = "2025-01-15T08-00-00"))]
    pub epoch_id: EpochId,
    /// The figures of the last report.
    pub statistics: Option<AssignmentStatistics>,
    /// The consensus hash of the last report.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, example = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"))]
    pub consensus_hash: Option<Sha256Hash>,
    /// When it was first reported.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime, example = "2025-01-15T10:30:00Z"))]
    pub first_reported_at: Timestamp,
    /// When it last changed.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime, example = "2025-01-15T11:10:00Z"))]
    pub updated_at: Timestamp,
}

/// Answer of `GET /api/v1/assignments`: newest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AssignmentList {
    /// The assignments of this page.
    pub assignments: Vec<AssignmentView>,
    /// To be sent as `cursor` for the next page; `null` on the last.
    #[cfg_attr(feature = "openapi", schema(example = "4711"))]
    pub next_cursor: Option<String>,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn statistics(json: &str) -> Result<AssignmentStatistics, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    #[test]
    fn pending_is_read_as_started() {
        let report: AssignmentReport =
            serde_json::from_str(r#"{"assignment_id": "a", "status": "pending"}"#)
                .expect("a report");
        assert_eq!(report.status, ReportedStatus::Started);
        assert!(
            serde_json::from_str::<AssignmentReport>(
                r#"{"assignment_id": "a", "status": "expired"}"#
            )
            .is_err()
        );
    }

    #[test]
    fn counts_are_whole_and_named_when_they_are_not() {
        let read = statistics(
            r#"{"responses_received": 38.0, "success_rate": 1, "region": {"b": 1, "a": 2}}"#,
        );
        let read = read.expect("fine");
        assert_eq!((read.responses_received, read.success_rate), (Some(38), Some(1.0)));
        assert_eq!(
            serde_json::to_string(&read.other).expect("JSON"),
            r#"{"region":{"b":1,"a":2}}"#
        );
        for bad in ["-1", "1.5", "\"1\"", "true", "1e30", "18446744073709551615"] {
            let error = statistics(&format!(r#"{{"responses_received": {bad}}}"#)).expect_err(bad);
            assert!(error.contains("responses_received"), "{error}");
        }
        for bad in ["-0.1", "1.01", "\"1\"", "[]"] {
            let error = statistics(&format!(r#"{{"success_rate": {bad}}}"#)).expect_err(bad);
            assert!(error.contains("success_rate"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn an_id_is_kept_or_refused_and_never_changed(text in ".{0,140}") {
            if let Ok(id) = text.parse::<AssignmentId>() {
                prop_assert_eq!(id.as_str(), text);
            }
        }

        #[test]
        fn no_report_panics(json in "\\PC{0,200}") {
            let _ = serde_json::from_str::<AssignmentReport>(&json);
        }
    }
}

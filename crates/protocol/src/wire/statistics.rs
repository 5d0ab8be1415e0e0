use serde::{Deserialize, Serialize};

use super::{AssignmentId, AssignmentStatus};
use crate::{EpochId, Timestamp};

/// Answer of `GET /api/v1/statistics`; a few seconds old at most.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Statistics {
    /// Hotkeys that were ever granted access.
    #[cfg_attr(feature = "openapi", schema(example = 15))]
    pub total_validators: u64,
    /// Assignments that were started and have neither ended nor expired.
    #[cfg_attr(feature = "openapi", schema(example = 3))]
    pub active_assignments: u64,
    /// Assignments that ended with results.
    #[cfg_attr(feature = "openapi", schema(example = 127))]
    pub completed_assignments: u64,
    /// Assignments that ended without.
    #[cfg_attr(feature = "openapi", schema(example = 2))]
    pub failed_assignments: u64,
    /// Assignments that were not reported ended in time.
    #[cfg_attr(feature = "openapi", schema(example = 1))]
    pub expired_assignments: u64,
    /// How many zipcodes the pool has.
    #[cfg_attr(feature = "openapi", schema(example = 7572))]
    pub total_zipcodes_available: u32,
    /// How long this replica has been up, as hours and minutes.
    #[cfg_attr(feature = "openapi", schema(example = "72h 15m"))]
    pub server_uptime: String,
    /// The assignment that changed last; `null` before the first.
    pub last_assignment: Option<LastAssignment>,
    /// The last epochs with any activity, newest first.
    pub epochs: Vec<EpochStatistics>,
}

/// The assignment that changed last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LastAssignment {
    /// Its validator's name for it.
    #[cfg_attr(feature = "openapi", schema(value_type = String, example = "zipcode_assignment_20250115_1030_a1b2c3d4"))]
    pub assignment_id: AssignmentId,
    /// How it stands.
    #[cfg_attr(feature = "openapi", schema(example = "completed"))]
    pub status: AssignmentStatus,
    /// When it changed.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime, example = "2025-01-15T11:10:00Z"))]
    pub timestamp: Timestamp,
}

/// What happened in one epoch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EpochStatistics {
    /// The epoch.
    #[cfg_attr(feature = "openapi", schema(value_type = String, example = "2025-01-15T08-00-00"))]
    pub id: EpochId,
    /// Validators that pulled its blocks or reported an assignment of it.
    #[cfg_attr(feature = "openapi", schema(example = 14))]
    pub validators: u64,
    /// Assignments of it that were completed.
    #[cfg_attr(feature = "openapi", schema(example = 14))]
    pub completed: u64,
    /// Mean of the reported success rates of those; `null` where none was reported.
    #[cfg_attr(feature = "openapi", schema(example = 0.96))]
    pub success_rate: Option<f64>,
    /// Of the validators that reported a consensus hash, the share with the most frequent one; `null` before the first.
    #[cfg_attr(feature = "openapi", schema(example = 0.93))]
    pub consensus_agreement: Option<f64>,
}

use serde::{Deserialize, Serialize};

use crate::{EpochId, Timestamp};

/// How the service is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum HealthStatus {
    /// Everything works.
    Healthy,
    /// Blocks are dealt, but something is away: see `checks`.
    Degraded,
    /// No blocks can be dealt: see `checks`.
    Unhealthy,
}

/// How one part is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Check {
    /// It works.
    Ok,
    /// It did not answer, or not in time.
    Unavailable,
    /// It answers from what it knew a while ago.
    Stale,
    /// It is wrong, and does not mend by itself.
    Fault,
}

/// Answer of `GET /health`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Health {
    /// The sum of all checks.
    #[cfg_attr(feature = "openapi", schema(example = "healthy"))]
    pub status: HealthStatus,
    /// The clock of the service.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime, example = "2025-01-15T09:45:58Z"))]
    pub timestamp: Timestamp,
    /// How many zipcodes the pool has.
    #[cfg_attr(feature = "openapi", schema(example = 7572))]
    pub total_zipcodes: u32,
    /// Assignments that were started and have neither ended nor expired; a few seconds old.
    #[cfg_attr(feature = "openapi", schema(example = 3))]
    pub active_assignments: u64,
    /// The version of the service.
    #[cfg_attr(feature = "openapi", schema(example = "0.1.0"))]
    pub version: String,
    /// The running epoch.
    pub epoch: EpochProgress,
    /// How each part is.
    pub checks: Checks,
    /// Who may act as a validator, and how old that knowledge is.
    pub registry: RegistryHealth,
    /// What is wrong, in words; empty when nothing is.
    #[cfg_attr(feature = "openapi", schema(example = json!([])))]
    pub problems: Vec<String>,
    /// Only there, and true, when the service runs in mock mode.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[cfg_attr(feature = "openapi", schema(example = false))]
    pub mock: bool,
}

/// How far the running epoch is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EpochProgress {
    /// Its start, as `YYYY-MM-DDTHH-MM-SS`.
    #[cfg_attr(feature = "openapi", schema(value_type = String, example = "2025-01-15T08-00-00"))]
    pub id: EpochId,
    /// The first moment after it.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime, example = "2025-01-15T12:00:00Z"))]
    pub ends_at: Timestamp,
    /// Whole seconds until then, rounded up.
    #[cfg_attr(feature = "openapi", schema(example = 8042))]
    pub seconds_left: u64,
}

/// How each part is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Checks {
    /// The database.
    #[cfg_attr(feature = "openapi", schema(example = "ok"))]
    pub database: Check,
    /// The registry of validators.
    #[cfg_attr(feature = "openapi", schema(example = "ok"))]
    pub registry: Check,
    /// The deal of the running epoch.
    #[cfg_attr(feature = "openapi", schema(example = "ok"))]
    pub rotation: Check,
    /// The clock.
    #[cfg_attr(feature = "openapi", schema(example = "ok"))]
    pub clock: Check,
}

/// Who may act as a validator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RegistryHealth {
    /// `open`, `file` or `mock`. Anything but `file` lets every hotkey in.
    #[cfg_attr(feature = "openapi", schema(example = "file"))]
    pub kind: String,
    /// How many hotkeys may act as validators; `null` where every hotkey may.
    #[cfg_attr(feature = "openapi", schema(example = 12))]
    pub validators: Option<u64>,
    /// Seconds since the registry was last read without fault; `null` where there is nothing to read.
    #[cfg_attr(feature = "openapi", schema(example = 4))]
    pub age_seconds: Option<u64>,
}

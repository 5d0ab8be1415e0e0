//! The bodies of requests and answers, as `serde` types.

mod access;
mod assignment;
mod blocks;
mod epochs;
mod error;
mod health;
pub(crate) mod hex_signature;
mod statistics;

pub use access::{AccessGrant, AccessRequest, RateLimits, SignedAccessRequest, signing_message};
pub use assignment::{
    AssignmentAccepted, AssignmentId, AssignmentIdError, AssignmentList, AssignmentReport,
    AssignmentStatistics, AssignmentStatus, AssignmentView, ReportedStatus,
};
pub use blocks::{
    AssignmentConfig, Batch, Epoch, GeographicInfo, Rotation, ValidatorData, request_id,
};
pub use epochs::{EpochList, EpochResource, EpochState, PoolResource};
pub use error::{ErrorBody, ErrorCode};
pub use health::{Check, Checks, EpochProgress, Health, HealthStatus, RegistryHealth};
pub use statistics::{EpochStatistics, LastAssignment, Statistics};

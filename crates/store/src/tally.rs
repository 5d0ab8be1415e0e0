use resi_protocol::wire::{AssignmentId, AssignmentStatus};
use resi_protocol::{EpochId, Timestamp};

/// The counts that health and statistics show.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tally {
    /// Hotkeys that were ever granted access.
    pub validators: u64,
    /// Assignments written as started.
    pub started: u64,
    /// Assignments that were completed, late ones too.
    pub completed: u64,
    /// Assignments that failed, late ones too.
    pub failed: u64,
    /// Assignments written as expired.
    pub expired: u64,
    /// The assignment that changed last.
    pub last: Option<LastChange>,
    /// The newest epochs that have any pull or assignment, newest first.
    pub epochs: Vec<EpochTally>,
}

/// The assignment that changed last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastChange {
    /// Its name.
    pub assignment_id: AssignmentId,
    /// How it stands.
    pub status: AssignmentStatus,
    /// When it changed.
    pub at: Timestamp,
}

/// The counts of one epoch.
#[derive(Clone, Debug, PartialEq)]
pub struct EpochTally {
    /// The epoch.
    pub epoch: EpochId,
    /// Hotkeys that pulled its blocks or have an assignment of it.
    pub validators: u64,
    /// Completed assignments of it.
    pub completed: u64,
    /// Mean of the success rates of those that have one.
    pub success_rate: Option<f64>,
    /// Hotkeys whose last completed assignment with a consensus hash, of this epoch, has the most frequent hash.
    pub agreeing: u64,
    /// Hotkeys with a completed assignment with a consensus hash.
    pub hashed: u64,
}

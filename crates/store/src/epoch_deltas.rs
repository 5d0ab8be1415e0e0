use std::collections::BTreeMap;

use resi_protocol::wire::AssignmentStatus;
use resi_protocol::{EpochId, Hotkey, Sha256Hash};

use crate::{Change, LastChange, Standing};

/// How the totals of an epoch change.
#[derive(Clone, Debug, PartialEq)]
pub struct EpochDelta {
    /// The epoch.
    pub epoch: EpochId,
    /// More or fewer written as started.
    pub started: i64,
    /// More or fewer completed.
    pub completed: i64,
    /// More or fewer failed.
    pub failed: i64,
    /// More or fewer written as expired.
    pub expired: i64,
    /// What the completed ones add to the sum of success rates.
    pub success_sum: f64,
    /// How many success rates that sum has more.
    pub success_count: i64,
    /// The change that came last.
    pub last: Option<LastChange>,
}

impl EpochDelta {
    pub(crate) fn none(epoch: EpochId) -> Self {
        Self {
            epoch,
            started: 0,
            completed: 0,
            failed: 0,
            expired: 0,
            success_sum: 0.0,
            success_count: 0,
            last: None,
        }
    }

    pub(crate) fn count(&mut self, status: AssignmentStatus) -> &mut i64 {
        match status {
            AssignmentStatus::Started => &mut self.started,
            AssignmentStatus::Completed => &mut self.completed,
            AssignmentStatus::Failed => &mut self.failed,
            AssignmentStatus::Expired => &mut self.expired,
        }
    }
}

/// How `changes` move the totals, one entry an epoch, in the order of epochs.
pub fn epoch_deltas<'a>(changes: impl IntoIterator<Item = &'a Change>) -> Vec<EpochDelta> {
    let mut deltas = BTreeMap::new();
    for Change { assignment, before } in changes {
        if let Some(Standing { status, epoch, .. }) = *before {
            *deltas.entry(epoch).or_insert_with(|| EpochDelta::none(epoch)).count(status) -= 1;
        }
        let delta =
            deltas.entry(assignment.epoch).or_insert_with(|| EpochDelta::none(assignment.epoch));
        *delta.count(assignment.status) += 1;
        if let Some(rate) = assignment.success_rate() {
            delta.success_sum += rate;
            delta.success_count += 1;
        }
        if delta.last.as_ref().is_none_or(|last| last.at <= assignment.updated_at) {
            delta.last = Some(LastChange {
                assignment_id: assignment.report.assignment_id.clone(),
                status: assignment.status,
                at: assignment.updated_at,
            });
        }
    }
    deltas.into_values().collect()
}

/// That a validator takes part in an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EpochValidator {
    /// The epoch.
    pub epoch: EpochId,
    /// Who.
    pub hotkey: Hotkey,
    /// What it now says the consensus is; `None` leaves what it said before.
    pub consensus_hash: Option<Sha256Hash>,
}

/// Who takes part in which epochs after `changes`, each once, in the order of epochs.
pub fn epoch_validators<'a>(changes: impl IntoIterator<Item = &'a Change>) -> Vec<EpochValidator> {
    let mut validators = BTreeMap::new();
    for Change { assignment, .. } in changes {
        let said = validators.entry((assignment.epoch, assignment.hotkey)).or_insert(None);
        *said = assignment.consensus_hash().or(*said);
    }
    validators
        .into_iter()
        .map(|((epoch, hotkey), consensus_hash)| EpochValidator { epoch, hotkey, consensus_hash })
        .collect()
}

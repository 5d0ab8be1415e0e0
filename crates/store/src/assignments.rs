use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use resi_protocol::btauth::Nonce;
use resi_protocol::wire::{AssignmentId, AssignmentReport, AssignmentStatus, ReportedStatus};
use resi_protocol::{EpochId, Hotkey, Sha256Hash, Timestamp};

use crate::{Origin, UsedNonces};

/// A valid report of a validator.
#[derive(Clone, Debug)]
pub struct ReportAttempt {
    /// Who reports.
    pub hotkey: Hotkey,
    /// What is reported.
    pub report: AssignmentReport,
    /// The epoch that the report names, if it names one.
    pub reported_epoch: Option<EpochId>,
    /// The epoch that runs.
    pub running_epoch: EpochId,
    /// The time of the request.
    pub now: Timestamp,
    /// After which time from its first report an assignment expires.
    pub timeout: Duration,
    /// At most this many new assignments while `running_epoch` runs; `None` for no limit.
    pub new_assignments: Option<u32>,
    /// The nonce, where the report was signed by headers; to be used once.
    pub nonce: Option<Nonce>,
    /// The request it came with.
    pub origin: Origin,
}

impl ReportAttempt {
    /// The nonce as it is remembered.
    pub fn used_nonce(&self) -> Option<(Nonce, Hotkey)> {
        self.nonce.map(|nonce| (nonce, self.hotkey))
    }
}

/// What became of a [`ReportAttempt`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportOutcome {
    /// It was written.
    Recorded,
    /// It was known already; nothing changed, but for its nonce, which is used up.
    Unchanged,
    /// Its nonce was used before; nothing changed.
    Replayed,
    /// The assignment has ended so; nothing changed.
    Ended(AssignmentStatus),
    /// The validator has opened as many assignments as it may in this epoch; nothing changed.
    TooManyAssignments,
}

/// An assignment as it was last written.
#[derive(Clone, Debug, PartialEq)]
pub struct Assignment {
    /// Whose it is.
    pub hotkey: Hotkey,
    /// How it stands, as last written.
    pub status: AssignmentStatus,
    /// Whether it was reported ended only after it had expired.
    pub late: bool,
    /// The epoch it belongs to.
    pub epoch: EpochId,
    /// The epoch that ran at its first report.
    pub opened_in: EpochId,
    /// The report that was accepted last; it has the assignment's id.
    pub report: AssignmentReport,
    /// When it was first reported.
    pub first_reported_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Its position among a validator's assignments: later ones have higher positions.
    pub position: i64,
    /// How often it changed; changes that were committed together count once.
    pub revision: i64,
}

impl Assignment {
    /// How it stands at `now`: one that was left started for `timeout` is expired, whether that is written yet or not.
    pub fn status_at(&self, now: Timestamp, timeout: Duration) -> AssignmentStatus {
        match self.status {
            AssignmentStatus::Started if self.first_reported_at.plus(timeout) <= now => {
                AssignmentStatus::Expired
            }
            status => status,
        }
    }

    /// The success rate that counts for its epoch: only that of a completed one does.
    pub fn success_rate(&self) -> Option<f64> {
        self.report
            .statistics
            .as_ref()?
            .success_rate
            .filter(|_| self.status == AssignmentStatus::Completed)
    }

    /// The consensus hash that counts for its epoch: only that of a completed one does.
    pub fn consensus_hash(&self) -> Option<Sha256Hash> {
        self.report.consensus_hash.filter(|_| self.status == AssignmentStatus::Completed)
    }
}

/// Which assignments of a validator to list.
#[derive(Clone, Copy, Debug)]
pub struct AssignmentQuery {
    /// Only those that stand so.
    pub status: Option<AssignmentStatus>,
    /// Started ones that were first reported at or before this moment count as expired.
    pub expired_at_or_before: Timestamp,
    /// Only those with a position before this one.
    pub before: Option<i64>,
    /// At most this many.
    pub limit: u32,
}

/// By what an assignment is known.
pub type AssignmentKey = (Hotkey, AssignmentId);

/// How many assignments a hotkey opened while an epoch ran.
pub type Openings = HashMap<(Hotkey, EpochId), u64>;

/// What a report does to its assignment.
#[derive(Clone, Debug, PartialEq)]
#[expect(
    clippy::large_enum_variant,
    reason = "a step is taken apart at once, and most steps write"
)]
pub enum Step {
    /// It becomes this. The position of a new one is for the store to give.
    Write(Assignment),
    /// The report says nothing new.
    Unchanged,
    /// It has ended so.
    Ended(AssignmentStatus),
}

/// Applies one report to one assignment, `None` where there is none yet.
pub fn transition(existing: Option<&Assignment>, attempt: &ReportAttempt) -> Step {
    let Some(existing) = existing else {
        return Step::Write(Assignment {
            hotkey: attempt.hotkey,
            status: attempt.report.status.into(),
            late: false,
            epoch: attempt.reported_epoch.unwrap_or(attempt.running_epoch),
            opened_in: attempt.running_epoch,
            report: attempt.report.clone(),
            first_reported_at: attempt.now,
            updated_at: attempt.now,
            position: 0,
            revision: 1,
        });
    };
    let late = match (existing.status_at(attempt.now, attempt.timeout), attempt.report.status) {
        (AssignmentStatus::Started, ReportedStatus::Started) => return Step::Unchanged,
        (AssignmentStatus::Started, _) => false,
        (AssignmentStatus::Expired, ReportedStatus::Completed | ReportedStatus::Failed) => true,
        (AssignmentStatus::Completed | AssignmentStatus::Failed, _)
            if existing.report == attempt.report =>
        {
            return Step::Unchanged;
        }
        (ended, _) => return Step::Ended(ended),
    };
    Step::Write(Assignment {
        status: attempt.report.status.into(),
        late,
        epoch: attempt.reported_epoch.unwrap_or(existing.epoch),
        report: attempt.report.clone(),
        updated_at: attempt.now,
        revision: existing.revision + 1,
        ..existing.clone()
    })
}

/// How an assignment was written before a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Its status as it was written.
    pub status: AssignmentStatus,
    /// Its epoch.
    pub epoch: EpochId,
    /// Its revision: the change applies to this one only.
    pub revision: i64,
}

/// An assignment that is to be written.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// As it is to be.
    pub assignment: Assignment,
    /// As it was; `None` for a new one.
    pub before: Option<Standing>,
}

impl Change {
    /// By what the assignment is known.
    pub fn key(&self) -> AssignmentKey {
        (self.assignment.hotkey, self.assignment.report.assignment_id.clone())
    }
}

/// What becomes of a batch of reports.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReportDecision {
    /// One for each report, in their order.
    pub outcomes: Vec<ReportOutcome>,
    /// What is to be written, each assignment once, in the order of the reports that changed them last.
    pub changes: Vec<Change>,
    /// The nonces that are used up, in their order: those of reports that were accepted.
    pub nonces: BTreeSet<(Nonce, Hotkey)>,
}

/// For whom and which epochs [`decide_reports`] must know how many assignments were opened.
pub fn openings_to_count(
    attempts: &[ReportAttempt],
    known: &HashMap<AssignmentKey, Assignment>,
) -> BTreeSet<(Hotkey, EpochId)> {
    attempts
        .iter()
        .filter(|attempt| attempt.new_assignments.is_some() && !known.contains_key(&key(attempt)))
        .map(|attempt| (attempt.hotkey, attempt.running_epoch))
        .collect()
}

fn key(attempt: &ReportAttempt) -> AssignmentKey {
    (attempt.hotkey, attempt.report.assignment_id.clone())
}

/// Decides a batch of reports in their order. `known` has the assignments that exist of those reported, `opened` the
/// counts that [`openings_to_count`] asks for, `used` the nonces of these reports that were used before.
pub fn decide_reports(
    attempts: &[ReportAttempt],
    known: &HashMap<AssignmentKey, Assignment>,
    mut opened: Openings,
    used: &UsedNonces,
) -> ReportDecision {
    let mut latest: HashMap<AssignmentKey, (usize, Change)> = HashMap::new();
    let mut nonces = BTreeSet::new();
    let outcomes = attempts
        .iter()
        .enumerate()
        .map(|(order, attempt)| {
            let nonce = attempt.used_nonce();
            if nonce.is_some_and(|nonce| used.contains(&nonce) || nonces.contains(&nonce)) {
                return ReportOutcome::Replayed;
            }
            let key = key(attempt);
            let before = known.get(&key);
            let existing = latest.get(&key).map(|(_, change)| &change.assignment).or(before);
            let mut assignment = match transition(existing, attempt) {
                Step::Unchanged => {
                    nonces.extend(nonce);
                    return ReportOutcome::Unchanged;
                }
                Step::Ended(status) => return ReportOutcome::Ended(status),
                Step::Write(assignment) => assignment,
            };
            if existing.is_none() {
                let count = opened.entry((attempt.hotkey, attempt.running_epoch)).or_default();
                if attempt.new_assignments.is_some_and(|limit| *count >= u64::from(limit)) {
                    return ReportOutcome::TooManyAssignments;
                }
                *count += 1;
            }
            // One more than what is written, so that a store can see in one comparison that nobody else was faster.
            assignment.revision = before.map_or(1, |before| before.revision + 1);
            let before = before.map(|before| Standing {
                status: before.status,
                epoch: before.epoch,
                revision: before.revision,
            });
            latest.insert(key, (order, Change { assignment, before }));
            nonces.extend(nonce);
            ReportOutcome::Recorded
        })
        .collect();
    let mut latest: Vec<(usize, Change)> = latest.into_values().collect();
    latest.sort_unstable_by_key(|(order, _)| *order);
    let changes = latest.into_iter().map(|(_, change)| change).collect();
    ReportDecision { outcomes, changes, nonces }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::{EpochDelta, epoch_deltas};

    const TIMEOUT: Duration = Duration::from_secs(10);

    fn epoch_id(number: u64) -> EpochId {
        EpochId::starting_at(
            Timestamp::UNIX_EPOCH.plus(TIMEOUT * u32::try_from(number).expect("small")),
        )
    }

    fn attempt(
        (who, id, status, hash, second, epoch, nonce): (
            u8,
            u8,
            u8,
            u8,
            i64,
            Option<u64>,
            Option<u64>,
        ),
    ) -> ReportAttempt {
        let status = ["started", "completed", "failed"][usize::from(status)];
        let mut report: AssignmentReport = serde_json::from_value(json!({
            "assignment_id": format!("{id}"),
            "status": status,
            "statistics": {"success_rate": f64::from(hash) / 4.0},
        }))
        .expect("a report");
        report.consensus_hash = (hash > 0).then(|| Sha256Hash::from_bytes([hash; 32]));
        ReportAttempt {
            hotkey: Hotkey::from_bytes([who; 32]),
            report,
            reported_epoch: epoch.map(epoch_id),
            running_epoch: epoch_id(second.unsigned_abs() / 10),
            now: Timestamp::from_seconds(second),
            timeout: TIMEOUT,
            new_assignments: Some(3),
            nonce: nonce.map(Nonce::from_nanos),
            origin: Origin::default(),
        }
    }

    fn attempts() -> impl Strategy<Value = Vec<ReportAttempt>> {
        let (epoch, nonce) = (proptest::option::of(0..4_u64), proptest::option::of(0..20_u64));
        let one = (0..3_u8, 0..6_u8, 0..3_u8, 0..3_u8, 0..40_i64, epoch, nonce);
        proptest::collection::vec(one, 1..60).prop_map(|mut all| {
            all.sort_by_key(|(_, _, _, _, second, ..)| *second);
            all.into_iter().map(attempt).collect()
        })
    }

    fn count_opened(known: &HashMap<AssignmentKey, Assignment>) -> Openings {
        known.values().fold(Openings::new(), |mut opened, assignment| {
            *opened.entry((assignment.hotkey, assignment.opened_in)).or_default() += 1;
            opened
        })
    }

    /// Applies the reports in batches, as a store does.
    fn apply(
        attempts: &[ReportAttempt],
        batch: usize,
    ) -> (Vec<ReportOutcome>, HashMap<AssignmentKey, Assignment>, Vec<Change>) {
        let (mut outcomes, mut known, mut changes) = (Vec::new(), HashMap::new(), Vec::new());
        let mut used = UsedNonces::new();
        for attempts in attempts.chunks(batch) {
            let decision = decide_reports(attempts, &known, count_opened(&known), &used);
            outcomes.extend(decision.outcomes);
            used.extend(decision.nonces);
            for change in &decision.changes {
                known.insert(change.key(), change.assignment.clone());
            }
            changes.extend(decision.changes);
        }
        (outcomes, known, changes)
    }

    proptest! {
        #[test]
        fn batches_of_any_size_decide_the_same(attempts in attempts(), batch in 2..20_usize) {
            let (one_by_one, mut each, _) = apply(&attempts, 1);
            let (together, mut all, _) = apply(&attempts, batch);
            prop_assert_eq!(one_by_one, together);
            each.values_mut().chain(all.values_mut()).for_each(|assignment| assignment.revision = 0);
            prop_assert_eq!(each, all);
        }

        #[test]
        fn the_totals_are_those_of_what_is_written(attempts in attempts(), batch in 1..20_usize) {
            let (_, known, changes) = apply(&attempts, batch);
            let mut totals: BTreeMap<EpochId, EpochDelta> = BTreeMap::new();
            for changes in changes.chunks(batch) {
                for delta in epoch_deltas(changes) {
                    let total = totals.entry(delta.epoch).or_insert_with(|| EpochDelta::none(delta.epoch));
                    total.started += delta.started;
                    total.completed += delta.completed;
                    total.failed += delta.failed;
                    total.expired += delta.expired;
                    total.success_sum += delta.success_sum;
                    total.success_count += delta.success_count;
                }
            }
            for (epoch, mut total) in totals {
                let of_epoch: Vec<_> = known.values().filter(|assignment| assignment.epoch == epoch).collect();
                for status in AssignmentStatus::ALL {
                    let count = of_epoch.iter().filter(|assignment| assignment.status == status).count();
                    prop_assert_eq!(*total.count(status), count as i64);
                }
                let rates: Vec<f64> = of_epoch.iter().filter_map(|assignment| assignment.success_rate()).collect();
                prop_assert_eq!(total.success_count, rates.len() as i64);
                prop_assert!((total.success_sum - rates.iter().sum::<f64>()).abs() < 1e-9);
            }
        }

        #[test]
        fn an_accepted_report_uses_up_its_nonce_and_a_refused_one_none(attempts in attempts(), batch in 1..20_usize) {
            let (outcomes, ..) = apply(&attempts, batch);
            let mut used = UsedNonces::new();
            for (attempt, outcome) in attempts.iter().zip(outcomes) {
                let replayed = attempt.used_nonce().is_some_and(|nonce| used.contains(&nonce));
                prop_assert_eq!(outcome == ReportOutcome::Replayed, replayed);
                if matches!(outcome, ReportOutcome::Recorded | ReportOutcome::Unchanged) {
                    used.extend(attempt.used_nonce());
                }
            }
        }

        #[test]
        fn what_has_ended_stays_so_and_the_limit_holds(attempts in attempts(), batch in 1..20_usize) {
            let (outcomes, known, changes) = apply(&attempts, batch);
            prop_assert_eq!(outcomes.len(), attempts.len());
            prop_assert!(count_opened(&known).values().all(|opened| *opened <= 3));
            for change in changes {
                let ended = change.before.is_some_and(|before| {
                    matches!(before.status, AssignmentStatus::Completed | AssignmentStatus::Failed)
                });
                prop_assert!(!ended);
                let overdue = change.assignment.first_reported_at.plus(TIMEOUT) <= change.assignment.updated_at;
                prop_assert_eq!(change.assignment.late, overdue);
            }
        }
    }
}

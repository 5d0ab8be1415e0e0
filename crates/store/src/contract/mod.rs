//! What every backend must do, as one list of cases that runs on each of them.

mod access;
mod assignments;
mod audit;
mod chain;
mod epochs;
mod lifecycle;
mod nonces;
mod passed;
mod postgres_server;
mod tally;
mod throughput;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use resi_protocol::btauth::Nonce;
use resi_protocol::wire::{AssignmentReport, AssignmentStatus};
use resi_protocol::{EpochId, EpochIndex, EpochSchedule, Hotkey, Sha256Hash, Signature, Timestamp};
use serde_json::json;

use crate::{GrantAttempt, Origin, Proof, ReportAttempt, Store};

pub use access::*;
pub use assignments::*;
pub use audit::*;
pub use chain::*;
pub use epochs::*;
pub use lifecycle::*;
pub use nonces::*;
pub use passed::*;
pub use postgres_server::postgres_server;
pub use tally::*;
pub use throughput::{Load, throughput};

/// A database of one case.
#[async_trait]
pub trait Backend: Send + Sync {
    /// Another store on the same database, as another replica has it, or the next process.
    async fn open(&self) -> Arc<dyn Store>;

    /// Removes the database.
    async fn remove(&self);

    /// Whether the database has a clock of its own.
    fn has_clock(&self) -> bool;
}

/// Makes one `#[tokio::test]` of every case. `$backend` is an expression that awaits a new [`Backend`].
#[macro_export]
macro_rules! contract {
    ($backend:expr) => {
        $crate::contract_cases! { $backend,
            a_signature_is_granted_once,
            a_signature_stays_used_after_a_restart,
            of_two_replicas_one_grants_a_signature,
            of_one_batch_one_grants_a_signature,
            the_limit_slides,
            a_replay_does_not_count_and_comes_before_the_limit,
            limits_are_of_each_hotkey,
            the_limit_is_exact_across_replicas,
            old_signatures_are_forgotten_and_others_are_not,
            who_was_granted_access_is_listed,
            every_step_of_the_table,
            the_same_report_again_changes_nothing,
            a_late_report_is_marked,
            statistics_are_kept_as_sent,
            an_assignment_belongs_to_the_epoch_it_names,
            validators_do_not_see_each_other,
            of_two_replicas_one_ends_an_assignment,
            many_reports_of_one_assignment_at_once_end_it_once,
            known_and_new_assignments_are_reported_at_once,
            new_assignments_are_limited_in_each_epoch,
            the_limit_on_new_assignments_is_exact_across_replicas,
            assignments_expire,
            assignments_are_listed_newest_first,
            assignments_are_listed_by_status,
            pages_do_not_move_while_assignments_are_added,
            what_lies_far_back_is_listed,
            grants_and_changes_of_status_are_audited,
            deals_are_audited_once_an_epoch,
            refusals_are_audited_as_they_are_given,
            the_audit_is_read_by_hotkey_and_in_pages,
            changes_of_status_are_read_by_hotkey_and_in_pages,
            old_entries_of_the_audit_are_pruned,
            what_nobody_proved_is_pruned_apart,
            old_assignments_are_pruned_and_still_counted,
            the_first_record_of_an_epoch_stands,
            of_two_replicas_one_record_stands,
            records_are_linked_to_the_one_before,
            records_are_listed_newest_first,
            a_signature_is_published_once,
            a_record_is_signed_once,
            a_record_of_another_epoch_length_conflicts_while_it_runs,
            of_two_replicas_one_announces,
            pools_are_kept,
            the_latest_members_of_each_chain_and_subnet_are_kept,
            a_nonce_is_used_once_for_whatever_it_signs,
            of_two_replicas_one_takes_a_nonce,
            what_is_refused_uses_up_no_nonce,
            a_nonce_stays_taken_after_a_restart,
            old_nonces_are_forgotten_and_others_are_not,
            replicas_learn_what_the_others_let_pass,
            old_counts_are_forgotten,
            writing_is_tried,
            an_empty_database_has_an_empty_tally,
            the_tally_counts_by_status,
            the_tally_follows_expiry,
            the_tally_is_the_same_from_every_replica,
            the_last_completed_hash_of_each_validator_counts,
            pulls_make_validators_of_an_epoch,
            the_last_change_is_known,
            the_tally_shows_the_newest_epochs,
            the_clock_is_the_databases,
            close_commits_what_waits,
            a_closed_store_is_unavailable,
            connections_are_counted,
            background_tasks_live,
        }
    };
}

/// Makes the tests that [`contract!`] lists.
#[doc(hidden)]
#[macro_export]
macro_rules! contract_cases {
    ($backend:expr, $($case:ident),* $(,)?) => {
        $(
            #[tokio::test]
            async fn $case() {
                let backend = $backend.await;
                $crate::contract::$case(&backend).await;
                $crate::contract::Backend::remove(&backend).await;
            }
        )*
    };
}

const TIMEOUT: Duration = Duration::from_secs(4 * 3600);

fn hotkey(number: u8) -> Hotkey {
    Hotkey::from_bytes([number; 32])
}

fn signature(number: u32) -> Signature {
    let mut bytes = [0xa5; 64];
    bytes[..4].copy_from_slice(&number.to_be_bytes());
    Signature::from_bytes(bytes)
}

fn hash(number: u8) -> Sha256Hash {
    Sha256Hash::from_bytes([number; 32])
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_seconds(1_760_000_000 + second)
}

fn grant(who: u8, signed: u32, second: i64, limit: Option<u32>) -> GrantAttempt {
    GrantAttempt {
        hotkey: hotkey(who),
        proof: Proof::Signature { signature: signature(signed), remember_until: at(360) },
        now: at(second),
        limit,
        origin: origin("granted"),
    }
}

fn origin(request_id: &str) -> Origin {
    Origin { request_id: request_id.into(), address: Some([192, 0, 2, 1].into()) }
}

/// The name of an epoch, in four-hour epochs.
fn epoch_id(number: u64) -> EpochId {
    EpochSchedule::new(14_400).expect("not zero").id(EpochIndex(number))
}

/// The number of an epoch in four-hour epochs.
fn epoch_number(id: EpochId) -> u64 {
    id.starts_at().seconds().unsigned_abs() / 14_400
}

/// A report that a case changes to its needs.
#[derive(Clone, Debug)]
struct Reported(ReportAttempt);

fn report(who: u8, id: &str, status: &str, second: i64) -> Reported {
    Reported(ReportAttempt {
        hotkey: hotkey(who),
        report: serde_json::from_value(json!({"assignment_id": id, "status": status}))
            .expect("a report"),
        reported_epoch: None,
        running_epoch: epoch_id(100),
        now: at(second),
        timeout: TIMEOUT,
        new_assignments: None,
        nonce: None,
        origin: origin("reported"),
    })
}

impl Reported {
    fn hashed(mut self, number: u8) -> Self {
        self.0.report.consensus_hash = Some(hash(number));
        self
    }

    fn success_rate(mut self, rate: f64) -> Self {
        let mut fields = serde_json::to_value(&self.0.report).expect("JSON");
        fields["statistics"] = json!({"success_rate": rate});
        self.0.report = serde_json::from_value::<AssignmentReport>(fields).expect("a report");
        self
    }

    fn of_epoch(mut self, epoch: u64) -> Self {
        self.0.reported_epoch = Some(epoch_id(epoch));
        self
    }

    fn while_running(mut self, epoch: u64) -> Self {
        self.0.running_epoch = epoch_id(epoch);
        self
    }

    fn limited(mut self, limit: u32) -> Self {
        self.0.new_assignments = Some(limit);
        self
    }

    fn signed(mut self, nanos: u64) -> Self {
        self.0.nonce = Some(Nonce::from_nanos(nanos));
        self
    }

    async fn to(self, store: &dyn Store) -> crate::ReportOutcome {
        store.record_report(self.0).await.expect("a report")
    }
}

async fn status(store: &dyn Store, who: u8, id: &str) -> Option<(AssignmentStatus, bool)> {
    let found =
        store.assignment(hotkey(who), &id.parse().expect("an id")).await.expect("an assignment");
    found.map(|found| (found.status, found.late))
}

/// Two stores on one database.
async fn replicas(backend: &dyn Backend) -> [Arc<dyn Store>; 2] {
    [backend.open().await, backend.open().await]
}

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use resi_protocol::wire::{AssignmentId, AssignmentStatus};
use resi_protocol::{EpochId, Hotkey, Timestamp};
use resi_store::rows::{self, AssignmentRow};
use resi_store::{
    Assignment, AssignmentKey, AssignmentQuery, AuditEvent, AuditKind, Change, EpochValidator,
    GroupCommit, Known, Openings, ReportAttempt, ReportDecision, ReportOutcome, Standing,
    StoreError, UsedNonces, decide_reports, epoch_deltas, epoch_validators, openings_to_count,
    status_events,
};
use serde::Serialize;
use sqlx::Connection;
use sqlx::error::ErrorKind;
use sqlx::sqlite::SqliteConnection;

use crate::database::{Database, Hex, json, unavailable, within};
use crate::nonces;

const KNOWN_VALIDATORS: usize = 16_384;
const KNOWN_ASSIGNMENTS: usize = 65_536;

/// What is known to be committed.
struct Committed {
    validators: Known<(EpochId, Hotkey)>,
    /// Hashes of keys: of two with the same hash, one is only taken for known in vain.
    assignments: Known<u64>,
    hasher: RandomState,
}

impl Committed {
    fn new() -> Self {
        Self {
            validators: Known::new(KNOWN_VALIDATORS),
            assignments: Known::new(KNOWN_ASSIGNMENTS),
            hasher: RandomState::new(),
        }
    }

    fn unwritten_validators(&self, changes: &[Change]) -> Vec<EpochValidator> {
        let mut validators = epoch_validators(changes);
        validators.retain(|said| {
            said.consensus_hash.is_some() || !self.validators.contains(&(said.epoch, said.hotkey))
        });
        validators
    }

    fn assignment(&self, hotkey: &Hotkey, id: &AssignmentId) -> u64 {
        self.hasher.hash_one((hotkey, id))
    }
}

pub(crate) fn committer(database: Arc<Database>) -> GroupCommit<ReportAttempt, ReportOutcome> {
    let committed = Arc::new(Committed::new());
    GroupCommit::spawn("reports of assignments", move |attempts| {
        let (database, committed) = (Arc::clone(&database), Arc::clone(&committed));
        async move { within(commit(&database, &committed, &attempts)).await }
    })
}

async fn commit(
    database: &Database,
    committed: &Committed,
    attempts: &[ReportAttempt],
) -> Result<Vec<ReportOutcome>, StoreError> {
    let mut writer = database.writer().await?;
    let decision = match write_new(writer.connection()?, committed, attempts).await? {
        Some(decision) => decision,
        None => read_and_write(writer.connection()?, committed, attempts).await?,
    };
    writer.done();
    committed.assignments.extend(decision.changes.iter().map(|Change { assignment, .. }| {
        committed.assignment(&assignment.hotkey, &assignment.report.assignment_id)
    }));
    let validators = decision.changes.iter().map(|Change { assignment, .. }| assignment);
    committed.validators.extend(validators.map(|known| (known.epoch, known.hotkey)));
    Ok(decision.outcomes)
}

/// Where all seem to be first reports without a limit or nonce, nothing has to be read: they are written in one statement that
/// fails as a whole when one of them was not.
async fn write_new(
    connection: &mut SqliteConnection,
    committed: &Committed,
    attempts: &[ReportAttempt],
) -> Result<Option<ReportDecision>, StoreError> {
    let new = |attempt: &ReportAttempt| {
        let key = committed.assignment(&attempt.hotkey, &attempt.report.assignment_id);
        let simple = attempt.new_assignments.is_none() && attempt.nonce.is_none();
        simple && !committed.assignments.contains(&key)
    };
    if !attempts.iter().all(new) {
        return Ok(None);
    }
    let decision = decide_reports(attempts, &HashMap::new(), Openings::new(), &UsedNonces::new());
    let validators = committed.unwritten_validators(&decision.changes);
    let audit = status_events(attempts, &decision.outcomes);
    let written = write(connection, &decision.changes, &validators, &audit).await?;
    Ok(written.then_some(decision))
}

async fn read_and_write(
    connection: &mut SqliteConnection,
    committed: &Committed,
    attempts: &[ReportAttempt],
) -> Result<ReportDecision, StoreError> {
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.map_err(unavailable)?;
    let known = load(&mut transaction, attempts).await?;
    let opened = count_opened(&mut transaction, attempts, &known).await?;
    let asked = attempts.iter().filter_map(ReportAttempt::used_nonce).collect();
    let used = nonces::load_used(&mut transaction, asked).await?;
    let decision = decide_reports(attempts, &known, opened, &used);
    let validators = committed.unwritten_validators(&decision.changes);
    let audit = status_events(attempts, &decision.outcomes);
    if !write(&mut transaction, &decision.changes, &validators, &audit).await? {
        return Err(changed_meanwhile());
    }
    nonces::use_up(&mut transaction, &decision.nonces).await?;
    transaction.commit().await.map_err(unavailable)?;
    Ok(decision)
}

fn changed_meanwhile() -> StoreError {
    StoreError::Inconsistent("an assignment changed within a transaction".into())
}

async fn load(
    connection: &mut SqliteConnection,
    attempts: &[ReportAttempt],
) -> Result<HashMap<AssignmentKey, Assignment>, StoreError> {
    let mut keys: Vec<_> = attempts
        .iter()
        .map(|attempt| (Hex(attempt.hotkey.as_bytes()), attempt.report.assignment_id.as_str()))
        .collect();
    keys.sort_unstable();
    keys.dedup();
    let keys = json(&keys)?;
    sqlx::query_as!(
        AssignmentRow,
        r#"SELECT a.hotkey AS "hotkey!", a.status AS "status!", a.late AS "late!: bool", a.epoch AS "epoch!",
               a.opened_in AS "opened_in!", a.report AS "report!", a.first_reported_at AS "first_reported_at!",
               a.updated_at AS "updated_at!", a.position AS "position!", a.revision AS "revision!"
           FROM json_each(?) AS asked
           CROSS JOIN assignments AS a
           ON a.hotkey = unhex(asked.value ->> 0) AND a.assignment_id = asked.value ->> 1"#,
        keys
    )
    .fetch_all(connection)
    .await
    .map_err(unavailable)?
    .into_iter()
    .map(|row| {
        let assignment = Assignment::try_from(row)?;
        Ok(((assignment.hotkey, assignment.report.assignment_id.clone()), assignment))
    })
    .collect()
}

async fn count_opened(
    connection: &mut SqliteConnection,
    attempts: &[ReportAttempt],
    known: &HashMap<AssignmentKey, Assignment>,
) -> Result<Openings, StoreError> {
    let wanted: Vec<_> = openings_to_count(attempts, known).into_iter().collect();
    if wanted.is_empty() {
        return Ok(Openings::new());
    }
    let asked: Vec<_> = wanted
        .iter()
        .map(|(hotkey, epoch)| (Hex(hotkey.as_bytes()), rows::epoch_start(*epoch)))
        .collect();
    let asked = json(&asked)?;
    let counts = sqlx::query_scalar!(
        r#"SELECT coalesce((SELECT opened FROM openings AS o
                   WHERE o.opened_in = asked.value ->> 1 AND o.hotkey = unhex(asked.value ->> 0)), 0) AS "count!: i64"
           FROM json_each(?) AS asked ORDER BY asked.key"#,
        asked
    )
    .fetch_all(connection)
    .await
    .map_err(unavailable)?;
    Ok(wanted
        .into_iter()
        .zip(counts.into_iter().map(|count| u64::try_from(count).unwrap_or(0)))
        .collect())
}

/// Writes all of it with one statement, or nothing where an assignment is not as it was decided on; what the statement
/// does is in the trigger of the view.
async fn write(
    connection: &mut SqliteConnection,
    changes: &[Change],
    validators: &[EpochValidator],
    audit: &[AuditEvent],
) -> Result<bool, StoreError> {
    if changes.is_empty() {
        return Ok(true);
    }
    let assignments = json(&assignment_rows(changes)?)?;
    let openings = json(&opening_rows(changes))?;
    let totals = total_rows(changes)?;
    let validators = json(&validator_rows(validators))?;
    let audit = rows::audit_text(audit)?;
    let written = sqlx::query!(
        "INSERT INTO report_groups (assignments, openings, totals, validators, audit) VALUES (?, ?, ?, ?, ?)",
        assignments,
        openings,
        totals,
        validators,
        audit
    )
    .execute(connection)
    .await;
    match written {
        Ok(_) => Ok(true),
        Err(sqlx::Error::Database(error)) if error.kind() == ErrorKind::NotNullViolation => {
            Ok(false)
        }
        Err(error) => Err(unavailable(error)),
    }
}

fn assignment_rows(changes: &[Change]) -> Result<Vec<impl Serialize>, StoreError> {
    changes
        .iter()
        .map(|Change { assignment, .. }| {
            Ok((
                Hex(assignment.hotkey.as_bytes()),
                assignment.report.assignment_id.as_str(),
                assignment.status.name(),
                u8::from(assignment.late),
                rows::epoch_start(assignment.epoch),
                rows::epoch_start(assignment.opened_in),
                rows::report_text(assignment)?,
                assignment.first_reported_at.micros(),
                assignment.updated_at.micros(),
                assignment.revision,
            ))
        })
        .collect()
}

fn opening_rows(changes: &[Change]) -> Vec<impl Serialize> {
    let mut openings: BTreeMap<_, u32> = BTreeMap::new();
    for Change { assignment, .. } in changes.iter().filter(|change| change.before.is_none()) {
        *openings.entry((assignment.opened_in, assignment.hotkey.as_bytes())).or_default() += 1;
    }
    openings
        .into_iter()
        .map(|((epoch, hotkey), opened)| (rows::epoch_start(epoch), Hex(hotkey), opened))
        .collect()
}

fn total_rows(changes: &[Change]) -> Result<String, StoreError> {
    let deltas = epoch_deltas(changes);
    let rows: Vec<_> = deltas
        .iter()
        .map(|delta| {
            let (last_at, last_assignment_id, last_status) = rows::last_columns(delta);
            (
                rows::epoch_start(delta.epoch),
                delta.started,
                delta.completed,
                delta.failed,
                delta.expired,
                delta.success_sum,
                delta.success_count,
                last_at,
                last_assignment_id,
                last_status,
            )
        })
        .collect();
    json(&rows)
}

fn validator_rows(validators: &[EpochValidator]) -> Vec<impl Serialize> {
    validators
        .iter()
        .map(|said| {
            let hash = said.consensus_hash.as_ref().map(|hash| Hex(hash.as_bytes()));
            (rows::epoch_start(said.epoch), Hex(said.hotkey.as_bytes()), hash)
        })
        .collect()
}

pub(crate) async fn find(
    database: &Database,
    hotkey: Hotkey,
    id: &AssignmentId,
) -> Result<Option<Assignment>, StoreError> {
    let (hotkey, id) = (&hotkey.as_bytes()[..], id.as_str());
    let mut reader = database.reader().await?;
    let row = sqlx::query_as!(
        AssignmentRow,
        r#"SELECT hotkey, status, late AS "late: bool", epoch, opened_in, report, first_reported_at, updated_at,
               position, revision
           FROM assignments WHERE hotkey = ? AND assignment_id = ?"#,
        hotkey,
        id
    )
    .fetch_optional(&mut *reader)
    .await
    .map_err(unavailable)?;
    reader.done();
    row.map(TryInto::try_into).transpose()
}

/// Positions in one stretch of the index on hotkeys: 2 to the power of this.
const STRETCH_BITS: u32 = 8;
/// How many stretches are searched first. As long as too little is found, the next search covers four times as many.
const FIRST_SEARCH: i64 = 16;

pub(crate) async fn list(
    database: &Database,
    hotkey: Hotkey,
    query: AssignmentQuery,
) -> Result<Vec<Assignment>, StoreError> {
    let hotkey = &hotkey.as_bytes()[..];
    let status = query.status.map(AssignmentStatus::name);
    let cutoff = query.expired_at_or_before.micros();
    let limit = usize::try_from(query.limit).unwrap_or(usize::MAX);
    let mut reader = database.reader().await?;
    let mut snapshot = reader.begin().await.map_err(unavailable)?;
    let newest = sqlx::query_scalar!(
        r#"SELECT coalesce(max(position), 0) AS "newest!: i64" FROM assignments"#
    )
    .fetch_one(&mut *snapshot)
    .await
    .map_err(unavailable)?;
    let before = query.before.map_or(newest + 1, |before| before.min(newest + 1));
    let (mut last, mut stretches) = (before >> STRETCH_BITS, FIRST_SEARCH);
    let mut found = Vec::new();
    while last >= 0 && found.len() < limit {
        let first = (last - stretches + 1).max(0);
        let wanted = i64::try_from(limit - found.len()).unwrap_or(i64::MAX);
        let rows = sqlx::query_as!(
            AssignmentRow,
            r#"WITH RECURSIVE stretches (stretch) AS (
                   SELECT ?1 UNION ALL SELECT stretch - 1 FROM stretches WHERE stretch > ?2
               )
               SELECT hotkey AS "hotkey!", status AS "status!", late AS "late!: bool", epoch AS "epoch!",
                   opened_in AS "opened_in!", report AS "report!", first_reported_at AS "first_reported_at!",
                   updated_at AS "updated_at!", position AS "position!", revision AS "revision!"
               FROM stretches CROSS JOIN assignments ON position >> 8 = stretch AND hotkey = ?3
               WHERE position < ?4
                 AND (?5 IS NULL OR ?5 =
                     CASE WHEN status = 'started' AND first_reported_at <= ?6 THEN 'expired' ELSE status END)
               ORDER BY position DESC LIMIT ?7"#,
            last,
            first,
            hotkey,
            before,
            status,
            cutoff,
            wanted
        )
        .fetch_all(&mut *snapshot)
        .await
        .map_err(unavailable)?;
        for row in rows {
            found.push(row.try_into()?);
        }
        (last, stretches) = (first - 1, stretches * 4);
    }
    snapshot.commit().await.map_err(unavailable)?;
    reader.done();
    Ok(found)
}

pub(crate) async fn expire(
    database: &Database,
    cutoff: Timestamp,
    now: Timestamp,
    limit: u32,
) -> Result<u64, StoreError> {
    let cutoff = cutoff.micros();
    let mut writer = database.writer().await?;
    let mut transaction =
        writer.connection()?.begin_with("BEGIN IMMEDIATE").await.map_err(unavailable)?;
    let due = sqlx::query_as!(
        AssignmentRow,
        r#"SELECT hotkey, status, late AS "late: bool", epoch, opened_in, report, first_reported_at, updated_at,
               position, revision
           FROM assignments WHERE status = 'started' AND first_reported_at <= ?
           ORDER BY first_reported_at, position LIMIT ?"#,
        cutoff,
        limit
    )
    .fetch_all(&mut *transaction)
    .await
    .map_err(unavailable)?;
    let mut changes = Vec::with_capacity(due.len());
    for row in due {
        let due = Assignment::try_from(row)?;
        let before = Standing { status: due.status, epoch: due.epoch, revision: due.revision };
        let assignment = Assignment {
            status: AssignmentStatus::Expired,
            updated_at: now,
            revision: due.revision + 1,
            ..due
        };
        changes.push(Change { assignment, before: Some(before) });
    }
    let audit: Vec<_> = changes.iter().map(expiry_event).collect();
    if !write(&mut transaction, &changes, &[], &audit).await? {
        return Err(changed_meanwhile());
    }
    transaction.commit().await.map_err(unavailable)?;
    writer.done();
    Ok(changes.len() as u64)
}

fn expiry_event(Change { assignment, .. }: &Change) -> AuditEvent {
    AuditEvent {
        at: assignment.updated_at,
        kind: AuditKind::Status,
        code: assignment.status.name().into(),
        hotkey: Some(assignment.hotkey),
        proved: true,
        subject: Some(assignment.report.assignment_id.as_str().to_owned()),
        origin: None,
        times: 1,
    }
}

/// Positions follow the time of the first report, so the oldest are the lowest ones, and no index by time is needed.
pub(crate) async fn prune(
    database: &Database,
    before: Timestamp,
    limit: u32,
) -> Result<u64, StoreError> {
    let before = before.seconds();
    let mut writer = database.writer().await?;
    let mut transaction =
        writer.connection()?.begin_with("BEGIN IMMEDIATE").await.map_err(unavailable)?;
    let pruned = sqlx::query!(
        "DELETE FROM assignments
         WHERE position IN (SELECT position FROM assignments ORDER BY position LIMIT ?)
           AND opened_in < ? AND status <> 'started'",
        limit,
        before
    )
    .execute(&mut *transaction)
    .await
    .map_err(unavailable)?;
    sqlx::query!(
        "DELETE FROM openings WHERE (opened_in, hotkey) IN (
             SELECT opened_in, hotkey FROM openings WHERE opened_in < ? ORDER BY opened_in, hotkey LIMIT ?)",
        before,
        limit
    )
    .execute(&mut *transaction)
    .await
    .map_err(unavailable)?;
    transaction.commit().await.map_err(unavailable)?;
    writer.done();
    Ok(pruned.rows_affected())
}

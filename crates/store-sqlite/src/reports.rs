use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use resi_protocol::wire::{AssignmentId, AssignmentStatus};
use resi_protocol::{EpochIndex, Hotkey, Timestamp};
use resi_store::rows::{self, AssignmentRow};
use resi_store::{
    Assignment, AssignmentKey, AssignmentQuery, Change, EpochValidator, GroupCommit, Known,
    Openings, ReportAttempt, ReportOutcome, Standing, StoreError, decide_reports, epoch_deltas,
    epoch_validators, openings_to_count,
};
use sqlx::Connection;
use sqlx::sqlite::SqliteConnection;

use crate::database::{Database, Hex, json, unavailable, within};

const KNOWN_VALIDATORS: usize = 16_384;

type KnownValidators = Known<(EpochIndex, Hotkey)>;

pub(crate) fn committer(database: Arc<Database>) -> GroupCommit<ReportAttempt, ReportOutcome> {
    let known = Arc::new(Known::new(KNOWN_VALIDATORS));
    GroupCommit::spawn("reports of assignments", move |attempts| {
        let (database, known) = (Arc::clone(&database), Arc::clone(&known));
        async move { within(commit(&database, &known, &attempts)).await }
    })
}

async fn commit(
    database: &Database,
    known_validators: &KnownValidators,
    attempts: &[ReportAttempt],
) -> Result<Vec<ReportOutcome>, StoreError> {
    let mut writer = database.writer().await?;
    let mut transaction =
        writer.connection()?.begin_with("BEGIN IMMEDIATE").await.map_err(unavailable)?;
    let known = load(&mut transaction, attempts).await?;
    let opened = count_opened(&mut transaction, attempts, &known).await?;
    let decision = decide_reports(attempts, &known, opened);
    let mut validators = Vec::new();
    if !decision.changes.is_empty() {
        write_assignments(&mut transaction, &decision.changes).await?;
        write_openings(&mut transaction, &decision.changes).await?;
        write_totals(&mut transaction, &decision.changes).await?;
        validators = epoch_validators(&decision.changes);
        validators.retain(|said| {
            said.consensus_hash.is_some() || !known_validators.contains(&(said.epoch, said.hotkey))
        });
        write_validators(&mut transaction, &validators).await?;
    }
    transaction.commit().await.map_err(unavailable)?;
    writer.done();
    known_validators.extend(validators.into_iter().map(|said| (said.epoch, said.hotkey)));
    Ok(decision.outcomes)
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
        .map(|(hotkey, epoch)| (Hex(hotkey.as_bytes()), rows::epoch_number(*epoch)))
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

async fn write_assignments(
    connection: &mut SqliteConnection,
    changes: &[Change],
) -> Result<(), StoreError> {
    let mut assignments = Vec::with_capacity(changes.len());
    for Change { assignment, .. } in changes {
        assignments.push((
            Hex(assignment.hotkey.as_bytes()),
            assignment.report.assignment_id.as_str(),
            assignment.status.name(),
            u8::from(assignment.late),
            rows::epoch_number(assignment.epoch),
            rows::epoch_number(assignment.opened_in),
            rows::report_text(assignment)?,
            assignment.first_reported_at.micros(),
            assignment.updated_at.micros(),
            assignment.revision,
        ));
    }
    let assignments = json(&assignments)?;
    sqlx::query!(
        "INSERT INTO assignments (hotkey, assignment_id, status, late, epoch, opened_in, report,
             first_reported_at, updated_at, revision)
         SELECT unhex(value ->> 0), value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6,
             value ->> 7, value ->> 8, value ->> 9
         FROM json_each(?) WHERE true
         ON CONFLICT (assignment_id, hotkey) DO UPDATE SET
             status = excluded.status, late = excluded.late, epoch = excluded.epoch, report = excluded.report,
             updated_at = excluded.updated_at, revision = excluded.revision",
        assignments
    )
    .execute(connection)
    .await
    .map_err(unavailable)?;
    Ok(())
}

async fn write_openings(
    connection: &mut SqliteConnection,
    changes: &[Change],
) -> Result<(), StoreError> {
    let mut openings: BTreeMap<_, u32> = BTreeMap::new();
    for Change { assignment, .. } in changes.iter().filter(|change| change.before.is_none()) {
        *openings.entry((assignment.opened_in, assignment.hotkey)).or_default() += 1;
    }
    if openings.is_empty() {
        return Ok(());
    }
    let openings: Vec<_> = openings
        .iter()
        .map(|((epoch, hotkey), opened)| {
            (rows::epoch_number(*epoch), Hex(hotkey.as_bytes()), opened)
        })
        .collect();
    let openings = json(&openings)?;
    sqlx::query!(
        "INSERT INTO openings (opened_in, hotkey, opened)
         SELECT value ->> 0, unhex(value ->> 1), value ->> 2 FROM json_each(?) WHERE true
         ON CONFLICT (opened_in, hotkey) DO UPDATE SET opened = opened + excluded.opened",
        openings
    )
    .execute(connection)
    .await
    .map_err(unavailable)?;
    Ok(())
}

async fn write_totals(
    connection: &mut SqliteConnection,
    changes: &[Change],
) -> Result<(), StoreError> {
    let deltas = epoch_deltas(changes);
    let deltas: Vec<_> = deltas
        .iter()
        .map(|delta| {
            let (last_at, last_assignment_id, last_status) = rows::last_columns(delta);
            (
                rows::epoch_number(delta.epoch),
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
    let deltas = json(&deltas)?;
    sqlx::query!(
        "INSERT INTO epoch_totals (epoch, started, completed, failed, expired, success_sum, success_count,
             last_at, last_assignment_id, last_status)
         SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6,
             value ->> 7, value ->> 8, value ->> 9
         FROM json_each(?) WHERE true
         ON CONFLICT (epoch) DO UPDATE SET
             started = started + excluded.started, completed = completed + excluded.completed,
             failed = failed + excluded.failed, expired = expired + excluded.expired,
             success_sum = success_sum + excluded.success_sum,
             success_count = success_count + excluded.success_count,
             last_at = CASE WHEN excluded.last_at >= coalesce(last_at, excluded.last_at)
                 THEN excluded.last_at ELSE last_at END,
             last_assignment_id = CASE WHEN excluded.last_at >= coalesce(last_at, excluded.last_at)
                 THEN excluded.last_assignment_id ELSE last_assignment_id END,
             last_status = CASE WHEN excluded.last_at >= coalesce(last_at, excluded.last_at)
                 THEN excluded.last_status ELSE last_status END",
        deltas
    )
    .execute(connection)
    .await
    .map_err(unavailable)?;
    Ok(())
}

async fn write_validators(
    connection: &mut SqliteConnection,
    validators: &[EpochValidator],
) -> Result<(), StoreError> {
    if validators.is_empty() {
        return Ok(());
    }
    let validators: Vec<_> = validators
        .iter()
        .map(|said| {
            let hash = said.consensus_hash.as_ref().map(|hash| Hex(hash.as_bytes()));
            (rows::epoch_number(said.epoch), Hex(said.hotkey.as_bytes()), hash)
        })
        .collect();
    let validators = json(&validators)?;
    sqlx::query!(
        "INSERT INTO epoch_validators (epoch, hotkey, consensus_hash)
         SELECT value ->> 0, unhex(value ->> 1), unhex(value ->> 2) FROM json_each(?) WHERE true
         ON CONFLICT (epoch, hotkey) DO UPDATE SET consensus_hash = excluded.consensus_hash
         WHERE excluded.consensus_hash IS NOT NULL AND consensus_hash IS NOT excluded.consensus_hash",
        validators
    )
    .execute(connection)
    .await
    .map_err(unavailable)?;
    Ok(())
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
    if !changes.is_empty() {
        let positions: Vec<_> = changes.iter().map(|change| change.assignment.position).collect();
        let (positions, now) = (json(&positions)?, now.micros());
        sqlx::query!(
            "UPDATE assignments SET status = 'expired', updated_at = ?, revision = revision + 1
             WHERE position IN (SELECT value FROM json_each(?))",
            now,
            positions
        )
        .execute(&mut *transaction)
        .await
        .map_err(unavailable)?;
        write_totals(&mut transaction, &changes).await?;
    }
    transaction.commit().await.map_err(unavailable)?;
    writer.done();
    Ok(changes.len() as u64)
}

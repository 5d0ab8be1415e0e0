use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use resi_protocol::wire::{AssignmentId, AssignmentStatus};
use resi_protocol::{EpochId, Hotkey, Timestamp};
use resi_store::rows::{self, AssignmentRow};
use resi_store::{
    Assignment, AssignmentKey, AssignmentQuery, AuditEvent, Change, EpochValidator, GroupCommit,
    Known, Openings, ReportAttempt, ReportDecision, ReportOutcome, StoreError, UsedNonces,
    decide_reports, epoch_deltas, epoch_validators, openings_to_count, status_events,
};
use sqlx::Connection;
use sqlx::postgres::PgConnection;

use crate::database::{
    Database, LockFor, REPORT_LANES, Rounds, Stopped, lock_hotkeys, unavailable, within,
};
use crate::nonces;

const KNOWN_VALIDATORS: usize = 16_384;

/// From so many reports in a group on, a wrong guess now and then costs less than reading before each group.
const WORTH_A_GUESS: usize = 8;

/// So many groups are read after a wrong guess.
const READ_AFTER_WRONG_GUESS: u32 = 64;

type KnownValidators = Known<(EpochId, Hotkey)>;

/// Whether all assignments of a group are new, as they are when an epoch begins: then nothing need be read before they
/// are written. A wrong guess takes itself back, as what another replica overtook does.
#[derive(Debug, Default)]
struct Guesses {
    groups_to_read: AtomicU32,
}

impl Guesses {
    fn all_new(&self, group: usize) -> bool {
        if group < WORTH_A_GUESS {
            return false;
        }
        let one_less = |left: u32| left.checked_sub(1);
        self.groups_to_read.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less).is_err()
    }

    fn was_wrong(&self) {
        self.groups_to_read.store(READ_AFTER_WRONG_GUESS, Ordering::Relaxed);
    }
}

/// All reports of a validator take the same lane, so that they stay in order and lanes do not overtake each other.
pub(crate) fn lane(hotkey: Hotkey) -> usize {
    usize::from(hotkey.as_bytes()[0]) % REPORT_LANES
}

pub(crate) fn committer(
    database: Arc<Database>,
    lane: usize,
) -> GroupCommit<ReportAttempt, ReportOutcome> {
    let (known, guesses) = (Arc::new(Known::new(KNOWN_VALIDATORS)), Arc::new(Guesses::default()));
    GroupCommit::spawn("reports of assignments", move |attempts| {
        let (database, known, guesses) =
            (Arc::clone(&database), Arc::clone(&known), Arc::clone(&guesses));
        async move { within(commit(&database, lane, &known, &guesses, &attempts)).await }
    })
}

async fn commit(
    database: &Database,
    lane: usize,
    known_validators: &KnownValidators,
    guesses: &Guesses,
    attempts: &[ReportAttempt],
) -> Result<Vec<ReportOutcome>, StoreError> {
    let Some(now) = attempts.iter().map(|attempt| attempt.now).max() else { return Ok(Vec::new()) };
    let shard = i32::try_from(lane).unwrap_or(0);
    let mut lane = database.reports[lane].connection(database, now).await?;
    let connection = lane.connection()?;
    let simple =
        attempts.iter().all(|attempt| attempt.new_assignments.is_none() && attempt.nonce.is_none());
    let mut rounds = Rounds::default();
    let mut all_new = simple && guesses.all_new(attempts.len());
    let decision = loop {
        let round = if !simple {
            decide_in_transaction(connection, shard, known_validators, attempts).await
        } else {
            decide(connection, shard, known_validators, attempts, all_new).await
        };
        if let Some(decision) = rounds.settle(round)? {
            break decision;
        }
        if std::mem::take(&mut all_new) {
            guesses.was_wrong();
        }
    };
    lane.done();
    let ReportDecision { outcomes, changes, .. } = decision;
    known_validators
        .extend(changes.iter().map(|change| (change.assignment.epoch, change.assignment.hotkey)));
    Ok(outcomes)
}

async fn decide(
    connection: &mut PgConnection,
    shard: i32,
    known_validators: &KnownValidators,
    attempts: &[ReportAttempt],
    all_new: bool,
) -> Result<ReportDecision, Stopped> {
    let known = if all_new { HashMap::new() } else { load(connection, attempts).await? };
    let decision = decide_reports(attempts, &known, Openings::new(), &UsedNonces::new());
    let audit = status_events(attempts, &decision.outcomes);
    write(connection, shard, known_validators, &decision.changes, &audit).await?;
    Ok(decision)
}

/// Counting is exact only while nobody else opens assignments for the same hotkeys; a nonce is used up with its report,
/// or not at all.
async fn decide_in_transaction(
    connection: &mut PgConnection,
    shard: i32,
    known_validators: &KnownValidators,
    attempts: &[ReportAttempt],
) -> Result<ReportDecision, Stopped> {
    let mut transaction = connection.begin().await?;
    let limited = attempts
        .iter()
        .filter(|attempt| attempt.new_assignments.is_some())
        .map(|attempt| attempt.hotkey);
    lock_hotkeys(&mut transaction, LockFor::Assignments, limited).await?;
    let known = load(&mut transaction, attempts).await?;
    let opened = count_opened(&mut transaction, attempts, &known).await?;
    let asked = attempts.iter().filter_map(ReportAttempt::used_nonce).collect();
    let used = nonces::load_used(&mut transaction, asked).await?;
    let decision = decide_reports(attempts, &known, opened, &used);
    let audit = status_events(attempts, &decision.outcomes);
    write(&mut transaction, shard, known_validators, &decision.changes, &audit).await?;
    nonces::use_up(&mut transaction, &decision.nonces).await?;
    transaction.commit().await?;
    Ok(decision)
}

async fn load(
    connection: &mut PgConnection,
    attempts: &[ReportAttempt],
) -> Result<HashMap<AssignmentKey, Assignment>, StoreError> {
    let mut keys: Vec<_> = attempts
        .iter()
        .map(|attempt| (attempt.hotkey, attempt.report.assignment_id.as_str()))
        .collect();
    keys.sort_unstable();
    keys.dedup();
    let (hotkeys, ids): (Vec<Vec<u8>>, Vec<String>) =
        keys.into_iter().map(|(hotkey, id)| (hotkey.as_bytes().to_vec(), id.to_owned())).unzip();
    sqlx::query_as!(
        AssignmentRow,
        "SELECT a.hotkey, a.status, a.late, a.epoch, a.opened_in, a.report, a.first_reported_at, a.updated_at,
             a.position, a.revision
         FROM UNNEST($1::bytea[], $2::text[]) AS asked(hotkey, assignment_id)
         CROSS JOIN LATERAL (
             SELECT * FROM assignments AS a
             WHERE a.hotkey = asked.hotkey AND a.assignment_id = asked.assignment_id OFFSET 0
         ) AS a",
        &hotkeys,
        &ids
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
    connection: &mut PgConnection,
    attempts: &[ReportAttempt],
    known: &HashMap<AssignmentKey, Assignment>,
) -> Result<Openings, StoreError> {
    let wanted: Vec<_> = openings_to_count(attempts, known).into_iter().collect();
    if wanted.is_empty() {
        return Ok(Openings::new());
    }
    let (hotkeys, epochs): (Vec<Vec<u8>>, Vec<i64>) = wanted
        .iter()
        .map(|(hotkey, epoch)| (hotkey.as_bytes().to_vec(), rows::epoch_start(*epoch)))
        .unzip();
    let counts = sqlx::query_scalar!(
        r#"SELECT (SELECT count(*) FROM assignments AS a
                   WHERE a.opened_in = asked.opened_in AND a.hotkey = asked.hotkey) AS "count!"
           FROM UNNEST($1::bytea[], $2::bigint[]) WITH ORDINALITY AS asked(hotkey, opened_in, nth)
           ORDER BY asked.nth"#,
        &hotkeys,
        &epochs
    )
    .fetch_all(connection)
    .await
    .map_err(unavailable)?;
    Ok(wanted
        .into_iter()
        .zip(counts.into_iter().map(|count| u64::try_from(count).unwrap_or(0)))
        .collect())
}

/// Writes all changes and what follows from them in one statement, which takes itself back when one of the assignments
/// is no longer as it was read.
async fn write(
    connection: &mut PgConnection,
    shard: i32,
    known_validators: &KnownValidators,
    changes: &[Change],
    audit: &[AuditEvent],
) -> Result<(), Stopped> {
    if changes.is_empty() {
        return Ok(());
    }
    let deltas = epoch_deltas(changes);
    let mut validators = epoch_validators(changes);
    validators.retain(|said| {
        said.consensus_hash.is_some() || !known_validators.contains(&(said.epoch, said.hotkey))
    });
    // In one order everywhere, so that two replicas never wait for each other in a circle.
    let mut sorted: Vec<&Assignment> = changes.iter().map(|change| &change.assignment).collect();
    sorted.sort_unstable_by_key(|assignment| {
        (assignment.hotkey, assignment.report.assignment_id.as_str())
    });

    let hotkeys: Vec<Vec<u8>> = sorted.iter().map(|a| a.hotkey.as_bytes().to_vec()).collect();
    let ids: Vec<String> =
        sorted.iter().map(|a| a.report.assignment_id.as_str().to_owned()).collect();
    let statuses: Vec<String> = sorted.iter().map(|a| a.status.name().to_owned()).collect();
    let late: Vec<bool> = sorted.iter().map(|a| a.late).collect();
    let epochs: Vec<i64> = sorted.iter().map(|a| rows::epoch_start(a.epoch)).collect();
    let opened_in: Vec<i64> = sorted.iter().map(|a| rows::epoch_start(a.opened_in)).collect();
    let reports: Vec<String> =
        sorted.iter().map(|a| rows::report_text(a)).collect::<Result<_, _>>()?;
    let first_reported_at: Vec<i64> = sorted.iter().map(|a| a.first_reported_at.micros()).collect();
    let updated_at: Vec<i64> = sorted.iter().map(|a| a.updated_at.micros()).collect();
    let revisions: Vec<i64> = sorted.iter().map(|a| a.revision).collect();

    let total_epochs: Vec<i64> =
        deltas.iter().map(|delta| rows::epoch_start(delta.epoch)).collect();
    let started: Vec<i64> = deltas.iter().map(|delta| delta.started).collect();
    let completed: Vec<i64> = deltas.iter().map(|delta| delta.completed).collect();
    let failed: Vec<i64> = deltas.iter().map(|delta| delta.failed).collect();
    let expired: Vec<i64> = deltas.iter().map(|delta| delta.expired).collect();
    let success_sum: Vec<f64> = deltas.iter().map(|delta| delta.success_sum).collect();
    let success_count: Vec<i64> = deltas.iter().map(|delta| delta.success_count).collect();
    let last_at: Vec<Option<i64>> =
        deltas.iter().map(|delta| rows::last_columns(delta).0).collect();
    let last_id: Vec<Option<String>> =
        deltas.iter().map(|delta| rows::last_columns(delta).1.map(str::to_owned)).collect();
    let last_status: Vec<Option<String>> =
        deltas.iter().map(|delta| rows::last_columns(delta).2.map(str::to_owned)).collect();

    let (validator_epochs, validator_hotkeys, hashes) = validator_columns(&validators);
    let audited_at = audit.iter().map(|event| event.at.micros()).max();

    sqlx::query!(
        r#"WITH written AS (
               INSERT INTO assignments AS a (hotkey, assignment_id, status, late, epoch, opened_in, report,
                   first_reported_at, updated_at, revision)
               SELECT * FROM UNNEST($1::bytea[], $2::text[], $3::text[], $4::boolean[], $5::bigint[], $6::bigint[],
                   $7::text[], $8::bigint[], $9::bigint[], $10::bigint[])
               ON CONFLICT (hotkey, assignment_id) DO UPDATE SET
                   status = excluded.status, late = excluded.late, epoch = excluded.epoch,
                   report = excluded.report, updated_at = excluded.updated_at, revision = excluded.revision
               WHERE a.revision = excluded.revision - 1
               RETURNING 1
           ), totals AS (
               INSERT INTO epoch_totals AS t (shard, epoch, started, completed, failed, expired, success_sum,
                   success_count, last_at, last_assignment_id, last_status)
               SELECT $25, * FROM UNNEST($11::bigint[], $12::bigint[], $13::bigint[], $14::bigint[], $15::bigint[],
                   $16::double precision[], $17::bigint[], $18::bigint[], $19::text[], $20::text[])
               ON CONFLICT (epoch, shard) DO UPDATE SET
                   started = t.started + excluded.started, completed = t.completed + excluded.completed,
                   failed = t.failed + excluded.failed, expired = t.expired + excluded.expired,
                   success_sum = t.success_sum + excluded.success_sum,
                   success_count = t.success_count + excluded.success_count,
                   last_at = CASE WHEN excluded.last_at >= coalesce(t.last_at, excluded.last_at)
                       THEN excluded.last_at ELSE t.last_at END,
                   last_assignment_id = CASE WHEN excluded.last_at >= coalesce(t.last_at, excluded.last_at)
                       THEN excluded.last_assignment_id ELSE t.last_assignment_id END,
                   last_status = CASE WHEN excluded.last_at >= coalesce(t.last_at, excluded.last_at)
                       THEN excluded.last_status ELSE t.last_status END
           ), validators AS (
               INSERT INTO epoch_validators AS v (epoch, hotkey, consensus_hash)
               SELECT * FROM UNNEST($21::bigint[], $22::bytea[], $23::bytea[]) AS said (epoch, hotkey, consensus_hash)
               -- A conflict locks the row, also where it then changes nothing, and nearly all say what was said before.
               WHERE NOT EXISTS (
                   SELECT FROM epoch_validators AS v
                   WHERE v.epoch = said.epoch AND v.hotkey = said.hotkey
                       AND (said.consensus_hash IS NULL OR v.consensus_hash = said.consensus_hash))
               ORDER BY said.epoch, said.hotkey
               ON CONFLICT (epoch, hotkey) DO UPDATE SET consensus_hash = excluded.consensus_hash
               WHERE excluded.consensus_hash IS NOT NULL AND v.consensus_hash IS DISTINCT FROM excluded.consensus_hash
           ), audited AS (
               INSERT INTO audit_of_reports (at, entries) SELECT $26, $27 WHERE $26::bigint IS NOT NULL
           )
           SELECT require_all_written((SELECT count(*) FROM written), $24)"#,
        &hotkeys,
        &ids,
        &statuses,
        &late,
        &epochs,
        &opened_in,
        &reports,
        &first_reported_at,
        &updated_at,
        &revisions,
        &total_epochs,
        &started,
        &completed,
        &failed,
        &expired,
        &success_sum,
        &success_count,
        &last_at as &[Option<i64>],
        &last_id as &[Option<String>],
        &last_status as &[Option<String>],
        &validator_epochs,
        &validator_hotkeys,
        &hashes as &[Option<Vec<u8>>],
        sorted.len() as i64,
        shard,
        audited_at,
        rows::audit_text(audit)?
    )
    .fetch_one(connection)
    .await?;
    Ok(())
}

type ValidatorColumns = (Vec<i64>, Vec<Vec<u8>>, Vec<Option<Vec<u8>>>);

fn validator_columns(validators: &[EpochValidator]) -> ValidatorColumns {
    (
        validators.iter().map(|said| rows::epoch_start(said.epoch)).collect(),
        validators.iter().map(|said| said.hotkey.as_bytes().to_vec()).collect(),
        validators
            .iter()
            .map(|said| said.consensus_hash.map(|hash| hash.as_bytes().to_vec()))
            .collect(),
    )
}

pub(crate) async fn find(
    database: &Database,
    hotkey: Hotkey,
    id: &AssignmentId,
) -> Result<Option<Assignment>, StoreError> {
    let mut connection = database.connection().await?;
    let row = sqlx::query_as!(
        AssignmentRow,
        "SELECT hotkey, status, late, epoch, opened_in, report, first_reported_at, updated_at, position, revision
         FROM assignments WHERE hotkey = $1 AND assignment_id = $2",
        &hotkey.as_bytes()[..],
        id.as_str()
    )
    .fetch_optional(&mut *connection)
    .await
    .map_err(unavailable)?;
    connection.done();
    row.map(TryInto::try_into).transpose()
}

pub(crate) async fn list(
    database: &Database,
    hotkey: Hotkey,
    query: AssignmentQuery,
) -> Result<Vec<Assignment>, StoreError> {
    let mut connection = database.connection().await?;
    let rows = sqlx::query_as!(
        AssignmentRow,
        "SELECT hotkey, status, late, epoch, opened_in, report, first_reported_at, updated_at, position, revision
         FROM assignments
         WHERE hotkey = $1 AND position < $2
           AND ($3::text IS NULL OR $3 =
               CASE WHEN status = 'started' AND first_reported_at <= $4 THEN 'expired' ELSE status END)
         ORDER BY position DESC LIMIT $5",
        &hotkey.as_bytes()[..],
        query.before.unwrap_or(i64::MAX),
        query.status.map(AssignmentStatus::name),
        query.expired_at_or_before.micros(),
        i64::from(query.limit)
    )
    .fetch_all(&mut *connection)
    .await
    .map_err(unavailable)?;
    connection.done();
    rows.into_iter().map(TryInto::try_into).collect()
}

pub(crate) async fn expire(
    database: &Database,
    cutoff: Timestamp,
    now: Timestamp,
    limit: u32,
) -> Result<u64, StoreError> {
    let mut connection = database.connection().await?;
    let mut rounds = Rounds::default();
    let expired = loop {
        let round = sqlx::query_scalar!(
            r#"WITH due AS (
                   SELECT hotkey, assignment_id FROM assignments
                   WHERE status = 'started' AND first_reported_at <= $1
                   ORDER BY first_reported_at LIMIT $3 FOR UPDATE SKIP LOCKED
               ), expired AS (
                   UPDATE assignments AS a SET status = 'expired', updated_at = $2, revision = a.revision + 1
                   FROM due WHERE a.hotkey = due.hotkey AND a.assignment_id = due.assignment_id
                   RETURNING a.epoch, a.hotkey, a.assignment_id
               ), totals AS (
                   INSERT INTO epoch_totals AS t (shard, epoch, started, expired, last_at, last_assignment_id,
                       last_status)
                   SELECT 0, epoch, -count(*), count(*), $2, max(assignment_id), 'expired'
                   FROM expired GROUP BY epoch ORDER BY epoch
                   ON CONFLICT (epoch, shard) DO UPDATE SET
                       started = t.started + excluded.started, expired = t.expired + excluded.expired,
                       last_at = CASE WHEN excluded.last_at >= coalesce(t.last_at, excluded.last_at)
                           THEN excluded.last_at ELSE t.last_at END,
                       last_assignment_id = CASE WHEN excluded.last_at >= coalesce(t.last_at, excluded.last_at)
                           THEN excluded.last_assignment_id ELSE t.last_assignment_id END,
                       last_status = CASE WHEN excluded.last_at >= coalesce(t.last_at, excluded.last_at)
                           THEN excluded.last_status ELSE t.last_status END
               ), audited AS (
                   INSERT INTO audit (at, kind, code, hotkey, proved, subject, times)
                   SELECT $2, 'status', 'expired', hotkey, true, assignment_id, 1 FROM expired
               )
               SELECT count(*) AS "expired!" FROM expired"#,
            cutoff.micros(),
            now.micros(),
            i64::from(limit)
        )
        .fetch_one(&mut *connection)
        .await
        .map_err(Stopped::from);
        if let Some(expired) = rounds.settle(round)? {
            break expired;
        }
    };
    connection.done();
    Ok(u64::try_from(expired).unwrap_or(0))
}

pub(crate) async fn prune(
    database: &Database,
    before: Timestamp,
    limit: u32,
) -> Result<u64, StoreError> {
    let mut connection = database.connection().await?;
    let pruned = sqlx::query!(
        "DELETE FROM assignments WHERE (hotkey, assignment_id) IN (
             SELECT hotkey, assignment_id FROM assignments
             WHERE opened_in < $1 AND status <> 'started' ORDER BY opened_in LIMIT $2 FOR UPDATE SKIP LOCKED)",
        before.seconds(),
        i64::from(limit)
    )
    .execute(&mut *connection)
    .await
    .map_err(unavailable)?;
    connection.done();
    Ok(pruned.rows_affected())
}

use std::collections::HashSet;
use std::sync::Arc;

use resi_protocol::{Hotkey, Signature, Timestamp};
use resi_store::rows;
use resi_store::{
    AuditEvent, GrantAttempt, GrantOutcome, GrantedValidator, GroupCommit, Known, RecentGrants,
    StoreError, UsedProofs, decide_grants, grant_events,
};
use sqlx::Connection;
use sqlx::postgres::PgConnection;

use crate::database::{Database, LockFor, Rounds, Stopped, lock_hotkeys, unavailable, within};
use crate::nonces;

const KNOWN_VALIDATORS: usize = 16_384;

pub(crate) fn committer(database: Arc<Database>) -> GroupCommit<GrantAttempt, GrantOutcome> {
    let known = Arc::new(Known::new(KNOWN_VALIDATORS));
    GroupCommit::spawn("grants of access", move |attempts| {
        let (database, known) = (Arc::clone(&database), Arc::clone(&known));
        async move { within(commit(&database, &known, &attempts)).await }
    })
}

async fn commit(
    database: &Database,
    known: &Known<Hotkey>,
    attempts: &[GrantAttempt],
) -> Result<Vec<GrantOutcome>, StoreError> {
    let Some(now) = attempts.iter().map(|attempt| attempt.now).max() else { return Ok(Vec::new()) };
    let mut lane = database.grants.connection(database, now).await?;
    let connection = lane.connection()?;
    let simple =
        attempts.iter().all(|attempt| attempt.limit.is_none() && attempt.signature().is_some());
    let mut rounds = Rounds::default();
    let outcomes = loop {
        let round = if simple && rounds.is_first() {
            insert_unless_used(connection, known, attempts).await
        } else {
            decide_and_write(connection, attempts).await
        };
        if let Some(outcomes) = rounds.settle(round)? {
            break outcomes;
        }
    };
    lane.done();
    known.extend(granted(attempts, &outcomes).map(|attempt| attempt.hotkey));
    Ok(outcomes)
}

fn granted<'a>(
    attempts: &'a [GrantAttempt],
    outcomes: &'a [GrantOutcome],
) -> impl Iterator<Item = &'a GrantAttempt> {
    attempts
        .iter()
        .zip(outcomes)
        .filter(|(_, outcome)| matches!(outcome, GrantOutcome::Granted(_)))
        .map(|(attempt, _)| attempt)
}

/// In the order of the primary key, so that two replicas never wait for each other in a circle.
fn signatures<'a>(attempts: impl Iterator<Item = &'a GrantAttempt>) -> (Vec<i64>, Vec<Vec<u8>>) {
    let mut rows: Vec<_> = attempts
        .filter_map(GrantAttempt::signature)
        .map(|(until, signature)| (until.micros(), signature.as_bytes().to_vec()))
        .collect();
    rows.sort_unstable();
    rows.into_iter().unzip()
}

/// One statement, and without a limit nothing to decide, as long as none of the signatures was used.
async fn insert_unless_used(
    connection: &mut PgConnection,
    known: &Known<Hotkey>,
    attempts: &[GrantAttempt],
) -> Result<Vec<GrantOutcome>, Stopped> {
    let new_hotkey = attempts.iter().any(|attempt| !known.contains(&attempt.hotkey));
    if new_hotkey {
        return decide_and_write(connection, attempts).await;
    }
    let outcomes = vec![GrantOutcome::Granted(None); attempts.len()];
    insert(connection, signatures(attempts.iter()), &grant_events(attempts, &outcomes)).await?;
    Ok(outcomes)
}

/// Consumes all signatures, or none when another replica was faster with one of them.
async fn insert(
    connection: &mut PgConnection,
    (until, signature): (Vec<i64>, Vec<Vec<u8>>),
    audit: &[AuditEvent],
) -> Result<(), Stopped> {
    sqlx::query!(
        "WITH written AS (
             INSERT INTO used_signatures (remember_until, signature)
             SELECT * FROM UNNEST($1::bigint[], $2::bytea[])
             ON CONFLICT DO NOTHING RETURNING 1
         )
         SELECT require_all_written((SELECT count(*) FROM written), $3), append_audit($4)",
        &until,
        &signature,
        until.len() as i64,
        rows::audit_text(audit)?
    )
    .fetch_one(connection)
    .await?;
    Ok(())
}

async fn decide_and_write(
    connection: &mut PgConnection,
    attempts: &[GrantAttempt],
) -> Result<Vec<GrantOutcome>, Stopped> {
    let limited: Vec<_> = attempts
        .iter()
        .filter(|attempt| attempt.limit.is_some())
        .map(|attempt| attempt.hotkey)
        .collect();
    let mut transaction = connection.begin().await?;
    if !limited.is_empty() {
        lock_hotkeys(&mut transaction, LockFor::Grants, limited.iter().copied()).await?;
    }
    let asked = attempts.iter().filter_map(GrantAttempt::nonce).collect();
    let mut used = UsedProofs {
        signatures: load_used(&mut transaction, attempts).await?,
        nonces: nonces::load_used(&mut transaction, asked).await?,
    };
    let mut recent = load_recent(&mut transaction, limited).await?;
    let outcomes = decide_grants(attempts, &mut recent, &mut used);
    let granted: Vec<_> = granted(attempts, &outcomes).collect();
    if !granted.is_empty() {
        let audit = grant_events(attempts, &outcomes);
        insert(&mut transaction, signatures(granted.iter().copied()), &audit).await?;
        write_validators(&mut transaction, &granted, &recent).await?;
        let nonces = granted.iter().filter_map(|attempt| attempt.nonce()).collect();
        nonces::use_up(&mut transaction, &nonces).await?;
    }
    transaction.commit().await?;
    Ok(outcomes)
}

async fn load_used(
    connection: &mut PgConnection,
    attempts: &[GrantAttempt],
) -> Result<HashSet<(Timestamp, Signature)>, StoreError> {
    let (until, signature) = signatures(attempts.iter());
    sqlx::query!(
        "SELECT used.remember_until, used.signature
         FROM UNNEST($1::bigint[], $2::bytea[]) AS asked(remember_until, signature)
         CROSS JOIN LATERAL (
             SELECT * FROM used_signatures AS used
             WHERE used.remember_until = asked.remember_until AND used.signature = asked.signature OFFSET 0
         ) AS used",
        &until,
        &signature
    )
    .fetch_all(connection)
    .await
    .map_err(unavailable)?
    .into_iter()
    .map(|row| Ok((Timestamp::from_micros(row.remember_until), rows::signature(&row.signature)?)))
    .collect()
}

async fn load_recent(
    connection: &mut PgConnection,
    mut limited: Vec<Hotkey>,
) -> Result<RecentGrants, StoreError> {
    if limited.is_empty() {
        return Ok(RecentGrants::new());
    }
    limited.sort_unstable();
    limited.dedup();
    let hotkeys: Vec<Vec<u8>> = limited.iter().map(|hotkey| hotkey.as_bytes().to_vec()).collect();
    sqlx::query!(
        "SELECT known.hotkey, known.recent_grants
         FROM UNNEST($1::bytea[]) AS asked(hotkey)
         CROSS JOIN LATERAL (SELECT * FROM validators AS known WHERE known.hotkey = asked.hotkey OFFSET 0) AS known",
        &hotkeys
    )
    .fetch_all(connection)
    .await
    .map_err(unavailable)?
    .into_iter()
    .map(|row| {
        let recent = row.recent_grants.into_iter().map(Timestamp::from_micros).collect();
        Ok((rows::hotkey(&row.hotkey)?, recent))
    })
    .collect()
}

async fn write_validators(
    transaction: &mut PgConnection,
    granted: &[&GrantAttempt],
    recent: &RecentGrants,
) -> Result<(), sqlx::Error> {
    let mut validators: Vec<_> =
        granted.iter().map(|attempt| (attempt.hotkey, attempt.now)).collect();
    validators.sort_unstable();
    validators.dedup_by_key(|(hotkey, _)| *hotkey);
    let hotkeys: Vec<Vec<u8>> =
        validators.iter().map(|(hotkey, _)| hotkey.as_bytes().to_vec()).collect();
    let times: Vec<i64> = validators.iter().map(|(_, now)| now.micros()).collect();
    // Arrays of arrays would have to be of one length each: as text, each row has its own.
    let recent: Vec<String> = validators
        .iter()
        .map(|(hotkey, _)| {
            let recent = recent.get(hotkey).map(Vec::as_slice).unwrap_or_default();
            let recent: Vec<String> = recent.iter().map(|at| at.micros().to_string()).collect();
            format!("{{{}}}", recent.join(","))
        })
        .collect();
    sqlx::query!(
        "INSERT INTO validators AS known (hotkey, first_granted_at, recent_grants)
         SELECT hotkey, first_granted_at, recent_grants::bigint[]
         FROM UNNEST($1::bytea[], $2::bigint[], $3::text[]) AS input(hotkey, first_granted_at, recent_grants)
         ON CONFLICT (hotkey) DO UPDATE SET recent_grants = excluded.recent_grants
         WHERE known.recent_grants <> excluded.recent_grants AND excluded.recent_grants <> '{}'",
        &hotkeys,
        &times,
        &recent
    )
    .execute(transaction)
    .await
    .map(drop)
}

pub(crate) async fn forget(
    database: &Database,
    now: Timestamp,
    limit: u32,
) -> Result<u64, StoreError> {
    let mut connection = database.connection().await?;
    let forgotten = sqlx::query!(
        "DELETE FROM used_signatures WHERE (remember_until, signature) IN (
             SELECT remember_until, signature FROM used_signatures
             WHERE remember_until < $1 ORDER BY remember_until, signature LIMIT $2 FOR UPDATE SKIP LOCKED)",
        now.micros(),
        i64::from(limit)
    )
    .execute(&mut *connection)
    .await
    .map_err(unavailable)?;
    connection.done();
    Ok(forgotten.rows_affected())
}

pub(crate) async fn validators(
    database: &Database,
    after: Option<Hotkey>,
    limit: u32,
) -> Result<Vec<GrantedValidator>, StoreError> {
    // Nothing comes before no bytes at all.
    let after = after.as_ref().map_or(&[][..], |hotkey| &hotkey.as_bytes()[..]);
    let mut connection = database.connection().await?;
    let rows = sqlx::query!(
        "SELECT hotkey, first_granted_at FROM validators WHERE hotkey > $1 ORDER BY hotkey LIMIT $2",
        after,
        i64::from(limit)
    )
    .fetch_all(&mut *connection)
    .await
    .map_err(unavailable)?;
    connection.done();
    rows.into_iter()
        .map(|row| {
            let first_granted_at = Timestamp::from_micros(row.first_granted_at);
            Ok(GrantedValidator { hotkey: rows::hotkey(&row.hotkey)?, first_granted_at })
        })
        .collect()
}

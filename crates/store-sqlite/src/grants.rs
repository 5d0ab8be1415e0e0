use std::collections::HashSet;
use std::sync::Arc;

use resi_protocol::{Hotkey, Signature, Timestamp};
use resi_store::rows;
use resi_store::{
    GrantAttempt, GrantOutcome, GrantedValidator, GroupCommit, Known, RecentGrants, StoreError,
    UsedProofs, decide_grants, grant_events,
};
use sqlx::Connection;
use sqlx::sqlite::SqliteConnection;

use crate::database::{Database, Hex, json, unavailable, within};
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
    let mut writer = database.writer().await?;
    let simple = |attempt: &GrantAttempt| attempt.limit.is_none() && attempt.signature().is_some();
    if attempts.iter().all(|attempt| simple(attempt) && known.contains(&attempt.hotkey))
        && insert_unless_used(writer.connection()?, attempts).await?
    {
        writer.done();
        return Ok(vec![GrantOutcome::Granted(None); attempts.len()]);
    }
    let outcomes = decide_and_write(writer.connection()?, attempts).await?;
    writer.done();
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

fn signatures<'a>(attempts: impl Iterator<Item = &'a GrantAttempt>) -> Result<String, StoreError> {
    let rows: Vec<_> = attempts
        .filter_map(GrantAttempt::signature)
        .map(|(until, signature)| (until.micros(), signature))
        .collect();
    let rows: Vec<_> =
        rows.iter().map(|(until, signature)| (until, Hex(signature.as_bytes()))).collect();
    json(&rows)
}

/// Consumes all signatures in one statement, or none when one of them was used.
async fn insert_unless_used(
    connection: &mut SqliteConnection,
    attempts: &[GrantAttempt],
) -> Result<bool, StoreError> {
    let outcomes = vec![GrantOutcome::Granted(None); attempts.len()];
    let audit = rows::audit_text(&grant_events(attempts, &outcomes))?;
    match insert(connection, signatures(attempts.iter())?, audit).await {
        Ok(()) => Ok(true),
        Err(sqlx::Error::Database(error)) if error.is_unique_violation() => Ok(false),
        Err(error) => Err(unavailable(error)),
    }
}

async fn insert(
    connection: &mut SqliteConnection,
    signatures: String,
    audit: String,
) -> sqlx::Result<()> {
    sqlx::query!("INSERT INTO grant_groups (signatures, audit) VALUES (?, ?)", signatures, audit)
        .execute(connection)
        .await
        .map(drop)
}

async fn decide_and_write(
    connection: &mut SqliteConnection,
    attempts: &[GrantAttempt],
) -> Result<Vec<GrantOutcome>, StoreError> {
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.map_err(unavailable)?;
    let asked = attempts.iter().filter_map(GrantAttempt::nonce).collect();
    let mut used = UsedProofs {
        signatures: load_used(&mut transaction, attempts).await?,
        nonces: nonces::load_used(&mut transaction, asked).await?,
    };
    let mut recent = load_recent(&mut transaction, attempts).await?;
    let outcomes = decide_grants(attempts, &mut recent, &mut used);
    let granted: Vec<_> = granted(attempts, &outcomes).collect();
    if !granted.is_empty() {
        let audit = rows::audit_text(&grant_events(attempts, &outcomes))?;
        insert(&mut transaction, signatures(granted.iter().copied())?, audit)
            .await
            .map_err(unavailable)?;
        write_validators(&mut transaction, &granted, &recent).await?;
        let nonces = granted.iter().filter_map(|attempt| attempt.nonce()).collect();
        nonces::use_up(&mut transaction, &nonces).await?;
    }
    transaction.commit().await.map_err(unavailable)?;
    Ok(outcomes)
}

async fn load_used(
    connection: &mut SqliteConnection,
    attempts: &[GrantAttempt],
) -> Result<HashSet<(Timestamp, Signature)>, StoreError> {
    let asked = signatures(attempts.iter())?;
    sqlx::query!(
        r#"SELECT used.remember_until AS "remember_until!", used.signature AS "signature!"
           FROM json_each(?) AS asked
           CROSS JOIN used_signatures AS used
           ON used.remember_until = asked.value ->> 0 AND used.signature = unhex(asked.value ->> 1)"#,
        asked
    )
    .fetch_all(connection)
    .await
    .map_err(unavailable)?
    .into_iter()
    .map(|row| Ok((Timestamp::from_micros(row.remember_until), rows::signature(&row.signature)?)))
    .collect()
}

async fn load_recent(
    connection: &mut SqliteConnection,
    attempts: &[GrantAttempt],
) -> Result<RecentGrants, StoreError> {
    let mut limited: Vec<_> = attempts
        .iter()
        .filter(|attempt| attempt.limit.is_some())
        .map(|attempt| attempt.hotkey)
        .collect();
    if limited.is_empty() {
        return Ok(RecentGrants::new());
    }
    limited.sort_unstable();
    limited.dedup();
    let limited = json(&limited.iter().map(|hotkey| Hex(hotkey.as_bytes())).collect::<Vec<_>>())?;
    sqlx::query!(
        r#"SELECT known.hotkey AS "hotkey!", known.recent_grants AS "recent_grants!"
           FROM json_each(?) AS asked
           CROSS JOIN validators AS known ON known.hotkey = unhex(asked.value)"#,
        limited
    )
    .fetch_all(connection)
    .await
    .map_err(unavailable)?
    .into_iter()
    .map(|row| {
        let recent: Vec<i64> = serde_json::from_str(&row.recent_grants)
            .map_err(|error| StoreError::Inconsistent(format!("recent grants: {error}")))?;
        Ok((rows::hotkey(&row.hotkey)?, recent.into_iter().map(Timestamp::from_micros).collect()))
    })
    .collect()
}

async fn write_validators(
    connection: &mut SqliteConnection,
    granted: &[&GrantAttempt],
    recent: &RecentGrants,
) -> Result<(), StoreError> {
    let mut validators: Vec<_> =
        granted.iter().map(|attempt| (attempt.hotkey, attempt.now)).collect();
    validators.sort_unstable();
    validators.dedup_by_key(|(hotkey, _)| *hotkey);
    let validators: Vec<_> = validators
        .iter()
        .map(|(hotkey, now)| {
            let recent = recent
                .get(hotkey)
                .map(|recent| recent.iter().map(|at| at.micros()).collect::<Vec<_>>());
            (Hex(hotkey.as_bytes()), now.micros(), recent)
        })
        .collect();
    let validators = json(&validators)?;
    sqlx::query!(
        "INSERT INTO validators (hotkey, first_granted_at, recent_grants)
         SELECT unhex(value ->> 0), value ->> 1, coalesce(value ->> 2, '[]') FROM json_each(?) WHERE true
         ON CONFLICT (hotkey) DO UPDATE SET recent_grants = excluded.recent_grants
         WHERE recent_grants <> excluded.recent_grants AND excluded.recent_grants <> '[]'",
        validators
    )
    .execute(connection)
    .await
    .map_err(unavailable)?;
    Ok(())
}

pub(crate) async fn forget(
    database: &Database,
    now: Timestamp,
    limit: u32,
) -> Result<u64, StoreError> {
    let now = now.micros();
    let mut writer = database.writer().await?;
    let forgotten = sqlx::query!(
        "DELETE FROM used_signatures WHERE (remember_until, signature) IN (
             SELECT remember_until, signature FROM used_signatures
             WHERE remember_until < ? ORDER BY remember_until, signature LIMIT ?)",
        now,
        limit
    )
    .execute(writer.connection()?)
    .await
    .map_err(unavailable)?;
    writer.done();
    Ok(forgotten.rows_affected())
}

pub(crate) async fn validators(
    database: &Database,
    after: Option<Hotkey>,
    limit: u32,
) -> Result<Vec<GrantedValidator>, StoreError> {
    // Nothing comes before no bytes at all.
    let after = after.as_ref().map_or(&[][..], |hotkey| &hotkey.as_bytes()[..]);
    let mut reader = database.reader().await?;
    let rows = sqlx::query!(
        "SELECT hotkey, first_granted_at FROM validators WHERE hotkey > ? ORDER BY hotkey LIMIT ?",
        after,
        limit
    )
    .fetch_all(&mut *reader)
    .await
    .map_err(unavailable)?;
    reader.done();
    rows.into_iter()
        .map(|row| {
            let first_granted_at = Timestamp::from_micros(row.first_granted_at);
            Ok(GrantedValidator { hotkey: rows::hotkey(&row.hotkey)?, first_granted_at })
        })
        .collect()
}

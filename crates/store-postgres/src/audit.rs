use resi_protocol::Timestamp;
use resi_store::rows::{self, AuditRow};
use resi_store::{AuditEntry, AuditEvent, AuditQuery, StoreError};
use sqlx::postgres::PgConnection;

use crate::database::{Database, unavailable};

pub(crate) async fn append(
    connection: &mut PgConnection,
    events: &[AuditEvent],
) -> Result<(), StoreError> {
    if events.is_empty() {
        return Ok(());
    }
    sqlx::query!("SELECT append_audit($1)", rows::audit_text(events)?)
        .execute(connection)
        .await
        .map(drop)
        .map_err(unavailable)
}

pub(crate) async fn record(database: &Database, events: &[AuditEvent]) -> Result<(), StoreError> {
    let mut connection = database.connection().await?;
    append(&mut connection, events).await?;
    connection.done();
    Ok(())
}

/// Pages follow an index, since all of a list of changes of status have the time of its commit's last report. Of the lists
/// only as many are taken apart as the page has entries, each of which has one at least; those of a hotkey are found by
/// their text first, which ids may hold as well.
pub(crate) async fn list(
    database: &Database,
    query: AuditQuery,
) -> Result<Vec<AuditEntry>, StoreError> {
    let (at, position) = query.after.unwrap_or((query.since, i64::MIN));
    let mut connection = database.connection().await?;
    let rows = sqlx::query_as!(
        AuditRow,
        r#"SELECT position AS "position!", at AS "at!", kind AS "kind!", code AS "code!", hotkey, proved AS "proved!",
               subject, request_id, address, times AS "times!"
           FROM (
               (SELECT position, at, kind, code, hotkey, proved, subject, request_id, address, times
                FROM audit
                WHERE at >= $1 AND (at, position) > ($1, $2) AND ($3::bytea IS NULL OR hotkey = $3)
                ORDER BY at, position LIMIT $4)
               UNION ALL
               SELECT (1::bigint << 52) + g.position * 1024 + nth, g.at, entry ->> 1, entry ->> 2,
                   decode(entry ->> 3, 'hex'), (entry ->> 4) = '1', entry ->> 5, entry ->> 6, entry ->> 7,
                   (entry ->> 8)::bigint
               FROM (
                   SELECT position, at, entries FROM audit_of_reports
                   WHERE at >= $1 AND (at > $1 OR (1::bigint << 52) + position * 1024 + 1023 > $2)
                     AND ($3::bytea IS NULL OR strpos(entries, encode($3, 'hex')) > 0
                          AND EXISTS (SELECT FROM json_array_elements(entries::json) AS e(entry)
                                      WHERE entry ->> 3 = encode($3, 'hex')))
                   ORDER BY at, position LIMIT $4 + 1
               ) AS g
               CROSS JOIN LATERAL json_array_elements(g.entries::json) WITH ORDINALITY AS e(entry, nth)
           ) AS both_kinds
           WHERE (at, position) > ($1, $2) AND ($3::bytea IS NULL OR hotkey = $3)
           ORDER BY at, position LIMIT $4"#,
        at.micros(),
        position,
        query.hotkey.as_ref().map(|hotkey| &hotkey.as_bytes()[..]),
        i64::from(query.limit)
    )
    .fetch_all(&mut *connection)
    .await
    .map_err(unavailable)?;
    connection.done();
    rows.into_iter().map(TryInto::try_into).collect()
}

pub(crate) async fn prune(
    database: &Database,
    before: Timestamp,
    limit: u32,
) -> Result<u64, StoreError> {
    let mut connection = database.connection().await?;
    let pruned = sqlx::query!(
        "DELETE FROM audit WHERE position IN (
             SELECT position FROM audit WHERE at < $1 ORDER BY at, position LIMIT $2 FOR UPDATE SKIP LOCKED)",
        before.micros(),
        i64::from(limit)
    )
    .execute(&mut *connection)
    .await
    .map_err(unavailable)?;
    let pruned_of_reports = sqlx::query!(
        "DELETE FROM audit_of_reports WHERE position IN (
             SELECT position FROM audit_of_reports WHERE at < $1 ORDER BY at LIMIT $2 FOR UPDATE SKIP LOCKED)",
        before.micros(),
        i64::from(limit)
    )
    .execute(&mut *connection)
    .await
    .map_err(unavailable)?;
    connection.done();
    Ok(pruned.rows_affected() + pruned_of_reports.rows_affected())
}

pub(crate) async fn prune_unproved(
    database: &Database,
    before: Timestamp,
    limit: u32,
) -> Result<u64, StoreError> {
    let mut connection = database.connection().await?;
    let pruned = sqlx::query!(
        "DELETE FROM audit WHERE position IN (
             SELECT position FROM audit WHERE kind = 'refusal' AND NOT proved AND at < $1
             ORDER BY at, position LIMIT $2 FOR UPDATE SKIP LOCKED)",
        before.micros(),
        i64::from(limit)
    )
    .execute(&mut *connection)
    .await
    .map_err(unavailable)?;
    connection.done();
    Ok(pruned.rows_affected())
}

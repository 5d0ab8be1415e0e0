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

pub(crate) async fn list(
    database: &Database,
    query: AuditQuery,
) -> Result<Vec<AuditEntry>, StoreError> {
    let (at, position) = query.after.unwrap_or((query.since, i64::MIN));
    let mut connection = database.connection().await?;
    let rows = sqlx::query_as!(
        AuditRow,
        "SELECT position, at, kind, code, hotkey, proved, subject, request_id, address, times
         FROM audit
         WHERE at >= $1 AND (at, position) > ($2, $3) AND ($4::bytea IS NULL OR hotkey = $4)
         ORDER BY at, position LIMIT $5",
        query.since.micros(),
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
    connection.done();
    Ok(pruned.rows_affected())
}

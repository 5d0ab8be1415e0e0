use resi_protocol::Timestamp;
use resi_store::rows::{self, AuditRow};
use resi_store::{AuditEntry, AuditEvent, AuditQuery, StoreError};

use crate::database::{Database, unavailable};

pub(crate) async fn record(database: &Database, events: &[AuditEvent]) -> Result<(), StoreError> {
    if events.is_empty() {
        return Ok(());
    }
    let entries = rows::audit_text(events)?;
    let mut writer = database.writer().await?;
    sqlx::query!("INSERT INTO audit_groups (entries) VALUES (?)", entries)
        .execute(writer.connection()?)
        .await
        .map_err(unavailable)?;
    writer.done();
    Ok(())
}

/// Pages follow an index, since all of a list of changes of status have the time of its commit's last report. Of the lists
/// only as many are taken apart as the page has entries, each of which has one at least; those of a hotkey are found by
/// their text first, which ids may hold as well.
pub(crate) async fn list(
    database: &Database,
    query: AuditQuery,
) -> Result<Vec<AuditEntry>, StoreError> {
    let hotkey = query.hotkey.as_ref().map(|hotkey| &hotkey.as_bytes()[..]);
    let (at, position) = query.after.unwrap_or((query.since, i64::MIN));
    let at = at.micros();
    let mut reader = database.reader().await?;
    let rows = sqlx::query_as!(
        AuditRow,
        r#"SELECT position AS "position!: i64", at AS "at!: i64", kind AS "kind!: String", code AS "code!: String",
               hotkey AS "hotkey: Vec<u8>", proved AS "proved!: bool", subject AS "subject: String",
               request_id AS "request_id: String", address AS "address: String", times AS "times!: i64"
           FROM (
               SELECT * FROM (
                   SELECT position, at, kind, code, hotkey, proved, subject, request_id, address, times
                   FROM audit WHERE at >= ?1 AND (at, position) > (?1, ?2) AND (?3 IS NULL OR hotkey = ?3)
                   ORDER BY at, position LIMIT ?4)
               UNION ALL
               SELECT (1 << 52) + g.position * 1024 + e.key, g.at, e.value ->> 1, e.value ->> 2,
                   unhex(e.value ->> 3), e.value ->> 4, e.value ->> 5, e.value ->> 6, e.value ->> 7, e.value ->> 8
               FROM (
                   SELECT position, at, entries FROM audit_of_reports
                   WHERE at >= ?1 AND (at > ?1 OR (1 << 52) + position * 1024 + 1023 > ?2)
                     AND (?3 IS NULL OR instr(entries, lower(hex(?3))) > 0
                          AND EXISTS (SELECT 1 FROM json_each(entries) WHERE unhex(value ->> 3) = ?3))
                   ORDER BY at, position LIMIT ?4 + 1
               ) AS g CROSS JOIN json_each(g.entries) AS e
           )
           WHERE (at, position) > (?1, ?2) AND (?3 IS NULL OR hotkey = ?3)
           ORDER BY at, position LIMIT ?4"#,
        at,
        position,
        hotkey,
        query.limit
    )
    .fetch_all(&mut *reader)
    .await
    .map_err(unavailable)?;
    reader.done();
    rows.into_iter().map(TryInto::try_into).collect()
}

pub(crate) async fn prune(
    database: &Database,
    before: Timestamp,
    limit: u32,
) -> Result<u64, StoreError> {
    let before = before.micros();
    let mut writer = database.writer().await?;
    let pruned = sqlx::query!(
        "DELETE FROM audit WHERE position IN (SELECT position FROM audit WHERE at < ? ORDER BY at LIMIT ?)",
        before,
        limit
    )
    .execute(writer.connection()?)
    .await
    .map_err(unavailable)?;
    let pruned_of_reports = sqlx::query!(
        "DELETE FROM audit_of_reports
         WHERE position IN (SELECT position FROM audit_of_reports WHERE at < ? ORDER BY at LIMIT ?)",
        before,
        limit
    )
    .execute(writer.connection()?)
    .await
    .map_err(unavailable)?;
    writer.done();
    Ok(pruned.rows_affected() + pruned_of_reports.rows_affected())
}

pub(crate) async fn prune_unproved(
    database: &Database,
    before: Timestamp,
    limit: u32,
) -> Result<u64, StoreError> {
    let before = before.micros();
    let mut writer = database.writer().await?;
    let pruned = sqlx::query!(
        "DELETE FROM audit WHERE position IN (
             SELECT position FROM audit WHERE kind = 'refusal' AND proved = 0 AND at < ? ORDER BY at LIMIT ?)",
        before,
        limit
    )
    .execute(writer.connection()?)
    .await
    .map_err(unavailable)?;
    writer.done();
    Ok(pruned.rows_affected())
}

use resi_protocol::Timestamp;
use resi_store::rows;
use resi_store::{Counted, Passed, StoreError};
use sqlx::Connection;

use crate::database::{Database, Hex, json, unavailable};

pub(crate) async fn share(
    database: &Database,
    replica: i64,
    own: &[Passed],
    since: Timestamp,
) -> Result<Vec<Passed>, StoreError> {
    if !own.is_empty() {
        write(database, replica, own).await?;
    }
    let since = since.seconds();
    let mut reader = database.reader().await?;
    let others = sqlx::query!(
        r#"SELECT stretch AS "stretch!", kind AS "kind!: i16", hotkey AS "hotkey!: Vec<u8>", sum(passed) AS "passed!: i64"
           FROM passed_requests WHERE stretch >= ? AND replica <> ? GROUP BY stretch, kind, hotkey"#,
        since,
        replica
    )
    .fetch_all(&mut *reader)
    .await
    .map_err(unavailable)?;
    reader.done();
    let others = others.into_iter().map(|row| {
        Ok(Passed {
            counted: Counted::from_code(row.kind)?,
            hotkey: rows::hotkey(&row.hotkey)?,
            stretch: Timestamp::from_seconds(row.stretch),
            passed: u32::try_from(row.passed).unwrap_or(u32::MAX),
        })
    });
    others.collect()
}

async fn write(database: &Database, replica: i64, own: &[Passed]) -> Result<(), StoreError> {
    let own: Vec<_> = own
        .iter()
        .map(|own| {
            (own.stretch.seconds(), own.counted.code(), Hex(own.hotkey.as_bytes()), own.passed)
        })
        .collect();
    let own = json(&own)?;
    let mut writer = database.writer().await?;
    sqlx::query!(
        "INSERT INTO passed_requests (stretch, kind, hotkey, replica, passed)
         SELECT value ->> 0, value ->> 1, unhex(value ->> 2), ?, value ->> 3 FROM json_each(?) WHERE true
         ON CONFLICT (stretch, kind, hotkey, replica) DO UPDATE SET passed = excluded.passed",
        replica,
        own
    )
    .execute(writer.connection()?)
    .await
    .map_err(unavailable)?;
    writer.done();
    Ok(())
}

pub(crate) async fn forget(
    database: &Database,
    before: Timestamp,
    limit: u32,
) -> Result<u64, StoreError> {
    let before = before.seconds();
    let mut writer = database.writer().await?;
    let forgotten = sqlx::query!(
        "DELETE FROM passed_requests WHERE (stretch, kind, hotkey, replica) IN (
             SELECT stretch, kind, hotkey, replica FROM passed_requests
             WHERE stretch < ? ORDER BY stretch LIMIT ?)",
        before,
        limit
    )
    .execute(writer.connection()?)
    .await
    .map_err(unavailable)?;
    writer.done();
    Ok(forgotten.rows_affected())
}

/// The new row needs room of its own before the old one leaves: writing it over the old one would pass when no page is
/// left for anything else.
pub(crate) async fn try_write(database: &Database) -> Result<(), StoreError> {
    let mut writer = database.writer().await?;
    let mut transaction =
        writer.connection()?.begin_with("BEGIN IMMEDIATE").await.map_err(unavailable)?;
    sqlx::query!("INSERT INTO write_probes (ballast) VALUES (randomblob(16384))")
        .execute(&mut *transaction)
        .await
        .map_err(unavailable)?;
    sqlx::query!("DELETE FROM write_probes WHERE id <> last_insert_rowid()")
        .execute(&mut *transaction)
        .await
        .map_err(unavailable)?;
    transaction.commit().await.map_err(unavailable)?;
    writer.done();
    Ok(())
}

#[cfg(test)]
mod tests {
    use resi_store::Migrations;
    use sqlx::AssertSqlSafe;

    use super::*;
    use crate::SqliteLocation;
    use crate::open::open;

    #[tokio::test]
    async fn a_full_database_shows_and_room_shows_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let location = SqliteLocation::File(folder.path().join("resi.sqlite"));
        let database = open(location, Migrations::Run).await.expect("a database");
        assert_eq!(try_write(&database).await, Ok(()));
        let mut writer = database.writer().await.expect("a writer");
        let connection = writer.connection().expect("a connection");
        // No page is left, neither at the end of the file nor among those that were freed.
        sqlx::raw_sql(
            "CREATE TABLE filling (bytes BLOB); INSERT INTO filling VALUES (zeroblob(20480))",
        )
        .execute(&mut *connection)
        .await
        .expect("room");
        let (pages,): (i64,) = sqlx::query_as("PRAGMA page_count")
            .fetch_one(&mut *connection)
            .await
            .expect("a number");
        sqlx::raw_sql(AssertSqlSafe(format!("PRAGMA max_page_count = {pages}")))
            .execute(&mut *connection)
            .await
            .expect("a limit");
        writer.done();
        let refused = try_write(&database).await.expect_err("no room");
        assert!(refused.to_string().contains("full"), "{refused}");
        // The connection was replaced, and the limit went with it.
        assert_eq!(try_write(&database).await, Ok(()));
    }
}

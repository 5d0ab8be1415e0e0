use resi_protocol::Timestamp;
use resi_store::rows;
use resi_store::{Counted, Passed, StoreError};

use crate::database::{Database, unavailable};

pub(crate) async fn share(
    database: &Database,
    replica: i64,
    own: &[Passed],
    since: Timestamp,
) -> Result<Vec<Passed>, StoreError> {
    let stretches: Vec<i64> = own.iter().map(|own| own.stretch.seconds()).collect();
    let kinds: Vec<i16> = own.iter().map(|own| own.counted.code()).collect();
    let hotkeys: Vec<Vec<u8>> = own.iter().map(|own| own.hotkey.as_bytes().to_vec()).collect();
    let passed: Vec<i64> = own.iter().map(|own| own.passed.into()).collect();
    let mut connection = database.connection().await?;
    // Each replica writes rows of its own only, so they never wait for each other.
    let others = sqlx::query!(
        r#"WITH written AS (
               INSERT INTO passed_requests AS known (stretch, kind, hotkey, passed, replica)
               SELECT *, $5 FROM UNNEST($1::bigint[], $2::smallint[], $3::bytea[], $4::bigint[])
               ON CONFLICT (stretch, kind, hotkey, replica) DO UPDATE SET passed = excluded.passed
           )
           SELECT stretch, kind, hotkey, sum(passed)::bigint AS "passed!"
           FROM passed_requests WHERE stretch >= $6 AND replica <> $5 GROUP BY stretch, kind, hotkey"#,
        &stretches,
        &kinds,
        &hotkeys,
        &passed,
        replica,
        since.seconds()
    )
    .fetch_all(&mut *connection)
    .await
    .map_err(unavailable)?;
    connection.done();
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

pub(crate) async fn forget(
    database: &Database,
    before: Timestamp,
    limit: u32,
) -> Result<u64, StoreError> {
    let mut connection = database.connection().await?;
    let forgotten = sqlx::query!(
        "DELETE FROM passed_requests WHERE (stretch, kind, hotkey, replica) IN (
             SELECT stretch, kind, hotkey, replica FROM passed_requests
             WHERE stretch < $1 ORDER BY stretch LIMIT $2 FOR UPDATE SKIP LOCKED)",
        before.seconds(),
        i64::from(limit)
    )
    .execute(&mut *connection)
    .await
    .map_err(unavailable)?;
    connection.done();
    Ok(forgotten.rows_affected())
}

pub(crate) async fn try_write(database: &Database) -> Result<(), StoreError> {
    let mut connection = database.connection().await?;
    sqlx::query!(
        "INSERT INTO write_probes (id, written_at) VALUES (0, clock_timestamp())
         ON CONFLICT (id) DO UPDATE SET written_at = excluded.written_at"
    )
    .execute(&mut *connection)
    .await
    .map_err(unavailable)?;
    connection.done();
    Ok(())
}

use resi_protocol::Timestamp;
use resi_store::rows::{self, ConsensusRow, LastRow, SumsRow, TotalsRow};
use resi_store::{StoreError, Tally};
use sqlx::Connection;

use crate::database::{Database, unavailable};

pub(crate) async fn tally(database: &Database, epochs: u32) -> Result<Tally, StoreError> {
    let mut connection = database.connection().await?;
    let mut snapshot = connection
        .begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        .await
        .map_err(unavailable)?;
    let sums = sqlx::query_as!(
        SumsRow,
        r#"SELECT (SELECT count(*) FROM validators) AS "validators!",
               coalesce(sum(started), 0)::bigint AS "started!", coalesce(sum(completed), 0)::bigint AS "completed!",
               coalesce(sum(failed), 0)::bigint AS "failed!", coalesce(sum(expired), 0)::bigint AS "expired!"
           FROM epoch_totals"#
    )
    .fetch_one(&mut *snapshot)
    .await
    .map_err(unavailable)?;
    let last = sqlx::query_as!(
        LastRow,
        r#"SELECT last_assignment_id AS "assignment_id!", last_status AS "status!", last_at AS "at!"
           FROM epoch_totals WHERE last_at IS NOT NULL ORDER BY last_at DESC, epoch DESC LIMIT 1"#
    )
    .fetch_optional(&mut *snapshot)
    .await
    .map_err(unavailable)?;
    let newest = sqlx::query_as!(
        TotalsRow,
        r#"SELECT epoch, sum(completed)::bigint AS "completed!", sum(success_sum) AS "success_sum!",
               sum(success_count)::bigint AS "success_count!"
           FROM epoch_totals GROUP BY epoch ORDER BY epoch DESC LIMIT $1"#,
        i64::from(epochs)
    )
    .fetch_all(&mut *snapshot)
    .await
    .map_err(unavailable)?;
    let oldest = newest.last().map_or(i64::MAX, |row| row.epoch);
    let said = sqlx::query_as!(
        ConsensusRow,
        r#"SELECT epoch AS "epoch!", consensus_hash, count(*) AS "validators!"
           FROM epoch_validators WHERE epoch >= $1 GROUP BY epoch, consensus_hash"#,
        oldest
    )
    .fetch_all(&mut *snapshot)
    .await
    .map_err(unavailable)?;
    snapshot.commit().await.map_err(unavailable)?;
    connection.done();
    rows::tally(&sums, last, &newest, &said)
}

pub(crate) async fn time(database: &Database) -> Result<Timestamp, StoreError> {
    let mut connection = database.connection().await?;
    let micros = sqlx::query_scalar!(
        r#"SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS "micros!""#
    )
    .fetch_one(&mut *connection)
    .await
    .map_err(unavailable)?;
    connection.done();
    Ok(Timestamp::from_micros(micros))
}

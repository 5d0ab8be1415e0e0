use resi_protocol::rotation::VrfSignature;
use resi_protocol::{EpochId, Sha256Hash, Signature, Timestamp};
use resi_store::rows::{self, EpochRow};
use resi_store::{EpochRecord, Pull, StoreError, StoredPool, deal_events};
use sqlx::Connection;
use sqlx::postgres::PgConnection;

use crate::audit;
use crate::database::{Database, unavailable};

/// The class of advisory locks that whoever links records takes, with the subnet as its number.
const EPOCHS_LOCK: i32 = 0x7265_7369;

pub(crate) async fn agree(
    database: &Database,
    proposed: &EpochRecord,
) -> Result<EpochRecord, StoreError> {
    let EpochRecord { parameters, public_key, agreed_at, signature, .. } = proposed;
    let (id, epoch) = (proposed.id(), rows::epoch_start(proposed.id()));
    let epoch_seconds = i64::from(parameters.schedule.seconds());
    let ends_at = parameters.schedule.ends_at(proposed.epoch).micros();
    let pool_sha256 = &parameters.pool_sha256.as_bytes()[..];
    let public_key = &public_key.as_bytes()[..];
    let agreed_at = agreed_at.micros();
    let honeypots = rows::honeypots_text(proposed)?;
    let signature = signature.as_ref().map(|signature| &signature.as_bytes()[..]);
    let mut connection = database.connection().await?;
    let mut transaction = connection.begin().await.map_err(unavailable)?;
    let prev = prev_sha256(&mut transaction, parameters.netuid, epoch).await?;
    let prev = prev.as_ref().map(|prev| &prev.as_bytes()[..]);
    sqlx::query!(
        "INSERT INTO epochs (netuid, epoch, epoch_seconds, ends_at, pool_sha256, pool_size,
             zipcodes_per_epoch, public_key, agreed_at, signature, prev_sha256, honeypots)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT (netuid, epoch) DO NOTHING",
        i32::from(parameters.netuid),
        epoch,
        epoch_seconds,
        ends_at,
        pool_sha256,
        i64::from(parameters.pool_size),
        i64::from(parameters.zipcodes_per_epoch),
        public_key,
        agreed_at,
        signature,
        prev,
        honeypots
    )
    .execute(&mut *transaction)
    .await
    .map_err(unavailable)?;
    let standing = select(&mut transaction, parameters.netuid, id).await?;
    transaction.commit().await.map_err(unavailable)?;
    connection.done();
    standing.ok_or_else(|| StoreError::Inconsistent(format!("the record of epoch {id} is gone")))
}

/// What a record of the epoch that starts at `epoch` is linked to when it is written now. Until the transaction ends, no
/// other replica writes one, so that no two are linked to the same.
async fn prev_sha256(
    connection: &mut PgConnection,
    netuid: u16,
    epoch: i64,
) -> Result<Option<Sha256Hash>, StoreError> {
    let netuid = i32::from(netuid);
    sqlx::query!("SELECT pg_advisory_xact_lock($1, $2)", EPOCHS_LOCK, netuid)
        .execute(&mut *connection)
        .await
        .map_err(unavailable)?;
    let newest = sqlx::query_as!(
        EpochRow,
        "SELECT netuid, epoch, epoch_seconds, pool_sha256, pool_size, zipcodes_per_epoch,
               public_key, agreed_at, signature, prev_sha256, record_signature, honeypots
           FROM epochs WHERE netuid = $1 ORDER BY epoch DESC LIMIT 1",
        netuid
    )
    .fetch_optional(connection)
    .await
    .map_err(unavailable)?;
    rows::link(newest, epoch)
}

async fn select(
    connection: &mut PgConnection,
    netuid: u16,
    epoch: EpochId,
) -> Result<Option<EpochRecord>, StoreError> {
    let epoch = rows::epoch_start(epoch);
    sqlx::query_as!(
        EpochRow,
        "SELECT netuid, epoch, epoch_seconds, pool_sha256, pool_size, zipcodes_per_epoch,
               public_key, agreed_at, signature, prev_sha256, record_signature, honeypots
           FROM epochs WHERE netuid = $1 AND epoch = $2",
        i32::from(netuid),
        epoch
    )
    .fetch_optional(connection)
    .await
    .map_err(unavailable)?
    .map(TryInto::try_into)
    .transpose()
}

pub(crate) async fn find(
    database: &Database,
    netuid: u16,
    epoch: EpochId,
) -> Result<Option<EpochRecord>, StoreError> {
    let mut connection = database.connection().await?;
    let record = select(&mut connection, netuid, epoch).await?;
    connection.done();
    Ok(record)
}

pub(crate) async fn list(
    database: &Database,
    netuid: u16,
    before: EpochId,
    limit: u32,
) -> Result<Vec<EpochRecord>, StoreError> {
    let before = rows::epoch_start(before);
    let mut connection = database.connection().await?;
    let rows = sqlx::query_as!(
        EpochRow,
        "SELECT netuid, epoch, epoch_seconds, pool_sha256, pool_size, zipcodes_per_epoch,
               public_key, agreed_at, signature, prev_sha256, record_signature, honeypots
           FROM epochs WHERE netuid = $1 AND epoch < $2 ORDER BY epoch DESC LIMIT $3",
        i32::from(netuid),
        before,
        i64::from(limit)
    )
    .fetch_all(&mut *connection)
    .await
    .map_err(unavailable)?;
    connection.done();
    rows.into_iter().map(TryInto::try_into).collect()
}

pub(crate) async fn conflicting(
    database: &Database,
    netuid: u16,
    epoch_seconds: u32,
    moment: Timestamp,
) -> Result<Option<EpochRecord>, StoreError> {
    let moment = moment.micros();
    let mut connection = database.connection().await?;
    let row = sqlx::query_as!(
        EpochRow,
        "SELECT netuid, epoch, epoch_seconds, pool_sha256, pool_size, zipcodes_per_epoch,
               public_key, agreed_at, signature, prev_sha256, record_signature, honeypots
           FROM epochs
           WHERE netuid = $1 AND epoch_seconds <> $2 AND epoch * 1000000 <= $3 AND ends_at > $3
           ORDER BY epoch DESC LIMIT 1",
        i32::from(netuid),
        i64::from(epoch_seconds),
        moment
    )
    .fetch_optional(&mut *connection)
    .await
    .map_err(unavailable)?;
    connection.done();
    row.map(TryInto::try_into).transpose()
}

pub(crate) async fn publish(
    database: &Database,
    netuid: u16,
    epoch: EpochId,
    signature: &VrfSignature,
) -> Result<(), StoreError> {
    let (epoch, signature) = (rows::epoch_start(epoch), &signature.as_bytes()[..]);
    let mut connection = database.connection().await?;
    sqlx::query!(
        "UPDATE epochs SET signature = $1 WHERE netuid = $2 AND epoch = $3 AND signature IS NULL",
        signature,
        i32::from(netuid),
        epoch
    )
    .execute(&mut *connection)
    .await
    .map_err(unavailable)?;
    connection.done();
    Ok(())
}

pub(crate) async fn sign_record(
    database: &Database,
    netuid: u16,
    epoch: EpochId,
    signature: &Signature,
) -> Result<Option<Signature>, StoreError> {
    let (epoch, signature) = (rows::epoch_start(epoch), &signature.as_bytes()[..]);
    let mut connection = database.connection().await?;
    let standing = sqlx::query_scalar!(
        "UPDATE epochs SET record_signature = COALESCE(record_signature, $1)
         WHERE netuid = $2 AND epoch = $3 RETURNING record_signature",
        signature,
        i32::from(netuid),
        epoch
    )
    .fetch_optional(&mut *connection)
    .await
    .map_err(unavailable)?;
    connection.done();
    standing.flatten().as_deref().map(rows::signature).transpose()
}

pub(crate) async fn keep_pool(database: &Database, pool: &StoredPool) -> Result<(), StoreError> {
    let (sha256, entries) = (&pool.sha256.as_bytes()[..], rows::entries_text(pool)?);
    let mut connection = database.connection().await?;
    sqlx::query!(
        "INSERT INTO pools (sha256, entries) VALUES ($1, $2) ON CONFLICT (sha256) DO NOTHING",
        sha256,
        entries
    )
    .execute(&mut *connection)
    .await
    .map_err(unavailable)?;
    connection.done();
    Ok(())
}

pub(crate) async fn pool(
    database: &Database,
    sha256: Sha256Hash,
) -> Result<Option<StoredPool>, StoreError> {
    let key = &sha256.as_bytes()[..];
    let mut connection = database.connection().await?;
    let entries = sqlx::query_scalar!("SELECT entries FROM pools WHERE sha256 = $1", key)
        .fetch_optional(&mut *connection)
        .await
        .map_err(unavailable)?;
    connection.done();
    entries.map(|entries| Ok(StoredPool { sha256, entries: rows::entries(&entries)? })).transpose()
}

pub(crate) async fn record_pulls(database: &Database, pulls: &[Pull]) -> Result<(), StoreError> {
    if pulls.is_empty() {
        return Ok(());
    }
    // In one order everywhere, so that two replicas never wait for each other in a circle.
    let mut pulls: Vec<_> = pulls.iter().map(|pull| (pull, pull.sources.to_string())).collect();
    pulls.sort_by(|(a, a_sources), (b, b_sources)| {
        (a.epoch, a.hotkey, a.netuid, a_sources, a.block_size).cmp(&(
            b.epoch,
            b.hotkey,
            b.netuid,
            b_sources,
            b.block_size,
        ))
    });
    let netuids: Vec<i32> = pulls.iter().map(|(pull, _)| pull.netuid.into()).collect();
    let epochs: Vec<i64> = pulls.iter().map(|(pull, _)| rows::epoch_start(pull.epoch)).collect();
    let hotkeys: Vec<Vec<u8>> =
        pulls.iter().map(|(pull, _)| pull.hotkey.as_bytes().to_vec()).collect();
    let sizes: Vec<i64> = pulls.iter().map(|(pull, _)| pull.block_size.into()).collect();
    let times: Vec<i64> = pulls.iter().map(|(pull, _)| pull.at.micros()).collect();
    let sources: Vec<String> = pulls.iter().map(|(_, sources)| sources.clone()).collect();
    let events = pulls.iter().map(|(pull, _)| *pull);
    let mut connection = database.connection().await?;
    let mut transaction = connection.begin().await.map_err(unavailable)?;
    // Two replicas that write the first pull of a validator in the same instant both take theirs for the first.
    let known = sqlx::query!(
        "SELECT DISTINCT p.netuid, p.epoch, p.hotkey
         FROM UNNEST($1::integer[], $2::bigint[], $3::bytea[]) AS asked(netuid, epoch, hotkey)
         CROSS JOIN LATERAL (
             SELECT * FROM pulls AS p
             WHERE p.netuid = asked.netuid AND p.epoch = asked.epoch AND p.hotkey = asked.hotkey OFFSET 0
         ) AS p",
        &netuids,
        &epochs,
        &hotkeys
    )
    .fetch_all(&mut *transaction)
    .await
    .map_err(unavailable)?
    .into_iter()
    .map(|row| Ok((rows::netuid(row.netuid)?, row.epoch, rows::hotkey(&row.hotkey)?)))
    .collect::<Result<_, StoreError>>()?;
    audit::append(&mut transaction, &deal_events(events, known)).await?;
    sqlx::query!(
        "WITH input AS (
             SELECT * FROM UNNEST($1::integer[], $2::bigint[], $3::bytea[], $4::text[], $5::bigint[], $6::bigint[])
                 AS input(netuid, epoch, hotkey, sources, block_size, first_at)
         ), totals AS (
             INSERT INTO epoch_totals (epoch, shard) SELECT DISTINCT epoch, 0 FROM input ORDER BY epoch
             ON CONFLICT (epoch, shard) DO NOTHING
         ), validators AS (
             INSERT INTO epoch_validators (epoch, hotkey) SELECT DISTINCT epoch, hotkey FROM input ORDER BY 1, 2
             ON CONFLICT (epoch, hotkey) DO NOTHING
         )
         INSERT INTO pulls (netuid, epoch, hotkey, sources, block_size, first_at) SELECT * FROM input
         ON CONFLICT (netuid, epoch, hotkey, sources, block_size) DO NOTHING",
        &netuids,
        &epochs,
        &hotkeys,
        &sources,
        &sizes,
        &times
    )
    .execute(&mut *transaction)
    .await
    .map_err(unavailable)?;
    transaction.commit().await.map_err(unavailable)?;
    connection.done();
    Ok(())
}

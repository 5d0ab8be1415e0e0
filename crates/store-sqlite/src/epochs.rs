use resi_protocol::rotation::VrfSignature;
use resi_protocol::{EpochId, Sha256Hash, Signature, Timestamp};
use resi_store::rows::{self, EpochRow};
use resi_store::{EpochRecord, Pull, StoreError, StoredPool, deal_events};
use sqlx::Connection;
use sqlx::sqlite::SqliteConnection;

use crate::database::{Database, Hex, json, unavailable};

pub(crate) async fn agree(
    database: &Database,
    proposed: &EpochRecord,
) -> Result<EpochRecord, StoreError> {
    let EpochRecord { parameters, public_key, agreed_at, signature, .. } = proposed;
    let (id, epoch) = (proposed.id(), rows::epoch_start(proposed.id()));
    let epoch_seconds = parameters.schedule.seconds();
    let ends_at = parameters.schedule.ends_at(proposed.epoch).micros();
    let pool_sha256 = &parameters.pool_sha256.as_bytes()[..];
    let public_key = &public_key.as_bytes()[..];
    let agreed_at = agreed_at.micros();
    let honeypots = rows::honeypots_text(proposed)?;
    let signature = signature.as_ref().map(|signature| &signature.as_bytes()[..]);
    let mut writer = database.writer().await?;
    let mut transaction =
        writer.connection()?.begin_with("BEGIN IMMEDIATE").await.map_err(unavailable)?;
    let prev = prev_sha256(&mut transaction, parameters.netuid, epoch).await?;
    let prev = prev.as_ref().map(|prev| &prev.as_bytes()[..]);
    sqlx::query!(
        "INSERT INTO epochs (netuid, epoch, epoch_seconds, ends_at, pool_sha256, pool_size,
             zipcodes_per_epoch, public_key, agreed_at, signature, prev_sha256, honeypots)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (netuid, epoch) DO NOTHING",
        parameters.netuid,
        epoch,
        epoch_seconds,
        ends_at,
        pool_sha256,
        parameters.pool_size,
        parameters.zipcodes_per_epoch,
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
    writer.done();
    standing.ok_or_else(|| StoreError::Inconsistent(format!("the record of epoch {id} is gone")))
}

/// What a record of the epoch that starts at `epoch` is linked to when it is written now.
async fn prev_sha256(
    connection: &mut SqliteConnection,
    netuid: u16,
    epoch: i64,
) -> Result<Option<Sha256Hash>, StoreError> {
    let newest = sqlx::query_as!(
        EpochRow,
        r#"SELECT netuid AS "netuid: i32", epoch, epoch_seconds, pool_sha256, pool_size, zipcodes_per_epoch,
               public_key, agreed_at, signature, prev_sha256, record_signature, honeypots
           FROM epochs WHERE netuid = ? ORDER BY epoch DESC LIMIT 1"#,
        netuid
    )
    .fetch_optional(connection)
    .await
    .map_err(unavailable)?;
    rows::link(newest, epoch)
}

async fn select(
    connection: &mut SqliteConnection,
    netuid: u16,
    epoch: EpochId,
) -> Result<Option<EpochRecord>, StoreError> {
    let epoch = rows::epoch_start(epoch);
    sqlx::query_as!(
        EpochRow,
        r#"SELECT netuid AS "netuid: i32", epoch, epoch_seconds, pool_sha256, pool_size, zipcodes_per_epoch,
               public_key, agreed_at, signature, prev_sha256, record_signature, honeypots
           FROM epochs WHERE netuid = ? AND epoch = ?"#,
        netuid,
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
    let mut reader = database.reader().await?;
    let record = select(&mut reader, netuid, epoch).await?;
    reader.done();
    Ok(record)
}

pub(crate) async fn list(
    database: &Database,
    netuid: u16,
    before: EpochId,
    limit: u32,
) -> Result<Vec<EpochRecord>, StoreError> {
    let before = rows::epoch_start(before);
    let mut reader = database.reader().await?;
    let rows = sqlx::query_as!(
        EpochRow,
        r#"SELECT netuid AS "netuid: i32", epoch, epoch_seconds, pool_sha256, pool_size, zipcodes_per_epoch,
               public_key, agreed_at, signature, prev_sha256, record_signature, honeypots
           FROM epochs WHERE netuid = ? AND epoch < ? ORDER BY epoch DESC LIMIT ?"#,
        netuid,
        before,
        limit
    )
    .fetch_all(&mut *reader)
    .await
    .map_err(unavailable)?;
    reader.done();
    rows.into_iter().map(TryInto::try_into).collect()
}

pub(crate) async fn conflicting(
    database: &Database,
    netuid: u16,
    epoch_seconds: u32,
    moment: Timestamp,
) -> Result<Option<EpochRecord>, StoreError> {
    let moment = moment.micros();
    let mut reader = database.reader().await?;
    let row = sqlx::query_as!(
        EpochRow,
        r#"SELECT netuid AS "netuid: i32", epoch, epoch_seconds, pool_sha256, pool_size, zipcodes_per_epoch,
               public_key, agreed_at, signature, prev_sha256, record_signature, honeypots
           FROM epochs
           WHERE netuid = ?1 AND epoch_seconds <> ?2 AND epoch * 1000000 <= ?3 AND ends_at > ?3
           ORDER BY epoch DESC LIMIT 1"#,
        netuid,
        epoch_seconds,
        moment
    )
    .fetch_optional(&mut *reader)
    .await
    .map_err(unavailable)?;
    reader.done();
    row.map(TryInto::try_into).transpose()
}

pub(crate) async fn publish(
    database: &Database,
    netuid: u16,
    epoch: EpochId,
    signature: &VrfSignature,
) -> Result<(), StoreError> {
    let (epoch, signature) = (rows::epoch_start(epoch), &signature.as_bytes()[..]);
    let mut writer = database.writer().await?;
    sqlx::query!(
        "UPDATE epochs SET signature = ? WHERE netuid = ? AND epoch = ? AND signature IS NULL",
        signature,
        netuid,
        epoch
    )
    .execute(writer.connection()?)
    .await
    .map_err(unavailable)?;
    writer.done();
    Ok(())
}

pub(crate) async fn sign_record(
    database: &Database,
    netuid: u16,
    epoch: EpochId,
    signature: &Signature,
) -> Result<Option<Signature>, StoreError> {
    let (epoch, signature) = (rows::epoch_start(epoch), &signature.as_bytes()[..]);
    let mut writer = database.writer().await?;
    let standing = sqlx::query_scalar!(
        "UPDATE epochs SET record_signature = COALESCE(record_signature, ?)
         WHERE netuid = ? AND epoch = ? RETURNING record_signature",
        signature,
        netuid,
        epoch
    )
    .fetch_optional(writer.connection()?)
    .await
    .map_err(unavailable)?;
    writer.done();
    standing.flatten().as_deref().map(rows::signature).transpose()
}

pub(crate) async fn keep_pool(database: &Database, pool: &StoredPool) -> Result<(), StoreError> {
    let (sha256, entries) = (&pool.sha256.as_bytes()[..], rows::entries_text(pool)?);
    let mut writer = database.writer().await?;
    sqlx::query!(
        "INSERT INTO pools (sha256, entries) VALUES (?, ?) ON CONFLICT (sha256) DO NOTHING",
        sha256,
        entries
    )
    .execute(writer.connection()?)
    .await
    .map_err(unavailable)?;
    writer.done();
    Ok(())
}

pub(crate) async fn pool(
    database: &Database,
    sha256: Sha256Hash,
) -> Result<Option<StoredPool>, StoreError> {
    let key = &sha256.as_bytes()[..];
    let mut reader = database.reader().await?;
    let entries = sqlx::query_scalar!("SELECT entries FROM pools WHERE sha256 = ?", key)
        .fetch_optional(&mut *reader)
        .await
        .map_err(unavailable)?;
    reader.done();
    entries.map(|entries| Ok(StoredPool { sha256, entries: rows::entries(&entries)? })).transpose()
}

pub(crate) async fn record_pulls(database: &Database, pulls: &[Pull]) -> Result<(), StoreError> {
    if pulls.is_empty() {
        return Ok(());
    }
    let pulled: Vec<_> = pulls
        .iter()
        .map(|pull| {
            (
                pull.netuid,
                rows::epoch_start(pull.epoch),
                Hex(pull.hotkey.as_bytes()),
                pull.sources.to_string(),
                pull.block_size,
                pull.at.micros(),
            )
        })
        .collect();
    let pulled = json(&pulled)?;
    let mut writer = database.writer().await?;
    let mut transaction =
        writer.connection()?.begin_with("BEGIN IMMEDIATE").await.map_err(unavailable)?;
    let known = sqlx::query!(
        r#"SELECT DISTINCT p.netuid AS "netuid!: u16", p.epoch AS "epoch!", p.hotkey AS "hotkey!"
           FROM json_each(?) AS asked CROSS JOIN pulls AS p
           ON p.netuid = asked.value ->> 0 AND p.epoch = asked.value ->> 1 AND p.hotkey = unhex(asked.value ->> 2)"#,
        pulled
    )
    .fetch_all(&mut *transaction)
    .await
    .map_err(unavailable)?
    .into_iter()
    .map(|row| Ok((row.netuid, row.epoch, rows::hotkey(&row.hotkey)?)))
    .collect::<Result<_, StoreError>>()?;
    let audit = rows::audit_text(&deal_events(pulls, known))?;
    sqlx::query!("INSERT INTO audit_groups (entries) VALUES (?)", audit)
        .execute(&mut *transaction)
        .await
        .map_err(unavailable)?;
    sqlx::query!(
        "INSERT INTO pulls (netuid, epoch, hotkey, sources, block_size, first_at)
         SELECT value ->> 0, value ->> 1, unhex(value ->> 2), value ->> 3, value ->> 4, value ->> 5
         FROM json_each(?) WHERE true
         ON CONFLICT (netuid, epoch, hotkey, sources, block_size) DO NOTHING",
        pulled
    )
    .execute(&mut *transaction)
    .await
    .map_err(unavailable)?;
    sqlx::query!(
        "INSERT INTO epoch_validators (epoch, hotkey)
         SELECT value ->> 1, unhex(value ->> 2) FROM json_each(?) WHERE true
         ON CONFLICT (epoch, hotkey) DO NOTHING",
        pulled
    )
    .execute(&mut *transaction)
    .await
    .map_err(unavailable)?;
    sqlx::query!(
        "INSERT INTO epoch_totals (epoch) SELECT DISTINCT value ->> 1 FROM json_each(?) WHERE true
         ON CONFLICT (epoch) DO NOTHING",
        pulled
    )
    .execute(&mut *transaction)
    .await
    .map_err(unavailable)?;
    transaction.commit().await.map_err(unavailable)?;
    writer.done();
    Ok(())
}

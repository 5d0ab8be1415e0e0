use resi_protocol::Hotkey;
use resi_protocol::btauth::Nonce;
use resi_store::{KeptMembers, StoreError};

use crate::database::{Database, unavailable};

pub(crate) async fn keep_members(
    database: &Database,
    members: &KeptMembers,
) -> Result<(), StoreError> {
    let genesis = &members.genesis[..];
    let block = members.block.cast_signed();
    let mut writer = database.writer().await?;
    sqlx::query!(
        "INSERT INTO chain_members (genesis, netuid, block, members) VALUES (?, ?, ?, ?)
         ON CONFLICT (genesis, netuid) DO UPDATE SET block = excluded.block, members = excluded.members
         WHERE excluded.block > block",
        genesis,
        members.netuid,
        block,
        members.bytes
    )
    .execute(writer.connection()?)
    .await
    .map_err(unavailable)?;
    writer.done();
    Ok(())
}

pub(crate) async fn members(
    database: &Database,
    netuid: u16,
) -> Result<Vec<KeptMembers>, StoreError> {
    let mut reader = database.reader().await?;
    let rows = sqlx::query!(
        "SELECT genesis, block, members FROM chain_members WHERE netuid = ? ORDER BY block DESC",
        netuid
    )
    .fetch_all(&mut *reader)
    .await
    .map_err(unavailable)?;
    reader.done();
    let kept = rows.into_iter().map(|row| {
        let genesis = row.genesis.try_into().map_err(|_| {
            StoreError::Inconsistent(format!("members of subnet {netuid} have no genesis hash"))
        })?;
        Ok(KeptMembers { genesis, netuid, block: row.block.cast_unsigned(), bytes: row.members })
    });
    kept.collect()
}

pub(crate) async fn take_nonce(
    database: &Database,
    hotkey: Hotkey,
    nonce: Nonce,
) -> Result<bool, StoreError> {
    let nonce = nonce.nanos().cast_signed();
    let hotkey = &hotkey.as_bytes()[..];
    let mut writer = database.writer().await?;
    let written = sqlx::query!(
        "INSERT INTO used_nonces (nonce, hotkey) VALUES (?, ?) ON CONFLICT DO NOTHING",
        nonce,
        hotkey
    )
    .execute(writer.connection()?)
    .await
    .map_err(unavailable)?;
    writer.done();
    Ok(written.rows_affected() == 1)
}

pub(crate) async fn forget_nonces(
    database: &Database,
    before: Nonce,
    limit: u32,
) -> Result<u64, StoreError> {
    let before = before.nanos().cast_signed();
    let mut writer = database.writer().await?;
    let forgotten = sqlx::query!(
        "DELETE FROM used_nonces WHERE (nonce, hotkey) IN
             (SELECT nonce, hotkey FROM used_nonces WHERE nonce < ? ORDER BY nonce LIMIT ?)",
        before,
        limit
    )
    .execute(writer.connection()?)
    .await
    .map_err(unavailable)?;
    writer.done();
    Ok(forgotten.rows_affected())
}

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

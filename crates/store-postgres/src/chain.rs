use resi_store::{KeptMembers, StoreError};

use crate::database::{Database, unavailable};

pub(crate) async fn keep_members(
    database: &Database,
    members: &KeptMembers,
) -> Result<(), StoreError> {
    let mut connection = database.connection().await?;
    sqlx::query!(
        "INSERT INTO chain_members (genesis, netuid, block, members) VALUES ($1, $2, $3, $4)
         ON CONFLICT (genesis, netuid) DO UPDATE SET block = excluded.block, members = excluded.members
         WHERE excluded.block > chain_members.block",
        &members.genesis[..],
        i32::from(members.netuid),
        members.block.cast_signed(),
        members.bytes
    )
    .execute(&mut *connection)
    .await
    .map_err(unavailable)?;
    connection.done();
    Ok(())
}

pub(crate) async fn members(
    database: &Database,
    netuid: u16,
) -> Result<Vec<KeptMembers>, StoreError> {
    let mut connection = database.connection().await?;
    let rows = sqlx::query!(
        "SELECT genesis, block, members FROM chain_members WHERE netuid = $1 ORDER BY block DESC",
        i32::from(netuid)
    )
    .fetch_all(&mut *connection)
    .await
    .map_err(unavailable)?;
    connection.done();
    let kept = rows.into_iter().map(|row| {
        let genesis = row.genesis.try_into().map_err(|_| {
            StoreError::Inconsistent(format!("members of subnet {netuid} have no genesis hash"))
        })?;
        Ok(KeptMembers { genesis, netuid, block: row.block.cast_unsigned(), bytes: row.members })
    });
    kept.collect()
}

use std::collections::BTreeSet;

use resi_protocol::Hotkey;
use resi_protocol::btauth::Nonce;
use resi_store::rows;
use resi_store::{StoreError, UsedNonces};
use sqlx::postgres::PgConnection;

use crate::database::{Database, Stopped, unavailable};

/// In the order of the primary key, so that two replicas never wait for each other in a circle.
fn columns(nonces: &BTreeSet<(Nonce, Hotkey)>) -> (Vec<i64>, Vec<Vec<u8>>) {
    nonces
        .iter()
        .map(|(nonce, hotkey)| (nonce.nanos().cast_signed(), hotkey.as_bytes().to_vec()))
        .unzip()
}

/// Those of `asked` that were used.
pub(crate) async fn load_used(
    connection: &mut PgConnection,
    asked: BTreeSet<(Nonce, Hotkey)>,
) -> Result<UsedNonces, StoreError> {
    if asked.is_empty() {
        return Ok(UsedNonces::new());
    }
    let (nonces, hotkeys) = columns(&asked);
    sqlx::query!(
        "SELECT used.nonce, used.hotkey
         FROM UNNEST($1::bigint[], $2::bytea[]) AS asked(nonce, hotkey)
         CROSS JOIN LATERAL (
             SELECT * FROM used_nonces AS used
             WHERE used.nonce = asked.nonce AND used.hotkey = asked.hotkey OFFSET 0
         ) AS used",
        &nonces,
        &hotkeys
    )
    .fetch_all(connection)
    .await
    .map_err(unavailable)?
    .into_iter()
    .map(|row| Ok((Nonce::from_nanos(row.nonce.cast_unsigned()), rows::hotkey(&row.hotkey)?)))
    .collect()
}

/// Uses up all of them, or none when another replica was faster with one: the transaction must then be given up. The last
/// thing that a transaction writes, so that two never wait for each other in a circle.
pub(crate) async fn use_up(
    transaction: &mut PgConnection,
    nonces: &BTreeSet<(Nonce, Hotkey)>,
) -> Result<(), Stopped> {
    if nonces.is_empty() {
        return Ok(());
    }
    let (moments, hotkeys) = columns(nonces);
    let written = sqlx::query!(
        "INSERT INTO used_nonces (nonce, hotkey) SELECT * FROM UNNEST($1::bigint[], $2::bytea[])
         ON CONFLICT DO NOTHING",
        &moments,
        &hotkeys
    )
    .execute(transaction)
    .await?;
    if written.rows_affected() < nonces.len() as u64 {
        return Err(Stopped::Overtaken("a nonce was used meanwhile".into()));
    }
    Ok(())
}

pub(crate) async fn forget(
    database: &Database,
    before: Nonce,
    limit: u32,
) -> Result<u64, StoreError> {
    let mut connection = database.connection().await?;
    let forgotten = sqlx::query!(
        "DELETE FROM used_nonces WHERE (nonce, hotkey) IN
             (SELECT nonce, hotkey FROM used_nonces WHERE nonce < $1 ORDER BY nonce LIMIT $2)",
        before.nanos().cast_signed(),
        i64::from(limit)
    )
    .execute(&mut *connection)
    .await
    .map_err(unavailable)?;
    connection.done();
    Ok(forgotten.rows_affected())
}

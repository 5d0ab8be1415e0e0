use std::collections::BTreeSet;

use resi_protocol::Hotkey;
use resi_protocol::btauth::Nonce;
use resi_store::rows;
use resi_store::{StoreError, UsedNonces};
use sqlx::sqlite::SqliteConnection;

use crate::database::{Database, Hex, json, unavailable};

fn rows_of(nonces: &BTreeSet<(Nonce, Hotkey)>) -> Result<String, StoreError> {
    let rows: Vec<_> = nonces
        .iter()
        .map(|(nonce, hotkey)| (nonce.nanos().cast_signed(), Hex(hotkey.as_bytes())))
        .collect();
    json(&rows)
}

/// Those of `asked` that were used.
pub(crate) async fn load_used(
    connection: &mut SqliteConnection,
    asked: BTreeSet<(Nonce, Hotkey)>,
) -> Result<UsedNonces, StoreError> {
    if asked.is_empty() {
        return Ok(UsedNonces::new());
    }
    let asked = rows_of(&asked)?;
    sqlx::query!(
        r#"SELECT used.nonce AS "nonce!", used.hotkey AS "hotkey!"
           FROM json_each(?) AS asked
           CROSS JOIN used_nonces AS used
           ON used.nonce = asked.value ->> 0 AND used.hotkey = unhex(asked.value ->> 1)"#,
        asked
    )
    .fetch_all(connection)
    .await
    .map_err(unavailable)?
    .into_iter()
    .map(|row| Ok((Nonce::from_nanos(row.nonce.cast_unsigned()), rows::hotkey(&row.hotkey)?)))
    .collect()
}

/// Uses up nonces that [`load_used`] did not find, in the same transaction.
pub(crate) async fn use_up(
    connection: &mut SqliteConnection,
    nonces: &BTreeSet<(Nonce, Hotkey)>,
) -> Result<(), StoreError> {
    if nonces.is_empty() {
        return Ok(());
    }
    let nonces = rows_of(nonces)?;
    sqlx::query!(
        "INSERT INTO used_nonces (nonce, hotkey) SELECT value ->> 0, unhex(value ->> 1) FROM json_each(?)",
        nonces
    )
    .execute(connection)
    .await
    .map(drop)
    .map_err(unavailable)
}

pub(crate) async fn forget(
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

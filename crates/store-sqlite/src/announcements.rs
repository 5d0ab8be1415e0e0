use resi_protocol::rotation::Announcement;
use resi_store::{StoreError, announcement_event, rows};
use sqlx::Connection;

use crate::database::{Database, unavailable};

pub(crate) async fn announce(
    database: &Database,
    announcement: &Announcement,
    known: usize,
) -> Result<bool, StoreError> {
    let (netuid, position) = (announcement.netuid, i64::try_from(known).unwrap_or(i64::MAX));
    let text = rows::announcement_text(announcement)?;
    let audit = rows::audit_text(&[announcement_event(announcement)])?;
    let mut writer = database.writer().await?;
    let mut transaction =
        writer.connection()?.begin_with("BEGIN IMMEDIATE").await.map_err(unavailable)?;
    let written = sqlx::query!(
        "INSERT INTO rotation_announcements (netuid, position, announcement) VALUES (?, ?, ?)
         ON CONFLICT (netuid, position) DO NOTHING",
        netuid,
        position,
        text
    )
    .execute(&mut *transaction)
    .await
    .map_err(unavailable)?;
    let added = written.rows_affected() > 0;
    if added {
        sqlx::query!("INSERT INTO audit_groups (entries) VALUES (?)", audit)
            .execute(&mut *transaction)
            .await
            .map_err(unavailable)?;
    }
    transaction.commit().await.map_err(unavailable)?;
    writer.done();
    Ok(added)
}

pub(crate) async fn list(
    database: &Database,
    netuid: u16,
) -> Result<Vec<Announcement>, StoreError> {
    let mut reader = database.reader().await?;
    let texts = sqlx::query_scalar!(
        "SELECT announcement FROM rotation_announcements WHERE netuid = ? ORDER BY position",
        netuid
    )
    .fetch_all(&mut *reader)
    .await
    .map_err(unavailable)?;
    reader.done();
    texts.iter().map(|text| rows::announcement(text)).collect()
}

use resi_protocol::rotation::Announcement;
use resi_store::{StoreError, announcement_event, rows};
use sqlx::Connection;

use crate::audit;
use crate::database::{Database, unavailable};

pub(crate) async fn announce(
    database: &Database,
    announcement: &Announcement,
    known: usize,
) -> Result<bool, StoreError> {
    let text = rows::announcement_text(announcement)?;
    let mut connection = database.connection().await?;
    let mut transaction = connection.begin().await.map_err(unavailable)?;
    let written = sqlx::query!(
        "INSERT INTO rotation_announcements (netuid, position, announcement) VALUES ($1, $2, $3)
         ON CONFLICT (netuid, position) DO NOTHING",
        i32::from(announcement.netuid),
        i32::try_from(known).unwrap_or(i32::MAX),
        text
    )
    .execute(&mut *transaction)
    .await
    .map_err(unavailable)?;
    let added = written.rows_affected() > 0;
    if added {
        audit::append(&mut transaction, &[announcement_event(announcement)]).await?;
    }
    transaction.commit().await.map_err(unavailable)?;
    connection.done();
    Ok(added)
}

pub(crate) async fn list(
    database: &Database,
    netuid: u16,
) -> Result<Vec<Announcement>, StoreError> {
    let mut connection = database.connection().await?;
    let texts = sqlx::query_scalar!(
        "SELECT announcement FROM rotation_announcements WHERE netuid = $1 ORDER BY position",
        i32::from(netuid)
    )
    .fetch_all(&mut *connection)
    .await
    .map_err(unavailable)?;
    connection.done();
    texts.iter().map(|text| rows::announcement(text)).collect()
}

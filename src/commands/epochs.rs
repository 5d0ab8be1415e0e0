use anyhow::Result;
use resi_protocol::{EpochId, Timestamp};
use resi_store::EpochRecord;
use serde_json::json;

use super::opening;
use crate::cli::EpochsListArgs;
use crate::settings::Settings;

/// The records of the newest epochs, newest first, and what changed from one to the next.
///
/// # Errors
/// When the store cannot be read.
pub async fn list(args: &EpochsListArgs, settings: &Settings, now: Timestamp) -> Result<String> {
    let store = opening::existing_store(settings).await?;
    // The record of the coming epoch is written ahead; one length more than that is after all of them.
    let end = EpochId::starting_at(now.plus(settings.schedule.length() * 3));
    let records = store.epoch_records(settings.netuid, end, args.limit.saturating_add(1)).await?;
    store.close().await;
    let shown = records.iter().take(args.limit as usize).enumerate();
    let lines = shown.map(|(at, record)| {
        let changed = records.get(at + 1).map_or_else(Vec::new, |before| changes(before, record));
        if args.json { json_line(record, &changed) } else { row(record, &changed) }
    });
    let head = format!(
        "{:<20}  {:>7}  {:<12}  {:>6}  {:>5}  {:<12}  {:<20}  {:<5}  {:<6}  CHANGED\n",
        "EPOCH", "SECONDS", "POOL", "SIZE", "DEALT", "KEY", "AGREED", "PROOF", "SIGNED"
    );
    let head = if args.json { String::new() } else { head };
    Ok(head + &lines.collect::<String>())
}

/// What differs between two records that follow each other.
fn changes(before: &EpochRecord, record: &EpochRecord) -> Vec<&'static str> {
    let (old, new) = (&before.parameters, &record.parameters);
    let differs = [
        ("key", before.public_key != record.public_key),
        ("pool", old.pool_sha256 != new.pool_sha256),
        ("zipcodes_per_epoch", old.zipcodes_per_epoch != new.zipcodes_per_epoch),
        ("epoch_seconds", old.schedule != new.schedule),
    ];
    differs.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name).collect()
}

fn row(record: &EpochRecord, changed: &[&str]) -> String {
    let short = |text: String| text.trim_start_matches("0x").chars().take(12).collect::<String>();
    let parameters = &record.parameters;
    let line = format!(
        "{:<20}  {:>7}  {:<12}  {:>6}  {:>5}  {:<12}  {:<20}  {:<5}  {:<6}  {}",
        record.id().to_string(),
        parameters.schedule.seconds(),
        short(parameters.pool_sha256.to_string()),
        parameters.pool_size,
        parameters.zipcodes_per_epoch,
        short(record.public_key.to_string()),
        record.agreed_at.to_string(),
        if record.signature.is_some() { "kept" } else { "-" },
        if record.record_signature.is_some() { "yes" } else { "-" },
        changed.join(","),
    );
    format!("{}\n", line.trim_end())
}

fn json_line(record: &EpochRecord, changed: &[&str]) -> String {
    let parameters = &record.parameters;
    let line = json!({
        "id": record.id(),
        "index": record.epoch,
        "netuid": parameters.netuid,
        "epoch_seconds": parameters.schedule.seconds(),
        "pool_sha256": parameters.pool_sha256,
        "pool_size": parameters.pool_size,
        "zipcodes_per_epoch": parameters.zipcodes_per_epoch,
        "public_key": record.public_key,
        "agreed_at": record.agreed_at,
        "has_proof": record.signature.is_some(),
        "prev_sha256": record.prev_sha256,
        "record_signature": record.record_signature.map(|signature| signature.to_hex()),
        "changed": changed,
    });
    format!("{line}\n")
}

use std::fmt::Write as _;

use anyhow::{Context, Result, bail, ensure};
use resi_protocol::rotation::{Announcement, NOTICE_EPOCHS, Parameters, RotationKey, RotationSet};
use resi_protocol::{EpochId, EpochIndex, Timestamp};
use resi_store::Store;

use super::{opening, serve};
use crate::cli::AnnounceArgs;
use crate::settings::{Keys, Settings};

/// Announces that the next rotation key, and the parameters of these settings, count from an epoch on.
///
/// # Errors
/// When nothing would change, the epoch is too near, the key that counts is not here, or the store fails.
pub async fn announce(args: &AnnounceArgs, settings: &Settings, now: Timestamp) -> Result<String> {
    let store = opening::existing_store(settings).await?;
    let announced = announce_in(&*store, args, settings, now).await;
    store.close().await;
    announced.map(|announcement| words(&announcement))
}

async fn announce_in(
    store: &dyn Store,
    args: &AnnounceArgs,
    settings: &Settings,
    now: Timestamp,
) -> Result<Announcement> {
    let known = store.announcements(settings.netuid).await?;
    let before = match known.last() {
        Some(last) => last.after,
        None => newest_record(store, settings, now).await?,
    };
    ensure!(
        before.epoch_seconds == settings.schedule.seconds(),
        "epochs have {} s, and {} s in these settings: their length cannot be changed by an announcement",
        before.epoch_seconds,
        settings.schedule.seconds()
    );
    let from = first_epoch(args, settings, known.last(), now)?;
    let keys = Keys::load(settings)?;
    let dealer = keys.next_rotation.as_ref().unwrap_or(&keys.rotation);
    let pool = serve::read_pool(settings, Some(dealer))?;
    let parameters = Parameters::new(
        settings.netuid,
        settings.schedule,
        pool.pool(),
        settings.zipcodes_per_epoch,
    );
    let new_key = match &args.new_key {
        Some(text) => text.parse().context("--new-key")?,
        None => keys.next_rotation.as_ref().map_or(before.public_key, RotationKey::public),
    };
    let after = RotationSet::new(new_key, &parameters);
    ensure!(
        after != before,
        "nothing would change: give another key (NEXT_ROTATION_KEY or --new-key), or other parameters"
    );
    let signer = [Some(&keys.rotation), keys.next_rotation.as_ref()];
    let signer = signer.into_iter().flatten().find(|key| key.public() == before.public_key);
    let signer = signer.with_context(|| {
        format!("the key that counts before, {}, is not here: it must sign", before.public_key)
    })?;
    let before = before.parameters(settings.netuid).context("the length of epochs")?;
    let announcement = Announcement::sign(signer, settings.netuid, from, now, &before, after);
    announcement.verify(now)?;
    store.keep_pool(&pool.to_stored()).await?;
    ensure!(
        store.announce(&announcement, known.len()).await?,
        "somebody else announced a change just now: look at it, and run this again"
    );
    Ok(announcement)
}

/// What counts where nothing was ever announced.
async fn newest_record(
    store: &dyn Store,
    settings: &Settings,
    now: Timestamp,
) -> Result<RotationSet> {
    let end = EpochId::starting_at(now.plus(settings.schedule.length() * 3));
    let records = store.epoch_records(settings.netuid, end, 1).await?;
    let Some(newest) = records.first() else {
        bail!(
            "no epoch of subnet {} was dealt yet: the settings count, and nothing need be announced",
            settings.netuid
        )
    };
    Ok(RotationSet::new(newest.public_key, &newest.parameters))
}

/// The epoch that was asked for, or the first that is far enough ahead.
fn first_epoch(
    args: &AnnounceArgs,
    settings: &Settings,
    last: Option<&Announcement>,
    now: Timestamp,
) -> Result<EpochId> {
    let schedule = settings.schedule;
    let running = schedule.index_at(now).context("the clock is before 1970")?;
    let earliest = schedule.id(EpochIndex(running.0 + u64::from(NOTICE_EPOCHS) + 1));
    let from = match args.from.as_deref() {
        None => last.map_or(earliest, |last| {
            let after_last =
                schedule.index_of(last.from).map_or(earliest, |at| schedule.id(at.next()));
            after_last.max(earliest)
        }),
        Some(text) => text.parse().context("--from")?,
    };
    ensure!(schedule.index_of(from).is_some(), "--from: no epoch begins at {from}");
    ensure!(
        from >= earliest,
        "--from: {from} is too near, {NOTICE_EPOCHS} whole epochs must lie between: {earliest} is the first that can be"
    );
    if let Some(last) = last {
        ensure!(
            from > last.from,
            "--from: a change from {} on is announced already, and another must begin after it",
            last.from
        );
    }
    Ok(from)
}

fn words(announcement: &Announcement) -> String {
    let Announcement { from, before, after, .. } = announcement;
    let mut text = format!(
        "Announced, signed by {}.\n\n  {:<20} {from} ({})\n",
        before.public_key,
        "from epoch",
        from.starts_at()
    );
    for (name, old, new) in [
        ("rotation key", before.public_key.to_string(), after.public_key.to_string()),
        ("pool", before.pool_sha256.to_string(), after.pool_sha256.to_string()),
        ("pool_size", before.pool_size.to_string(), after.pool_size.to_string()),
        (
            "zipcodes_per_epoch",
            before.zipcodes_per_epoch.to_string(),
            after.zipcodes_per_epoch.to_string(),
        ),
    ] {
        let change =
            if old == new { format!("{old}, as before") } else { format!("{old} -> {new}") };
        let _ = writeln!(text, "  {name:<20} {change}");
    }
    text.push_str(
        "\nReplicas publish it at /api/v1/rotation/keys within seconds; it cannot be taken back.\n",
    );
    if before.public_key != after.public_key {
        text.push_str(
            "Start every replica with the new key as NEXT_ROTATION_KEY before that epoch, and let both stay until it has \
             ended; then the new one may become ROTATION_KEY.\n",
        );
    }
    text
}

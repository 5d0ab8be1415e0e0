use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use resi_protocol::EpochId;
use resi_protocol::rotation::{
    Announcement, Change, History, RotationKeys, RotationPublicKey, verify_history,
};
use resi_protocol::wire::{EpochList, EpochResource, ErrorBody, ErrorCode};
use resi_secret::ShownUrl;
use serde::Deserialize;

use super::verify::{fetch, read};
use crate::cli::VerifyArgs;

/// More pages than a century has.
const MAX_PAGES: usize = 10_000;
/// Of a list in words, what is shown of it.
const SHOWN: usize = 12;

#[derive(Default)]
struct Published {
    epochs: Vec<EpochResource>,
    announcements: Vec<Announcement>,
}

/// Walks the records of all epochs, checks every link and every proof, and says in words what was proved.
///
/// # Errors
/// What an honest service does not show, or kept it from being checked.
pub(super) fn run(args: &VerifyArgs) -> Result<String> {
    let source = args.answer.expose();
    let is_url = source.starts_with("http://") || source.starts_with("https://");
    let published = if is_url { fetched(source)? } else { saved(source)? };
    let history =
        verify_history(&published.epochs, &published.announcements).context("not verified")?;
    let known: Option<RotationPublicKey> =
        args.public_key.as_deref().map(str::parse).transpose().context("--public-key")?;
    if let (Some(known), Some(newest)) = (known, history.public_keys.last()) {
        ensure!(
            history.public_keys.contains(&known),
            "not verified: the newest record is of key {newest}, and {known} has dealt none of them"
        );
    }
    let words = words(&history, known);
    ensure!(history.changes.iter().all(|change| change.announced), "{words}");
    Ok(words)
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Page {
    Epochs(EpochList),
    Keys(RotationKeys),
}

/// Pages of epochs as they were answered, one after the other, and the answer of `/api/v1/rotation/keys` among them.
fn saved(path: &str) -> Result<Published> {
    let text = read(Path::new(path))?;
    let mut saved = Published::default();
    for page in serde_json::Deserializer::from_str(&text).into_iter::<Page>() {
        match page.with_context(|| format!("{path}: no pages of /api/v1/epochs"))? {
            Page::Epochs(page) => saved.epochs.extend(page.epochs),
            Page::Keys(keys) => saved.announcements.extend(keys.announcements),
        }
    }
    Ok(saved)
}

/// All pages, from the address of a service or of its list of epochs.
fn fetched(url: &str) -> Result<Published> {
    let base = url.find("/api/v1/").map_or(url, |at| &url[..at]).trim_end_matches('/');
    let announcements = announcements(base)?;
    let mut epochs = Vec::new();
    let mut next = format!("{base}/api/v1/epochs?limit=100");
    for _ in 0..MAX_PAGES {
        let page = fetch(&next, None)?;
        let page: EpochList = serde_json::from_str(&page)
            .with_context(|| format!("{}: this is no page of /api/v1/epochs", ShownUrl(&next)))?;
        epochs.extend(page.epochs);
        let Some(cursor) = page.next_cursor else {
            return Ok(Published { epochs, announcements });
        };
        let cursor: EpochId =
            cursor.parse().with_context(|| format!("{}: its cursor", ShownUrl(&next)))?;
        next = format!("{base}/api/v1/epochs?limit=100&cursor={cursor}");
    }
    bail!("the list has no end")
}

/// What the service at `base` announced; nothing where it is from before there were announcements.
pub(super) fn announcements(base: &str) -> Result<Vec<Announcement>> {
    let url = format!("{base}/api/v1/rotation/keys");
    let text = fetch(&url, None)?;
    let error: Option<ErrorBody> = serde_json::from_str(&text).ok();
    if error.is_some_and(|error| error.error_code == ErrorCode::NotFound) {
        return Ok(Vec::new());
    }
    let keys: RotationKeys =
        serde_json::from_str(&text).with_context(|| ShownUrl(&url).to_string())?;
    Ok(keys.announcements)
}

/// A line for each thing that was proved, and for each that was not.
fn words(history: &History, known: Option<RotationPublicKey>) -> String {
    let (Some((oldest, newest)), Some(key)) = (history.span, history.public_keys.last()) else {
        return "There are no records yet: nothing to verify.\n".into();
    };
    let key_words = match known {
        None => format!("??   key not pinned: the newest is of {key} (--public-key)"),
        Some(known) if known == *key => {
            format!("ok   the newest is of the rotation key you gave: {key}")
        }
        Some(known) => {
            format!("ok   the newest is of key {key}, which follows {known}, the one you gave")
        }
    };
    let mut lines = vec![
        format!("ok   {} records, from epoch {oldest} to {newest}", history.records),
        key_words,
        format!("ok   {} are linked to the record before, and every link holds", history.linked),
        format!("ok   {} proofs verify, each with the key of its record", history.proved),
    ];
    let not_linked = "linked to none, as the first is, and what was written before records were linked, or after a later one";
    for (what, epochs) in [
        (not_linked, &history.unlinked),
        ("ended, and their proof was not published", &history.unproved),
    ] {
        if !epochs.is_empty() {
            lines.push(format!("??   {what}: {}", some_of(epochs)));
        }
    }
    if let Some(sha256) = history.continues_at {
        lines.push(format!("??   the oldest is linked to a record that is not here: {sha256}"));
    }
    lines.extend(history.gaps.iter().map(|gap| {
        let (epochs, after, before) = (gap.epochs, gap.after, gap.before);
        format!("gap  {epochs} epochs without a record after {after}, before {before}: the service or its database was down")
    }));
    lines.extend(history.changes.iter().map(change_words));
    let all_announced = history.changes.iter().all(|change| change.announced);
    let verdict = match (all_announced, known.is_some()) {
        (false, _) => {
            "Not verified: whoever changes key or parameters unannounced can try until a deal pleases."
        }
        (true, true) => {
            "Verified: the records stand in the order in which they were written, and none was changed since."
        }
        (true, false) => {
            "Verified as far as it goes: the records agree with each other. Pin the key to prove more."
        }
    };
    let mut text = lines.join("\n");
    let _ = writeln!(text, "\n\n{verdict}");
    text
}

fn change_words(change: &Change) -> String {
    let (mark, note) = match change.announced {
        true => ("ok", "as announced by the key before, early enough by the date it bears"),
        false => ("!!", "not announced"),
    };
    format!("{mark:<4} from epoch {} on: {} changed, {note}", change.epoch, change.what.join(", "))
}

fn some_of(epochs: &[EpochId]) -> String {
    let shown: Vec<_> = epochs.iter().take(SHOWN).map(ToString::to_string).collect();
    match epochs.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

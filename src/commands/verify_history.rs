use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use resi_protocol::EpochId;
use resi_protocol::rotation::{History, RotationPublicKey, verify_history};
use resi_protocol::wire::{EpochList, EpochResource};

use super::verify::{fetch, read};
use crate::cli::VerifyArgs;

/// More pages than a century has.
const MAX_PAGES: usize = 10_000;
/// Of a list in words, what is shown of it.
const SHOWN: usize = 12;

/// Walks the records of all epochs, checks every link and every proof, and says in words what was proved.
///
/// # Errors
/// What an honest service does not show, or kept it from being checked.
pub fn run(args: &VerifyArgs) -> Result<String> {
    let is_url = args.answer.starts_with("http://") || args.answer.starts_with("https://");
    let epochs = if is_url { fetched(&args.answer)? } else { saved(&args.answer)? };
    let history = verify_history(&epochs).context("not verified")?;
    let known: Option<RotationPublicKey> =
        args.public_key.as_deref().map(str::parse).transpose().context("--public-key")?;
    if let (Some(known), Some(newest)) = (known, history.public_key) {
        ensure!(
            known == newest,
            "not verified: the newest record is of key {newest}, and {known} was expected"
        );
    }
    let words = words(&history, known.is_some());
    ensure!(history.changes.is_empty(), "{words}");
    Ok(words)
}

/// One page or several, as they were answered, one after the other.
fn saved(path: &str) -> Result<Vec<EpochResource>> {
    let text = read(Path::new(path))?;
    let mut epochs = Vec::new();
    for page in serde_json::Deserializer::from_str(&text).into_iter::<EpochList>() {
        epochs.extend(page.with_context(|| format!("{path}: no pages of /api/v1/epochs"))?.epochs);
    }
    Ok(epochs)
}

/// All pages, from a service or from its list of epochs.
fn fetched(url: &str) -> Result<Vec<EpochResource>> {
    let base = url.find("/api/v1/").map_or(url, |at| &url[..at]).trim_end_matches('/');
    let mut next = format!("{base}/api/v1/epochs?limit=100");
    let mut epochs = Vec::new();
    for _ in 0..MAX_PAGES {
        let page = fetch(&next, None)?;
        let page: EpochList = serde_json::from_str(&page)
            .with_context(|| format!("{next}: this is no page of /api/v1/epochs"))?;
        epochs.extend(page.epochs);
        let Some(cursor) = page.next_cursor else { return Ok(epochs) };
        let cursor: EpochId = cursor.parse().with_context(|| format!("{next}: its cursor"))?;
        next = format!("{base}/api/v1/epochs?limit=100&cursor={cursor}");
    }
    anyhow::bail!("the list has no end")
}

/// A line for each thing that was proved, and for each that was not.
fn words(history: &History, key_pinned: bool) -> String {
    let mut text = String::new();
    let mut say = |mark: &str, line: String| {
        let _ = writeln!(text, "{mark:<4} {line}");
    };
    let (Some((oldest, newest)), Some(key)) = (history.span, history.public_key) else {
        return "There are no records yet: nothing to verify.\n".into();
    };
    say("ok", format!("{} records, from epoch {oldest} to {newest}", history.records));
    match key_pinned {
        true => say("ok", format!("the newest is of the rotation key you gave: {key}")),
        false => say("??", format!("key not pinned: the newest is of {key} (--public-key)")),
    }
    say("ok", format!("{} are linked to the record before, and every link holds", history.linked));
    if let Some(sha256) = history.continues_at {
        say("??", format!("the oldest is linked to a record that is not here: {sha256}"));
    }
    if !history.unlinked.is_empty() {
        let list = list(&history.unlinked);
        say(
            "??",
            format!(
                "linked to none, as the first is, or what was written before records were linked, or after a later record: {list}"
            ),
        );
    }
    say("ok", format!("{} proofs verify, each with the key of its record", history.proved));
    if !history.unproved.is_empty() {
        let list = list(&history.unproved);
        say("??", format!("ended, and the proof was not published: {list}"));
    }
    for gap in &history.gaps {
        let (after, before, epochs) = (gap.after, gap.before, gap.epochs);
        say(
            "gap",
            format!(
                "{epochs} epochs without a record after {after}, before {before}: the service was down, or its database was, so that nobody can show what was dealt"
            ),
        );
    }
    for change in &history.changes {
        let what = change.what.join(", ");
        say(
            "!!",
            format!("from epoch {} on: {what} changed, which was not announced", change.epoch),
        );
    }
    let verdict = match (history.changes.is_empty(), key_pinned) {
        (false, _) => {
            "Not verified: whoever changes key or parameters unannounced can try until a deal pleases."
        }
        (true, true) => {
            "Verified: these are the records that were written, in this order, and none was changed since."
        }
        (true, false) => {
            "Verified as far as it goes: the records agree with each other. Pin the key to prove more."
        }
    };
    let _ = writeln!(text, "\n{verdict}");
    text
}

fn list(epochs: &[EpochId]) -> String {
    let shown: Vec<_> = epochs.iter().take(SHOWN).map(ToString::to_string).collect();
    match epochs.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

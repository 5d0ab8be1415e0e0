use std::fmt::Display;

use resi_protocol::EpochId;
use resi_protocol::rotation::{
    Change, Counted, Gap, History, MAX_ANNOUNCEMENTS, RotationPublicKey,
};

use super::Verdict;

/// Of a list in words, what is shown of it.
const SHOWN: usize = 12;

/// A line for each thing that was proved, and for each that was not.
pub(super) fn verdict(
    history: &History,
    known: Option<RotationPublicKey>,
    netuid: Option<u16>,
) -> Verdict {
    let (Some((oldest, newest)), Some(key)) = (history.span, history.public_keys.last()) else {
        let text = "There are no records yet: nothing to verify.\n".into();
        return Verdict { text, is_verified: false };
    };
    let mut lines = vec![
        format!("ok   {} records, from epoch {oldest} to {newest}", history.records),
        key_words(known, *key),
    ];
    if history.is_behind {
        lines.push(format!("??   epoch {newest} is over: what came since is not here (--at says when the records were got)"));
    }
    lines.extend(netuid.map(|netuid| format!("ok   netuid: pinned, {netuid}")));
    lines.push(format!("ok   {} records are signed by their key", history.signed));
    lines.extend(list(
        "ok",
        "have no signature, and a signed one leads to them: the hash chain vouches for them",
        &history.chained,
    ));
    lines.extend(list(
        "??",
        "have no signature, and no signed one leads to them: nothing vouches for them",
        &history.unvouched,
    ));
    lines.push(format!(
        "ok   {} are linked to the record before, and every link holds",
        history.linked
    ));
    lines.extend(list(
        "??",
        "are linked to none, as what was written before records were linked, or after a later one",
        &history.unlinked,
    ));
    match history.continues_at {
        None => lines.push(format!(
            "--   the oldest, of epoch {oldest}, is linked to none, which no signature shows"
        )),
        Some(sha256) => {
            lines.push(format!("??   the oldest is linked to a record that is not here: {sha256}"));
        }
    }
    lines.push(format!("ok   {} proofs verify, each with the key of its record", history.proved));
    lines.extend(list("??", "are of epochs that ended, and show no proof", &history.unproved));
    lines.extend(first_of(&history.gaps.first, history.gaps.count, "gap ", gap_words));
    // Those that nobody announced first: they decide.
    let mut changes: Vec<_> = history.changes.iter().collect();
    changes.sort_by_key(|change| change.announced);
    lines.extend(first_of(&changes, changes.len(), "    ", |change| change_words(change)));
    if history.ignored_announcements > 0 {
        let more = history.ignored_announcements;
        lines.push(format!(
            "--   {more} announcements beyond the first {MAX_ANNOUNCEMENTS} were not looked at"
        ));
    }
    let is_verified = history.is_complete() && known.is_some();
    lines.push(format!("\n{}\n", conclusion(history, is_verified)));
    Verdict { text: lines.join("\n"), is_verified }
}

fn key_words(known: Option<RotationPublicKey>, newest: RotationPublicKey) -> String {
    match known {
        None => format!(
            "??   the rotation key: first contact, the newest record is of {newest} (--public-key)"
        ),
        Some(known) if known == newest => format!("ok   the rotation key: pinned, {newest}"),
        Some(known) => {
            format!(
                "ok   the rotation key: pinned, {known}; the newest record is of {newest}, which follows it"
            )
        }
    }
}

fn conclusion(history: &History, is_verified: bool) -> &'static str {
    if history.changes.iter().any(|change| !change.announced) {
        "Not verified: whoever changes key or parameters unannounced can try until a deal pleases."
    } else if is_verified {
        "Verified: the records stand in the order in which they were written, and none was changed since."
    } else {
        "Not verified: for what is marked ?? there is nothing but the records themselves."
    }
}

/// A line about some epochs, where there are any.
fn list(mark: &str, what: &str, epochs: &Counted<EpochId>) -> Option<String> {
    let shown: Vec<_> = epochs.first.iter().take(SHOWN).map(ToString::to_string).collect();
    let more = match epochs.count - shown.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let count = epochs.count;
    (count > 0).then(|| format!("{mark:<4} {count} records {what}: {}{more}", shown.join(", ")))
}

/// A line for each of the first, and one for how many more there are.
fn first_of<T, L: Display>(
    list: &[T],
    count: usize,
    mark: &str,
    line: impl Fn(&T) -> L,
) -> Vec<String> {
    let mut lines: Vec<_> = list.iter().take(SHOWN).map(|one| line(one).to_string()).collect();
    if count > lines.len() {
        lines.push(format!("{mark} and {} more", count - lines.len()));
    }
    lines
}

fn gap_words(gap: &Gap) -> String {
    let Gap { after, before, epochs } = gap;
    format!(
        "gap  {epochs} epochs without a record after {after}, before {before}: the service or its database was down"
    )
}

fn change_words(change: &Change) -> String {
    let (mark, note) = match change.announced {
        true => ("ok", "as announced by the key before, early enough by the date it bears"),
        false => ("!!", "not announced"),
    };
    format!("{mark:<4} from epoch {} on: {} changed, {note}", change.epoch, change.what.join(", "))
}

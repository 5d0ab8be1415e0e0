use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::case::Case;
use crate::kind::Kind;
use crate::rows::{ROWS, Seen};
use crate::server::STORM;

/// How much more memory a changed answer may take than was held before.
pub const MORE_MEMORY: usize = 64 << 20;
/// How much may be said about one changed answer, errors, output and log together.
pub const MORE_WORDS: usize = 100_000;
/// How many faults are named in full.
const NAMED: usize = 50;

/// What came of a case.
#[derive(Debug, Default)]
pub struct Outcome {
    /// What was handed out; nothing where the call failed.
    pub result: Option<String>,
    /// All that was said: errors, log, standard output.
    pub words: String,
    /// What panicked.
    pub panics: Vec<String>,
    /// Whether it did not end.
    pub hung: bool,
    /// How many requests there were.
    pub asked: usize,
    /// Whether a token went to another host.
    pub told_elsewhere: bool,
    /// Bytes.
    pub more_memory: usize,
}

/// What was found in all cases.
#[derive(Debug)]
pub struct Ledger {
    calls: BTreeSet<&'static str>,
    cases: usize,
    needed: BTreeSet<usize>,
    faults: Vec<(&'static str, String)>,
    paths: BTreeMap<(String, u16), BTreeSet<String>>,
    most_memory: usize,
    most_words: usize,
}

impl Ledger {
    /// Of these calls.
    pub fn of(calls: impl IntoIterator<Item = &'static str>) -> Self {
        Self {
            calls: calls.into_iter().collect(),
            cases: 0,
            needed: BTreeSet::new(),
            faults: Vec::new(),
            paths: BTreeMap::new(),
            most_memory: 0,
            most_words: 0,
        }
    }

    /// Judges one case, given what the call hands out when nothing is changed.
    pub fn judge(&mut self, case: &Case, honest: Option<&str>, outcome: &Outcome) {
        self.cases += 1;
        self.most_memory = self.most_memory.max(outcome.more_memory);
        self.most_words = self.most_words.max(outcome.words.len());
        let paths = self.paths.entry((case.operation.clone(), case.status)).or_default();
        paths.insert(case.at.clone());
        let name = case.name();
        let mut fault = |kind, detail: String| self.faults.push((kind, format!("{name}: {detail}")));
        for panic in &outcome.panics {
            fault("panicked", panic.clone());
        }
        if outcome.hung {
            fault("did not end", String::new());
        }
        if outcome.asked > STORM {
            fault("asked for ever", format!("{} requests", outcome.asked));
        }
        if outcome.told_elsewhere {
            fault("sent a token to another host", String::new());
        }
        if outcome.more_memory > MORE_MEMORY {
            fault("took too much memory", format!("{} MB", outcome.more_memory >> 20));
        }
        if outcome.words.len() > MORE_WORDS {
            let start: String = outcome.words.chars().take(100).collect();
            fault("said too much", format!("{} bytes: {start:?}", outcome.words.len()));
        }
        if let Some(raw) = raw_control(&outcome.words) {
            fault("showed a raw control character", format!("{raw:?}"));
        }
        if let Some(row) = self.taken(case, honest, outcome) {
            self.needed.insert(row);
        }
    }

    /// The row by which a changed answer was taken.
    fn taken(&mut self, case: &Case, honest: Option<&str>, outcome: &Outcome) -> Option<usize> {
        let is_same = outcome.result.as_deref() == honest;
        if case.kind == Kind::Added {
            if !is_same {
                let words: String = outcome.words.chars().take(300).collect();
                self.faults.push(("minded what a newer service adds", format!("{}: {words}", case.name())));
            }
            return None;
        }
        let result = outcome.result.as_deref()?;
        let fits = |seen: Seen| match seen {
            Seen::Nothing => is_same,
            Seen::AsSaid => case.allowed,
            Seen::Read => true,
        };
        let row = ROWS.iter().position(|row| row.covers(case) && fits(row.seen));
        if row.is_none() {
            let kind = if is_same { "took it, though nothing changed" } else { "took it" };
            let at = difference(honest.unwrap_or_default(), result);
            self.faults.push((kind, format!("{}: {at}", case.name())));
        }
        row
    }

    /// How often each kind of fault was found, and the first of them.
    ///
    /// # Errors
    /// When there is any, a row that nothing needed, or something of the document that no case changed.
    pub fn close(mut self, uncovered: &[String], is_whole: bool) -> Result<String, String> {
        if is_whole {
            for (at, row) in ROWS.iter().enumerate() {
                let is_ours = row.calls.iter().any(|call| self.calls.contains(call));
                if is_ours && !self.needed.contains(&at) {
                    self.faults.push(("a row that no case needs", format!("{row:?}")));
                }
            }
            self.faults.extend(uncovered.iter().map(|path| ("in no case", path.clone())));
        }
        let mut text = format!(
            "{} cases; at most {} kB said and {} MB more of memory\n",
            self.cases,
            self.most_words / 1000,
            self.most_memory >> 20
        );
        if self.faults.is_empty() {
            return Ok(text);
        }
        let mut counts = BTreeMap::<_, usize>::new();
        for (kind, _) in &self.faults {
            *counts.entry(*kind).or_default() += 1;
        }
        for (kind, count) in &counts {
            let _ = writeln!(text, "{count:6} {kind}");
        }
        for (kind, fault) in self.faults.iter().take(NAMED) {
            let _ = writeln!(text, "{kind}: {fault}");
        }
        if let Some(path) = std::env::var_os("HOSTILE_FAULTS") {
            let all: Vec<_> = self.faults.iter().map(|(kind, fault)| format!("{kind}: {fault}\n")).collect();
            let _ = std::fs::write(path, all.concat());
        }
        Err(text)
    }

    /// What of an answer no case has changed.
    pub fn unchanged<'p>(&self, operation: &str, status: u16, paths: impl Iterator<Item = &'p String>) -> Vec<String> {
        let none = BTreeSet::new();
        let changed = self.paths.get(&(operation.to_owned(), status)).unwrap_or(&none);
        paths.filter(|path| !changed.contains(*path)).map(|path| format!("{operation} {path}")).collect()
    }
}

/// The first character that a terminal would act upon, with what stands around it.
pub fn raw_control(words: &str) -> Option<String> {
    let acts = |c: &char| (c.is_control() && *c != '\n') || matches!(*c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}');
    let at = words.chars().position(|c| acts(&c))?;
    Some(words.chars().skip(at.saturating_sub(60)).take(80).collect())
}

fn difference(one: &str, other: &str) -> String {
    let at = one.bytes().zip(other.bytes()).take_while(|(a, b)| a == b).count();
    let around = |text: &str| {
        let start = text.floor_char_boundary(at.saturating_sub(40));
        text[start..].chars().take(100).collect::<String>()
    };
    format!("{:?} instead of {:?}", around(other), around(one))
}

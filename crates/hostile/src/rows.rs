use crate::case::Case;
use crate::kind::Kind;

/// Changed answers that are taken all the same, and why that is right.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Whose calls.
    pub calls: &'static [&'static str],
    /// Which answer; empty for all.
    pub operation: &'static str,
    /// Where in it; what ends in `*` is all that begins so.
    pub at: &'static [&'static str],
    /// What is done there; empty for all.
    pub kinds: &'static [Kind],
    /// Which of its kind: what it begins with.
    pub what: &'static str,
    /// What is then seen of it.
    pub seen: Seen,
    /// Why.
    pub why: &'static str,
}

/// What is seen of a change where it is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Nothing: what is handed out is the same as without it.
    Nothing,
    /// It is handed out as what the service says, which nobody can check; only where the document allows it.
    AsSaid,
    /// It is handed out although the document does not allow it.
    Read,
}

const ANY: &[&str] = &["*"];

/// All of them. A case that is taken without one is a fault, and so is one that no case needs.
pub const ROWS: &[Row] = &[];

impl Row {
    pub(crate) fn covers(&self, case: &Case) -> bool {
        let fits = |pattern: &&str| match pattern.strip_suffix('*') {
            Some(start) => case.at.starts_with(start),
            None => case.at == **pattern,
        };
        self.calls.contains(&case.call)
            && (self.operation.is_empty() || self.operation == case.operation)
            && self.at.iter().any(fits)
            && (self.kinds.is_empty() || self.kinds.contains(&case.kind))
            && case.what.starts_with(self.what)
    }
}

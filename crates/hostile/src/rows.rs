use crate::case::Case;
use crate::kind::Kind::{self, *};

/// Changed answers that are taken all the same, and why that is right.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Whose calls. As in the other fields, what ends in `*` is all that begins so.
    pub calls: &'static [&'static str],
    /// Which answer.
    pub operation: &'static str,
    /// Where in it.
    pub at: &'static [&'static str],
    /// What is done there; empty for all.
    pub kinds: &'static [Kind],
    /// Which of its kind: what its name has in it; empty for all.
    pub what: &'static [&'static str],
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

const ALL: &[&str] = &["*"];
const WHOLE: &[&str] = &[""];
const BLOCKS: &str = "GET /api/v1/validator-data";
const KEYS: &str = "GET /api/v1/rotation/keys";
const EPOCH: &str = "GET /api/v1/epochs*";

/// All of them. A case that is taken without one is a fault, and so is one that no case needs.
pub const ROWS: &[Row] = &[
    Row {
        calls: ALL,
        operation: "*",
        at: WHOLE,
        kinds: &[Compressed],
        what: &["as it says", "not, but says"],
        seen: Seen::Nothing,
        why: "honest services compress, and a body that is read as it came says the same",
    },
    Row {
        calls: ALL,
        operation: "*",
        at: WHOLE,
        kinds: &[Body],
        what: &["with blanks around", "as "],
        seen: Seen::Nothing,
        why: "JSON may have blanks around it, and counts whatever it is said to be",
    },
    Row {
        calls: ALL,
        operation: "*",
        at: ALL,
        kinds: &[Huge],
        what: &["unheard of"],
        seen: Seen::Nothing,
        why: "what nobody knows is skipped, within the bound of the whole answer",
    },
    Row {
        calls: ALL,
        operation: "*",
        at: ALL,
        kinds: &[Value],
        what: &["capitals"],
        seen: Seen::Nothing,
        why: "hex digits may be capitals",
    },
    Row {
        calls: ALL,
        operation: "*",
        at: ALL,
        kinds: &[Null, Missing],
        what: &[],
        seen: Seen::Nothing,
        why: "null says what a field says that is left out",
    },
    Row {
        calls: ALL,
        operation: "*",
        at: &["sources_authorized", "data_blocks.*.sources"],
        kinds: &[Doubled, Value, Huge],
        what: &["all", "the last", "one more", "copies"],
        seen: Seen::Nothing,
        why: "sources are a set",
    },
    Row {
        calls: ALL,
        operation: BLOCKS,
        at: &["data_blocks.*"],
        kinds: &[TwoNames],
        what: &[],
        seen: Seen::Nothing,
        why: "of two batches of one name there is only the last, and it is verified",
    },
    Row {
        calls: ALL,
        operation: BLOCKS,
        at: &["data_blocks.*.geographic_info*"],
        kinds: &[],
        what: &[],
        seen: Seen::AsSaid,
        why: "no proof is about places, and they are marked so",
    },
    Row {
        calls: &["access", "validator access*"],
        operation: "*",
        at: &["access_token", "expires_at", "expiry_seconds", "rate_limits*", "mock"],
        kinds: &[],
        what: &[],
        seen: Seen::AsSaid,
        why: "only the service knows its tokens and limits",
    },
    Row {
        calls: &["assignment*", "validator assignments*"],
        operation: "*",
        at: &["*"],
        kinds: &[],
        what: &[],
        seen: Seen::AsSaid,
        why: "only the service keeps what was reported",
    },
    Row {
        calls: &["assignment*", "validator assignments*"],
        operation: "*",
        at: &["*statistics.*"],
        kinds: &[TwoNames, Value],
        what: &[],
        seen: Seen::Read,
        why: "statistics are a validator's own, kept as they were sent",
    },
    Row {
        calls: &["report", "validator report*"],
        operation: "*",
        at: &["message"],
        kinds: &[],
        what: &[],
        seen: Seen::AsSaid,
        why: "words for people",
    },
    Row {
        calls: &["health", "statistics"],
        operation: "*",
        at: ALL,
        kinds: &[],
        what: &[],
        seen: Seen::AsSaid,
        why: "what a service says of itself",
    },
    Row {
        calls: &["health"],
        operation: "*",
        at: WHOLE,
        kinds: &[Status],
        what: &["503 with the answer"],
        seen: Seen::Nothing,
        why: "a service that is not well says so with 503",
    },
    Row {
        calls: &["current epoch", "epoch*", "validator epoch*"],
        operation: EPOCH,
        at: ALL,
        kinds: &[],
        what: &[],
        seen: Seen::AsSaid,
        why: "shown as the service says it; verified epochs are another call",
    },
    Row {
        calls: &["verified epoch*", "honeypots"],
        operation: EPOCH,
        at: &["revealed_at"],
        kinds: &[Value],
        what: &["known"],
        seen: Seen::AsSaid,
        why: "when it was shown, at its start or its end, is the service's choice, and marked so",
    },
    Row {
        calls: &["blocks"],
        operation: KEYS,
        at: ALL,
        kinds: &[],
        what: &[],
        seen: Seen::Nothing,
        why: "the known key goes on counting, whatever is announced or cannot be read",
    },
    Row {
        calls: &["blocks after an announced change"],
        operation: KEYS,
        at: &["", "netuid", "current*", "announcements"],
        kinds: &[Value, Doubled, Swapped],
        what: &[],
        seen: Seen::Nothing,
        why: "only announcements count, each once, and each is signed",
    },
    Row {
        calls: &["verify*"],
        operation: "*",
        at: WHOLE,
        kinds: &[Redirected],
        what: &["here", "elsewhere"],
        seen: Seen::Nothing,
        why: "what is proved is proved whoever answered, and no token goes along",
    },
    Row {
        calls: &["verify*"],
        operation: "*",
        at: WHOLE,
        kinds: &[Slow],
        what: &["dripping"],
        seen: Seen::Nothing,
        why: "slow is not wrong, before the deadline",
    },
    Row {
        calls: &["verify*"],
        operation: "*",
        at: WHOLE,
        kinds: &[Body],
        what: &["with a mark before"],
        seen: Seen::Nothing,
        why: "files have byte-order marks, and an answer may be from one",
    },
    Row {
        calls: &["verify the history*", "verify a history*"],
        operation: EPOCH,
        at: &["epochs[].zipcodes*", "epochs[].honeypots*"],
        kinds: &[],
        what: &[],
        seen: Seen::Nothing,
        why: "a history is of records; what was dealt is verified for each epoch alone",
    },
    Row {
        calls: &["verify the history*", "verify a history*"],
        operation: "GET /api/v1/epochs",
        at: &["epochs[].record_signature"],
        kinds: &[Missing, Null],
        what: &[],
        seen: Seen::AsSaid,
        why: "the next record leads to it, and is signed",
    },
    Row {
        calls: &["verify a history*"],
        operation: "*",
        at: &["algorithm", "netuid", "current*", "next_cursor"],
        kinds: &[],
        what: &[],
        seen: Seen::Read,
        why: "of saved pages only records and announcements are read, and those are signed",
    },
    Row {
        calls: &["verify the history*", "verify a history*"],
        operation: KEYS,
        at: &["", "netuid", "current*", "announcements"],
        kinds: &[Value, Doubled, Swapped],
        what: &[],
        seen: Seen::Nothing,
        why: "only announcements count, each once, and each is signed",
    },
    Row {
        calls: &["validator verify --block-size=5 --file=FILE"],
        operation: BLOCKS,
        at: WHOLE,
        kinds: &[Swapped],
        what: &["another of its own"],
        seen: Seen::Nothing,
        why: "nobody says for which sources saved blocks were asked, and they are marked so",
    },
    Row {
        calls: &["validator consensus*"],
        operation: EPOCH,
        at: &["rotation*", "zipcodes*", "record_signature", "prev_sha256", "revealed_at", "state"],
        kinds: &[],
        what: &[],
        seen: Seen::Nothing,
        why: "only the decoys are read, and their hash is in the blocks",
    },
];

impl Row {
    /// Whether it is about this call.
    pub(crate) fn is_of(&self, call: &str) -> bool {
        self.calls.iter().any(|pattern| fits(pattern, call))
    }

    pub(crate) fn covers(&self, case: &Case) -> bool {
        self.is_of(case.call)
            && fits(self.operation, &case.operation)
            && self.at.iter().any(|pattern| fits(pattern, &case.at))
            && (self.kinds.is_empty() || self.kinds.contains(&case.kind))
            && (self.what.is_empty() || self.what.iter().any(|what| case.what.contains(what)))
    }
}

fn fits(pattern: &str, text: &str) -> bool {
    match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(rest), Some(_)) => rest.len() < 2 || text.contains(&rest[..rest.len() - 1]),
        (_, Some(start)) => text.starts_with(start),
        _ => text == pattern,
    }
}

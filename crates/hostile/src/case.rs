use std::sync::Arc;

use crate::book::{Book, Recorded};
use crate::change::{Edited, Known, changes};
use crate::kind::Kind;
use crate::openapi::{Document, Schema};
use crate::place::places;
use crate::server::{Changed, Hostile};
use crate::whole::{Plan, wholes};
use crate::{Address, EPOCHS_BY_ID};

/// Something that a client can be told to do, and what it asks for then.
#[derive(Clone, Debug)]
pub struct Call {
    /// Its name in [`ROWS`](crate::ROWS).
    pub name: &'static str,
    /// What it asks for that is changed.
    pub asks: Vec<Ask>,
}

/// What of an answer is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// Each field in every way, and the answer as a whole.
    All,
    /// The same, and each field of a refusal.
    AllAndRefusals,
    /// Each field in every way.
    Fields,
    /// Each field in ways that leave it what it might be.
    Values,
    /// The answer as a whole.
    Whole,
    /// Each field, and the whole body: all that may be in a file.
    File,
}

/// A request, and what is changed about its answer.
#[derive(Clone, Debug)]
pub struct Ask {
    moment: usize,
    request: String,
    what: What,
    at_all_times: bool,
}

impl Ask {
    /// Changed at the moment of this number. The request is method, path and query.
    pub fn at(moment: usize, request: impl Into<String>, what: What) -> Self {
        Self { moment, request: request.into(), what, at_all_times: false }
    }

    pub(crate) fn request(&self) -> &str {
        &self.request
    }

    /// What is changed then is answered at all other moments too.
    #[must_use]
    pub fn always(self) -> Self {
        Self { at_all_times: true, ..self }
    }
}

/// Ways of changing a field that leave it what it might be.
const PLAUSIBLE: [Kind; 6] =
    [Kind::Missing, Kind::Null, Kind::Value, Kind::Cut, Kind::Doubled, Kind::Reordered];

/// One thing changed about one answer, and who asks for it.
#[derive(Clone, Debug)]
pub struct Case {
    /// Who asks.
    pub call: &'static str,
    /// For what: method and path of the document.
    pub operation: String,
    /// Status of the answer that is changed.
    pub status: u16,
    /// Where in the answer; empty for all of it.
    pub at: String,
    /// What is done there.
    pub kind: Kind,
    /// Which of its kind.
    pub what: String,
    /// Whether the document allows the answer that comes of it.
    pub allowed: bool,
    position: String,
    moment: Option<usize>,
    plan: Plan,
}

impl Case {
    /// What to give as `HOSTILE_CASE` to run it alone.
    pub fn name(&self) -> String {
        let Self { call, operation, status, at, kind, what, .. } = self;
        let status = if *status == 200 { String::new() } else { format!(" {status}") };
        format!("{call} | {operation}{status} | {at} | {kind} | {what}")
    }

    /// In which way of its kind, wherever it is.
    pub(crate) fn way(&self) -> &str {
        self.what.strip_prefix(&self.position).unwrap_or(&self.what)
    }

    /// Has it answered so, under an address of its own.
    pub fn answer(&self, server: &Hostile, book: &Arc<Book>) -> Address {
        let (operation, moment) = (self.operation.clone(), self.moment);
        server.answer(book, Some(Changed { operation, moment, reply: self.plan.reply() }))
    }

    /// The changed answer as it would be in a file.
    pub fn body(&self) -> Vec<u8> {
        self.plan.reply().body.to_vec()
    }
}

/// All cases of a call.
pub fn cases(document: &Document, book: &Book, call: &Call) -> Vec<Case> {
    let known = book.known();
    let mut cases = Vec::new();
    for ask in &call.asks {
        let recorded = book.answer(ask.moment, &ask.request);
        let operation = document.operation(&recorded.operation);
        let moment = (!ask.at_all_times).then_some(ask.moment);
        let mut making = Making { call: call.name, moment, known: &known, cases: &mut cases };
        if ask.what != What::Whole {
            let schema = operation.schema(recorded.status).expect("a schema");
            making.fields(recorded, schema, ask.what == What::Values);
        }
        if !matches!(ask.what, What::Fields | What::Values) {
            making.wholes(recorded, book, ask.what == What::File);
        }
        if ask.what == What::AllAndRefusals {
            let refusal = book.refusal(&recorded.operation).of(&recorded.operation);
            let schema = document.operation(EPOCHS_BY_ID).schema(404).expect("a schema");
            making.fields(&refusal, schema, false);
        }
    }
    cases
}

struct Making<'m> {
    call: &'static str,
    moment: Option<usize>,
    known: &'m Known,
    cases: &'m mut Vec<Case>,
}

impl Making<'_> {
    fn fields(&mut self, recorded: &Recorded, schema: Schema<'_>, plausible: bool) {
        let is_refusal = recorded.status >= 400;
        for place in places(schema, &recorded.answer) {
            // What is no value at all is so in any item of a list.
            let plausible = plausible || place.is_further();
            for change in changes(&place, self.known) {
                if plausible && !PLAUSIBLE.contains(&change.kind) {
                    continue;
                }
                self.cases.push(Case {
                    call: self.call,
                    operation: recorded.operation.clone(),
                    status: recorded.status,
                    at: place.path.clone(),
                    kind: change.kind,
                    what: format!("{}{}", place.position(), change.what),
                    allowed: change.allowed && !is_refusal,
                    position: place.position(),
                    moment: self.moment,
                    plan: Plan::Edited(
                        recorded.status,
                        Edited::new(&recorded.answer, &place, &change),
                    ),
                });
            }
        }
    }

    fn wholes(&mut self, recorded: &Recorded, book: &Book, in_file: bool) {
        for whole in wholes(recorded, book) {
            if in_file && !matches!(whole.kind, Kind::Body | Kind::Swapped) {
                continue;
            }
            let case = Case {
                call: self.call,
                operation: recorded.operation.clone(),
                status: recorded.status,
                at: String::new(),
                kind: whole.kind,
                what: whole.what,
                allowed: whole.allowed,
                position: String::new(),
                moment: self.moment,
                plan: whole.reply,
            };
            if !(in_file && case.body() == recorded.reply().body.to_vec()) {
                self.cases.push(case);
            }
        }
    }
}

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

/// A request, and what is changed about its answer.
#[derive(Clone, Debug)]
pub struct Ask {
    /// At which of the moments.
    pub moment: usize,
    /// Method, path and query.
    pub request: String,
    /// Each field of the answer.
    pub fields: bool,
    /// The answer as a whole.
    pub whole: bool,
    /// Each field of a refusal.
    pub refusals: bool,
}

impl Ask {
    /// Everything about it.
    pub fn all(moment: usize, request: impl Into<String>) -> Self {
        Self { moment, request: request.into(), fields: true, whole: true, refusals: true }
    }

    /// Only each field of the answer.
    pub fn fields(moment: usize, request: impl Into<String>) -> Self {
        Self { whole: false, refusals: false, ..Self::all(moment, request) }
    }

    /// Only the answer as a whole.
    pub fn whole(moment: usize, request: impl Into<String>) -> Self {
        Self { fields: false, refusals: false, ..Self::all(moment, request) }
    }
}

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
    moment: usize,
    plan: Plan,
}

impl Case {
    /// What to give as `HOSTILE_CASE` to run it alone.
    pub fn name(&self) -> String {
        let Self { call, operation, status, at, kind, what, .. } = self;
        let status = if *status == 200 { String::new() } else { format!(" {status}") };
        format!("{call} | {operation}{status} | {at} | {kind} | {what}")
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
        let mut making = Making { call: call.name, moment: ask.moment, known: &known, cases: &mut cases };
        if ask.fields {
            making.fields(recorded, operation.schema(recorded.status).expect("a schema"), false);
        }
        if ask.whole {
            making.wholes(recorded, book);
        }
        if ask.refusals {
            let refusal = book.refusal(&recorded.operation);
            let refusal = refusal.of(&recorded.operation);
            let schema = document.operation(EPOCHS_BY_ID).schema(404).expect("a schema");
            making.fields(&refusal, schema, true);
        }
    }
    cases
}

struct Making<'m> {
    call: &'static str,
    moment: usize,
    known: &'m Known,
    cases: &'m mut Vec<Case>,
}

impl Making<'_> {
    fn fields(&mut self, recorded: &Recorded, schema: Schema<'_>, is_refusal: bool) {
        for place in places(schema, &recorded.answer) {
            for change in changes(&place, self.known) {
                self.cases.push(Case {
                    call: self.call,
                    operation: recorded.operation.clone(),
                    status: recorded.status,
                    at: place.path.clone(),
                    kind: change.kind,
                    what: format!("{}{}", place.position(), change.what),
                    allowed: change.allowed && !is_refusal,
                    moment: self.moment,
                    plan: Plan::Edited(recorded.status, Edited::new(&recorded.answer, &place, &change)),
                });
            }
        }
    }

    fn wholes(&mut self, recorded: &Recorded, book: &Book) {
        for whole in wholes(recorded, book) {
            self.cases.push(Case {
                call: self.call,
                operation: recorded.operation.clone(),
                status: recorded.status,
                at: String::new(),
                kind: whole.kind,
                what: whole.what,
                allowed: whole.allowed,
                moment: self.moment,
                plan: whole.reply,
            });
        }
    }
}

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use crate::change::Known;
use crate::openapi::Document;
use crate::reply::Reply;

/// An honest answer.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// Method and path as in the document.
    pub operation: String,
    /// Method, path and query as they were asked.
    pub request: String,
    /// The status.
    pub status: u16,
    /// The body, where it is JSON.
    pub answer: Arc<Value>,
    body: Vec<u8>,
}

impl Recorded {
    pub(crate) fn new(operation: String, request: String, status: u16, body: Vec<u8>) -> Self {
        let answer = serde_json::from_slice(&body).unwrap_or_default();
        Self { operation, request, status, answer: Arc::new(answer), body }
    }

    /// The same, as if it were of another operation.
    pub(crate) fn of(&self, operation: &str) -> Self {
        Self { operation: operation.to_owned(), ..self.clone() }
    }

    pub(crate) fn reply(&self) -> Reply {
        Reply::json(self.status, self.body.clone())
    }
}

/// What an honest service answers at one moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Page(pub(crate) BTreeMap<String, Recorded>);

/// What an honest service answers, at several moments, and how it refuses.
#[derive(Clone, Debug, Default)]
pub struct Book {
    pub(crate) pages: Vec<Page>,
    /// Of each operation that was refused something.
    pub(crate) refusals: Vec<Recorded>,
}

impl Book {
    /// The answer to a request at the moment of this number.
    ///
    /// # Panics
    /// Where nobody asked that.
    pub fn answer(&self, moment: usize, request: &str) -> &Recorded {
        let page = &self.pages[moment].0;
        page.get(request).unwrap_or_else(|| {
            panic!("at moment {moment}, nothing is recorded for {request}, only for {:#?}", page.keys())
        })
    }

    pub(crate) fn find(&self, moment: usize, request: &str) -> Option<&Recorded> {
        self.pages[moment].0.get(request)
    }

    /// Every honest answer that is no refusal.
    pub fn answers(&self) -> impl Iterator<Item = &Recorded> {
        self.pages.iter().flat_map(|page| page.0.values())
    }

    /// A refusal of this operation as it was recorded, or as it would look.
    pub(crate) fn refusal(&self, operation: &str) -> &Recorded {
        let of_it = self.refusals.iter().find(|refusal| refusal.operation == operation);
        of_it.or(self.refusals.first()).expect("something was refused")
    }

    /// For each name of a field, what it holds anywhere.
    pub(crate) fn known(&self) -> Known {
        let mut known = Known::new();
        for recorded in self.answers() {
            collect("", &recorded.answer, &mut known);
        }
        known
    }

    /// The operations of `document` that nothing is recorded of.
    pub fn unrecorded(&self, document: &Document) -> Vec<String> {
        let names = document.operations().into_iter().map(|operation| operation.name());
        names.filter(|name| !self.answers().any(|answer| answer.operation == *name)).collect()
    }
}

fn collect(name: &str, value: &Value, known: &mut Known) {
    match value {
        Value::Object(object) => object.iter().for_each(|(name, value)| collect(name, value, known)),
        Value::Array(list) => list.iter().for_each(|value| collect(name, value, known)),
        Value::Null => {}
        scalar => {
            known.entry(name.to_owned()).or_default().insert(scalar.to_string());
        }
    }
}

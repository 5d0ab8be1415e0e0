use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::kind::Kind;
use crate::place::{Place, Step, at, field};
use crate::raw::Raw;
use crate::values::{ESCAPES, others};

/// Stands in a body where something is to be that JSON values cannot hold, until it is written.
const MARK: &str = "\u{e000}raw\u{e000}";

/// For each name of a field, the values that it has in any recorded answer.
pub(crate) type Known = BTreeMap<String, BTreeSet<String>>;

/// One thing changed in an answer.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) kind: Kind,
    /// Which of its kind.
    pub(crate) what: String,
    /// Whether the document allows the answer as it is now.
    pub(crate) allowed: bool,
    edit: Edit,
}

#[derive(Clone, Debug)]
enum Edit {
    Remove,
    Set(Value),
    Raw(Raw),
    /// The name stands there twice, first with this value.
    Twice(Value),
    /// One more field, or entry of a map.
    Insert(String, Value),
    InsertRaw(String, Raw),
    Rename(String),
}

/// An answer with one thing changed, made when it is needed.
#[derive(Clone, Debug)]
pub(crate) struct Edited {
    answer: Arc<Value>,
    steps: Vec<Step>,
    given: Vec<(Vec<Step>, Value)>,
    edit: Edit,
}

impl Edited {
    pub(crate) fn new(answer: &Arc<Value>, place: &Place<'_>, change: &Change) -> Self {
        Self {
            answer: Arc::clone(answer),
            steps: place.steps.clone(),
            given: place.given.clone(),
            edit: change.edit.clone(),
        }
    }

    /// The changed answer, as JSON, or as nearly as it gets.
    pub(crate) fn body(&self) -> String {
        let mut answer = Value::clone(&self.answer);
        for (steps, value) in &self.given {
            *at(&mut answer, steps) = value.clone();
        }
        let mut raw = None;
        match &self.edit {
            Edit::Remove => {
                let (object, name) = field(&mut answer, &self.steps).expect("a field");
                object.shift_remove(&name);
            }
            Edit::Set(value) => *at(&mut answer, &self.steps) = value.clone(),
            Edit::Raw(text) => {
                *at(&mut answer, &self.steps) = MARK.into();
                raw = Some(text.text());
            }
            Edit::Twice(first) => {
                let last = at(&mut answer, &self.steps).take();
                let (_, name) = field(&mut answer, &self.steps).expect("a field");
                *at(&mut answer, &self.steps) = MARK.into();
                raw = Some(format!("{first},{}:{last}", json!(name)));
            }
            Edit::Insert(name, value) => {
                let object = at(&mut answer, &self.steps).as_object_mut().expect("an object");
                object.insert(name.clone(), value.clone());
            }
            Edit::InsertRaw(name, text) => {
                let object = at(&mut answer, &self.steps).as_object_mut().expect("an object");
                object.insert(name.clone(), MARK.into());
                raw = Some(text.text());
            }
            Edit::Rename(to) => {
                let (object, name) = field(&mut answer, &self.steps).expect("an entry");
                let renamed = std::mem::take(object).into_iter();
                *object = renamed
                    .map(|(old, value)| (if old == name { to.clone() } else { old }, value))
                    .collect();
            }
        }
        let body = answer.to_string();
        match raw {
            Some(raw) => body.replacen(&json!(MARK).to_string(), &raw, 1),
            None => body,
        }
    }
}

/// All that is done to one place.
pub(crate) fn changes(place: &Place<'_>, known: &Known) -> Vec<Change> {
    let mut changes = Changes { place, all: Vec::new() };
    changes.of_any();
    match place.schema.kind() {
        "array" => changes.of_list(),
        "object" => changes.of_object(),
        _ => changes.of_scalar(known),
    }
    changes.all
}

struct Changes<'p, 'a> {
    place: &'p Place<'a>,
    all: Vec<Change>,
}

impl Changes<'_, '_> {
    fn add(&mut self, kind: Kind, what: impl Into<String>, allowed: bool, edit: Edit) {
        self.all.push(Change { kind, what: what.into(), allowed, edit });
    }

    fn set(&mut self, kind: Kind, what: impl Into<String>, value: Value) {
        if self.place.value.as_ref() != Some(&value) {
            let allowed = self.place.schema.allows(&value);
            self.add(kind, what, allowed, Edit::Set(value));
        }
    }

    fn raw(&mut self, what: &str, raw: Raw) {
        let small = serde_json::from_str(&raw.small());
        let allowed = small.is_ok_and(|value| self.place.schema.allows(&value));
        self.add(Kind::Huge, what, allowed, Edit::Raw(raw));
    }

    fn of_any(&mut self) {
        let (place, kind) = (self.place, self.place.schema.kind());
        if let (Some(required), Some(_)) = (place.required, &place.value) {
            self.add(Kind::Missing, "", !required, Edit::Remove);
            self.of_two_names();
            if place.path.ends_with(".*") {
                let hostile = ESCAPES.map(|(_, text)| text).concat();
                self.add(Kind::Escapes, "its name", true, Edit::Rename(hostile));
                self.add(Kind::Value, "its name", true, Edit::Rename("other".into()));
            }
        }
        self.set(Kind::Null, "", Value::Null);
        for (name, sample) in [
            ("boolean", json!(true)),
            ("integer", json!(7)),
            ("string", json!("x")),
            ("array", json!([])),
            ("object", json!({})),
        ] {
            if name != kind && !(name == "integer" && kind == "number") {
                self.set(Kind::Type, name, sample);
            }
        }
        if kind != "string" {
            self.set(Kind::Escapes, "text", ESCAPES.map(|(_, text)| text).concat().into());
        }
        self.raw("text", Raw::string("A"));
    }

    fn of_two_names(&mut self) {
        let same = self.place.value.clone().unwrap_or_default();
        let other = self.place.schema.example();
        self.add(Kind::TwoNames, "the same", false, Edit::Twice(same.clone()));
        if other != same {
            self.add(Kind::TwoNames, "first another", false, Edit::Twice(other));
        }
    }

    fn of_scalar(&mut self, known: &Known) {
        let schema = self.place.schema;
        if schema.kind() == "string" && schema.choices().is_empty() {
            let text = self.place.value.as_ref().and_then(Value::as_str).unwrap_or_default();
            for (name, escapes) in ESCAPES {
                self.set(Kind::Escapes, name, format!("{text}{escapes}").into());
            }
            self.raw("escapes", Raw::string(r"\u001b"));
        }
        if matches!(schema.kind(), "integer" | "number") {
            self.raw("integer", Raw::Text("1000000000000000000000"));
            self.raw("number", Raw::Text("1e999"));
        }
        for (what, value) in others(self.place, known) {
            self.set(Kind::Value, what, value);
        }
    }

    fn of_list(&mut self) {
        let Some(Value::Array(list)) = self.place.value.clone() else {
            self.set(Kind::Value, "an example", self.place.schema.example());
            return;
        };
        let Some(items) = self.place.schema.items() else { return };
        self.set(Kind::Cut, "empty", json!([]));
        if let Some((last, before)) = list.split_last() {
            self.set(Kind::Cut, "the last", before.into());
            self.set(Kind::Cut, "the first", list[1..].into());
            self.set(Kind::Doubled, "all", [list.as_slice(), &list].concat().into());
            self.set(
                Kind::Doubled,
                "the last",
                [list.as_slice(), std::slice::from_ref(last)].concat().into(),
            );
            let mut reversed = list.clone();
            reversed.reverse();
            self.set(Kind::Reordered, "reversed", reversed.into());
            let mut swapped = list.clone();
            swapped.swap(0, list.len() - 1);
            self.set(Kind::Reordered, "ends swapped", swapped.into());
        }
        let example = items.example();
        let more = [list.as_slice(), std::slice::from_ref(&example)].concat();
        self.set(Kind::Value, "one more", more.into());
        self.raw("copies", Raw::list(&list.first().unwrap_or(&example).to_string()));
        self.raw("lists", Raw::list("[]"));
    }

    fn of_object(&mut self) {
        let place = self.place;
        if !matches!(place.value, Some(Value::Object(_))) {
            self.set(Kind::Value, "an example", place.schema.example());
            return;
        }
        self.raw("fields", Raw::object());
        let Some(entries) = place.schema.entries() else {
            let new = json!({ "of": ["tomorrow", 1, null] });
            self.add(Kind::Added, "", true, Edit::Insert("unheard_of".into(), new));
            let escapes = ESCAPES.map(|(_, text)| text).concat();
            self.add(Kind::Added, "escapes", true, Edit::Insert(escapes, json!(1)));
            let large = Edit::InsertRaw("unheard_of".into(), Raw::list("[]"));
            self.add(Kind::Huge, "unheard of", true, large);
            return;
        };
        let Some(Value::Object(map)) = &place.value else { return };
        let entry = map.values().next().cloned().unwrap_or_else(|| entries.example());
        self.add(Kind::Doubled, "an entry", true, Edit::Insert("one_more".into(), entry.clone()));
        let hostile = ESCAPES.map(|(_, text)| text).concat();
        self.add(Kind::Escapes, "a name", true, Edit::Insert(hostile, entry));
        self.set(Kind::Cut, "empty", Value::Object(Map::new()));
    }
}

use serde_json::{Map, Value};

use crate::openapi::{Schema, below};

/// One step into an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Name(String),
    At(usize),
}

/// Something in an answer that can be changed, or that could be there.
#[derive(Clone, Debug)]
pub(crate) struct Place<'a> {
    /// As [`Schema::paths`] names it; empty for the whole.
    pub(crate) path: String,
    pub(crate) steps: Vec<Step>,
    pub(crate) schema: Schema<'a>,
    /// Whether an object must have it; `None` where it is no field of an object.
    pub(crate) required: Option<bool>,
    pub(crate) value: Option<Value>,
    /// What the answer has to be given first for this to be in it: examples of what it left out.
    pub(crate) given: Vec<(Vec<Step>, Value)>,
}

impl Place<'_> {
    /// Which of several it is whose path is the same.
    pub(crate) fn position(&self) -> String {
        let within = self.steps.iter().filter_map(|step| match step {
            Step::At(0) => Some("first ".to_owned()),
            Step::At(at) => Some(format!("{} ", at + 1)),
            Step::Name(name) if name.starts_with("batch_") => Some(format!("{name} ")),
            Step::Name(_) => None,
        });
        within.collect()
    }
}

/// Every place of an answer, those of what it leaves out among them. Of lists and maps, the first and the last entry.
pub(crate) fn places<'a>(schema: Schema<'a>, answer: &Value) -> Vec<Place<'a>> {
    let whole = Place {
        path: String::new(),
        steps: Vec::new(),
        schema,
        required: None,
        value: Some(answer.clone()),
        given: Vec::new(),
    };
    let mut found = Vec::new();
    visit(whole, &mut found);
    found
}

fn visit<'a>(place: Place<'a>, found: &mut Vec<Place<'a>>) {
    let mut within = place.clone();
    found.push(place);
    let Place { path, steps, schema, .. } = within.clone();
    let value = match &within.value {
        Some(value) if !value.is_null() => value.clone(),
        // Left out: what would be in it is looked at in an example.
        _ if schema.kind() == "object" || schema.kind() == "array" => {
            within.given.push((steps.clone(), schema.example()));
            schema.example()
        }
        _ => return,
    };
    let child = |path: String, step: Step, schema, required, value: Option<&Value>| Place {
        path,
        steps: [steps.as_slice(), &[step]].concat(),
        schema,
        required,
        value: value.cloned(),
        given: within.given.clone(),
    };
    match &value {
        Value::Object(object) => {
            for (name, field, required) in schema.fields() {
                let step = Step::Name(name.to_owned());
                let value = object.get(name);
                visit(child(below(&path, name), step, field, Some(required), value), found);
            }
            if let Some(entries) = schema.entries() {
                for name in ends(object.keys()) {
                    let step = Step::Name(name.clone());
                    let value = object.get(name);
                    visit(child(below(&path, "*"), step, entries, Some(false), value), found);
                }
            }
        }
        Value::Array(list) => {
            let Some(items) = schema.items() else { return };
            if list.is_empty() {
                let example = vec![items.example()];
                within.given.push((steps.clone(), example.clone().into()));
                within.value = Some(example.into());
                let mut inner = Vec::new();
                visit(within, &mut inner);
                // The list itself is there already, as it is.
                found.extend(inner.into_iter().skip(1));
                return;
            }
            for at in ends(0..list.len()) {
                let path = format!("{path}[]");
                visit(child(path, Step::At(at), items, None, Some(&list[at])), found);
            }
        }
        _ => {}
    }
}

fn ends<T: PartialEq>(all: impl DoubleEndedIterator<Item = T> + Clone) -> Vec<T> {
    let (first, last) = (all.clone().next(), all.into_iter().next_back());
    let last = last.filter(|last| first.as_ref() != Some(last));
    first.into_iter().chain(last).collect()
}

/// What is at `steps`.
pub(crate) fn at<'v>(answer: &'v mut Value, steps: &[Step]) -> &'v mut Value {
    steps.iter().fold(answer, |value, step| match step {
        Step::Name(name) => &mut value[name.as_str()],
        Step::At(at) => &mut value[*at],
    })
}

/// The object that the last of `steps` is a field of, and its name there.
pub(crate) fn field<'v>(
    answer: &'v mut Value,
    steps: &[Step],
) -> Option<(&'v mut Map<String, Value>, String)> {
    let (Step::Name(name), before) = steps.split_last()? else { return None };
    Some((at(answer, before).as_object_mut()?, name.clone()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::openapi::Document;

    #[test]
    fn every_field_of_the_document_has_a_place_in_an_answer_that_says_as_little_as_it_may() {
        let document = Document::checked_in();
        let operation = document.operation("GET /api/v1/epochs/{id}");
        let schema = operation.schema(200).unwrap();
        let mut answer = schema.example();
        for left_out in ["honeypots", "zipcodes", "prev_sha256"] {
            answer.as_object_mut().unwrap().remove(left_out);
        }
        let places = places(schema, &answer);
        for path in schema.paths() {
            assert!(places.iter().any(|place| place.path == path), "{path}");
        }
        let salt = places.iter().find(|place| place.path == "honeypots.salt").unwrap();
        assert_eq!(salt.given[0].0, [Step::Name("honeypots".into())]);
    }

    #[test]
    fn of_lists_and_maps_the_ends_are_places() {
        assert_eq!(ends(0..1), [0]);
        assert_eq!(ends(0..5), [0, 4]);
        let mut answer = json!({"a": [1, {"b": 2}]});
        let steps = [Step::Name("a".into()), Step::At(1), Step::Name("b".into())];
        assert_eq!(at(&mut answer, &steps), &json!(2));
        assert_eq!(field(&mut answer, &steps).unwrap().1, "b");
    }
}

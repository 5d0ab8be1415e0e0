use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// The checked-in description of the service.
const CHECKED_IN: &str = include_str!("../../../openapi/resi-data-api.json");

/// The OpenAPI document of the service.
#[derive(Debug)]
pub struct Document(Value);

impl Document {
    /// The checked-in one, which a test of the service compares with its router.
    pub fn checked_in() -> Self {
        Self(serde_json::from_str(CHECKED_IN).unwrap())
    }

    /// Everything that can be asked for.
    pub fn operations(&self) -> Vec<Operation<'_>> {
        let mut operations = Vec::new();
        for (path, item) in self.0["paths"].as_object().unwrap() {
            for (method, node) in item.as_object().unwrap() {
                if matches!(method.as_str(), "get" | "post" | "put" | "patch" | "delete") {
                    let method = method.to_uppercase();
                    operations.push(Operation { method, path, node, document: &self.0 });
                }
            }
        }
        operations
    }

    /// The one of this name, such as `GET /health`.
    pub fn operation(&self, name: &str) -> Operation<'_> {
        let found = self.operations().into_iter().find(|operation| operation.name() == name);
        found.unwrap_or_else(|| panic!("the document has no {name}"))
    }
}

/// A method of a path.
#[derive(Clone, Debug)]
pub struct Operation<'a> {
    /// In capitals.
    pub method: String,
    /// With its parameters in braces.
    pub path: &'a str,
    node: &'a Value,
    document: &'a Value,
}

impl<'a> Operation<'a> {
    /// Method and path.
    pub fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// Whether a request of `method` for `path`, without its query, is one of these.
    pub fn takes(&self, method: &str, path: &str) -> bool {
        let (ours, asked) = (self.path.split('/'), path.split('/'));
        method == self.method
            && ours.clone().count() == asked.clone().count()
            && ours.zip(asked).all(|(ours, asked)| ours.starts_with('{') || ours == asked)
    }

    /// The statuses it is said to answer, with what the answer is made of where it is JSON.
    pub fn answers(&self) -> Vec<(u16, Option<Schema<'a>>)> {
        let responses = self.node["responses"].as_object().unwrap();
        let answer = |(status, response): (&String, &'a Value)| {
            let node = response.pointer("/content/application~1json/schema");
            (status.parse().unwrap(), node.map(|node| Schema { node, document: self.document }))
        };
        responses.iter().map(answer).collect()
    }

    /// What an answer of `status` is made of.
    pub fn schema(&self, status: u16) -> Option<Schema<'a>> {
        self.answers().into_iter().find(|(of, _)| *of == status)?.1
    }
}

/// What a value must look like. Where it may be `null`, `nullable` says so of the same schema.
#[derive(Clone, Copy, Debug)]
pub struct Schema<'a> {
    node: &'a Value,
    document: &'a Value,
}

impl<'a> Schema<'a> {
    fn of(self, node: &'a Value) -> Self {
        Self { node, ..self }
    }

    /// The schema itself, references followed, and whether `null` will do too.
    pub fn resolved(self) -> (Self, bool) {
        if let Some(to) = self.node.get("$ref").and_then(Value::as_str) {
            let node = self.document.pointer(to.trim_start_matches('#')).unwrap();
            return self.of(node).resolved();
        }
        if let Some(choices) = self.node.get("oneOf").and_then(Value::as_array) {
            let (null, others): (Vec<_>, Vec<_>) =
                choices.iter().partition(|choice| choice["type"] == "null");
            assert!(others.len() == 1, "a choice of several schemas is not understood yet");
            return (self.of(others[0]).resolved().0, !null.is_empty());
        }
        (self, self.types().contains(&"null"))
    }

    fn types(self) -> Vec<&'a str> {
        match &self.node["type"] {
            Value::String(one) => vec![one],
            Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        }
    }

    /// The first type that is not `null`.
    pub fn kind(self) -> &'a str {
        let (schema, _) = self.resolved();
        schema.types().into_iter().find(|name| *name != "null").unwrap_or("any")
    }

    fn properties(self) -> Option<&'a Map<String, Value>> {
        self.resolved().0.node.get("properties")?.as_object()
    }

    /// The named fields of an object, and whether each is required.
    pub fn fields(self) -> Vec<(&'a str, Self, bool)> {
        let required = self.resolved().0.node["required"].as_array();
        let is_required =
            |name: &str| required.is_some_and(|names| names.iter().any(|other| other == name));
        self.properties()
            .into_iter()
            .flatten()
            .map(|(name, node)| (name.as_str(), self.of(node), is_required(name)))
            .collect()
    }

    /// What a list has in it.
    pub fn items(self) -> Option<Self> {
        self.resolved().0.node.get("items").map(|node| self.of(node))
    }

    /// What an object with names of any kind has under them.
    pub fn entries(self) -> Option<Self> {
        let node = self.resolved().0.node.get("additionalProperties")?;
        node.is_object().then(|| self.of(node))
    }

    /// The values it is one of.
    pub fn choices(self) -> &'a [Value] {
        self.resolved().0.node["enum"].as_array().map_or(&[], Vec::as_slice)
    }

    /// Whether it says that a text is a moment.
    pub fn is_moment(self) -> bool {
        self.resolved().0.node["format"] == "date-time"
    }

    /// The largest whole number of its format; the document has no word for one without a sign but the least value.
    pub fn largest(self) -> u64 {
        let node = self.resolved().0.node;
        match (node["format"].as_str(), node["minimum"].as_f64() == Some(0.0)) {
            (Some("int32"), true) => u32::MAX.into(),
            (Some("int32"), false) => i32::MAX.unsigned_abs().into(),
            (_, true) => u64::MAX,
            (_, false) => i64::MAX.unsigned_abs(),
        }
    }

    /// A value as the document shows it.
    pub fn example(self) -> Value {
        if let Some(example) = self.node.get("example") {
            return example.clone();
        }
        let (schema, _) = self.resolved();
        if let Some(example) = schema.node.get("example") {
            return example.clone();
        }
        if let Some(choice) = schema.choices().first() {
            return choice.clone();
        }
        match schema.kind() {
            "object" => {
                let example = |(name, field, _): (&str, Self, bool)| (name.into(), field.example());
                Value::Object(schema.fields().into_iter().map(example).collect())
            }
            "array" => schema.items().map(|items| vec![items.example()]).into(),
            "string" => "text".into(),
            "boolean" => true.into(),
            _ => 1.into(),
        }
    }

    /// Whether the document allows `value` here.
    pub fn allows(self, value: &Value) -> bool {
        let (schema, nullable) = self.resolved();
        let node = schema.node;
        let within = |number: f64| {
            node["minimum"].as_f64().is_none_or(|least| number >= least)
                && node["maximum"].as_f64().is_none_or(|most| number <= most)
        };
        let choices = schema.choices();
        if !choices.is_empty() && !choices.contains(value) {
            return nullable && value.is_null();
        }
        match (value, schema.kind()) {
            (Value::Null, _) => nullable,
            (Value::Bool(_), "boolean") => true,
            (Value::Number(number), "integer") => {
                let whole = number.is_i64() || number.is_u64();
                let largest = schema.largest() as f64;
                number.as_f64().is_some_and(|n| whole && n <= largest && within(n))
            }
            (Value::Number(number), "number") => number.as_f64().is_some_and(within),
            (Value::String(text), "string") => {
                !schema.is_moment() || text.parse::<resi_protocol::Timestamp>().is_ok()
            }
            (Value::Array(list), "array") => {
                schema.items().is_none_or(|items| list.iter().all(|item| items.allows(item)))
            }
            (Value::Object(object), "object") => {
                let entries = schema.entries();
                let fields = schema.fields();
                entries.is_none_or(|entry| object.values().all(|value| entry.allows(value)))
                    && fields.iter().all(|(name, field, required)| match object.get(*name) {
                        Some(value) => field.allows(value),
                        None => !required,
                    })
            }
            _ => false,
        }
    }

    /// The names of everything in it: fields as `a.b`, items of lists as `a[]`, entries of maps as `a.*`.
    pub fn paths(self) -> BTreeSet<String> {
        let mut paths = BTreeSet::new();
        self.add_paths("", &mut paths);
        paths
    }

    fn add_paths(self, path: &str, paths: &mut BTreeSet<String>) {
        if !path.is_empty() {
            paths.insert(path.to_owned());
        }
        for (name, field, _) in self.fields() {
            field.add_paths(&below(path, name), paths);
        }
        if let Some(entries) = self.entries() {
            entries.add_paths(&below(path, "*"), paths);
        }
        if let Some(items) = self.items() {
            items.add_paths(&format!("{path}[]"), paths);
        }
    }
}

pub(crate) fn below(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

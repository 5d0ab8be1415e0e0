use std::sync::Arc;

/// JSON that no value can hold, or that is too large to be kept for every case.
#[derive(Clone, Debug)]
pub(crate) enum Raw {
    Text(&'static str),
    Repeated { open: &'static str, unit: Arc<str>, times: usize, close: Arc<str> },
}

/// More than anybody has to take.
const MANY: usize = 100_000;
const MEGABYTE: usize = 1_000_000;
/// As large as a list of so many gets at most.
const LARGEST_LIST: usize = 8_000_000;

impl Raw {
    /// A text of a million times `unit`.
    pub(crate) fn string(unit: &str) -> Self {
        Self::Repeated { open: "\"", unit: unit.into(), times: MEGABYTE, close: "\"".into() }
    }

    /// A list of a hundred thousand times `item`, or as many as fit into 8 MB.
    pub(crate) fn list(item: &str) -> Self {
        let unit: Arc<str> = format!("{item},").into();
        let times = MANY.min(LARGEST_LIST / unit.len());
        Self::Repeated { open: "[", unit, times, close: format!("{item}]").into() }
    }

    /// An object of a hundred thousand fields, most of the same name.
    pub(crate) fn object() -> Self {
        Self::Repeated {
            open: "{",
            unit: r#""a":0,"#.into(),
            times: MANY,
            close: r#""b":0}"#.into(),
        }
    }

    /// The same with each part once.
    pub(crate) fn small(&self) -> String {
        match self {
            Self::Text(text) => (*text).to_owned(),
            Self::Repeated { open, unit, close, .. } => format!("{open}{unit}{close}"),
        }
    }

    pub(crate) fn text(&self) -> String {
        match self {
            Self::Text(text) => (*text).to_owned(),
            Self::Repeated { open, unit, times, close } => {
                format!("{open}{}{close}", unit.repeat(*times))
            }
        }
    }
}

use resi_protocol::SourcesError;

/// A setting that cannot be in force.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{name}: {problem}")]
pub struct SettingError {
    /// Its name.
    pub name: &'static str,
    /// What is wrong with its value.
    pub problem: Problem,
}

impl SettingError {
    pub(super) const fn new(name: &'static str, problem: Problem) -> Self {
        Self { name, problem }
    }
}

/// What is wrong with the value of a setting.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Problem {
    /// Not a whole number in its range.
    #[error("{value:?} is no whole number from {least} to {most}")]
    Whole {
        /// What was given, at most 64 characters of it.
        value: String,
        /// The least it may be.
        least: u32,
        /// The most.
        most: u32,
    },
    /// Not a number in its range.
    #[error("{value:?} is no number from {least} to {most}")]
    Number {
        /// What was given, at most 64 characters of it.
        value: String,
        /// The least it may be.
        least: f64,
        /// The most.
        most: f64,
    },
    /// Neither on nor off.
    #[error("{value:?} is neither true nor false")]
    Switch {
        /// What was given, at most 64 characters of it.
        value: String,
    },
    /// Not the address of a service.
    #[error("{value:?} is no URL with http or https")]
    Url {
        /// What was given, at most 64 characters of it.
        value: String,
    },
    /// Not a list of sources.
    #[error("{0}")]
    Sources(#[from] SourcesError),
    /// Less than another setting lets it be.
    #[error("{value} is less than {other}, which is {least}")]
    LessThan {
        /// What it is.
        value: u32,
        /// The other setting.
        other: &'static str,
        /// The value of that.
        least: u32,
    },
}

use resi_protocol::{Hotkey, Timestamp};

use crate::StoreError;

/// What a limit by the hour counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Counted {
    /// Requests of a validator.
    Requests,
    /// Status reports.
    Reports,
}

impl Counted {
    /// How it is written.
    pub const fn code(self) -> i16 {
        match self {
            Self::Requests => 0,
            Self::Reports => 1,
        }
    }

    /// Reads what [`code`](Self::code) gave.
    ///
    /// # Errors
    /// When it is no such number.
    pub fn from_code(code: i16) -> Result<Self, StoreError> {
        let known = [Self::Requests, Self::Reports].into_iter().find(|known| known.code() == code);
        known.ok_or_else(|| StoreError::Inconsistent(format!("nothing is counted as {code}")))
    }
}

/// How many requests of a hotkey passed in a stretch of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Passed {
    /// What they were.
    pub counted: Counted,
    /// Whose they were.
    pub hotkey: Hotkey,
    /// When the stretch began, in whole seconds.
    pub stretch: Timestamp,
    /// How many.
    pub passed: u32,
}

use std::fmt;

/// What is wrong with an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A field is left out.
    Missing,
    /// Something is `null`.
    Null,
    /// Something is of another type.
    Type,
    /// Something has another value, mostly one that it might have.
    Value,
    /// Something is far too large.
    Huge,
    /// A text moves the cursor of a terminal, begins a line, or turns the direction of writing.
    Escapes,
    /// A list is cut.
    Cut,
    /// A list has everything twice.
    Doubled,
    /// A list is in another order.
    Reordered,
    /// An object has one name twice.
    TwoNames,
    /// A field that nobody knows: newer services may have it, so nothing may change by it.
    Added,
    /// The status is another, with a body that goes with it or not.
    Status,
    /// It does not come, or drips.
    Slow,
    /// The connection ends within it, or it is shorter or longer than it says.
    Broken,
    /// It is said to be elsewhere.
    Redirected,
    /// It is compressed: a thousand times, wrongly, or not as it says.
    Compressed,
    /// The whole body is something else, or hardly JSON.
    Body,
    /// It is an honest answer to another question.
    Swapped,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", format!("{self:?}").to_lowercase())
    }
}

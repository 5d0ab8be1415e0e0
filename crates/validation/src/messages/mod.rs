//! What validators and miners send each other, and what is kept of a miner's answer.
//!
//! [`DataAssignmentRequest`] is the whole message, for those who write it or trust its sender. A miner's answer is read
//! by [`Answer::parse`] instead: it builds nothing but what counts, within [`Limits`], and says why it left the rest.

mod address;
mod answer;
mod bathrooms;
mod content;
mod entity;
mod property_key;
mod property_report;
mod property_type;
mod request;
mod response_window;
mod tolerant;

pub use address::Address;
pub use answer::{
    Answer, AnswerError, Assigned, FieldName, Limits, Reason, RecordedAnswer, RecordedAnswerError,
    Refusal, Refusals,
};
pub use bathrooms::Bathrooms;
pub use content::Content;
pub use entity::{DataEntity, Label};
pub use property_key::PropertyKey;
pub use property_report::PropertyReport;
pub use property_type::PropertyType;
pub use request::{AssignmentMode, AssignmentType, CompletionStatus, DataAssignmentRequest};
pub use response_window::{Admitted, Implausible, NotCounted, ResponseWindow};

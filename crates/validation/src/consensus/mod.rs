//! From the answers of an epoch to accepted values, findings and credibilities.
//!
//! [`Robust`] is the default; [`Majority`] is the plain vote that it is compared with. Both are a [`Strategy`].

mod admission;
mod catalog;
mod field;
mod findings;
mod input;
mod judgement;
mod majority;
mod memory;
mod outcome;
mod panel;
mod robust;
mod settings;
mod share;
mod strategy;

pub use admission::{Refusal, RefusalReason};
pub use catalog::{Catalog, Property, PropertyId, TextId};
pub use field::{FIELDS, Field};
pub use findings::{Finding, FindingKind};
pub use input::{ABSENT, Answer, Batch, Epoch, Report};
pub use judgement::{BatchSummary, FieldVerdict, Judgement, PropertyVerdict, ZipcodeVerdict};
pub use majority::Majority;
pub use memory::{Dispute, Meeting, Memory, Record};
pub use outcome::Outcome;
pub use robust::{Judging, Robust};
pub use settings::Settings;
pub use share::Share;
pub use strategy::{Conclusion, Strategy};

mod access;
mod assignments;
mod blocks;
mod epochs;
mod rotation;
mod service;

use std::fmt::Display;
use std::time::Duration;

use resi_protocol::Timestamp;
use serde::de::DeserializeOwned;

use crate::transport::Request;

pub(crate) use access::{AccessCall, check_grant};
pub(crate) use assignments::{AssignmentCall, ReportCall};
pub(crate) use epochs::{CurrentEpochCall, EpochCall};
pub(crate) use rotation::{PoolCall, RotationKeysCall};
pub(crate) use service::{HealthCall, StatisticsCall};

/// What is asked of the service, and what counts as an answer to it. Nothing else that the service sends is believed to
/// be one: a session hands out checked answers only.
pub(crate) trait Call {
    type Answer: DeserializeOwned;

    /// How it is asked, and how large an answer is at most.
    fn request(&self) -> Request;

    /// Whether `answer`, read at `now`, is one to this call.
    ///
    /// # Errors
    /// What is wrong with it.
    fn check(&self, answer: &Self::Answer, now: Timestamp) -> Result<(), String>;
}

/// A page that has more after it must lead on.
const LONGEST_CURSOR: usize = 200;

fn ensure(holds: bool, problem: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(problem()) }
}

fn same<T: PartialEq + Display>(what: &str, answered: T, expected: T) -> Result<(), String> {
    ensure(answered == expected, || format!("{what} is {answered}, and {expected} was expected"))
}

/// Whoever follows cursors ends some day.
fn check_page(
    length: usize,
    limit: usize,
    asked: Option<&str>,
    next: Option<&str>,
) -> Result<(), String> {
    ensure(length <= limit, || format!("a page has {length} entries, and {limit} were asked for"))?;
    let Some(next) = next else { return Ok(()) };
    ensure(next.len() <= LONGEST_CURSOR, || "next_cursor is too long".into())?;
    ensure(length > 0 && asked != Some(next), || "next_cursor leads nowhere".into())
}

fn distance(a: Timestamp, b: Timestamp) -> Duration {
    a.since(b).max(b.since(a))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_that_leads_nowhere_is_none() {
        let check = |length, asked, next| check_page(length, 5, asked, next).is_ok();
        assert!(
            check(0, None, None) && check(5, None, Some("a")) && check(1, Some("a"), Some("b"))
        );
        assert!(!check(6, None, None), "more than were asked for");
        assert!(!check(0, None, Some("a")), "nothing, and more of it");
        assert!(!check(5, Some("a"), Some("a")), "the same page again");
        assert!(!check(5, None, Some(&"a".repeat(201))));
    }
}

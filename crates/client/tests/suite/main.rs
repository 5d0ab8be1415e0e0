//! The client against the real service: in this process, listening on loopback, with a clock that tests move, and a
//! proxy in between that makes trouble.
#![expect(clippy::unwrap_used, reason = "a test that fails may say so in any way")]

mod announcements;
mod answers;
mod faults;
mod honeypots;
mod keeping;
mod lifecycle;
mod sharing;
mod support;
mod ten_lines;
mod verification;
mod watching;

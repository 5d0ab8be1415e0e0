//! The service in process: the real router on a real database, with a clock that the test moves. Everything runs on
//! SQLite and on Postgres; the latter needs `scripts/with-postgres.sh`.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod harness;

mod access;
mod announcements;
mod assignments;
mod audit;
mod bad_input;
mod blocks;
#[cfg(feature = "chain")]
mod chain;
mod clocks;
mod epochs;
mod health;
mod honeypots;
mod limits;
mod mock;
mod openapi;
mod records;
mod replicas;
mod schemas;
mod signed;
mod stand_in;
mod verify;

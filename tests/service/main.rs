//! The service in process: the real router on a real database, with a clock that the test moves. Everything runs on
//! SQLite and on Postgres; the latter needs `scripts/with-postgres.sh`.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod database;
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
mod public_reads;
mod records;
mod refused;
mod replicas;
mod reported_epochs;
mod schemas;
mod signed;
mod stand_in;
mod verify;

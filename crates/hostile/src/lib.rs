//! A service that lies, for the tests of whoever asks it: every answer of the real one is recorded, and one thing
//! changed at a time, everywhere that the OpenAPI document says there is something.
#![expect(clippy::unwrap_used, reason = "a test that fails may say so in any way")]

mod book;
mod case;
mod change;
mod judge;
mod kind;
mod openapi;
mod place;
mod plain_http;
mod raw;
mod reply;
mod rows;
mod server;
#[expect(dead_code, reason = "these tests are about clients, and need one kind of database only")]
#[path = "../../client/tests/suite/support/service.rs"]
mod service;
mod stage;
mod values;
mod whole;

pub use book::{Book, Recorded};
pub use case::{Ask, Call, Case, cases};
pub use judge::{Ledger, MORE_MEMORY, MORE_WORDS, Outcome, raw_control};
pub use kind::Kind;
pub use openapi::{Document, Operation, Schema};
pub use rows::{ROWS, Row, Seen};
pub use server::{Address, Hostile, STORM};
pub use stage::{ANNOUNCED, BEFORE, BLOCK_SIZE, EPOCH_SECONDS, NOW, Stage};

pub(crate) const EPOCHS_BY_ID: &str = "GET /api/v1/epochs/{id}";

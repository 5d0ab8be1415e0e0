//! The store on a real Postgres. Run through `scripts/with-postgres.sh`.

mod contract;
mod forwarder;
mod fresh;
mod open;

//! The store on a real Postgres. Run through `scripts/with-postgres.sh`.

mod contract;
mod fresh;
mod open;

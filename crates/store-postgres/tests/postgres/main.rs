//! The store on a real Postgres. Run through `scripts/with-postgres.sh`.

mod forwarder;
mod fresh;

#[path = "."]
mod on_postgres {
    mod contract;
    mod open;
}

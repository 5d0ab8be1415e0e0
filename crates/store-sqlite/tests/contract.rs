//! The contract of the store, on a file.

use std::sync::Arc;

use resi_store::contract::Backend;
use resi_store::{Migrations, Store};
use resi_store_sqlite::{SqliteLocation, SqliteStore};
use tempfile::TempDir;

struct File(TempDir);

async fn file() -> File {
    File(TempDir::new().expect("a folder"))
}

#[async_trait::async_trait]
impl Backend for File {
    async fn open(&self) -> Arc<dyn Store> {
        let location = SqliteLocation::File(self.0.path().join("resi.db"));
        Arc::new(SqliteStore::open(location, Migrations::Run).await.expect("a store"))
    }

    async fn remove(&self) {}

    fn has_clock(&self) -> bool {
        false
    }
}

resi_store::contract!(file());

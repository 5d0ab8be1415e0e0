use std::sync::Arc;

use crate::fresh::Fresh;
use resi_store::contract::Backend;
use resi_store::{Migrations, Store};
use resi_store_postgres::PostgresStore;

#[async_trait::async_trait]
impl Backend for Fresh {
    async fn open(&self) -> Arc<dyn Store> {
        Arc::new(PostgresStore::connect(&self.url(), 5, Migrations::Run).await.expect("a store"))
    }

    async fn remove(&self) {
        Fresh::remove(self).await;
    }

    fn has_clock(&self) -> bool {
        true
    }
}

resi_store::contract!(Fresh::new());

//! Durable grants and reports a second: `scripts/with-postgres.sh sh -c 'postgres_throughput $RESI_TEST_POSTGRES_URL [SECONDS]'`.

use std::sync::Arc;
use std::time::Duration;

use resi_store::contract::{Load, throughput};
use resi_store::{Migrations, Store};
use resi_store_postgres::PostgresStore;

#[tokio::main(worker_threads = 2)]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next().expect("the URL of an empty database");
    let seconds = arguments.next().and_then(|seconds| seconds.parse().ok()).unwrap_or(3);
    let store: Arc<dyn Store> =
        Arc::new(PostgresStore::connect(&url, 5, Migrations::Run).await.expect("a store"));
    for (round, limited) in [false, true, false, true].into_iter().enumerate() {
        let load =
            Load { callers: 64, duration: Duration::from_secs(seconds), hotkeys: 64, limited };
        let base = round as u64 * 100_000_000;
        let (grants, reports) = throughput(Arc::clone(&store), load, base).await;
        println!("limits {limited:5}: {grants:7.0} grants/s {reports:7.0} reports/s");
    }
    store.close().await;
}

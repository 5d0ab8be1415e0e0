//! Durable grants and reports a second on a file: `sqlite_throughput [FOLDER [SECONDS]]`.

use std::sync::Arc;
use std::time::Duration;

use resi_store::contract::{Load, throughput};
use resi_store::{Migrations, Store};
use resi_store_sqlite::{SqliteLocation, SqliteStore};

#[tokio::main(worker_threads = 2)]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().unwrap_or_else(|| ".".into());
    let seconds = arguments.next().and_then(|seconds| seconds.parse().ok()).unwrap_or(3);
    let folder = tempfile::tempdir_in(folder).expect("a folder");
    let location = SqliteLocation::File(folder.path().join("resi.db"));
    let store: Arc<dyn Store> =
        Arc::new(SqliteStore::open(location, Migrations::Run).await.expect("a store"));
    for (round, limited) in [false, true, false, true].into_iter().enumerate() {
        let load =
            Load { callers: 64, duration: Duration::from_secs(seconds), hotkeys: 64, limited };
        let base = round as u64 * 100_000_000;
        let (grants, reports) = throughput(Arc::clone(&store), load, base).await;
        println!("limits {limited:5}: {grants:7.0} grants/s {reports:7.0} reports/s");
    }
    store.close().await;
}

use std::process::Command;
use std::sync::Arc;

use resi_data_api::clock::SystemClock;

use crate::support::service::{Backend, Database, Options, Service};

#[path = "../../examples/ten_lines.rs"]
#[expect(unreachable_pub, reason = "an example is a program, and here a module")]
mod example;

/// Set in the process that runs the lines.
const CHILD: &str = "RESI_CLIENT_TEN_LINES";

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "this test is two processes, and asks which one it is"
)]
fn the_ten_lines_of_the_readme_run() {
    if std::env::var(CHILD).is_ok() {
        return example::main().unwrap();
    }
    let lines = include_str!("../../examples/ten_lines.rs");
    assert!(include_str!("../../README.md").contains(&format!("```rust,no_run\n{lines}```\n")));

    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let database = Database::new(Backend::Sqlite).await;
        let service =
            Service::start(&database, Arc::new(SystemClock::new()), Options::default()).await;
        let home = tempfile::tempdir().unwrap();
        let wallets = home.path().join(".bittensor/wallets/validator/hotkeys");
        std::fs::create_dir_all(&wallets).unwrap();
        let sample =
            concat!(env!("CARGO_MANIFEST_DIR"), "/tests/wallets/validator/hotkeys/default");
        std::fs::copy(sample, wallets.join("default")).unwrap();

        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "ten_lines::the_ten_lines_of_the_readme_run", "--nocapture"])
            .env_clear()
            .env(CHILD, "1")
            .env("HOME", home.path())
            .env("DATA_API_URL", format!("http://{}", service.address))
            .output();
        let output = tokio::task::spawn_blocking(|| child).await.unwrap().unwrap();
        let words = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{words}{}", String::from_utf8_lossy(&output.stderr));
        assert!(words.contains("1000 zipcodes in 50 batches"), "{words}");
        assert!(home.path().join(".local/share/resi-client").is_dir());
        service.stop().await;
    });
}

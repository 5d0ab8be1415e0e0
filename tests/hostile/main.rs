//! `resi-data-api verify` against a service that lies, and files that do: some hundreds of answers with one thing changed.
#![expect(clippy::unwrap_used, reason = "a test that fails may say so in any way")]

use std::path::Path;

use resi_data_api::clock::{Clock, SystemClock};
use resi_hostile::{ANNOUNCED, Ask, BEFORE, BLOCK_SIZE, CommandLine, Commands, NOW, Stage, What};
use resi_protocol::rotation::RotationSet;

/// What is known of key and parameters at a moment.
fn pinned(known: &RotationSet) -> Vec<String> {
    vec![
        format!("--public-key={}", known.public_key),
        "--netuid=46".into(),
        format!("--epoch-seconds={}", known.epoch_seconds),
        format!("--pool-sha256={}", known.pool_sha256),
        format!("--zipcodes-per-epoch={}", known.zipcodes_per_epoch),
    ]
}

#[test]
fn nothing_that_a_service_or_a_file_says_is_verified_that_is_not() {
    let stage = Stage::play(SystemClock::new().now(), 3);
    let at = format!("--at={}", stage.clocks[NOW]);
    let before = stage.epochs()[BEFORE];
    let blocks = format!("/api/v1/validator-data?sources=ZILLOW_SOLD&block_size={BLOCK_SIZE}");
    let epoch = format!("/api/v1/epochs/{before}");
    let pool = format!("/api/v1/pools/{}", stage.known(NOW).pool_sha256);
    let (epochs, keys) = ("/api/v1/epochs?limit=100", "/api/v1/rotation/keys");
    let folder = tempfile::tempdir().unwrap();
    let honest = |path: &str| stage.book.answer(NOW, &format!("GET {path}")).answer.to_string();
    let saved = |name: &str, path: &str| save(folder.path(), name, &honest(path));
    let (blocks_file, with_pool) =
        (saved("blocks", &blocks), format!("--pool={}", saved("pool", &pool)));
    let (known, known_before) = (pinned(&stage.known(NOW)), pinned(&stage.known(BEFORE)));
    let key = |moment: usize| vec![format!("--public-key={}", stage.known(moment).public_key)];
    let line = |name, words: &[&str], known: &[String], asks: &[(&str, What)]| {
        let words = ["verify", &at].into_iter().chain(words.iter().copied()).map(str::to_owned);
        let asks = asks.iter().map(|(path, what)| Ask::at(NOW, format!("GET {path}"), *what));
        CommandLine::new(name, words.chain(known.iter().cloned()), asks.collect())
    };
    let (blocks_url, epoch_url) = (format!("URL{blocks}"), format!("URL{epoch}"));
    let asked = ["--block-size=5", "--sources=ZILLOW_SOLD", with_pool.as_str()];
    let lines = [
        line(
            "verify blocks of a service",
            &[&blocks_url, "--token=secret"],
            &known,
            &[(&blocks, What::All), (&pool, What::All)],
        ),
        line(
            "verify blocks of a service at first contact",
            &[&blocks_url, "--token=secret"],
            &[],
            &[(&blocks, What::All)],
        ),
        CommandLine {
            waits: true,
            ..line(
                "verify an epoch of a service",
                &[&epoch_url],
                &known_before,
                &[(&epoch, What::AllAndRefusals), (&pool, What::All)],
            )
        },
        line(
            "verify an epoch of a service by what it announced",
            &[&epoch_url],
            &key(ANNOUNCED),
            &[(&epoch, What::Fields), (keys, What::All)],
        ),
        line(
            "verify the history of a service",
            &["--history", "URL"],
            &key(ANNOUNCED),
            &[(epochs, What::AllAndRefusals), (keys, What::All)],
        ),
        line("verify blocks", &[&["FILE"], &asked[..]].concat(), &known, &[(&blocks, What::File)]),
        line(
            "verify an epoch",
            &["FILE", &with_pool, &format!("--epoch={before}")],
            &known_before,
            &[(&epoch, What::File)],
        ),
        line(
            "verify blocks with a pool",
            &[blocks_file.as_str(), "--pool=FILE", asked[0], asked[1]],
            &known,
            &[(&pool, What::File)],
        ),
        CommandLine {
            before: honest(keys),
            ..line(
                "verify a history",
                &["--history", "FILE"],
                &key(ANNOUNCED),
                &[(epochs, What::File)],
            )
        },
        CommandLine {
            before: honest(epochs),
            ..line(
                "verify a history",
                &["--history", "FILE"],
                &key(ANNOUNCED),
                &[(keys, What::File)],
            )
        },
    ];
    match Commands::new(env!("CARGO_BIN_EXE_resi-data-api"), &stage).judge(&lines) {
        Ok(words) => println!("{words}"),
        Err(faults) => panic!("{faults}"),
    }
}

/// Where it is then.
fn save(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

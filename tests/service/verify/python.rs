use std::path::Path;
use std::process::Command;

use super::*;

/// What the second implementation says, and whether it found nothing wrong.
fn python(arguments: &[&str]) -> (bool, String) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/verify_deal.py");
    let output = Command::new("python3").arg(script).args(arguments).output().unwrap();
    let words = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(words).unwrap())
}

#[tokio::test]
async fn the_script_agrees_and_says_what_it_did_not_check() {
    let recorded = Recorded::new().await;
    let at = recorded.clock.now().to_string();
    let pool = recorded.pool_file();
    let epoch = recorded.file("epoch.json", &recorded.answers[&recorded.path(1)].body);
    let blocks = recorded.file("blocks.json", &recorded.answers[BLOCKS].body);
    let pins = recorded.pins();
    let pins: Vec<_> = pins.iter().map(String::as_str).collect();
    let id = recorded.ended[0].epoch.id.to_string();
    for (name, answer, asked) in [
        ("python_epoch", &epoch, &["--epoch", &id][..]),
        ("python_blocks", &blocks, &["--block-size", "20", "--sources", "ZILLOW_SOLD"]),
    ] {
        let (success, words) =
            python(&[&[&answer[..], &pool, "--at", &at], asked, &pins[..]].concat());
        assert!(success && !words.to_lowercase().contains("verified"), "{words}");
        insta::assert_snapshot!(name, words);
    }
    let (_, words) = python(&[&blocks, &pool, "--at", &at]);
    assert!(words.contains("??   public_key: first contact"), "{words}");
    assert!(words.contains("??   block_size: 20, and smaller"), "{words}");
}

#[tokio::test]
async fn the_script_refuses_what_differs() {
    let recorded = Recorded::new().await;
    let at = recorded.clock.now().to_string();
    let pool = recorded.pool_file();
    let blocks: Value = serde_json::from_slice(&recorded.answers[BLOCKS].body).unwrap();
    let epoch: Value = serde_json::from_slice(&recorded.answers[&recorded.path(1)].body).unwrap();
    let other = json!("\u{1b}[2J".to_owned() + &"x".repeat(10_000));
    for (answer, pointer) in [
        (&blocks, "/request_id"),
        (&blocks, "/total_zipcodes"),
        (&blocks, "/assignment_config/overlap_factor"),
        (&blocks, "/data_blocks/batch_007/zipcodes/3"),
        (&blocks, "/data_blocks/batch_007/sources/0"),
        (&blocks, "/data_blocks/batch_007/miners_per_group"),
        (&blocks, "/data_blocks/batch_007/geographic_info/size_ranks"),
        (&blocks, "/expires_at"),
        (&blocks, "/rotation/signature"),
        (&blocks, "/rotation/pool_sha256"),
        (&epoch, "/epoch/id"),
        (&epoch, "/state"),
        (&epoch, "/revealed_at"),
        (&epoch, "/zipcodes/0"),
        (&epoch, "/honeypots/salt"),
        (&epoch, "/honeypots/zipcodes/0"),
        (&epoch, "/rotation/honeypots_sha256"),
    ] {
        let mut changed = answer.clone();
        *changed.pointer_mut(pointer).unwrap() = other.clone();
        let file = recorded.file("changed.json", &said(&changed).body);
        let (success, words) = python(&[&file, &pool, "--at", &at]);
        assert!(!success && words.starts_with("refused: "), "{pointer}: {words}");
        assert_is_shown(words.trim_end());
    }
    let file = recorded.file("epoch.json", &said(&epoch).body);
    let asked = recorded.ended[1].epoch.id.to_string();
    let (success, words) = python(&[&file, &pool, "--at", &at, "--epoch", &asked]);
    assert!(!success && words.contains("epoch.id is"), "{words}");
}

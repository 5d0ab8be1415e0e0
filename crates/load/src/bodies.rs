use std::fs::File;
use std::io::{BufWriter, Write};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::mpsc;
use std::thread;

use anyhow::{Context, Result, ensure};
use resi_protocol::wire::{AccessRequest, signing_message};
use resi_protocol::{Hotkey, Keypair, Sources};

use crate::clock;

/// How many bodies a thread signs before it hands them on.
const CHUNK: u32 = 1_000;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// How many bodies.
    #[arg(long)]
    count: u32,
    /// How many hotkeys sign them in turn: the development keys //load0, //load1, …
    #[arg(long, default_value = "100")]
    hotkeys: NonZeroU32,
    /// The sources asked for.
    #[arg(long, default_value = "ZILLOW_SOLD")]
    sources: String,
    /// Unix seconds at which they are signed, or `now`.
    #[arg(long, default_value = "now", value_parser = parse_timestamp)]
    timestamp: i64,
    /// The file to write.
    #[arg(long)]
    out: PathBuf,
}

fn parse_timestamp(text: &str) -> Result<i64, std::num::ParseIntError> {
    if text == "now" { Ok(clock::now().seconds()) } else { text.parse() }
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let out = &arguments.out;
    ensure!(arguments.sources.parse::<Sources>().is_ok(), "no sources: {:?}", arguments.sources);
    let file = File::create(out).with_context(|| format!("cannot create {}", out.display()))?;
    let mut writer = BufWriter::new(file);
    sign_all(arguments, |lines| writer.write_all(lines.as_bytes()))?;
    writer.flush()?;
    Ok(())
}

fn sign_all(
    arguments: &Arguments,
    mut write: impl FnMut(&str) -> std::io::Result<()>,
) -> Result<()> {
    let signers: Vec<_> = (0..arguments.hotkeys.get())
        .map(|number| {
            let key = Keypair::development(&format!("load{number}"));
            (key.hotkey(), key)
        })
        .collect();
    let threads =
        thread::available_parallelism().map_or(1, |count| u32::try_from(count.get()).unwrap_or(1));
    thread::scope(|scope| {
        let (chunks, written) = mpsc::sync_channel(64);
        for thread in 0..threads {
            let (chunks, signers) = (chunks.clone(), &signers);
            scope.spawn(move || {
                let starts = (0..arguments.count).step_by(CHUNK as usize);
                for start in starts.skip(thread as usize).step_by(threads as usize) {
                    let end = arguments.count.min(start.saturating_add(CHUNK));
                    let lines: String = (start..end)
                        .map(|number| {
                            body(&signers[number as usize % signers.len()], arguments) + "\n"
                        })
                        .collect();
                    if chunks.send(lines).is_err() {
                        return;
                    }
                }
            });
        }
        drop(chunks);
        written.into_iter().try_for_each(|lines| write(&lines))
    })?;
    Ok(())
}

/// A signature has fresh randomness, so that two bodies of one hotkey and second differ.
fn body((hotkey, key): &(Hotkey, Keypair), arguments: &Arguments) -> String {
    let (hotkey, timestamp, sources) =
        (hotkey.to_string(), arguments.timestamp, arguments.sources.clone());
    let signature = key.sign(signing_message(&hotkey, timestamp, &sources).as_bytes()).to_hex();
    let request = AccessRequest { hotkey, timestamp, signature, sources };
    serde_json::to_string(&request)
        .unwrap_or_else(|error| unreachable!("strings and a number are JSON: {error}"))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use resi_protocol::Signature;

    use super::*;

    #[test]
    fn bodies_verify_and_no_two_are_alike() {
        let arguments = Arguments {
            count: 2_345,
            hotkeys: NonZeroU32::new(7).expect("not zero"),
            sources: "ZILLOW_SOLD".into(),
            timestamp: 1_736_937_000,
            out: PathBuf::new(),
        };
        let mut text = String::new();
        sign_all(&arguments, |lines| {
            text += lines;
            Ok(())
        })
        .expect("signed");

        let bodies: Vec<AccessRequest> =
            text.lines().map(|line| serde_json::from_str(line).expect("a body")).collect();
        assert_eq!(bodies.len(), 2_345);
        assert_eq!(bodies.iter().map(|body| &body.hotkey).collect::<HashSet<_>>().len(), 7);
        assert_eq!(bodies.iter().map(|body| &body.signature).collect::<HashSet<_>>().len(), 2_345);
        for body in bodies.iter().step_by(50) {
            let message = signing_message(&body.hotkey, body.timestamp, &body.sources);
            let signature: Signature = body.signature.parse().expect("a signature");
            let hotkey: Hotkey = body.hotkey.parse().expect("a hotkey");
            assert!(hotkey.verify(message.as_bytes(), &signature).is_ok());
        }
    }
}

use std::fmt::{Display, Write as _};

use resi_protocol::Timestamp;
use resi_protocol::rotation::{Part, Verified, Voucher, batch_name};

use super::answer::Answer;

/// A line for each part of the answer: `ok` where something vouches for it, `??` where nothing does, `--` where nothing
/// can; and what follows from all of them.
pub(super) fn of(verified: &Verified, answer: &Answer, at: Timestamp) -> String {
    let mut text = String::new();
    let mut is_open = false;
    for (part, voucher) in &verified.vouchers {
        let mark = match voucher {
            Voucher::Announced(_) => "??",
            Voucher::NotCovered => "--",
            voucher if voucher.is_open() => "??",
            _ => "ok",
        };
        is_open |= mark == "??";
        for line in lines(*part, *voucher, verified, answer, at) {
            let _ = writeln!(text, "{mark:<4} {line}");
        }
    }
    let verdict = if is_open {
        "Not verified: for what is marked ?? there is nothing but the answer itself."
    } else {
        "Verified: nobody picked these zipcodes, given that key and parameters were not chosen with this epoch in mind."
    };
    let _ = writeln!(text, "\n{verdict}");
    text
}

fn lines(
    part: Part,
    voucher: Voucher,
    verified: &Verified,
    answer: &Answer,
    at: Timestamp,
) -> Vec<String> {
    let parameters = &verified.parameters;
    let known = |what: &str, option: &str, value: &dyn Display| match voucher {
        Voucher::FirstContact => format!("{what}: first contact, {value} (--{option})"),
        Voucher::Announced(_) => format!(
            "{what}: {voucher}, {value}; that this was early enough, only its date says (--{option})"
        ),
        voucher => format!("{what}: {voucher}, {value}"),
    };
    let seconds = parameters.schedule.seconds();
    let line = match part {
        Part::PublicKey => known("the rotation key", "public-key", &verified.public_key),
        Part::Netuid => known("netuid", "netuid", &parameters.netuid),
        Part::EpochSeconds => known("epoch_seconds", "epoch-seconds", &seconds),
        Part::PoolSha256 => known(
            "pool_sha256",
            "pool-sha256",
            &format_args!("{}, of {} zipcodes", parameters.pool_sha256, parameters.pool_size),
        ),
        Part::ZipcodesPerEpoch => {
            known("zipcodes_per_epoch", "zipcodes-per-epoch", &parameters.zipcodes_per_epoch)
        }
        Part::Epoch => epoch(voucher, answer, at),
        Part::State => format!("state: {}, as the clock says", state(answer, at)),
        Part::BlockSize => block_size(voucher, answer),
        Part::Sources => sources(voucher, answer),
        Part::Zipcodes => {
            let proof = "the VRF signature is of this key over this epoch and these parameters";
            return vec![proof.into(), zipcodes(verified)];
        }
        Part::Record => record(voucher).into(),
        Part::PrevSha256 => prev_sha256(voucher, answer),
        Part::Honeypots => honeypots(voucher, verified.honeypots.len()),
        Part::RevealedAt => {
            "revealed_at: the service's word, that it is its start or its end".into()
        }
        Part::GeographicInfo => {
            "geographic_info: no proof is about states, metropolitan areas and size ranks".into()
        }
    };
    vec![line]
}

fn epoch(voucher: Voucher, answer: &Answer, at: Timestamp) -> String {
    let epoch = answer.epoch();
    let named = format!("epoch {} ({} to {})", epoch.id, epoch.starts_at, epoch.ends_at);
    match voucher {
        Voucher::Clock => format!("{named} was running at {at}"),
        Voucher::Asked => format!("{named}: the one that was asked for"),
        _ => format!("{named}: the proof is over it (--epoch, if another one was asked for)"),
    }
}

fn state(answer: &Answer, at: Timestamp) -> &'static str {
    if answer.epoch().ends_at <= at { "ended" } else { "running" }
}

fn block_size(voucher: Voucher, answer: &Answer) -> String {
    let Answer::Blocks(blocks) = answer else { return String::new() };
    let largest = blocks.data_blocks.get(&batch_name(0)).map_or(0, |batch| batch.zipcodes.len());
    match voucher {
        Voucher::Asked => format!("block_size: asked for, {largest} zipcodes in the first batch"),
        _ => format!(
            "block_size: {largest}, and smaller blocks than were asked for hide the end of the deal (--block-size)"
        ),
    }
}

fn sources(voucher: Voucher, answer: &Answer) -> String {
    let Answer::Blocks(blocks) = answer else { return String::new() };
    let sources = blocks.data_blocks.get(&batch_name(0)).map(|batch| batch.sources.to_string());
    let sources = sources.unwrap_or_default();
    match voucher {
        Voucher::Asked => format!("sources: asked for, {sources}"),
        _ => format!("sources: {sources}, and no proof is about them (--sources)"),
    }
}

fn zipcodes(verified: &Verified) -> String {
    let zipcodes = verified.zipcodes.len();
    match verified.batches {
        0 => format!("all {zipcodes} zipcodes are those that the signature gives, in order"),
        batches => format!(
            "all {zipcodes} zipcodes in {batches} batches are those that the signature gives, in order"
        ),
    }
}

const fn record(voucher: Voucher) -> &'static str {
    match voucher {
        Voucher::RecordSignature => "the record of the epoch is signed by this key",
        _ => {
            "the record of the epoch has no signature (verify --history shows whether one that has leads to it)"
        }
    }
}

fn prev_sha256(voucher: Voucher, answer: &Answer) -> String {
    let Answer::Epoch(epoch) = answer else { return String::new() };
    match (voucher, epoch.prev_sha256) {
        (Voucher::RecordSignature, Some(sha256)) => format!("prev_sha256: signed, {sha256}"),
        (_, Some(sha256)) => format!("prev_sha256: {sha256}"),
        (_, None) => "prev_sha256: there is none, which no signature shows".into(),
    }
}

fn honeypots(voucher: Voucher, count: usize) -> String {
    match voucher {
        Voucher::RecordSignature => {
            format!("{count} of them were decoys, as the signed record committed to")
        }
        Voucher::Nothing => format!(
            "{count} of them are said to have been decoys: nothing shows that the key committed to these (--honeypots-sha256)"
        ),
        _ => format!("{count} of them were decoys, as the hash that you gave committed to"),
    }
}

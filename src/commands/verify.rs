use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;
use std::{fs, io};

use anyhow::{Context, Result, bail, ensure};
use resi_protocol::rotation::{
    Pinned, Pool, RotationPublicKey, Verified, VerifyError, verify_blocks, verify_epoch,
};
use resi_protocol::wire::{Epoch, EpochResource, PoolResource, Rotation, ValidatorData};
use resi_protocol::{Sha256Hash, Timestamp};
use resi_secret::{Secret, ShownUrl};

use super::verify_history;
use crate::cli::VerifyArgs;

/// Larger answers are not ours.
const MAX_ANSWER: u64 = 32 * 1024 * 1024;
const FETCH_DEADLINE: Duration = Duration::from_secs(20);

enum Answer {
    Blocks(Box<ValidatorData>),
    Epoch(Box<EpochResource>),
}

impl Answer {
    fn rotation(&self) -> &Rotation {
        match self {
            Self::Blocks(blocks) => &blocks.rotation,
            Self::Epoch(epoch) => &epoch.rotation,
        }
    }

    fn epoch(&self) -> &Epoch {
        match self {
            Self::Blocks(blocks) => &blocks.epoch,
            Self::Epoch(epoch) => &epoch.epoch,
        }
    }
}

/// Checks an answer and says in words what was proved.
///
/// # Errors
/// What differs from an honest answer, or kept it from being checked.
pub fn run(args: &VerifyArgs, now: Timestamp) -> Result<String> {
    if args.history {
        return verify_history::run(args);
    }
    let source = args.answer.expose();
    let is_url = source.starts_with("http://") || source.starts_with("https://");
    let text = if is_url { fetch(source, args.token.as_ref())? } else { read(Path::new(source))? };
    let answer = parse(&text).with_context(|| ShownUrl(source).to_string())?;
    let sha256 = answer.rotation().pool_sha256;
    let pool = find_pool(args, is_url, answer.rotation())
        .with_context(|| format!("the pool {sha256} of the answer"))?;
    let at =
        args.at.as_deref().map(str::parse::<Timestamp>).transpose().context("--at")?.unwrap_or(now);
    let known = Pinned {
        public_key: args
            .public_key
            .as_deref()
            .map(str::parse)
            .transpose()
            .context("--public-key")?,
        netuid: args.netuid,
        epoch_seconds: args.epoch_seconds,
        pool_sha256: args
            .pool_sha256
            .as_deref()
            .map(str::parse)
            .transpose()
            .context("--pool-sha256")?,
        zipcodes_per_epoch: args.zipcodes_per_epoch,
        block_size: args.block_size,
        honeypots_sha256: None,
        now: Some(at),
    };
    let given = known.public_key;
    let known = if is_url { follow(&known, &answer, source)? } else { known };
    check(&answer, &pool, &known, given, at)
}

/// What follows from what was known by the changes that the service announced, where it differs from the answer.
fn follow(known: &Pinned, answer: &Answer, url: &str) -> Result<Pinned> {
    let (Err(_), Some(end)) = (known.check(answer.rotation()), url.find("/api/v1/")) else {
        return Ok(known.clone());
    };
    let announced = verify_history::announcements(&url[..end])?;
    let early = announced.iter().filter(|change| change.verify(change.announced_at).is_ok());
    Ok(known.following(early, answer.epoch().starts_at))
}

fn check(
    answer: &Answer,
    pool: &Pool,
    known: &Pinned,
    given: Option<RotationPublicKey>,
    at: Timestamp,
) -> Result<String> {
    let verified = match answer {
        Answer::Blocks(blocks) => verify_blocks(blocks, pool, known),
        Answer::Epoch(epoch) => verify_epoch(epoch, pool, known),
    };
    match verified {
        Ok(verified) => Ok(words(&verified, known, given, at)),
        Err(error @ VerifyError::NotRunning { .. }) => Err(anyhow::Error::new(error)
            .context("not verified (for an answer that was saved, --at says when it was got)")),
        Err(error) => Err(anyhow::Error::new(error).context("not verified")),
    }
}

/// A line for each thing that was proved, and for each that was not.
fn words(
    verified: &Verified,
    known: &Pinned,
    given: Option<RotationPublicKey>,
    at: Timestamp,
) -> String {
    let parameters = &verified.parameters;
    let schedule = parameters.schedule;
    let mut text = String::new();
    let mut say = |mark: &str, line: String| {
        let _ = writeln!(text, "{mark:<4} {line}");
    };
    if verified.key_pinned {
        let whose = match given == Some(verified.public_key) {
            true => "is the one you gave",
            false => {
                "was announced by the one you gave, early enough by the date of the announcement"
            }
        };
        say("ok", format!("the rotation key {whose}: {}", verified.public_key));
    } else {
        say(
            "??",
            format!(
                "key not pinned: {} is vouched for by the answer itself only (--public-key)",
                verified.public_key
            ),
        );
    }
    for (name, given, value) in [
        ("netuid", known.netuid.is_some(), parameters.netuid.to_string()),
        ("epoch_seconds", known.epoch_seconds.is_some(), schedule.seconds().to_string()),
        ("pool_sha256", known.pool_sha256.is_some(), parameters.pool_sha256.to_string()),
        (
            "zipcodes_per_epoch",
            known.zipcodes_per_epoch.is_some(),
            parameters.zipcodes_per_epoch.to_string(),
        ),
    ] {
        let (mark, note) = if given { ("ok", "as you gave it") } else { ("??", "not pinned") };
        say(mark, format!("{name} is {value}, {note}"));
    }
    say(
        "ok",
        format!(
            "the pool has {} zipcodes and hashes to {}",
            parameters.pool_size, parameters.pool_sha256
        ),
    );
    let (starts, ends) = (schedule.starts_at(verified.epoch), schedule.ends_at(verified.epoch));
    let epoch = format!("epoch {} ({starts} to {ends})", schedule.id(verified.epoch));
    if verified.clock_checked {
        say("ok", format!("{epoch} was running at {at}"));
    } else {
        say("??", format!("{epoch}: a public record, not compared with the clock"));
    }
    say("ok", "the VRF signature is of this key over this epoch and these parameters".into());
    let (zipcodes, batches) = (verified.zipcodes.len(), verified.batches);
    match batches {
        0 => say(
            "ok",
            format!("all {zipcodes} zipcodes are those that the signature gives, in order"),
        ),
        _ => say(
            "ok",
            format!(
                "all {zipcodes} zipcodes in {batches} batches are those that the signature gives, in order"
            ),
        ),
    }
    if !verified.honeypots.is_empty() {
        let decoys = verified.honeypots.len();
        say("ok", format!("{decoys} of them were decoys, as committed to before the epoch"));
    }
    let _ = writeln!(
        text,
        "\n{}",
        if verified.key_pinned && verified.parameters_pinned {
            "Verified: nobody picked these zipcodes, given that key and parameters were fixed before the epoch."
        } else {
            "Verified as far as it goes: the answer agrees with itself. Pin what is marked ?? to prove more."
        }
    );
    text
}

fn parse(text: &str) -> Result<Answer> {
    let value: serde_json::Value = serde_json::from_str(text).context("the answer is not JSON")?;
    if value.get("data_blocks").is_some() {
        return Ok(Answer::Blocks(serde_json::from_value(value).context("these are no blocks")?));
    }
    if value.get("epoch").is_some() && value.get("state").is_some() {
        return Ok(Answer::Epoch(serde_json::from_value(value).context("this is no epoch")?));
    }
    if let Some(code) = value.get("error_code").and_then(|code| code.as_str()) {
        bail!("the service answered with the error {code}");
    }
    bail!("this is neither an answer of /api/v1/validator-data nor of /api/v1/epochs/{{id}}")
}

fn find_pool(args: &VerifyArgs, is_url: bool, rotation: &Rotation) -> Result<Pool> {
    if let Some(path) = &args.pool {
        let text = read(path)?;
        return if text.trim_start().starts_with('{') {
            pool_of_json(&text)
        } else {
            pool_of_lines(&text)
        };
    }
    if let Ok(embedded) = resi_zipcodes::embedded_pool(rotation.pool_size)
        && embedded.pool.sha256() == rotation.pool_sha256
    {
        return Ok(embedded.pool);
    }
    ensure!(is_url, "it is not of the table inside; give it with --pool");
    pool_of_json(&fetch(&pool_url(args.answer.expose(), rotation.pool_sha256)?, None)?)
}

/// On the service that gave the answer.
fn pool_url(answer: &str, sha256: Sha256Hash) -> Result<String> {
    let base =
        answer.find("/api/v1/").context("the URL has no /api/v1/; give the pool with --pool")?;
    Ok(format!("{}/api/v1/pools/{sha256}", &answer[..base]))
}

fn pool_of_json(text: &str) -> Result<Pool> {
    let resource: PoolResource =
        serde_json::from_str(text).context("this is no answer of /api/v1/pools/{sha256}")?;
    Ok(Pool::new(resource.zipcodes)?)
}

fn pool_of_lines(text: &str) -> Result<Pool> {
    let parse =
        |(at, line): (usize, &str)| line.trim().parse().with_context(|| format!("line {}", at + 1));
    let zipcodes: Result<Vec<_>> = text.lines().enumerate().map(parse).collect();
    Ok(Pool::new(zipcodes?)?)
}

pub(super) fn read(path: &Path) -> Result<String> {
    // Of a URL in capitals, which is none here, nothing secret may be shown either.
    let shown = path.to_string_lossy();
    let context = || format!("cannot read {}", ShownUrl(&shown));
    let length = fs::metadata(path).with_context(context)?.len();
    ensure!(length <= MAX_ANSWER, "{} is larger than any answer", path.display());
    fs::read_to_string(path).with_context(context)
}

pub(super) fn fetch(url: &str, token: Option<&Secret>) -> Result<String> {
    let agent = ureq::Agent::new_with_config(
        ureq::Agent::config_builder()
            .timeout_global(Some(FETCH_DEADLINE))
            .http_status_as_error(false)
            .build(),
    );
    let mut request = agent.get(url);
    if let Some(token) = token {
        request = request.header("Authorization", format!("Bearer {}", token.expose()));
    }
    let context = || format!("cannot fetch {}", ShownUrl(url));
    let mut response = request.call().with_context(context)?;
    let body = response.body_mut().with_config().limit(MAX_ANSWER).read_to_string();
    body.map_err(io::Error::other).with_context(context)
}

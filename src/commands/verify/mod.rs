//! `verify`: checks what a service answered, and says in words what was proved and what vouches for each part of it.

mod answer;
mod fetch;
mod history;
mod history_words;
mod pool;
mod question;
mod words;

use std::path::Path;
use std::str::FromStr;

use anyhow::{Context, Result};
use resi_protocol::rotation::{
    Announcement, Known, Pinned, Verified, VerifyError, Voucher, verify_blocks, verify_epoch,
};

use resi_secret::ShownUrl;

use self::answer::Answer;
use self::fetch::Service;
use self::question::Asked;
use crate::cli::VerifyArgs;
use crate::clock::Clock;

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// A line for each thing that was proved, and for each that was not.
    pub text: String,
    /// Whether nothing is left open.
    pub is_verified: bool,
}

/// Checks an answer, or the records of all epochs.
///
/// # Errors
/// What differs from an honest answer, or kept it from being checked.
pub fn run(args: &VerifyArgs, clock: &dyn Clock) -> Result<Verdict> {
    let at = option("--at", args.at.as_deref())?;
    if args.history {
        return history::run(args, at.unwrap_or_else(|| clock.now()), clock);
    }
    let source = args.answer.expose();
    let service = Service::of(source);
    let asked = Asked::new(args)?;
    let text = match &service {
        Some(service) => service.get(source, args.token.as_ref())?,
        None => fetch::read(Path::new(source))?,
    };
    let at = at.unwrap_or_else(|| clock.now());
    let answer = answer::parse(&text).with_context(|| ShownUrl(source).to_string())?;
    let question = asked.question(&answer, at)?;
    let given = pinned(args)?;
    let known = match &service {
        Some(service) => follow(&given, &answer, service)?,
        None => given,
    };
    known.check(answer.rotation()).context(NOT_VERIFIED)?;
    let pool = pool::find(args, service.as_ref(), answer.rotation())?;
    let verified = match &answer {
        Answer::Blocks(blocks) => verify_blocks(blocks, &pool, &known, &question),
        Answer::Epoch(epoch) => verify_epoch(epoch, &pool, &known, &question),
    };
    let verified = verified.map_err(refused)?;
    Ok(Verdict {
        text: words::of(&verified, &answer, at),
        is_verified: verified.is_complete() && !is_dated_by_its_word(&verified),
    })
}

const NOT_VERIFIED: &str = "not verified";

fn refused(error: VerifyError) -> anyhow::Error {
    let context = match error {
        VerifyError::NotRunning { .. } | VerifyError::State { .. } => {
            "not verified (for an answer that was saved, --at says when it was got)"
        }
        _ => NOT_VERIFIED,
    };
    anyhow::Error::new(error).context(context)
}

/// Whether key or parameters follow from an announcement: that it was early enough, only its date says to who looks once.
fn is_dated_by_its_word(verified: &Verified) -> bool {
    verified.vouchers.iter().any(|(_, voucher)| matches!(voucher, Voucher::Announced(_)))
}

/// What the user knows of key, parameters and decoys.
fn pinned(args: &VerifyArgs) -> Result<Pinned> {
    Ok(Pinned {
        public_key: option("--public-key", args.public_key.as_deref())?,
        netuid: args.netuid.map(Known::pinned),
        epoch_seconds: args.epoch_seconds.map(Known::pinned),
        pool_sha256: option("--pool-sha256", args.pool_sha256.as_deref())?,
        zipcodes_per_epoch: args.zipcodes_per_epoch.map(Known::pinned),
        honeypots_sha256: option("--honeypots-sha256", args.honeypots_sha256.as_deref())?,
    })
}

/// An option that is read here and not by the command line, so that the error is in our words.
fn option<T: FromStr>(name: &'static str, text: Option<&str>) -> Result<Option<T>>
where
    T::Err: std::error::Error + Send + Sync + 'static,
{
    text.map(str::parse).transpose().context(name)
}

/// What follows from what was known by the changes that the service announced, where it differs from the answer.
fn follow(known: &Pinned, answer: &Answer, service: &Service) -> Result<Pinned> {
    if known.check(answer.rotation()).is_ok() {
        return Ok(known.clone());
    }
    let (mut announced, _) = Announcement::in_time(&service.announcements()?);
    announced.sort_by_key(|change| change.from);
    Ok(known.following(&announced, answer.epoch().starts_at))
}

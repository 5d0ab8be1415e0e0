use std::fmt;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::marker::PhantomData;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use resi_protocol::rotation::{
    Announcement, History, HistoryVerifier, RotationPublicKey, VerifyError,
};
use resi_protocol::wire::{EpochList, EpochResource};
use resi_protocol::{EpochId, Foreign, Timestamp};
use resi_secret::ShownUrl;
use serde::de::{DeserializeOwned, Error as _, IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::fetch::{Service, json};
use super::{NOT_VERIFIED, Verdict, history_words, option};
use crate::cli::VerifyArgs;
use crate::clock::Clock;

/// How many records a page has that is not the last.
const PAGE: usize = 100;
/// The pages of a service have at most so many bytes together: half a million records or so, as of a year of epochs of a
/// minute.
const MAX_PAGES: u64 = 512 * 1024 * 1024;
/// A file of pages has at most so many.
const MAX_FILE: u64 = 64 * 1024 * 1024;
/// More announcements than fit into an answer.
const MANY: usize = 10_000;
/// How long the pages of a service may take.
const DEADLINE: Duration = Duration::from_secs(900);

/// Walks the records of all epochs, checks every signature, every link and every proof, and says in words what was proved.
///
/// # Errors
/// What an honest service does not show, or kept it from being checked.
pub(super) fn run(args: &VerifyArgs, at: Timestamp, clock: &dyn Clock) -> Result<Verdict> {
    let known: Option<RotationPublicKey> = option("--public-key", args.public_key.as_deref())?;
    let mut walk = Walk { netuid: args.netuid, ..Walk::default() };
    let source = args.answer.expose();
    let is_url = source.starts_with("http://") || source.starts_with("https://");
    if is_url {
        walk.fetch(&Service::at(source), at, clock)?;
    } else {
        walk.read(source, at)?;
    }
    let history = walk.finish()?;
    if let (Some(known), Some(newest)) = (known, history.public_keys.last()) {
        ensure!(
            history.public_keys.contains(&known),
            "not verified: the newest record is of key {newest}, and {known} has dealt none of them"
        );
    }
    Ok(history_words::verdict(&history, known, args.netuid))
}

/// The records as they come, newest first.
#[derive(Default)]
struct Walk {
    netuid: Option<u16>,
    verifier: Option<HistoryVerifier>,
    last: Option<EpochId>,
}

impl Walk {
    fn start(&mut self, announcements: &[Announcement], at: Timestamp) {
        self.verifier = Some(HistoryVerifier::new(announcements, at));
    }

    fn add(&mut self, record: &EpochResource) -> Result<()> {
        if let Some(expected) = self.netuid {
            let answered = record.rotation.netuid;
            let differs = || VerifyError::Differs {
                what: "netuid",
                answered: answered.to_string(),
                expected: expected.to_string(),
            };
            (answered == expected).then_some(()).ok_or_else(differs).context(NOT_VERIFIED)?;
        }
        self.last = Some(record.epoch.id);
        let verifier = self.verifier.as_mut().context("nothing was started")?;
        verifier.add(record).context(NOT_VERIFIED)
    }

    fn finish(self) -> Result<History> {
        let verifier = self.verifier.context("nothing was started")?;
        verifier.finish().context(NOT_VERIFIED)
    }

    /// All pages of a service. Each page but the last is full and ends where the next begins, and no record is newer than
    /// the one before: so their number is bounded by that of the epochs there were.
    fn fetch(&mut self, service: &Service, at: Timestamp, clock: &dyn Clock) -> Result<()> {
        let started = clock.monotonic();
        self.start(&service.announcements()?, at);
        let first = service.url(format_args!("epochs?limit={PAGE}"))?;
        let shown = ShownUrl(&first);
        let (mut next, mut bytes) = (first.clone(), 0);
        loop {
            let text = service.get(&next, None)?;
            bytes += text.len() as u64;
            ensure!(bytes <= MAX_PAGES, "{shown}: more records than can be; save a part of them");
            let taken = clock.monotonic().saturating_sub(started);
            ensure!(taken <= DEADLINE, "{shown}: all pages take longer than {DEADLINE:?}");
            let page: EpochList = json(&text)
                .with_context(|| format!("{shown}: this is no page of /api/v1/epochs"))?;
            for record in &page.epochs {
                self.add(record)?;
            }
            let Some(cursor) = page.next_cursor else { return Ok(()) };
            let is_next = self.last.is_some_and(|last| last.to_string() == cursor);
            ensure!(
                is_next && page.epochs.len() == PAGE,
                "not verified: a page of {shown} has {} records, and the next page would begin at \"{}\"",
                page.epochs.len(),
                Foreign::new(&cursor).at_most(64)
            );
            next = format!("{first}&cursor={cursor}");
        }
    }

    /// Pages as they were answered, one after the other, and the answer of `/api/v1/rotation/keys` among them.
    fn read(&mut self, path: &str, at: Timestamp) -> Result<()> {
        let mut announcements = Vec::new();
        for page in pages::<Announced>(path)? {
            announcements.extend(page?.announcements.map_or_else(Vec::new, |list| list.0));
        }
        self.start(&announcements, at);
        for page in pages::<Listed>(path)? {
            let page = page?;
            let is_page = page.epochs.is_some() || page.announcements.is_some();
            ensure!(is_page, "{path}: this is no page of /api/v1/epochs");
            for record in page.epochs.iter().flat_map(|list| &list.0) {
                self.add(record)?;
            }
        }
        Ok(())
    }
}

/// What of a page is read first: it explains what the records show.
#[derive(Deserialize)]
struct Announced {
    announcements: Option<AtMost<Announcement, MANY>>,
}

#[derive(Deserialize)]
struct Listed {
    epochs: Option<AtMost<EpochResource, PAGE>>,
    announcements: Option<IgnoredAny>,
}

/// A list of at most `MOST`; a longer one is refused before it is in memory.
struct AtMost<T, const MOST: usize>(Vec<T>);

impl<'de, T: Deserialize<'de>, const MOST: usize> Deserialize<'de> for AtMost<T, MOST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List<T, const MOST: usize>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>, const MOST: usize> Visitor<'de> for List<T, MOST> {
            type Value = Vec<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "a list of at most {MOST}")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<Vec<T>, A::Error> {
                let mut list = Vec::new();
                while let Some(value) = values.next_element()? {
                    if list.len() == MOST {
                        return Err(A::Error::invalid_length(MOST + 1, &self));
                    }
                    list.push(value);
                }
                Ok(list)
            }
        }

        deserializer.deserialize_seq(List::<T, MOST>(PhantomData)).map(Self)
    }
}

/// The JSON values of a file, one after the other.
fn pages<T: DeserializeOwned>(path: &str) -> Result<impl Iterator<Item = Result<T>>> {
    let open = || -> std::io::Result<_> {
        let file = File::open(path)?;
        if file.metadata()?.len() > MAX_FILE {
            return Err(std::io::Error::other("it is larger than 64 MiB; take a part of it"));
        }
        let mut file = BufReader::new(file.take(MAX_FILE));
        // A byte-order mark is no JSON.
        if file.fill_buf()?.starts_with("\u{feff}".as_bytes()) {
            file.consume(3);
        }
        Ok(file)
    };
    let file = open().with_context(|| format!("cannot read {path}"))?;
    let values = serde_json::Deserializer::from_reader(file).into_iter();
    Ok(values.map(move |value| {
        value.map_err(|error| {
            let error = error.to_string();
            anyhow!("{path}: no pages of /api/v1/epochs: {}", Foreign::new(&error))
        })
    }))
}

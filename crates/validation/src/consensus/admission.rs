use std::time::Duration;

use resi_protocol::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Answer, Batch, Settings};

/// Why an answer does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalReason {
    /// The miner does not call it completed.
    NotCompleted,
    /// There is nothing in it.
    Empty,
    /// Faster than a scraper can be, or later than anybody waits.
    ImplausibleTime,
    /// More homes than a batch can have.
    TooManyHomes,
    /// It does not say when scraping began and when it was sent.
    NoTimes,
    /// It names no batch of the epoch, or one that its miner has no part in.
    NotAssigned,
    /// It is not the JSON of an answer, or has more homes than are read.
    Malformed,
    /// The metagraph has no such miner.
    UnknownMiner,
    /// More miners answered for the batch than are ever compared with each other.
    BatchFull,
}

/// An answer that does not count.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Refusal {
    /// Whose.
    pub uid: u16,
    /// For which batch.
    pub batch: String,
    /// Why.
    pub reason: RefusalReason,
    /// What was seen.
    pub detail: String,
}

impl Answer {
    /// How long the miner took. It may claim to have begun later than it did, but not before it was asked.
    pub fn duration(&self) -> Duration {
        let began = self
            .scrape_started
            .map_or(self.sent_at, |claimed: Timestamp| claimed.max(self.sent_at));
        self.received_at.since(began)
    }
}

/// Whether an answer counts, as far as it can be told from it alone.
pub(crate) fn admit(answer: &Answer, batch: &Batch, settings: &Settings) -> Result<(), Refusal> {
    let refuse = |reason, detail: String| {
        Err(Refusal { uid: answer.uid, batch: batch.name.clone(), reason, detail })
    };
    if !answer.completed {
        return refuse(RefusalReason::NotCompleted, "not marked as completed".to_owned());
    }
    if answer.reports.is_empty() {
        return refuse(RefusalReason::Empty, "no homes".to_owned());
    }
    let most = settings.max_homes_per_zipcode as usize * batch.zipcodes.len();
    if answer.reports.len() > most {
        return refuse(
            RefusalReason::TooManyHomes,
            format!("{} homes, at most {most} are read", answer.reports.len()),
        );
    }
    settings
        .response_window()
        .check(answer.duration())
        .or_else(|implausible| refuse(RefusalReason::ImplausibleTime, implausible.to_string()))
}

use std::sync::Arc;
use std::time::Duration;

use resi_protocol::Timestamp;
use serde::{Deserialize, Serialize};

use crate::network::GenesisHash;
use crate::snapshot::Snapshot;

/// The form in which snapshots are kept; one that a later version writes is not misread by this one.
const FORMAT: u32 = 1;
/// How far the clocks of two replicas may be apart.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(5);

/// A snapshot and the moment from which its age counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoredSnapshot {
    pub(crate) advanced_at: Timestamp,
    pub(crate) snapshot: Arc<Snapshot>,
}

/// Why a stored snapshot is not taken over.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// It is not what this version writes.
    #[error("the stored snapshot cannot be read: {0}")]
    Unreadable(#[from] serde_json::Error),
    /// Another version wrote it.
    #[error("the stored snapshot has format {0}, and this version reads format {FORMAT}")]
    OtherFormat(u32),
    /// Of another chain than the one that is asked.
    #[error("the stored snapshot is of the chain with genesis {found}, not {expected}")]
    OtherChain {
        /// The chain that is asked.
        expected: GenesisHash,
        /// The snapshot's.
        found: GenesisHash,
    },
    /// Of another subnet than the one that is asked for.
    #[error("the stored snapshot is of subnet {found}, not {expected}")]
    OtherSubnet {
        /// The subnet that is asked for.
        expected: u16,
        /// The snapshot's.
        found: u16,
    },
    /// Written when the clock was ahead of now: its age cannot be told, and it could seem young for ever.
    #[error("the stored snapshot is of {advanced_at}, and now is {now}")]
    OfTheFuture {
        /// When it was young.
        advanced_at: Timestamp,
        /// The moment of reading.
        now: Timestamp,
    },
}

#[derive(Deserialize)]
struct AnyFormat {
    format: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Format1<S> {
    format: u32,
    advanced_at: Timestamp,
    snapshot: S,
}

impl StoredSnapshot {
    pub(crate) fn read(stored: &[u8], now: Timestamp) -> Result<Self, RestoreError> {
        let AnyFormat { format } = serde_json::from_slice(stored)?;
        if format != FORMAT {
            return Err(RestoreError::OtherFormat(format));
        }
        let Format1 { advanced_at, snapshot, .. } = serde_json::from_slice(stored)?;
        if advanced_at > now.plus(CLOCK_TOLERANCE) {
            return Err(RestoreError::OfTheFuture { advanced_at, now });
        }
        Ok(Self { advanced_at, snapshot: Arc::new(snapshot) })
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let stored =
            Format1 { format: FORMAT, advanced_at: self.advanced_at, snapshot: &*self.snapshot };
        serde_json::to_vec(&stored)
            .unwrap_or_else(|error| unreachable!("a snapshot has only what JSON can say: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::tests::snapshot;

    const MOMENT: Timestamp = Timestamp::from_seconds(1_758_000_000);

    fn stored() -> StoredSnapshot {
        StoredSnapshot { advanced_at: MOMENT, snapshot: Arc::new(snapshot(7, 2)) }
    }

    #[test]
    fn is_read_as_it_was_written() {
        assert_eq!(StoredSnapshot::read(&stored().to_bytes(), MOMENT).expect("read"), stored());
    }

    #[test]
    fn the_form_is_the_one_that_is_written_down_here() {
        let snapshot = Arc::new(snapshot(7, 1));
        let text = String::from_utf8(StoredSnapshot { snapshot, ..stored() }.to_bytes());
        let expected = concat!(
            r#"{"format":1,"advanced_at":"2025-09-16T05:20:00Z","snapshot":{"#,
            r#""genesis":"0x2f0555cc76fc2840a25a6ea3b9637146806f1f44b090c175ffde2a7e5ab36c03","netuid":46,"block":7,"members":["#,
            r#"{"uid":0,"hotkey":"5C4hrfjw9DjXZTzV3MwzrrAr9P1MJhSrvWGWqi1eSuyUpnhM","#,
            r#""coldkey":"5CGYyLcrWUfBDKExbvRjDQinEoCZWQmD6SjaXBLhny6A2wjE","active":true,"validator_permit":true,"#,
            r#""alpha_stake_rao":1000000000,"axon":null}]}}"#,
        );
        assert_eq!(text.expect("UTF-8"), expected);
    }

    #[test]
    fn what_is_damaged_or_of_another_time_is_refused() {
        let text = String::from_utf8(stored().to_bytes()).expect("UTF-8");
        let read = |text: &str| StoredSnapshot::read(text.as_bytes(), MOMENT);
        for damaged in [
            String::new(),
            "{}".into(),
            text[..text.len() / 2].to_owned(),
            text.replace("\"uid\":1", "\"uid\":2"),
            text.replace("\"netuid\":46", "\"netuid\":99999"),
            text.replace("\"active\":true,", ""),
            text.replace("\"block\"", "\"blocks\""),
        ] {
            assert!(matches!(read(&damaged), Err(RestoreError::Unreadable(_))), "{damaged}");
        }
        let newer = r#"{"format":2,"something":"else"}"#;
        assert!(matches!(read(newer), Err(RestoreError::OtherFormat(2))));

        let before = MOMENT.minus(CLOCK_TOLERANCE);
        assert!(StoredSnapshot::read(text.as_bytes(), before).is_ok());
        let long_before = before.minus(Duration::from_secs(1));
        let future = StoredSnapshot::read(text.as_bytes(), long_before);
        assert!(matches!(future, Err(RestoreError::OfTheFuture { .. })));
    }
}

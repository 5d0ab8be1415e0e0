//! What was refused: noted on the path of requests, written to the audit in the background. What strangers can have
//! written is bounded, however much they ask.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use resi_protocol::wire::ErrorCode;
use resi_protocol::{Hotkey, Timestamp};
use resi_store::{AuditEvent, AuditKind, Origin, Store, StoreError};

use crate::limits::AddressKey;

/// How many different refusals between two writes have an entry of their own, of validators and of all others;
/// what is more is one entry a code.
const APART: usize = 64;
/// How many entries are kept while the database is away.
const MAX_WAITING: usize = 10_000;

/// Whether an answer with this code refuses something to somebody: a bad shape or an outage is none.
pub fn is_refusal(code: ErrorCode) -> bool {
    matches!(code.status(), 401 | 403 | 409 | 429)
        || matches!(code, ErrorCode::TimestampOutOfRange | ErrorCode::RegistryStale)
}

/// A refused request.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// When.
    pub at: Timestamp,
    /// Why.
    pub code: ErrorCode,
    /// Who asked, where that was said.
    pub hotkey: Option<Hotkey>,
    /// Whether it was proved.
    pub proved: bool,
    /// What was asked.
    pub route: String,
    /// The request.
    pub origin: Origin,
}

/// Refusals since the last write, equal ones as one.
#[derive(Debug, Default)]
pub struct Refusals(Mutex<Notes>);

#[derive(Debug, Default)]
struct Notes {
    validators: HashMap<Key, AuditEvent>,
    others: HashMap<Key, AuditEvent>,
    rest: HashMap<ErrorCode, AuditEvent>,
    unwritten: Vec<AuditEvent>,
    lost: u64,
}

type Key = (Option<Hotkey>, Option<AddressKey>, ErrorCode);

impl Refusals {
    /// Notes a refusal.
    pub fn note(&self, refusal: Refusal) {
        let key = (refusal.hotkey, refusal.origin.address.map(AddressKey::of), refusal.code);
        let mut notes = self.notes();
        let notes = &mut *notes;
        let apart = match is_of_a_validator(&refusal) {
            true => &mut notes.validators,
            false => &mut notes.others,
        };
        if let Some(known) = apart.get_mut(&key) {
            known.times += 1;
        } else if apart.len() < APART {
            apart.insert(key, event(refusal));
        } else if let Some(known) = notes.rest.get_mut(&refusal.code) {
            known.times += 1;
        } else {
            // Of many, the entry names none.
            let code = refusal.code;
            let one = AuditEvent { hotkey: None, proved: false, origin: None, ..event(refusal) };
            notes.rest.insert(code, one);
        }
    }

    /// Writes what was noted. What cannot be written is kept for the next time, as far as there is room.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn write(&self, store: &dyn Store) -> Result<(), StoreError> {
        let (events, lost) = self.take();
        let written = store.record_audit(&events).await;
        if written.is_err() {
            let mut notes = self.notes();
            let room = events.len().min(MAX_WAITING);
            notes.lost += lost + (events.len() - room) as u64;
            notes.unwritten.extend(events.into_iter().take(room));
        } else if lost > 0 {
            tracing::warn!(lost, "the database was away for long: entries of the audit were lost");
        }
        written
    }

    fn take(&self) -> (Vec<AuditEvent>, u64) {
        let mut notes = std::mem::take(&mut *self.notes());
        let mut newer: Vec<_> = notes.validators.into_values().collect();
        newer.extend(notes.others.into_values());
        newer.extend(notes.rest.into_values());
        newer.sort_by_key(|event| event.at);
        notes.unwritten.extend(newer);
        (notes.unwritten, notes.lost)
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Strangers prove hotkeys of their own: only what the registry let in counts.
fn is_of_a_validator(refusal: &Refusal) -> bool {
    refusal.proved && !matches!(refusal.code, ErrorCode::NotAValidator | ErrorCode::RegistryStale)
}

fn event(refusal: Refusal) -> AuditEvent {
    AuditEvent {
        at: refusal.at,
        kind: AuditKind::Refusal,
        code: refusal.code.name().into(),
        hotkey: refusal.hotkey,
        proved: refusal.proved,
        subject: Some(refusal.route),
        origin: Some(refusal.origin),
        times: 1,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refusal(who: u8, code: ErrorCode, proved: bool) -> Refusal {
        Refusal {
            at: Timestamp::from_seconds(1),
            code,
            hotkey: Some(Hotkey::from_bytes([who; 32])),
            proved,
            route: "/somewhere".into(),
            origin: Origin { request_id: "one".into(), address: Some([10, 0, 0, who].into()) },
        }
    }

    proptest! {
        #[test]
        fn every_refusal_counts_and_few_are_written(
            asked in proptest::collection::vec((any::<u8>(), any::<bool>(), any::<bool>()), 0..2_000),
        ) {
            let refusals = Refusals::default();
            for (who, proved, limited) in &asked {
                let code = if *limited { ErrorCode::RateLimited } else { ErrorCode::NotAValidator };
                refusals.note(refusal(*who, code, *proved));
            }
            let (events, lost) = refusals.take();
            prop_assert_eq!(lost, 0);
            prop_assert_eq!(events.iter().map(|event| event.times).sum::<u64>(), asked.len() as u64);
            prop_assert!(events.len() <= 2 * APART + 2, "{} entries", events.len());
            prop_assert!(refusals.take().0.is_empty());
        }
    }

    #[test]
    fn strangers_do_not_crowd_out_validators() {
        let refusals = Refusals::default();
        for who in 0..=255 {
            refusals.note(refusal(who, ErrorCode::InvalidSignature, false));
            refusals.note(refusal(who, ErrorCode::NotAValidator, true));
        }
        refusals.note(refusal(7, ErrorCode::RateLimited, true));
        let (events, _) = refusals.take();
        let own: Vec<_> = events.iter().filter(|event| event.code == "RATE_LIMITED").collect();
        assert!(matches!(own[..], [event] if event.hotkey == Some(Hotkey::from_bytes([7; 32]))));
    }

    #[test]
    fn mistakes_and_outages_are_no_refusals() {
        let refusals: Vec<_> = ErrorCode::ALL
            .iter()
            .filter(|code| is_refusal(**code))
            .map(|code| code.name())
            .collect();
        insta::assert_snapshot!(refusals.join(" "), @"TIMESTAMP_OUT_OF_RANGE INVALID_SIGNATURE REPLAYED_SIGNATURE MISSING_TOKEN INVALID_TOKEN TOKEN_EXPIRED NOT_A_VALIDATOR SOURCE_NOT_AUTHORIZED ASSIGNMENT_ENDED RATE_LIMITED REGISTRY_STALE");
    }
}

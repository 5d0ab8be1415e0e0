//! What was refused: noted on the path of requests, written to the audit in the background. What one party can have
//! written is bounded, however much it asks: the first refusal of a kind is written at once, and those that follow are
//! counted and written as one entry every ten minutes.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use resi_protocol::wire::ErrorCode;
use resi_protocol::{Hotkey, Timestamp};
use resi_store::{AuditEvent, AuditKind, Origin, Store, StoreError};

use crate::limits::AddressKey;

/// How long after an entry equal refusals are counted before they are the next entry.
pub const COUNTED_FOR: Duration = Duration::from_secs(10 * 60);
/// How many kinds of refusals to strangers have entries of their own in that time; what is more is one entry a code.
pub const STRANGERS_APART: usize = 64;
/// How many of these may come from one address.
const STRANGERS_OF_AN_ADDRESS: usize = 16;
/// The same for validators, of whom there are some hundreds: several codes for each.
const VALIDATORS_APART: usize = 2_048;
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

/// Refusals that are to be written, equal ones as one.
#[derive(Debug, Default)]
pub struct Refusals(Mutex<Notes>);

#[derive(Debug, Default)]
struct Notes {
    /// A validator has one of each code, from wherever it asks: addresses are cheap, and one validator must not fill
    /// what all of them have.
    validators: Kinds<(Hotkey, ErrorCode)>,
    strangers: Kinds<(Option<Hotkey>, Option<AddressKey>, ErrorCode)>,
    unwritten: Vec<AuditEvent>,
    lost: u64,
}

/// Refusals by their kind, and by their code alone where there are too many kinds.
#[derive(Debug)]
struct Kinds<K> {
    apart: HashMap<K, Counted>,
    rest: HashMap<ErrorCode, Counted>,
}

/// Equal refusals.
#[derive(Debug, Default)]
struct Counted {
    waiting: Option<AuditEvent>,
    written_at: Option<Timestamp>,
}

impl<K> Default for Kinds<K> {
    fn default() -> Self {
        Self { apart: HashMap::new(), rest: HashMap::new() }
    }
}

impl<K: Eq + Hash> Kinds<K> {
    fn note(&mut self, kind: K, has_place: impl FnOnce(&Self) -> bool, refusal: Refusal) {
        if self.apart.contains_key(&kind) || has_place(self) {
            self.apart.entry(kind).or_default().add(event(refusal));
            return;
        }
        // Of many, the entry names none.
        let code = refusal.code;
        let one = AuditEvent { hotkey: None, proved: false, origin: None, ..event(refusal) };
        self.rest.entry(code).or_default().add(one);
    }

    fn take(&mut self, now: Option<Timestamp>, into: &mut Vec<AuditEvent>) {
        for counted in self.apart.values_mut().chain(self.rest.values_mut()) {
            into.extend(counted.take(now));
        }
        self.apart.retain(|_, counted| counted.is_counting(now));
        self.rest.retain(|_, counted| counted.is_counting(now));
    }
}

impl Counted {
    fn add(&mut self, event: AuditEvent) {
        match &mut self.waiting {
            Some(waiting) => waiting.times += 1,
            None => self.waiting = Some(event),
        }
    }

    fn take(&mut self, now: Option<Timestamp>) -> Option<AuditEvent> {
        if self.is_counting(now) {
            return None;
        }
        let event = self.waiting.take()?;
        self.written_at = now;
        Some(event)
    }

    /// Whether the time is not over in which what follows is counted. A clock that was set back ends it.
    fn is_counting(&self, now: Option<Timestamp>) -> bool {
        let (Some(at), Some(now)) = (self.written_at, now) else { return false };
        at <= now && now < at.plus(COUNTED_FOR)
    }
}

impl Refusals {
    /// Notes a refusal.
    pub fn note(&self, refusal: Refusal) {
        let address = refusal.origin.address.map(AddressKey::of);
        let mut notes = self.notes();
        if let Some(hotkey) = refusal.hotkey.filter(|_| is_of_a_validator(&refusal)) {
            let has_place = |kinds: &Kinds<_>| kinds.apart.len() < VALIDATORS_APART;
            notes.validators.note((hotkey, refusal.code), has_place, refusal);
            return;
        }
        let has_place = |kinds: &Kinds<(_, Option<AddressKey>, _)>| {
            let alike = kinds.apart.keys().filter(|(_, known, _)| *known == address).count();
            kinds.apart.len() < STRANGERS_APART && alike < STRANGERS_OF_AN_ADDRESS
        };
        notes.strangers.note((refusal.hotkey, address, refusal.code), has_place, refusal);
    }

    /// Writes what is due at `now`. What cannot be written is kept for the next time, as far as there is room.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn write(&self, store: &dyn Store, now: Timestamp) -> Result<(), StoreError> {
        self.write_taken(store, self.take(Some(now))).await
    }

    /// Writes all that was noted, at the end.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn write_all(&self, store: &dyn Store) -> Result<(), StoreError> {
        self.write_taken(store, self.take(None)).await
    }

    async fn write_taken(
        &self,
        store: &dyn Store,
        (events, lost): (Vec<AuditEvent>, u64),
    ) -> Result<(), StoreError> {
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

    /// What is due at `now`, or all.
    fn take(&self, now: Option<Timestamp>) -> (Vec<AuditEvent>, u64) {
        let mut notes = self.notes();
        let mut due = Vec::new();
        notes.validators.take(now, &mut due);
        notes.strangers.take(now, &mut due);
        due.sort_by_key(|event| event.at);
        let mut events = std::mem::take(&mut notes.unwritten);
        events.extend(due);
        (events, std::mem::take(&mut notes.lost))
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
    use std::net::Ipv4Addr;

    use proptest::prelude::*;

    use super::*;

    /// A refusal to hotkey `who` from address `from`.
    fn refusal(who: u32, from: u32, code: ErrorCode, proved: bool) -> Refusal {
        let mut hotkey = [7; 32];
        hotkey[..4].copy_from_slice(&who.to_be_bytes());
        Refusal {
            at: at(1),
            code,
            hotkey: Some(Hotkey::from_bytes(hotkey)),
            proved,
            route: "/somewhere".into(),
            origin: Origin {
                request_id: "one".into(),
                address: Some(Ipv4Addr::from_bits(from).into()),
            },
        }
    }

    fn at(second: u64) -> Timestamp {
        Timestamp::UNIX_EPOCH.plus(Duration::from_secs(second))
    }

    fn named(events: &[AuditEvent], refusal: &Refusal) -> bool {
        events
            .iter()
            .any(|event| event.hotkey == refusal.hotkey && event.code == refusal.code.name())
    }

    const STRANGE: ErrorCode = ErrorCode::InvalidSignature;

    #[test]
    fn the_first_is_written_at_once_and_the_next_are_counted() {
        let refusals = Refusals::default();
        let mut written = Vec::new();
        for second in 0..1_300 {
            refusals.note(refusal(1, 1, STRANGE, false));
            written.extend(refusals.take(Some(at(second))).0);
        }
        written.extend(refusals.take(None).0);
        let times: Vec<_> = written.iter().map(|event| event.times).collect();
        assert_eq!(times, [1, 600, 600, 99]);
    }

    #[test]
    fn a_day_of_a_flood_is_few_entries_and_who_comes_alone_is_named() {
        let refusals = Refusals::default();
        let mut written = 0;
        for second in (0..24 * 60 * 60).step_by(20) {
            for number in 0..20 {
                let codes = [STRANGE, ErrorCode::NotAValidator, ErrorCode::RateLimited];
                let (one, code) = (second as u32 * 20 + number, codes[number as usize % 3]);
                // From an address of its own each, and from one and the same.
                let from = if number % 2 == 0 { one } else { 9 };
                refusals.note(refusal(one, from, code, code == ErrorCode::NotAValidator));
            }
            written += refusals.take(Some(at(second))).0.len();
        }
        let codes = ErrorCode::ALL.iter().filter(|code| is_refusal(**code)).count();
        assert!(written <= 144 * (STRANGERS_APART + codes), "{written} entries");
        let validator = refusal(5, 5, ErrorCode::RateLimited, true);
        refusals.note(validator.clone());
        assert!(named(&refusals.take(Some(at(86_400))).0, &validator));
    }

    #[test]
    fn one_address_leaves_places_to_others_and_one_validator_too() {
        let refusals = Refusals::default();
        for who in 0..1_000 {
            refusals.note(refusal(who, 1, STRANGE, false));
            refusals.note(refusal(1, who, ErrorCode::RateLimited, true));
        }
        let stranger = refusal(5_000, 2, STRANGE, false);
        let validator = refusal(2, 3, ErrorCode::ReplayedSignature, true);
        for refusal in [&stranger, &validator] {
            refusals.note(refusal.clone());
        }
        let (events, _) = refusals.take(Some(at(1)));
        assert!(named(&events, &stranger) && named(&events, &validator));
        assert_eq!(events.len(), STRANGERS_OF_AN_ADDRESS + 1 + 1 + 2, "{events:?}");
    }

    #[test]
    fn a_clock_that_was_set_back_holds_nothing_back() {
        let refusals = Refusals::default();
        for second in [100_000, 10] {
            refusals.note(refusal(1, 1, STRANGE, false));
            assert_eq!(refusals.take(Some(at(second))).0.len(), 1);
        }
    }

    proptest! {
        #[test]
        fn every_refusal_counts_and_few_are_written(
            asked in proptest::collection::vec((any::<u8>(), any::<bool>(), any::<bool>(), 0..300_u64), 0..150),
        ) {
            let refusals = Refusals::default();
            let (mut second, mut times, mut first_ten_minutes) = (0, 0, 0);
            for (who, proved, limited, later) in &asked {
                second += later / 10;
                let code = if *limited { ErrorCode::RateLimited } else { ErrorCode::NotAValidator };
                refusals.note(refusal((*who).into(), (*who / 2).into(), code, *proved));
                let (events, lost) = refusals.take(Some(at(second)));
                prop_assert_eq!(lost, 0);
                times += events.iter().map(|event| event.times).sum::<u64>();
                first_ten_minutes += if second < 600 { events.len() } else { 0 };
            }
            times += refusals.take(None).0.iter().map(|event| event.times).sum::<u64>();
            prop_assert_eq!(times, asked.len() as u64);
            prop_assert!(first_ten_minutes <= STRANGERS_APART + 2 + 256, "{} entries", first_ten_minutes);
            prop_assert!(refusals.take(None).0.is_empty());
        }
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

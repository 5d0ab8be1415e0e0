//! Ids that sort by time and are never given twice.

use std::sync::atomic::{AtomicU64, Ordering};

use resi_protocol::Timestamp;
use ulid::Ulid;

/// Makes ids. Unique among replicas by its random part, within one by counting up from there.
#[derive(Debug)]
pub struct Ids {
    random: u128,
    count: AtomicU64,
}

impl Ids {
    /// Ids around these random bytes.
    pub fn new(random: [u8; 16]) -> Self {
        Self { random: u128::from_le_bytes(random), count: AtomicU64::new(0) }
    }

    /// A new id, made at `now`.
    pub fn next(&self, now: Timestamp) -> String {
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        let millis = u64::try_from(now.micros() / 1_000).unwrap_or(0);
        Ulid::from_parts(millis, self.random.wrapping_add(u128::from(count))).to_string()
    }
}

/// The longest request id that is taken from a request.
const MAX_REQUEST_ID: usize = 128;

/// Whether a request id that a client sent can be used as it is: it goes into headers and logs.
pub fn is_sane(id: &str) -> bool {
    (1..=MAX_REQUEST_ID).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:/+=".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_differ_and_sort_by_time() {
        let ids = Ids::new([7; 16]);
        let (early, late) =
            (ids.next(Timestamp::from_seconds(1)), ids.next(Timestamp::from_seconds(2)));
        assert!(early < late);
        assert_ne!(ids.next(Timestamp::from_seconds(2)), late);
        assert_eq!(late.len(), 26);
    }

    #[test]
    fn only_harmless_ids_are_taken_over() {
        assert!(is_sane("01JHM5ZJ8V3QK4T2N6W7X8Y9ZA"));
        assert!(is_sane("trace-1:a/b"));
        for id in ["", "a b", "a\"b", "é", &"x".repeat(129)] {
            assert!(!is_sane(id), "{id:?}");
        }
    }
}

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use resi_protocol::{Hotkey, Signature, Timestamp};

use crate::Origin;

/// A request for access whose signature was verified.
#[derive(Clone, Debug)]
pub struct GrantAttempt {
    /// Who asks.
    pub hotkey: Hotkey,
    /// The signature, to be used once.
    pub signature: Signature,
    /// Until when the signature must be remembered.
    pub remember_until: Timestamp,
    /// The time of the request.
    pub now: Timestamp,
    /// At most this many grants in [`GRANT_WINDOW`]; `None` for no limit.
    pub limit: Option<u32>,
    /// The request it came with.
    pub origin: Origin,
}

/// The window of the limit on grants. A signature is always remembered for longer than this.
pub const GRANT_WINDOW: Duration = Duration::from_secs(60);

/// What became of a [`GrantAttempt`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GrantOutcome {
    /// Access is granted, and the signature consumed.
    Granted(Option<Quota>),
    /// The signature was used before. Nothing changed.
    Replayed,
    /// The limit is used up. Nothing changed.
    Limited(Quota),
}

/// A hotkey that was granted access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GrantedValidator {
    /// Who.
    pub hotkey: Hotkey,
    /// When first.
    pub first_granted_at: Timestamp,
}

/// How a limit stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// The limit.
    pub limit: u32,
    /// How many more would pass now.
    pub remaining: u32,
    /// When the next one passes that would not pass now; when `remaining` is not 0, when one more is back.
    pub resets_at: Timestamp,
}

/// The latest grants of each hotkey, oldest first. Whatever [`decide_grants`] may need must be in it.
pub type RecentGrants = HashMap<Hotkey, Vec<Timestamp>>;

/// Signatures that were used, with the time until which they are remembered.
pub type UsedSignatures = HashSet<(Timestamp, Signature)>;

/// Decides a batch of attempts in their order, and adds to `recent` and `used` what is to be written.
pub fn decide_grants(
    attempts: &[GrantAttempt],
    recent: &mut RecentGrants,
    used: &mut UsedSignatures,
) -> Vec<GrantOutcome> {
    attempts
        .iter()
        .map(|attempt| {
            let signature = (attempt.remember_until, attempt.signature);
            if used.contains(&signature) {
                return GrantOutcome::Replayed;
            }
            let quota = match attempt.limit {
                None => None,
                Some(limit) => {
                    match take(recent.entry(attempt.hotkey).or_default(), limit, attempt.now) {
                        Ok(quota) => Some(quota),
                        Err(quota) => return GrantOutcome::Limited(quota),
                    }
                }
            };
            used.insert(signature);
            GrantOutcome::Granted(quota)
        })
        .collect()
}

/// Adds a grant at `now` to `log` when fewer than `limit` are in the window that ends now. Grants that a faster clock
/// dated later than `now` count too, so that no window holds more than `limit`, whoever's clock it is read by.
fn take(log: &mut Vec<Timestamp>, limit: u32, now: Timestamp) -> Result<Quota, Quota> {
    let limit_len = usize::try_from(limit).unwrap_or(usize::MAX);
    let ended = log.partition_point(|at| *at <= now.minus(GRANT_WINDOW));
    if log.len() - ended >= limit_len {
        return Err(quota(&log[ended..], limit, now));
    }
    log.insert(log.partition_point(|at| *at <= now), now);
    let quota = quota(&log[ended..], limit, now);
    // A slower clock may still ask about a window that ended by this one: only what no limit can reach is dropped.
    log.drain(..ended.min(log.len().saturating_sub(limit_len)));
    Ok(quota)
}

fn quota(counting: &[Timestamp], limit: u32, now: Timestamp) -> Quota {
    let used = u32::try_from(counting.len()).unwrap_or(u32::MAX);
    // The grant whose end lets one more pass; with a limit that was lowered, not the oldest.
    let blocking = counting.get(used.saturating_sub(limit) as usize).copied().unwrap_or(now);
    Quota { limit, remaining: limit.saturating_sub(used), resets_at: blocking.plus(GRANT_WINDOW) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn attempt(who: u8, signed: u8, second: i64, limit: u32) -> GrantAttempt {
        GrantAttempt {
            hotkey: Hotkey::from_bytes([who; 32]),
            signature: Signature::from_bytes([signed; 64]),
            remember_until: Timestamp::from_seconds(1_000_000),
            now: Timestamp::from_seconds(second),
            limit: Some(limit),
            origin: Origin::default(),
        }
    }

    #[test]
    fn a_lowered_limit_resets_when_it_lets_one_pass() {
        let mut recent = RecentGrants::new();
        let mut used = UsedSignatures::new();
        let attempts: Vec<_> = (0..4).map(|n| attempt(1, n, i64::from(n), 4)).collect();
        decide_grants(&attempts, &mut recent, &mut used);
        let outcome = decide_grants(&[attempt(1, 9, 10, 2)], &mut recent, &mut used);
        let quota = Quota { limit: 2, remaining: 0, resets_at: Timestamp::from_seconds(62) };
        assert_eq!(outcome, [GrantOutcome::Limited(quota)]);
    }

    #[test]
    fn a_limit_of_zero_grants_nothing() {
        let outcome = decide_grants(
            &[attempt(1, 1, 0, 0)],
            &mut RecentGrants::new(),
            &mut UsedSignatures::new(),
        );
        assert!(
            matches!(outcome[..], [GrantOutcome::Limited(Quota { remaining: 0, .. })]),
            "{outcome:?}"
        );
    }

    proptest! {
        #[test]
        fn no_window_has_more_grants_than_the_limit_and_no_signature_two(
            asked in proptest::collection::vec((0..2_u8, 0..60_u8, 0..300_i64), 1..120),
            limit in 1..5_u32,
            in_order: bool,
            batch in 1..20_usize,
        ) {
            let mut asked = asked;
            if in_order {
                asked.sort_by_key(|(_, _, second)| *second);
            }
            let attempts: Vec<_> =
                asked.iter().map(|(who, signed, second)| attempt(*who, *signed, *second, limit)).collect();
            let mut recent = RecentGrants::new();
            let mut used = UsedSignatures::new();
            let mut granted: Vec<GrantAttempt> = Vec::new();
            for attempts in attempts.chunks(batch) {
                let outcomes = decide_grants(attempts, &mut recent, &mut used);
                for (attempt, outcome) in attempts.iter().zip(outcomes) {
                    let replayed = granted.iter().any(|earlier| earlier.signature == attempt.signature);
                    prop_assert_eq!(outcome == GrantOutcome::Replayed, replayed);
                    let counting = granted
                        .iter()
                        .filter(|earlier| earlier.hotkey == attempt.hotkey)
                        .filter(|earlier| earlier.now > attempt.now.minus(GRANT_WINDOW))
                        .count();
                    match outcome {
                        GrantOutcome::Replayed => {}
                        GrantOutcome::Limited(quota) => {
                            prop_assert!(counting >= limit as usize);
                            prop_assert_eq!(quota.remaining, 0);
                            prop_assert!(quota.resets_at > attempt.now);
                        }
                        GrantOutcome::Granted(quota) => {
                            prop_assert!(counting < limit as usize);
                            let remaining = limit as usize - counting - 1;
                            prop_assert_eq!(quota.map(|quota| quota.remaining as usize), Some(remaining));
                            granted.push(attempt.clone());
                        }
                    }
                }
            }
            for first in &granted {
                let window = granted
                    .iter()
                    .filter(|other| other.hotkey == first.hotkey)
                    .filter(|other| first.now <= other.now && other.now < first.now.plus(GRANT_WINDOW))
                    .count();
                prop_assert!(window <= limit as usize);
            }
        }
    }
}

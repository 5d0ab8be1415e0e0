use std::collections::{HashMap, HashSet};
use std::time::Duration;

use resi_protocol::btauth::Nonce;
use resi_protocol::{Hotkey, Signature, Timestamp};

use crate::Origin;

/// A request for access whose signature was verified.
#[derive(Clone, Debug)]
pub struct GrantAttempt {
    /// Who asks.
    pub hotkey: Hotkey,
    /// What proves it, to be used once.
    pub proof: Proof,
    /// The time of the request.
    pub now: Timestamp,
    /// At most this many grants in [`GRANT_WINDOW`]; `None` for no limit.
    pub limit: Option<u32>,
    /// The request it came with.
    pub origin: Origin,
}

/// What proves a request for access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// A signature in the body.
    Signature {
        /// The signature.
        signature: Signature,
        /// Until when it must be remembered.
        remember_until: Timestamp,
    },
    /// A signature by headers: its nonce, of which a hotkey uses each once, for whatever it signs.
    Nonce(Nonce),
}

impl GrantAttempt {
    /// The signature in the body, as it is remembered.
    pub fn signature(&self) -> Option<(Timestamp, Signature)> {
        match self.proof {
            Proof::Signature { signature, remember_until } => Some((remember_until, signature)),
            Proof::Nonce(_) => None,
        }
    }

    /// The nonce of a signature by headers, as it is remembered.
    pub fn nonce(&self) -> Option<(Nonce, Hotkey)> {
        match self.proof {
            Proof::Signature { .. } => None,
            Proof::Nonce(nonce) => Some((nonce, self.hotkey)),
        }
    }
}

/// The window of the limit on grants. A signature is always remembered for longer than this.
pub const GRANT_WINDOW: Duration = Duration::from_secs(60);

/// What became of a [`GrantAttempt`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GrantOutcome {
    /// Access is granted, and the proof used up.
    Granted(Option<Quota>),
    /// The proof was used before. Nothing changed.
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

/// Nonces that were used, of whom.
pub type UsedNonces = HashSet<(Nonce, Hotkey)>;

/// Proofs that were used.
#[derive(Clone, Debug, Default)]
pub struct UsedProofs {
    /// Signatures, with the time until which they are remembered.
    pub signatures: HashSet<(Timestamp, Signature)>,
    /// Nonces.
    pub nonces: UsedNonces,
}

impl UsedProofs {
    fn has(&self, attempt: &GrantAttempt) -> bool {
        let signature = attempt.signature().is_some_and(|it| self.signatures.contains(&it));
        signature || attempt.nonce().is_some_and(|it| self.nonces.contains(&it))
    }

    fn add(&mut self, attempt: &GrantAttempt) {
        self.signatures.extend(attempt.signature());
        self.nonces.extend(attempt.nonce());
    }
}

/// Decides a batch of attempts in their order, and adds to `recent` and `used` what is to be written.
pub fn decide_grants(
    attempts: &[GrantAttempt],
    recent: &mut RecentGrants,
    used: &mut UsedProofs,
) -> Vec<GrantOutcome> {
    attempts
        .iter()
        .map(|attempt| {
            if used.has(attempt) {
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
            used.add(attempt);
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
            // As it is signed: by its body, or by headers.
            proof: if signed.is_multiple_of(2) {
                Proof::Signature {
                    signature: Signature::from_bytes([signed; 64]),
                    remember_until: Timestamp::from_seconds(1_000_000),
                }
            } else {
                Proof::Nonce(Nonce::from_nanos(signed.into()))
            },
            now: Timestamp::from_seconds(second),
            limit: Some(limit),
            origin: Origin::default(),
        }
    }

    #[test]
    fn a_lowered_limit_resets_when_it_lets_one_pass() {
        let mut recent = RecentGrants::new();
        let mut used = UsedProofs::default();
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
            &mut UsedProofs::default(),
        );
        assert!(
            matches!(outcome[..], [GrantOutcome::Limited(Quota { remaining: 0, .. })]),
            "{outcome:?}"
        );
    }

    proptest! {
        #[test]
        fn no_window_has_more_grants_than_the_limit_and_no_proof_two(
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
            let mut used = UsedProofs::default();
            let mut granted: Vec<GrantAttempt> = Vec::new();
            for attempts in attempts.chunks(batch) {
                let outcomes = decide_grants(attempts, &mut recent, &mut used);
                for (attempt, outcome) in attempts.iter().zip(outcomes) {
                    let replayed = granted
                        .iter()
                        .any(|earlier| earlier.proof == attempt.proof && earlier.nonce() == attempt.nonce());
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

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use resi_protocol::{Hotkey, Signature, Timestamp};

/// A request for access whose signature was verified.
#[derive(Clone, Copy, Debug)]
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

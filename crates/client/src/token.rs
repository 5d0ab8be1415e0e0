use std::time::Duration;

use resi_protocol::Timestamp;
use resi_protocol::wire::AccessGrant;

/// A token is renewed when this share of its life has passed at the earliest, and this much later at the latest.
const RENEWED_FROM: f64 = 0.80;
const RENEWED_WITHIN: f64 = 0.15;
/// How long a renewal that failed is left alone while the token is still good.
const PAUSE: Duration = Duration::from_secs(60);

/// A grant, with its life on the monotonic clock: setting the wall clock changes nothing.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    pub(crate) grant: AccessGrant,
    expires: Duration,
    renew: Duration,
}

/// What may be done with a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    Fresh,
    Due,
    Expired,
}

impl Token {
    pub(crate) fn new(grant: AccessGrant, asked_at: Duration, jitter: f64) -> Self {
        let life = Duration::from_secs(grant.expiry_seconds);
        Self::of(grant, asked_at.saturating_add(life), jitter)
    }

    /// One that another run of the program was granted, as far as the wall clock says how long it is good.
    pub(crate) fn kept(
        grant: AccessGrant,
        now: Timestamp,
        monotonic: Duration,
        jitter: f64,
    ) -> Self {
        let rest = Duration::from_secs(grant.expiry_seconds).min(grant.expires_at.since(now));
        Self::of(grant, monotonic.saturating_add(rest), jitter)
    }

    fn of(grant: AccessGrant, expires: Duration, jitter: f64) -> Self {
        let life = Duration::from_secs(grant.expiry_seconds);
        let before = life.mul_f64(1.0 - RENEWED_FROM - RENEWED_WITHIN * jitter);
        Self { grant, expires, renew: expires.saturating_sub(before) }
    }

    pub(crate) fn standing(&self, now: Duration) -> Standing {
        if now >= self.expires {
            Standing::Expired
        } else if now >= self.renew {
            Standing::Due
        } else {
            Standing::Fresh
        }
    }

    /// The same, to be renewed a little later.
    pub(crate) fn put_off(&self, now: Duration) -> Self {
        Self { renew: now.saturating_add(PAUSE), ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use resi_protocol::Sources;
    use resi_protocol::wire::RateLimits;

    use super::*;

    fn grant() -> AccessGrant {
        AccessGrant {
            access_token: "t".into(),
            token_type: "Bearer".into(),
            expires_at: Timestamp::from_seconds(5_000),
            expiry_seconds: 1_000,
            sources_authorized: Sources::DEFAULT,
            rate_limits: RateLimits { requests_per_hour: 0, max_batch_size: 50 },
            mock: false,
        }
    }

    #[test]
    fn a_kept_token_has_the_rest_of_its_life() {
        let at = Duration::from_secs;
        let kept = |now| Token::kept(grant(), Timestamp::from_seconds(now), at(7), 0.0);
        assert_eq!(kept(4_100).standing(at(7)), Standing::Fresh);
        assert_eq!(kept(4_100).standing(at(708)), Standing::Due);
        assert_eq!(kept(4_900).standing(at(7)), Standing::Due);
        assert_eq!(kept(4_900).standing(at(107)), Standing::Expired);
        assert_eq!(kept(5_000).standing(at(7)), Standing::Expired);
        // A wall clock that is behind makes no token live longer than it was to.
        assert_eq!(kept(0).standing(at(1_007)), Standing::Expired);
    }

    #[test]
    fn a_token_is_due_before_it_expires_and_not_for_all_at_once() {
        let (grant, at) = (grant(), Duration::from_secs);
        for (jitter, due) in [(0.0, 900), (0.5, 975), (0.999, 1_049)] {
            let token = Token::new(grant.clone(), at(100), jitter);
            assert_eq!(token.standing(at(due - 1)), Standing::Fresh, "{jitter}");
            assert_eq!(token.standing(at(due + 1)), Standing::Due, "{jitter}");
            assert_eq!(token.standing(at(1_100)), Standing::Expired, "{jitter}");
            assert_eq!(token.put_off(at(1_060)).standing(at(1_061)), Standing::Fresh);
            assert_eq!(token.put_off(at(1_060)).standing(at(1_100)), Standing::Expired);
        }
    }
}

use std::time::Duration;

use resi_protocol::wire::{AccessGrant, AccessRequest};
use resi_protocol::{Sources, Timestamp};

use super::{Call, distance, ensure};
use crate::transport::Request;

const MAX_ANSWER: usize = 64 * 1024;
/// The service grants six hours.
const LONGEST_LIFE: Duration = Duration::from_secs(7 * 24 * 3_600);
/// The service takes what was signed 300 s from its clock; the rest is for the way of the answer.
const SKEW: Duration = Duration::from_secs(420);
const LONGEST_TOKEN: usize = 8 * 1024;

/// May I act as a validator for these sources?
pub(crate) struct AccessCall {
    pub(crate) body: AccessRequest,
    pub(crate) sources: Sources,
}

impl Call for AccessCall {
    type Answer = AccessGrant;

    fn request(&self) -> Request {
        Request::post(["get-validator-access"], &self.body).at_most(MAX_ANSWER)
    }

    fn check(&self, grant: &AccessGrant, now: Timestamp) -> Result<(), String> {
        check_grant(grant, self.sources)?;
        let life = Duration::from_secs(grant.expiry_seconds);
        ensure(distance(grant.expires_at, now.plus(life)) <= SKEW, || {
            let (seconds, until) = (grant.expiry_seconds, grant.expires_at);
            format!(
                "the token is good for {seconds} s and until {until}, which is not the same at {now}"
            )
        })
    }
}

/// What holds of a grant at any time.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn check_grant(grant: &AccessGrant, asked: Sources) -> Result<(), String> {
    let (token, granted) = (&grant.access_token, grant.sources_authorized);
    ensure(grant.token_type.eq_ignore_ascii_case("bearer"), || {
        format!("the token is of type {:?}, and only Bearer is known", grant.token_type)
    })?;
    let is_token = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
    ensure(is_token && token.len() <= LONGEST_TOKEN, || "access_token is no token".into())?;
    let is_asked = !granted.is_empty() && granted.intersection(asked) == granted;
    ensure(is_asked, || format!("the token is for {granted:?}, and {asked} was asked for"))?;
    let life = Duration::from_secs(grant.expiry_seconds);
    ensure(!life.is_zero() && life <= LONGEST_LIFE, || {
        format!("a token is not good for {} s", grant.expiry_seconds)
    })
}

#[cfg(test)]
mod tests {
    use resi_protocol::wire::RateLimits;

    use super::*;

    fn grant() -> AccessGrant {
        AccessGrant {
            access_token: "eyJ.a.b".into(),
            token_type: "Bearer".into(),
            expires_at: Timestamp::from_seconds(1_000_000 + 21_600),
            expiry_seconds: 21_600,
            sources_authorized: Sources::DEFAULT,
            rate_limits: RateLimits { requests_per_hour: 100, max_batch_size: 50 },
            mock: false,
        }
    }

    fn is_answer(change: impl FnOnce(&mut AccessGrant)) -> bool {
        let body = AccessRequest {
            hotkey: String::new(),
            timestamp: 0,
            signature: String::new(),
            sources: String::new(),
        };
        let call = AccessCall { body, sources: Sources::DEFAULT };
        let mut grant = grant();
        change(&mut grant);
        call.check(&grant, Timestamp::from_seconds(1_000_000)).is_ok()
    }

    #[test]
    fn a_grant_is_of_what_was_asked_for_and_of_a_life_that_can_be() {
        assert!(is_answer(|_| {}));
        assert!(is_answer(|grant| grant.token_type = "bearer".into()));
        assert!(is_answer(|grant| grant.expires_at = Timestamp::from_seconds(1_021_900)));
        assert!(!is_answer(|grant| grant.token_type = "Basic".into()));
        for token in ["", "a b", "a\nb", "a\u{1b}", "é", &"a".repeat(9_000)] {
            assert!(!is_answer(|grant| grant.access_token = token.into()), "{token:?}");
        }
        for sources in ["REDFIN", "ZILLOW_SOLD,REDFIN", "ZILLOW"] {
            let sources = sources.parse().expect("sources");
            assert!(!is_answer(|grant| grant.sources_authorized = sources), "{sources}");
        }
        assert!(!is_answer(|grant| grant.sources_authorized = [].into_iter().collect()));
        for seconds in [0, 60, 21_600 - 421, 21_600 + 421, 700_000, u64::MAX] {
            assert!(!is_answer(|grant| grant.expiry_seconds = seconds), "{seconds}");
        }
        for at in [0, 999_999, 1_022_021, i64::MAX] {
            assert!(!is_answer(|grant| grant.expires_at = Timestamp::from_seconds(at)), "{at}");
        }
        let far = |grant: &mut AccessGrant| {
            (grant.expires_at, grant.expiry_seconds) =
                (Timestamp::from_seconds(4_000_000), 3_000_000);
        };
        assert!(!is_answer(far));
    }
}

//! Access tokens: JWTs signed with HMAC-SHA-256, with keys that can be rotated.

mod hs256;

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use resi_protocol::{Hotkey, Sources, Timestamp};
use serde::{Deserialize, Serialize};

use crate::clock::CLOCK_TOLERANCE;

/// How long a token is valid.
pub const TOKEN_LIFETIME: Duration = Duration::from_secs(6 * 60 * 60);
/// Longer ones are not ours.
const MAX_TOKEN_BYTES: usize = 2_048;
/// How many verified tokens are remembered.
const CACHE_CAPACITY: usize = 4_096;
const MIN_KEY_BYTES: usize = 32;

/// The keys of the tokens, as `kid:hex[,kid:hex]`: the first signs, all verify.
#[derive(Clone)]
pub struct JwtKeys(Vec<(String, Vec<u8>)>);

/// Why a text is no list of keys. Never shows a key.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwtKeysError {
    /// Not `kid:hex`.
    #[error("JWT key {0} is not of the form kid:hex")]
    Form(usize),
    /// The name is empty, too long or has characters that a header should not have.
    #[error("the kid of JWT key {0} must be 1 to 64 letters, digits, - or _")]
    Kid(usize),
    /// The name, which is public, would do as the key.
    #[error(
        "the kid of JWT key {0} looks like a key itself: the form is kid:hex, and everybody may see the kid"
    )]
    KidIsKey(usize),
    /// Not hex.
    #[error("JWT key {0} is not hex")]
    Hex(usize),
    /// Too short to withstand guessing.
    #[error("JWT key {0} has {1} bytes; at least {MIN_KEY_BYTES} are needed")]
    Short(usize, usize),
    /// Two keys of one name.
    #[error("the kid {0:?} is there twice")]
    Duplicate(String),
}

impl FromStr for JwtKeys {
    type Err = JwtKeysError;

    fn from_str(list: &str) -> Result<Self, Self::Err> {
        let mut keys: Vec<(String, Vec<u8>)> = Vec::new();
        for (position, item) in
            list.trim().split(',').enumerate().map(|(at, item)| (at + 1, item.trim()))
        {
            let (kid, digits) = item.split_once(':').ok_or(JwtKeysError::Form(position))?;
            let plain =
                kid.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
            if !plain || !(1..=64).contains(&kid.len()) {
                return Err(JwtKeysError::Kid(position));
            }
            if hex::decode(kid).is_ok_and(|bytes| bytes.len() >= MIN_KEY_BYTES) {
                return Err(JwtKeysError::KidIsKey(position));
            }
            let secret = hex::decode(digits).map_err(|_| JwtKeysError::Hex(position))?;
            if secret.len() < MIN_KEY_BYTES {
                return Err(JwtKeysError::Short(position, secret.len()));
            }
            if keys.iter().any(|(known, _)| known == kid) {
                return Err(JwtKeysError::Duplicate(kid.to_owned()));
            }
            keys.push((kid.to_owned(), secret));
        }
        Ok(Self(keys))
    }
}

impl JwtKeys {
    /// A new key of this name.
    pub fn generate(kid: &str, secret: [u8; MIN_KEY_BYTES]) -> Self {
        Self(vec![(kid.to_owned(), secret.to_vec())])
    }

    /// These keys with those of `new` after them: they verify, and do not sign yet.
    ///
    /// # Errors
    /// When a name is there already.
    pub fn append(mut self, new: Self) -> Result<Self, JwtKeysError> {
        for (kid, secret) in new.0 {
            if self.0.iter().any(|(known, _)| *known == kid) {
                return Err(JwtKeysError::Duplicate(kid));
            }
            self.0.push((kid, secret));
        }
        Ok(self)
    }

    /// The last key, the newest, comes first: it signs from now on, and the others still verify.
    #[must_use]
    pub fn promote(mut self) -> Self {
        self.0.rotate_right(1);
        self
    }

    /// Only the first key, which signs, is left.
    #[must_use]
    pub fn drop_old(mut self) -> Self {
        self.0.truncate(1);
        self
    }

    /// The names of the keys, in their order.
    pub fn kids(&self) -> Vec<&str> {
        self.0.iter().map(|(kid, _)| kid.as_str()).collect()
    }

    /// The form that is read back: it holds the secrets.
    pub fn expose(&self) -> String {
        let items: Vec<_> =
            self.0.iter().map(|(kid, secret)| format!("{kid}:{}", hex::encode(secret))).collect();
        items.join(",")
    }
}

impl fmt::Debug for JwtKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kids: Vec<_> = self.0.iter().map(|(kid, _)| format!("{kid}:…")).collect();
        f.write_str(&kids.join(","))
    }
}

#[derive(Serialize, Deserialize)]
struct Claims {
    sub: Hotkey,
    src: Sources,
    iss: String,
    aud: String,
    iat: i64,
    exp: i64,
    jti: String,
}

/// What a token proves, as long as it has not expired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenHolder {
    /// Whose it is.
    pub hotkey: Hotkey,
    /// The same as an address.
    pub address: Arc<str>,
    /// The sources that were granted.
    pub sources: Sources,
    issued_at: i64,
    expires_at: i64,
}

/// Why a token is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Not a token of this service.
    #[error("Access token is not valid")]
    Invalid,
    /// It was valid until a while ago.
    #[error("Access token has expired")]
    Expired,
}

/// Issues and verifies tokens.
pub struct Tokens {
    issuer: &'static str,
    audience: String,
    signing_kid: String,
    signing_key: EncodingKey,
    verifying: HashMap<String, DecodingKey>,
    validation: Validation,
    /// A verified token stays verified: only its times are looked at again. Keys change only with the process.
    verified: RwLock<HashMap<Box<str>, TokenHolder>>,
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens")
            .field("issuer", &self.issuer)
            .field("audience", &self.audience)
            .finish_non_exhaustive()
    }
}

impl Tokens {
    /// Tokens of `issuer` for subnet `netuid`.
    pub fn new(keys: &JwtKeys, issuer: &'static str, netuid: u16) -> Self {
        hs256::install();
        let audience = format!("resi:{netuid}");
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_issuer(&[issuer]);
        validation.set_audience(&[&audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        // Times are compared with the clock that is handed in.
        validation.validate_exp = false;
        validation.leeway = 0;
        let (signing_kid, signing_secret) = keys
            .0
            .first()
            .map(|(kid, secret)| (kid.clone(), secret.as_slice()))
            .unwrap_or_default();
        Self {
            issuer,
            audience,
            signing_kid,
            signing_key: EncodingKey::from_secret(signing_secret),
            verifying: keys
                .0
                .iter()
                .map(|(kid, secret)| (kid.clone(), DecodingKey::from_secret(secret)))
                .collect(),
            validation,
            verified: RwLock::default(),
        }
    }

    /// A token for `hotkey`, and when it expires.
    ///
    /// # Errors
    /// When signing fails, which it has no reason to.
    pub fn issue(
        &self,
        hotkey: Hotkey,
        sources: Sources,
        jti: String,
        now: Timestamp,
    ) -> Result<(String, Timestamp), jsonwebtoken::errors::Error> {
        let exp = now.plus(TOKEN_LIFETIME).seconds();
        // The clock of the replica that is shown the token next may be behind.
        let iat = now.minus(CLOCK_TOLERANCE).seconds();
        let claims = Claims {
            sub: hotkey,
            src: sources,
            iss: self.issuer.into(),
            aud: self.audience.clone(),
            iat,
            exp,
            jti,
        };
        let header =
            Header { kid: Some(self.signing_kid.clone()), ..Header::new(Algorithm::HS256) };
        let token = jsonwebtoken::encode(&header, &claims, &self.signing_key)?;
        Ok((token, Timestamp::from_seconds(exp)))
    }

    /// Whose token it is.
    ///
    /// # Errors
    /// When it is not one of ours, or its time is over.
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<TokenHolder, TokenError> {
        let cached =
            self.verified.read().unwrap_or_else(PoisonError::into_inner).get(token).cloned();
        let holder = match cached {
            Some(holder) => holder,
            None => {
                let holder = self.decode(token)?;
                self.remember(token, holder.clone(), now);
                holder
            }
        };
        let seconds = now.seconds();
        if holder.issued_at > seconds {
            Err(TokenError::Invalid)
        } else if holder.expires_at <= seconds {
            Err(TokenError::Expired)
        } else {
            Ok(holder)
        }
    }

    fn decode(&self, token: &str) -> Result<TokenHolder, TokenError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(TokenError::Invalid);
        }
        let kid = jsonwebtoken::decode_header(token)
            .ok()
            .and_then(|header| header.kid)
            .ok_or(TokenError::Invalid)?;
        let key = self.verifying.get(&kid).ok_or(TokenError::Invalid)?;
        let claims = jsonwebtoken::decode::<Claims>(token, key, &self.validation)
            .map_err(|_| TokenError::Invalid)?
            .claims;
        let address = claims.sub.to_string().into();
        Ok(TokenHolder {
            hotkey: claims.sub,
            address,
            sources: claims.src,
            issued_at: claims.iat,
            expires_at: claims.exp,
        })
    }

    fn remember(&self, token: &str, holder: TokenHolder, now: Timestamp) {
        let mut verified = self.verified.write().unwrap_or_else(PoisonError::into_inner);
        if verified.len() >= CACHE_CAPACITY {
            let seconds = now.seconds();
            verified.retain(|_, holder| holder.expires_at > seconds);
            if verified.len() >= CACHE_CAPACITY {
                verified.clear();
            }
        }
        verified.insert(token.into(), holder);
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use proptest::prelude::*;
    use resi_protocol::Keypair;

    use super::*;

    fn keys(list: &str) -> JwtKeys {
        list.replace('#', &"ab".repeat(32)).replace('+', &"cd".repeat(32)).parse().expect("keys")
    }

    fn tokens(list: &str) -> Tokens {
        Tokens::new(&keys(list), "resi-data-api", 46)
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    fn issue(tokens: &Tokens) -> String {
        tokens
            .issue(Keypair::development("Alice").hotkey(), Sources::DEFAULT, "1".into(), at(1_000))
            .expect("signed")
            .0
    }

    #[test]
    fn a_token_is_valid_from_its_issue_to_its_last_second() {
        let tokens = tokens("a:#");
        let token = issue(&tokens);
        for _ in 0..2 {
            assert_eq!(tokens.verify(&token, at(994)), Err(TokenError::Invalid));
            assert!(tokens.verify(&token, at(995)).is_ok(), "of a replica that is ahead");
            assert_eq!(tokens.verify(&token, at(1_000)).map(|h| h.sources), Ok(Sources::DEFAULT));
            assert!(tokens.verify(&token, at(1_000 + 21_599)).is_ok());
            assert_eq!(tokens.verify(&token, at(1_000 + 21_600)), Err(TokenError::Expired));
        }
    }

    #[test]
    fn a_key_is_rotated_without_logging_anybody_out() {
        let before = issue(&tokens("a:#"));
        assert!(tokens("a:#,b:+").verify(&before, at(1_000)).is_ok());
        assert!(tokens("b:+,a:#").verify(&before, at(1_000)).is_ok());
        let after = issue(&tokens("b:+,a:#"));
        assert!(tokens("a:#,b:+").verify(&after, at(1_000)).is_ok());
        assert_eq!(tokens("a:#").verify(&after, at(1_000)), Err(TokenError::Invalid));
    }

    #[test]
    fn tokens_of_others_are_refused() {
        let ours = tokens("a:#");
        let good = issue(&ours);
        let other_key = issue(&tokens("a:+"));
        let other_net = issue(&Tokens::new(&keys("a:#"), "resi-data-api", 47));
        let mock = issue(&Tokens::new(&keys("a:#"), "resi-mock", 46));
        let payload = good.split('.').nth(1).expect("three parts");
        let none = format!("{}.{payload}.", URL_SAFE_NO_PAD.encode(r#"{"alg":"none","kid":"a"}"#));
        let hs512 =
            format!("{}.{payload}.AAAA", URL_SAFE_NO_PAD.encode(r#"{"alg":"HS512","kid":"a"}"#));
        let no_kid = format!("{}.{payload}.AAAA", URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256"}"#));
        let cut = good[..good.len() - 1].to_owned();
        let long = format!("{good}{}", "A".repeat(MAX_TOKEN_BYTES));
        for token in [
            other_key,
            other_net,
            mock,
            none,
            hs512,
            no_kid,
            cut,
            long,
            format!(" {good}"),
            String::new(),
        ] {
            assert_eq!(ours.verify(&token, at(1_000)), Err(TokenError::Invalid), "{token}");
        }
    }

    #[test]
    fn bad_keys_are_named_and_not_shown() {
        for (list, expected) in [
            ("", JwtKeysError::Form(1)),
            ("a", JwtKeysError::Form(1)),
            ("a:#,", JwtKeysError::Form(2)),
            (":#", JwtKeysError::Kid(1)),
            ("a b:#", JwtKeysError::Kid(1)),
            ("#:+", JwtKeysError::KidIsKey(1)),
            ("a:#,+:b", JwtKeysError::KidIsKey(2)),
            ("a:zz", JwtKeysError::Hex(1)),
            ("a:#,b:abcd", JwtKeysError::Short(2, 2)),
            ("a:#,a:+", JwtKeysError::Duplicate("a".into())),
        ] {
            let list = list.replace('#', &"ab".repeat(32)).replace('+', &"cd".repeat(32));
            assert_eq!(list.parse::<JwtKeys>().expect_err("bad"), expected);
        }
        assert_eq!(format!("{:?}", keys("a:#,b:+")), "a:…,b:…");
        assert_eq!(
            keys("a:#").expose().parse::<JwtKeys>().expect("keys").expose(),
            keys("a:#").expose()
        );
    }

    proptest! {
        #[test]
        fn no_text_panics_or_passes(token in ".{0,300}") {
            prop_assert!(tokens("a:#").verify(&token, at(1_000)).is_err());
        }

        #[test]
        fn one_changed_character_is_refused(position in 0_usize..400, to in "[A-Za-z0-9_-]") {
            let tokens = tokens("a:#");
            let good = issue(&tokens);
            let position = position % good.len();
            let mut changed = good.clone();
            changed.replace_range(position..=position, &to);
            // The last character of a base64 text has bits that carry nothing; strict decoders refuse them.
            prop_assert_eq!(tokens.verify(&changed, at(1_000)).is_ok(), changed == good);
        }
    }
}

//! `btauth/1`: HTTP requests signed by headers, as newer SDKs sign them, for both sides.
//!
//! A client signs a request and sends [`Credentials::headers`] with it; a server reads them with [`Credentials::read`]
//! and proves them with [`Credentials::verify`]. That a nonce comes once only is left to the server, which may ask
//! [`SeenNonces`] or a database.
//!
//! ```
//! use resi_protocol::btauth::{Credentials, Nonce, Request};
//! use resi_protocol::{Keypair, Timestamp};
//!
//! let (validator, service) = (Keypair::development("Alice"), Keypair::development("Bob").hotkey());
//! let now = Timestamp::from_seconds(1_758_000_000);
//! let request = Request::new("POST", "/get-validator-access", br#"{"sources":"ZILLOW_SOLD"}"#);
//! let sent: Vec<_> = Credentials::sign(&validator, &request, Some(service), Nonce::at(now)).headers().collect();
//!
//! let received = sent.iter().map(|(name, text)| (*name, text.as_bytes()));
//! let credentials = Credentials::read(received)?.expect("it is signed");
//! credentials.verify(&request, Some(service), now)?;
//! assert_eq!(credentials.hotkey, validator.hotkey());
//! # Ok::<(), resi_protocol::btauth::BtauthError>(())
//! ```

mod nonce;
mod seen_nonces;

use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::{Hotkey, HotkeyError, Keypair, Sha256Hash, Signature, Timestamp};

pub use nonce::Nonce;
pub use seen_nonces::{NonceRefused, SeenNonces};

/// How old a nonce may be.
pub const LARGEST_AGE: Duration = Duration::from_secs(10);
/// How far ahead of the receiver's clock a nonce may be.
pub const LARGEST_LEAD: Duration = Duration::from_secs(2);

const VERSION: &str = "X-Bittensor-Version";
const CRYPTO: &str = "X-Bittensor-Crypto";
const HOTKEY: &str = "X-Bittensor-Hotkey";
const RECEIVER: &str = "X-Bittensor-Receiver";
const NONCE: &str = "X-Bittensor-Nonce";
const SIGNATURE: &str = "X-Bittensor-Signature";
const NAMES: [&str; 6] = [VERSION, CRYPTO, HOTKEY, RECEIVER, NONCE, SIGNATURE];

/// What of a request is signed, beside who sent it when to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request<'a> {
    /// The method; signed in upper case.
    pub method: &'a str,
    /// Path and query exactly as they are sent, such as `/api/v1/validator-data?block_size=20`.
    pub target: &'a str,
    /// The hash of the body exactly as it is sent; of no bytes where there is none.
    pub body: Sha256Hash,
}

impl<'a> Request<'a> {
    /// With a body that is at hand as a whole; empty where there is none.
    pub fn new(method: &'a str, target: &'a str, body: &[u8]) -> Self {
        Self { method, target, body: Sha256Hash::from_bytes(Sha256::digest(body).into()) }
    }
}

/// What the headers of a signed request say. Only [`verify`](Self::verify) tells whether it is true.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// Who says to have signed it.
    pub hotkey: Hotkey,
    /// Whom it is signed for; `None` where it is for anybody.
    pub receiver: Option<Hotkey>,
    /// When it was signed; its sender uses it once.
    pub nonce: Nonce,
    /// The signature over all of that and the request.
    pub signature: Signature,
}

/// Why a request is not taken as signed. No variant repeats a header's text, so each may be shown to the sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BtauthError {
    /// Some of the headers are there, this one is not.
    #[error("the header {0} is missing")]
    Missing(&'static str),
    /// This header is there more than once, and could be read one way here and another way elsewhere.
    #[error("the header {0} is there twice")]
    Repeated(&'static str),
    /// This header is no UTF-8.
    #[error("the header {0} is no text")]
    NotText(&'static str),
    /// Another version than 1.
    #[error("X-Bittensor-Version is not 1, the only version there is")]
    UnknownVersion,
    /// Another kind of key than sr25519.
    #[error("X-Bittensor-Crypto is not sr25519, the only kind of key that is taken")]
    UnknownCrypto,
    /// The sender is no address.
    #[error("X-Bittensor-Hotkey: {0}")]
    InvalidHotkey(HotkeyError),
    /// The receiver is no address.
    #[error("X-Bittensor-Receiver: {0}")]
    InvalidReceiver(HotkeyError),
    /// The nonce is not a number of nanoseconds.
    #[error("X-Bittensor-Nonce is not the nanoseconds since 1970 in decimal digits")]
    InvalidNonce,
    /// The signature is not 64 bytes of hex.
    #[error("X-Bittensor-Signature is not 64 bytes as 128 hex digits")]
    InvalidSignature,
    /// It is for anybody, where it must be for this service.
    #[error(
        "the request names no receiver, and this service takes only what is signed for its own hotkey"
    )]
    NoReceiver,
    /// It is for somebody else.
    #[error("the request is signed for another receiver")]
    OtherReceiver,
    /// Its nonce is more than [`LARGEST_AGE`] back.
    #[error("the request was signed more than {} s ago", LARGEST_AGE.as_secs())]
    TooOld,
    /// Its nonce is more than [`LARGEST_LEAD`] ahead.
    #[error("the request was signed more than {} s ahead of the clock here", LARGEST_LEAD.as_secs())]
    TooFarAhead,
    /// The signature is not of this hotkey over this request.
    #[error("the signature of the request does not verify")]
    WrongSignature,
}

impl Credentials {
    /// Signs `request` for `receiver`, or for anybody. A retry needs a nonce of its own.
    pub fn sign(
        key: &Keypair,
        request: &Request<'_>,
        receiver: Option<Hotkey>,
        nonce: Nonce,
    ) -> Self {
        let hotkey = key.hotkey();
        let signature = key.sign(payload(request, hotkey, receiver, nonce).as_bytes());
        Self { hotkey, receiver, nonce, signature }
    }

    /// The headers to send, by name.
    pub fn headers(&self) -> impl Iterator<Item = (&'static str, String)> + use<> {
        let always = [
            (VERSION, "1".to_owned()),
            (HOTKEY, self.hotkey.to_string()),
            (NONCE, self.nonce.to_string()),
            (SIGNATURE, self.signature.to_hex()),
        ];
        let receiver = self.receiver.map(|receiver| (RECEIVER, receiver.to_string()));
        always.into_iter().chain(receiver)
    }

    /// Reads the headers of a request, all of them or at least those whose name begins with `x-bittensor-`; names are
    /// compared without case. `None` where none of these is there: the request is not signed this way.
    ///
    /// # Errors
    /// When some are there that do not make up a signed request. Nothing is proven by reading.
    pub fn read<'a>(
        headers: impl IntoIterator<Item = (&'a str, &'a [u8])>,
    ) -> Result<Option<Self>, BtauthError> {
        let mut values = [None; NAMES.len()];
        for (name, value) in headers {
            let Some(at) = NAMES.iter().position(|known| known.eq_ignore_ascii_case(name)) else {
                continue;
            };
            let text = str::from_utf8(value).map_err(|_| BtauthError::NotText(NAMES[at]))?;
            if values[at].replace(text).is_some() {
                return Err(BtauthError::Repeated(NAMES[at]));
            }
        }
        if values.iter().all(Option::is_none) {
            return Ok(None);
        }
        let [version, crypto, hotkey, receiver, nonce, signature] = values;
        if version.ok_or(BtauthError::Missing(VERSION))? != "1" {
            return Err(BtauthError::UnknownVersion);
        }
        if crypto.is_some_and(|crypto| crypto != "sr25519") {
            return Err(BtauthError::UnknownCrypto);
        }
        let hotkey = hotkey.ok_or(BtauthError::Missing(HOTKEY))?;
        let nonce = nonce.ok_or(BtauthError::Missing(NONCE))?;
        let signature = signature.ok_or(BtauthError::Missing(SIGNATURE))?;
        Ok(Some(Self {
            hotkey: Hotkey::of_signer(hotkey).map_err(BtauthError::InvalidHotkey)?,
            receiver: receiver.map(str::parse).transpose().map_err(BtauthError::InvalidReceiver)?,
            nonce: Nonce::read(nonce).ok_or(BtauthError::InvalidNonce)?,
            signature: signature.parse().map_err(|_| BtauthError::InvalidSignature)?,
        }))
    }

    /// Checks what needs neither the body nor much time: that this is for `service` (for anybody, where the service
    /// has no hotkey of its own), and was signed just now.
    ///
    /// # Errors
    /// [`NoReceiver`](BtauthError::NoReceiver), [`OtherReceiver`](BtauthError::OtherReceiver),
    /// [`TooOld`](BtauthError::TooOld) or [`TooFarAhead`](BtauthError::TooFarAhead).
    pub fn check(&self, service: Option<Hotkey>, now: Timestamp) -> Result<(), BtauthError> {
        if self.receiver != service {
            let unbound = self.receiver.is_none();
            return Err(if unbound { BtauthError::NoReceiver } else { BtauthError::OtherReceiver });
        }
        if self.nonce < Nonce::at(now.minus(LARGEST_AGE)) {
            return Err(BtauthError::TooOld);
        }
        if self.nonce > Nonce::at(now.plus(LARGEST_LEAD)) {
            return Err(BtauthError::TooFarAhead);
        }
        Ok(())
    }

    /// Proves that the hotkey signed this `request` for `service` just now. That the nonce was not used before remains
    /// to be seen, after this: a stranger must not use up the nonces of others.
    ///
    /// # Errors
    /// Those of [`check`](Self::check), then [`WrongSignature`](BtauthError::WrongSignature).
    pub fn verify(
        &self,
        request: &Request<'_>,
        service: Option<Hotkey>,
        now: Timestamp,
    ) -> Result<(), BtauthError> {
        self.check(service, now)?;
        self.hotkey
            .verify(self.payload(request).as_bytes(), &self.signature)
            .map_err(|_| BtauthError::WrongSignature)
    }

    /// The text that is signed, for those who sign elsewhere and want to compare.
    pub fn payload(&self, request: &Request<'_>) -> String {
        payload(request, self.hotkey, self.receiver, self.nonce)
    }
}

fn payload(
    request: &Request<'_>,
    hotkey: Hotkey,
    receiver: Option<Hotkey>,
    nonce: Nonce,
) -> String {
    let Request { target, body, .. } = request;
    let method = request.method.to_ascii_uppercase();
    let receiver = receiver.map_or_else(|| "-".to_owned(), |receiver| receiver.to_string());
    format!("btauth/1\nsr25519\n{method}\n{target}\n{body}\n{nonce}\n{hotkey}\n{receiver}")
}

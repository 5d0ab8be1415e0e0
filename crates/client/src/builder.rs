use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;
use resi_protocol::rotation::{Pinned, RotationPublicKey};
use resi_protocol::{Sha256Hash, Sources};
use resi_secret::ShownUrl;

use crate::blocks::Blocks;
use crate::client::Client;
use crate::clock::{Clock, Jitter, SystemClock, SystemJitter};
use crate::data_folder::DataFolder;
use crate::environment;
use crate::retry::RetryPolicy;
use crate::session::Session;
use crate::signer::Signer;
use crate::transport::Transport;

const TRY_TIMEOUT: Duration = Duration::from_secs(15);
const SPREAD: Duration = Duration::from_secs(60);

/// Why no client can be built.
///
/// ```
/// use resi_client::{BuildError, Client, Wallet};
///
/// let error = Client::builder().base_url("resi.example").signer(Wallet::from_seed(&[7; 32])).build().err();
/// assert!(matches!(error, Some(BuildError::BaseUrl { .. })));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// No address was given, and `DATA_API_URL` is not set.
    #[error("no address of the service: give base_url, or set DATA_API_URL")]
    NoBaseUrl,
    /// The address is none of a service.
    #[error("{url:?} is no address of a service: {reason}")]
    BaseUrl {
        /// What was given, without a user, a password and parameters.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// No signer was given.
    #[error("no signer: give a wallet, or whatever else signs for the hotkey")]
    NoSigner,
    /// There is no home folder to keep things in.
    #[error("no folder to keep things in: give data_folder, or keep_nothing")]
    NoDataFolder,
    /// The system's certificates or TLS cannot be used.
    #[error("cannot set up TLS: {0}")]
    Tls(String),
}

/// Makes a [`Client`]; from [`Client::builder`].
///
/// ```
/// use resi_client::{BuildError, Client, Wallet};
///
/// let client = Client::builder()
///     .base_url("https://resi.example")
///     .signer(Wallet::from_seed(&[7; 32]))
///     .rotation_key("0x6023d052711f478bc758918bdd26e24ac5d773629fc902dfb09de2588ba4ab08".parse()?)
///     .netuid(46)
///     .build()?;
///
/// let without = Client::builder().base_url("https://resi.example").build();
/// assert_eq!(without.err(), Some(BuildError::NoSigner));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct ClientBuilder {
    base_url: Option<String>,
    signer: Option<Arc<dyn Signer>>,
    sources: Sources,
    pinned: Pinned,
    data_folder: Option<PathBuf>,
    keeps_nothing: bool,
    keeps_token: bool,
    retry: RetryPolicy,
    try_timeout: Duration,
    spread: Duration,
    clock: Arc<dyn Clock>,
    jitter: Arc<dyn Jitter>,
}

impl ClientBuilder {
    pub(crate) fn new() -> Self {
        Self {
            base_url: None,
            signer: None,
            sources: Sources::DEFAULT,
            pinned: Pinned::default(),
            data_folder: None,
            keeps_nothing: false,
            keeps_token: false,
            retry: RetryPolicy::default(),
            try_timeout: TRY_TIMEOUT,
            spread: SPREAD,
            clock: Arc::new(SystemClock::new()),
            jitter: Arc::new(SystemJitter),
        }
    }

    /// The address of the service; `DATA_API_URL` by default. A path is a prefix of all paths.
    ///
    /// ```
    /// let builder = resi_client::Client::builder().base_url("https://resi.example/under/this/path");
    /// ```
    pub fn base_url(self, url: impl Into<String>) -> Self {
        Self { base_url: Some(url.into()), ..self }
    }

    /// What signs for the hotkey.
    ///
    /// ```
    /// let builder = resi_client::Client::builder().signer(resi_client::Wallet::from_uri("//Alice")?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn signer(self, signer: impl Signer + 'static) -> Self {
        Self { signer: Some(Arc::new(signer)), ..self }
    }

    /// The sources to ask access to; `ZILLOW_SOLD` by default.
    ///
    /// ```
    /// let builder = resi_client::Client::builder().sources("ZILLOW_SOLD,REDFIN".parse()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn sources(self, sources: Sources) -> Self {
        Self { sources, ..self }
    }

    /// The rotation key that was announced. Without it, the key of the first contact is trusted from then on.
    ///
    /// ```
    /// let builder = resi_client::Client::builder().rotation_key("0x6023d052711f478bc758918bdd26e24ac5d773629fc902dfb09de2588ba4ab08".parse()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn rotation_key(mut self, key: RotationPublicKey) -> Self {
        self.pinned.public_key = Some(key.into());
        self
    }

    /// The subnet that the service deals for. Each parameter that is not given is trusted from the first contact on.
    ///
    /// ```
    /// let builder = resi_client::Client::builder().netuid(46);
    /// ```
    pub fn netuid(mut self, netuid: u16) -> Self {
        self.pinned.netuid = Some(netuid.into());
        self
    }

    /// The length of an epoch in seconds.
    ///
    /// ```
    /// let builder = resi_client::Client::builder().epoch_seconds(14_400);
    /// ```
    pub fn epoch_seconds(mut self, seconds: u32) -> Self {
        self.pinned.epoch_seconds = Some(seconds.into());
        self
    }

    /// The hash of the pool of zipcodes.
    ///
    /// ```
    /// let builder = resi_client::Client::builder().pool_sha256("b79462aa76c2d82e6c9dfa2aff9ab90323168639da9196e5249d08aa7801a977".parse()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn pool_sha256(mut self, sha256: Sha256Hash) -> Self {
        self.pinned.pool_sha256 = Some(sha256.into());
        self
    }

    /// How many zipcodes are dealt in an epoch.
    ///
    /// ```
    /// let builder = resi_client::Client::builder().zipcodes_per_epoch(1_000);
    /// ```
    pub fn zipcodes_per_epoch(mut self, count: u32) -> Self {
        self.pinned.zipcodes_per_epoch = Some(count.into());
        self
    }

    /// Where the client keeps the known rotation, pools and the blocks of the running epoch; never a wallet's folder.
    /// By default `resi-client` in `XDG_DATA_HOME` or `~/.local/share`.
    ///
    /// ```
    /// let builder = resi_client::Client::builder().data_folder("/var/lib/validator/resi");
    /// ```
    pub fn data_folder(self, folder: impl AsRef<Path>) -> Self {
        let folder = environment::expand_home(folder.as_ref());
        Self { data_folder: Some(folder), keeps_nothing: false, ..self }
    }

    /// Keep nothing on disk. What is trusted on first contact is forgotten when the program ends: pin the key then.
    ///
    /// ```
    /// let builder = resi_client::Client::builder().keep_nothing();
    /// ```
    pub fn keep_nothing(self) -> Self {
        Self { keeps_nothing: true, ..self }
    }

    /// Keep the access token in the data folder too, in a file that only its owner can read. For programs that run often
    /// and briefly: without it, each run asks for access anew, of which a hotkey may have a few a minute.
    ///
    /// ```
    /// let builder = resi_client::Client::builder().keep_token();
    /// ```
    pub fn keep_token(self) -> Self {
        Self { keeps_token: true, ..self }
    }

    /// When calls are tried again.
    ///
    /// ```
    /// let builder = resi_client::Client::builder().retry(resi_client::RetryPolicy::never());
    /// ```
    pub fn retry(self, retry: RetryPolicy) -> Self {
        Self { retry, ..self }
    }

    /// How long one try may take; 15 s by default.
    ///
    /// ```
    /// let builder = resi_client::Client::builder().try_timeout(std::time::Duration::from_secs(5));
    /// ```
    pub fn try_timeout(self, timeout: Duration) -> Self {
        Self { try_timeout: timeout, ..self }
    }

    /// Over how long after the start of an epoch the clients of [`Client::watch`] spread; a minute by default, and never
    /// more than a tenth of the epoch.
    ///
    /// ```
    /// let builder = resi_client::Client::builder().spread(std::time::Duration::from_secs(120));
    /// ```
    pub fn spread(self, spread: Duration) -> Self {
        Self { spread, ..self }
    }

    /// Another clock, for tests.
    ///
    /// ```
    /// let builder = resi_client::Client::builder().clock(resi_client::SystemClock::new());
    /// ```
    pub fn clock(self, clock: impl Clock + 'static) -> Self {
        Self { clock: Arc::new(clock), ..self }
    }

    /// Other chance, for tests.
    ///
    /// ```
    /// let builder = resi_client::Client::builder().jitter(resi_client::SystemJitter);
    /// ```
    pub fn jitter(self, jitter: impl Jitter + 'static) -> Self {
        Self { jitter: Arc::new(jitter), ..self }
    }

    /// The client. Nothing is sent yet.
    ///
    /// ```
    /// # use resi_client::{Client, Wallet};
    /// let client = Client::builder().base_url("http://127.0.0.1:8000").signer(Wallet::from_uri("//Alice")?).build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// When there is no address or signer, or the address is none.
    pub fn build(self) -> Result<Client, BuildError> {
        let base = self.base_url.or_else(environment::base_url).ok_or(BuildError::NoBaseUrl)?;
        let base = parse_base(&base)
            .map_err(|reason| BuildError::BaseUrl { url: ShownUrl(&base).to_string(), reason })?;
        let signer = self.signer.ok_or(BuildError::NoSigner)?;
        let folder = match (self.keeps_nothing, self.data_folder) {
            (true, _) => None,
            (false, given) => {
                let root = given.or_else(environment::data_folder);
                Some(DataFolder::of_service(&root.ok_or(BuildError::NoDataFolder)?, &base))
            }
        };
        let transport = Transport::new(base, self.try_timeout).map_err(BuildError::Tls)?;
        let session = Arc::new(Session::new(
            transport,
            signer,
            self.clock,
            self.jitter,
            self.retry,
            self.sources,
            folder.clone().filter(|_| self.keeps_token),
        ));
        let blocks = Arc::new(Blocks::new(Arc::clone(&session), folder, self.pinned));
        Ok(Client::new(session, blocks, self.spread))
    }
}

fn parse_base(text: &str) -> Result<Url, String> {
    let url: Url = text.parse().map_err(|error| format!("{error}"))?;
    let problem = if !matches!(url.scheme(), "http" | "https") {
        "it must begin with http:// or https://"
    } else if !url.username().is_empty() || url.password().is_some() {
        "it must not hold a user or password"
    } else if url.query().is_some() || url.fragment().is_some() {
        "it must end with its path"
    } else {
        return Ok(url);
    };
    Err(problem.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Wallet;

    #[test]
    fn an_address_that_is_none_is_refused_when_the_client_is_built() {
        for url in [
            "",
            "resi.example",
            "resi.example:8000",
            "ftp://resi.example",
            "https://",
            "https://user:secret@resi.example",
            "https://resi.example/?a=b",
            "https://resi.example/#a",
        ] {
            let builder = Client::builder().base_url(url).signer(Wallet::from_seed(&[7; 32]));
            let error = builder.keep_nothing().build().err();
            assert!(matches!(error, Some(BuildError::BaseUrl { .. })), "{url:?}: {error:?}");
            assert!(!format!("{error:?}").contains("secret"), "{error:?}");
        }
    }

    #[test]
    fn nothing_shows_a_secret() {
        let builder = Client::builder().base_url("https://resi.example").keep_nothing();
        let builder = builder.signer(Wallet::from_seed(&[7; 32]));
        let shown = format!("{builder:?} {:?}", builder.clone().build());
        assert!(
            !shown.contains("07, 07") && !shown.contains("7, 7") && !shown.contains("0707"),
            "{shown}"
        );
    }
}

#[cfg(feature = "encrypted-wallets")]
mod encrypted;
mod keyfile;
mod phrase;

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Component, Path, PathBuf};

use async_trait::async_trait;
use resi_protocol::{Foreign, Hotkey, Keypair, Signature};
use zeroize::Zeroizing;

use crate::environment;
use crate::error::Cause;
use crate::signer::Signer;

/// No hotkey file is larger.
const MAX_FILE: u64 = 64 * 1024;

/// The hotkey of a Bittensor wallet. Its secret is wiped on drop and never printed; the coldkey is never opened.
///
/// ```
/// use resi_client::{Signer, Wallet};
///
/// let alice = Wallet::from_uri("//Alice")?;
/// assert_eq!(alice.hotkey().to_string(), "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY");
/// assert!(!format!("{alice:?}").contains("secret"));
/// # Ok::<(), resi_client::WalletError>(())
/// ```
#[derive(Clone)]
pub struct Wallet {
    key: Keypair,
    path: Option<PathBuf>,
}

/// Why a wallet cannot be used. No message shows anything secret.
///
/// ```
/// use resi_client::{Wallet, WalletError};
///
/// let outside = Wallet::open("~/.bittensor/wallets", "validator", "../coldkey");
/// assert!(matches!(outside, Err(WalletError::Name(_))));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WalletError {
    /// The file cannot be read.
    #[error("cannot read {}: {cause}", path.display())]
    Read {
        /// The hotkey file.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// A name that would lead out of the folder of hotkeys.
    #[error("{0:?} is no name of a wallet or hotkey: it must be a single file name")]
    Name(String),
    /// The file is encrypted, and no password was given.
    #[error("the hotkey file is encrypted: its password is needed")]
    PasswordNeeded,
    /// The file is encrypted, and this program was built without the feature `encrypted-wallets`.
    #[error(
        "the hotkey file is encrypted, and this program was built without the feature encrypted-wallets"
    )]
    EncryptionNotSupported,
    /// The file is encrypted in a way that is no longer written.
    #[error(
        "the hotkey file is encrypted in an old way ({0}): encrypt it anew with a current btcli"
    )]
    OldEncryption(&'static str),
    /// The password does not open the file.
    #[error("the password does not open the hotkey file")]
    WrongPassword,
    /// Not the JSON of a hotkey file.
    #[error("this is no hotkey file: it is not the JSON that wallets write")]
    NotAKeyfile,
    /// The file names an ed25519 key.
    #[error("the hotkey is an ed25519 key; the network takes sr25519 keys only")]
    Ed25519,
    /// The file names a kind of key that is not known.
    #[error("the hotkey is of the unknown cryptoType {0}")]
    CryptoType(i64),
    /// The file holds only the public half.
    #[error("the file has no secret: it is the public half of a hotkey")]
    NoSecret,
    /// A phrase that is none.
    #[error("the secret phrase is not valid: {}", Foreign::new(.0))]
    Phrase(String),
    /// A seed that is none.
    #[error("a seed is 32 bytes as 64 hex digits")]
    Seed,
    /// A private key that is none.
    #[error("the private key is not 64 bytes of an sr25519 secret as hex digits")]
    PrivateKey,
    /// A URI that is none.
    #[error("the URI of a key is written as //Alice, or PHRASE//hard/soft///password")]
    Uri,
    /// The secret in the file is not of the key that the file names.
    #[error("the secret in the file is of {derived}, but the file names {}", Foreign::new(named))]
    OtherKey {
        /// The hotkey that the secret gives.
        derived: Hotkey,
        /// What the file says: an address, or in words, as far as it is no secret.
        named: String,
    },
}

impl Wallet {
    /// The hotkey `hotkey` of the wallet `name` under `path` (`~/` is the home folder), as `btcli` writes it:
    /// `{path}/{name}/hotkeys/{hotkey}`. [`Wallet::default_path`] is where wallets are unless told otherwise.
    ///
    /// ```no_run
    /// use resi_client::Wallet;
    ///
    /// let wallet = Wallet::open("~/.bittensor/wallets", "validator", "default")?;
    /// # Ok::<(), resi_client::WalletError>(())
    /// ```
    ///
    /// # Errors
    /// [`WalletError::PasswordNeeded`] for an encrypted file, and all else that keeps it from being used: also a secret
    /// that is not of the key that the file names.
    pub fn open(path: impl AsRef<Path>, name: &str, hotkey: &str) -> Result<Self, WalletError> {
        let path = hotkey_file(path.as_ref(), name, hotkey)?;
        let text = read(&path)?;
        match Form::of(&text)? {
            Form::Plain => Self::of_keyfile(&text, path),
            Form::Encrypted if cfg!(feature = "encrypted-wallets") => {
                Err(WalletError::PasswordNeeded)
            }
            Form::Encrypted => Err(WalletError::EncryptionNotSupported),
        }
    }

    /// As [`Wallet::open`], for a file that may be encrypted. Opening one takes 512 MiB of memory and some seconds.
    ///
    /// ```no_run
    /// use resi_client::Wallet;
    ///
    /// let wallet = Wallet::open_encrypted("~/.bittensor/wallets", "validator", "default", "correct horse")?;
    /// # Ok::<(), resi_client::WalletError>(())
    /// ```
    ///
    /// # Errors
    /// [`WalletError::WrongPassword`], and those of [`Wallet::open`].
    #[cfg(feature = "encrypted-wallets")]
    pub fn open_encrypted(
        path: impl AsRef<Path>,
        name: &str,
        hotkey: &str,
        password: &str,
    ) -> Result<Self, WalletError> {
        let path = hotkey_file(path.as_ref(), name, hotkey)?;
        let text = read(&path)?;
        match Form::of(&text)? {
            Form::Plain => Self::of_keyfile(&text, path),
            Form::Encrypted => {
                let plain = encrypted::decrypt(&text[Form::NACL.len()..], password)?;
                Self::of_keyfile(&plain, path)
            }
        }
    }

    fn of_keyfile(text: &[u8], path: PathBuf) -> Result<Self, WalletError> {
        Ok(Self { key: keyfile::read(text)?, path: Some(path) })
    }

    /// From the words of a BIP-39 phrase, the Substrate way.
    ///
    /// ```
    /// use resi_client::{Signer, Wallet};
    ///
    /// let phrase = "bottom drive obey lake curtain smoke basket hold race lonely fit walk";
    /// let wallet = Wallet::from_phrase(phrase)?;
    /// assert_eq!(wallet.hotkey().to_string(), "5DfhGyQdFobKM8NsWvEeAKk5EQQgYe9AydgJ7rMB6E1EqRzV");
    /// # Ok::<(), resi_client::WalletError>(())
    /// ```
    ///
    /// # Errors
    /// When the words are no phrase.
    pub fn from_phrase(phrase: &str) -> Result<Self, WalletError> {
        Ok(Self { key: phrase::key_of_phrase(phrase, "")?, path: None })
    }

    /// From a URI: `//Alice` for a development key, or `PHRASE//hard/soft///password`, or `0xSEED//hard`.
    ///
    /// ```
    /// use resi_client::{Signer, Wallet};
    ///
    /// assert_ne!(Wallet::from_uri("//Alice//one")?.hotkey(), Wallet::from_uri("//Alice/one")?.hotkey());
    /// # Ok::<(), resi_client::WalletError>(())
    /// ```
    ///
    /// # Errors
    /// When it is none.
    pub fn from_uri(uri: &str) -> Result<Self, WalletError> {
        Ok(Self { key: phrase::key_of_uri(uri)?, path: None })
    }

    /// From a 32-byte seed (a mini secret, expanded the Substrate way).
    ///
    /// ```
    /// use resi_client::{Signer, Wallet};
    ///
    /// assert_eq!(
    ///     Wallet::from_seed(&[7; 32]).hotkey().to_string(),
    ///     "5EsNLFaGe9XK5LzWH3i6eC2Wqv6YqZS1442N1C4yeSdP6uxy",
    /// );
    /// ```
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self { key: Keypair::from_mini_secret(seed), path: None }
    }

    /// The public half.
    ///
    /// ```
    /// # use resi_client::Wallet;
    /// println!("{}", Wallet::from_uri("//Alice")?.hotkey());
    /// # Ok::<(), resi_client::WalletError>(())
    /// ```
    pub fn hotkey(&self) -> Hotkey {
        self.key.hotkey()
    }

    /// The file it was read from.
    ///
    /// ```
    /// # use resi_client::Wallet;
    /// assert_eq!(Wallet::from_seed(&[7; 32]).path(), None);
    /// ```
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Where wallets are unless told otherwise: `~/.bittensor/wallets`.
    ///
    /// ```
    /// # use resi_client::Wallet;
    /// assert!(Wallet::default_path().ends_with(".bittensor/wallets"));
    /// ```
    pub fn default_path() -> PathBuf {
        environment::expand_home(Path::new("~/.bittensor/wallets"))
    }
}

#[async_trait]
impl Signer for Wallet {
    fn hotkey(&self) -> Hotkey {
        self.key.hotkey()
    }

    async fn sign(&self, message: &[u8]) -> Result<Signature, Cause> {
        Ok(self.key.sign(message))
    }
}

impl fmt::Debug for Wallet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wallet").field("key", &self.key).field("path", &self.path).finish()
    }
}

enum Form {
    Plain,
    Encrypted,
}

impl Form {
    const NACL: &[u8] = b"$NACL";

    fn of(text: &[u8]) -> Result<Self, WalletError> {
        if text.starts_with(Self::NACL) {
            return Ok(Self::Encrypted);
        }
        if text.starts_with(b"$ANSIBLE_VAULT") {
            return Err(WalletError::OldEncryption("Ansible Vault"));
        }
        if text.starts_with(b"gAAAAA") {
            return Err(WalletError::OldEncryption("Fernet"));
        }
        Ok(Self::Plain)
    }
}

/// The names are single components, so that nothing but a hotkey can be reached.
fn hotkey_file(path: &Path, name: &str, hotkey: &str) -> Result<PathBuf, WalletError> {
    for part in [name, hotkey] {
        let mut components = Path::new(part).components();
        let is_single = matches!(
            (components.next(), components.next()),
            (Some(Component::Normal(only)), None) if only == part
        );
        if !is_single {
            return Err(WalletError::Name(part.to_owned()));
        }
    }
    Ok(environment::expand_home(path).join(name).join("hotkeys").join(hotkey))
}

fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, WalletError> {
    let read = || {
        let mut text = Zeroizing::new(Vec::with_capacity(MAX_FILE as usize));
        File::open(path)?.take(MAX_FILE).read_to_end(&mut text)?;
        Ok(text)
    };
    read().map_err(|cause| WalletError::Read { path: path.to_owned(), cause })
}

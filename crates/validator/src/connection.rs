use std::io::{self, IsTerminal as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use async_trait::async_trait;
use clap::Args;
use resi_client::{Cause, Client, ClientBuilder, RetryPolicy, Signer, Wallet, WalletError};
use resi_protocol::rotation::{Known, Pinned, RotationPublicKey};
use resi_protocol::{Hotkey, Sha256Hash, Signature, Sources, Timestamp};
use resi_secret::{Secret, SecretFile};

/// Which service, in whose name, and what is known of it.
#[derive(Debug, Args)]
#[command(next_help_heading = "Service")]
pub(crate) struct ConnectionArgs {
    /// Address of the service
    #[arg(long, env = "DATA_API_URL", global = true, value_name = "URL")]
    url: Option<Secret>,
    /// Where the known rotation, pools and blocks are kept [default: resi-client in XDG_DATA_HOME]
    #[arg(long, env = "RESI_CLIENT_DATA", global = true, value_name = "FOLDER")]
    data_dir: Option<PathBuf>,
    /// How long to try in all while the service is away or busy
    #[arg(long, global = true, default_value_t = 60, value_name = "SECONDS")]
    retry_seconds: u64,
    #[command(flatten)]
    wallet: WalletArgs,
    #[command(flatten)]
    known: KnownArgs,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Wallet")]
struct WalletArgs {
    /// Name of the wallet [env: BT_WALLET_NAME or BT_WALLET] [default: default]
    #[arg(
        long = "wallet.name",
        env = "BT_WALLET_NAME",
        hide_env = true,
        global = true,
        value_name = "NAME"
    )]
    name: Option<String>,
    /// The other name of the variable.
    #[arg(long = "wallet", env = "BT_WALLET", hide = true, global = true)]
    name_otherwise: Option<String>,
    /// Name of its hotkey
    #[arg(
        long = "wallet.hotkey",
        env = "BT_WALLET_HOTKEY",
        global = true,
        default_value = "default",
        value_name = "NAME"
    )]
    hotkey: String,
    /// Folder of the wallets
    #[arg(
        long = "wallet.path",
        env = "BT_WALLET_PATH",
        global = true,
        default_value = "~/.bittensor/wallets",
        value_name = "FOLDER"
    )]
    path: PathBuf,
    /// A key for trying out, such as //Alice, instead of a wallet
    #[arg(long = "wallet-uri", env = "RESI_WALLET_URI", global = true, value_name = "URI")]
    uri: Option<Secret>,
    /// Password of an encrypted hotkey; asked for on a terminal
    #[arg(long = "wallet.password", env = "BT_WALLET_PASSWORD", hide = true, global = true)]
    password: Option<Secret>,
    /// File with the password of an encrypted hotkey
    #[arg(
        long = "wallet.password-file",
        env = "BT_WALLET_PASSWORD_FILE",
        global = true,
        value_name = "FILE"
    )]
    password_file: Option<SecretFile>,
}

#[derive(Debug, Args)]
#[command(
    next_help_heading = "What you know of the rotation (what is left out is remembered from the first contact)"
)]
struct KnownArgs {
    /// The subnet [env: NETUID or NET_UID]
    #[arg(long, env = "NETUID", hide_env = true, global = true, value_name = "N")]
    netuid: Option<u16>,
    /// The other name of the variable.
    #[arg(long = "net-uid", env = "NET_UID", hide = true, global = true)]
    netuid_otherwise: Option<u16>,
    /// The rotation key
    #[arg(long, env = "RESI_ROTATION_PUBLIC_KEY", global = true, value_name = "HEX")]
    rotation_key: Option<RotationPublicKey>,
    /// The length of an epoch
    #[arg(long, global = true, value_name = "SECONDS")]
    epoch_seconds: Option<u32>,
    /// The hash of the pool
    #[arg(long, global = true, value_name = "HEX")]
    pool_sha256: Option<Sha256Hash>,
    /// How many zipcodes are dealt in an epoch
    #[arg(long, global = true, value_name = "N")]
    zipcodes_per_epoch: Option<u32>,
}

impl KnownArgs {
    fn netuid(&self) -> Option<u16> {
        self.netuid.or(self.netuid_otherwise)
    }

    fn pinned(&self) -> Pinned {
        Pinned {
            public_key: self.rotation_key.map(Known::pinned),
            netuid: self.netuid().map(Known::pinned),
            epoch_seconds: self.epoch_seconds.map(Known::pinned),
            pool_sha256: self.pool_sha256.map(Known::pinned),
            zipcodes_per_epoch: self.zipcodes_per_epoch.map(Known::pinned),
            honeypots_sha256: None,
        }
    }
}

impl ConnectionArgs {
    /// A client that speaks in the name of the wallet, with access to `sources`.
    pub(crate) fn client(&self, sources: Sources) -> Result<Client> {
        Ok(self.builder().signer(self.wallet()?).sources(sources).build()?)
    }

    /// A client for what is public, which needs no wallet.
    pub(crate) fn public_client(&self) -> Result<Client> {
        Ok(self.builder().signer(Nobody).build()?)
    }

    /// What is known of the rotation at `moment`, without asking anybody: what was given, and of the service, where one is
    /// named, what is remembered.
    pub(crate) async fn known_at(&self, moment: Timestamp) -> Result<Pinned> {
        match &self.url {
            Some(_) => Ok(self.public_client()?.pinned_at(moment).await?),
            None => Ok(self.known.pinned()),
        }
    }

    fn builder(&self) -> ClientBuilder {
        // Each call is a program of its own, and there may be one for every batch.
        let mut builder = Client::builder()
            .keep_token()
            .retry(RetryPolicy::default().deadline(Duration::from_secs(self.retry_seconds)));
        if let Some(url) = &self.url {
            builder = builder.base_url(url.expose());
        }
        if let Some(folder) = &self.data_dir {
            builder = builder.data_folder(folder);
        }
        let known = &self.known;
        if let Some(netuid) = known.netuid() {
            builder = builder.netuid(netuid);
        }
        if let Some(key) = known.rotation_key {
            builder = builder.rotation_key(key);
        }
        if let Some(seconds) = known.epoch_seconds {
            builder = builder.epoch_seconds(seconds);
        }
        if let Some(sha256) = known.pool_sha256 {
            builder = builder.pool_sha256(sha256);
        }
        if let Some(count) = known.zipcodes_per_epoch {
            builder = builder.zipcodes_per_epoch(count);
        }
        builder
    }

    pub(crate) fn wallet(&self) -> Result<Wallet> {
        let args = &self.wallet;
        if let Some(uri) = &args.uri {
            return Ok(Wallet::from_uri(uri.expose())?);
        }
        let name = args.name.as_deref().or(args.name_otherwise.as_deref()).unwrap_or("default");
        match Wallet::open(&args.path, name, &args.hotkey) {
            Err(WalletError::PasswordNeeded) => {
                let password = args.password()?;
                Ok(Wallet::open_encrypted(&args.path, name, &args.hotkey, password.expose())?)
            }
            opened => Ok(opened?),
        }
    }
}

impl WalletArgs {
    fn password(&self) -> Result<Secret> {
        if let Some(password) = &self.password {
            return Ok(password.clone());
        }
        if let Some(file) = &self.password_file {
            let text = file.read().context("--wallet.password-file")?;
            return Ok(text.expose().trim_end_matches(['\r', '\n']).into());
        }
        if io::stdin().is_terminal() {
            let prompt = format!("Password of hotkey {}: ", self.hotkey);
            return Ok(rpassword::prompt_password(prompt)?.into());
        }
        Err(anyhow!(WalletError::PasswordNeeded)
            .context("give it in BT_WALLET_PASSWORD_FILE or BT_WALLET_PASSWORD"))
    }
}

/// Signs nothing: public resources need no wallet.
#[derive(Debug)]
struct Nobody;

#[async_trait]
impl Signer for Nobody {
    fn hotkey(&self) -> Hotkey {
        Hotkey::from_bytes([0; 32])
    }

    async fn sign(&self, _: &[u8]) -> Result<Signature, Cause> {
        Err(Arc::new(WalletError::NoSecret))
    }
}

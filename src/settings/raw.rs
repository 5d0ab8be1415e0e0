use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use ipnet::IpNet;
use resi_secret::{Secret, SecretFile};
use serde::Deserialize;

use crate::log::LogFormat;

/// When the proof of an epoch is shown to everybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reveal {
    /// When it begins.
    AtStart,
    /// When it has ended.
    AtEnd,
}

impl fmt::Display for Reveal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if *self == Self::AtStart { "at-start" } else { "at-end" })
    }
}

/// Settings as they are said, by flag, environment or file; `None` where nothing is said.
#[derive(Clone, Debug, Default, clap::Args, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawSettings {
    /// Address to listen on [default: 127.0.0.1]
    #[arg(long, env = "RESI_HOST", value_name = "IP")]
    pub host: Option<IpAddr>,
    /// Port to listen on; 0 takes a free one [default: 8000]
    #[arg(long, env = "RESI_PORT")]
    pub port: Option<u16>,
    /// Address to serve Prometheus metrics on, such as 127.0.0.1:9100 [default: none]
    #[arg(long, env = "RESI_METRICS_ADDR", value_name = "IP:PORT")]
    pub metrics_addr: Option<SocketAddr>,
    /// Folder for the SQLite file and the keys that are made [default: resi-data]
    #[arg(long, env = "RESI_DATA_DIR", value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// postgres://…, sqlite:PATH or sqlite::memory: [default: resi.sqlite in the data folder]
    #[arg(long, env = "DATABASE_URL", value_name = "URL")]
    pub database_url: Option<Secret>,
    /// Most connections to Postgres [default: 8]
    #[arg(long, env = "RESI_DATABASE_CONNECTIONS", value_name = "N")]
    pub database_connections: Option<u32>,
    /// Refuse to start when migrations are pending, instead of running them
    #[arg(long, env = "RESI_NO_MIGRATE", num_args = 0..=1, default_missing_value = "true", value_name = "BOOL")]
    pub no_migrate: Option<bool>,
    /// For the development of clients: accept any signature, with throw-away keys and data
    #[arg(long, env = "RESI_MOCK", num_args = 0..=1, default_missing_value = "true", value_name = "BOOL")]
    pub mock: Option<bool>,
    /// Let a mock listen on more than loopback
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "BOOL")]
    pub i_know_this_is_insecure: Option<bool>,
    /// Who may act as a validator: `open` (everybody), `file:PATH` or `chain` [default: open]
    #[arg(long, env = "RESI_REGISTRY", value_name = "KIND")]
    pub registry: Option<String>,
    /// The chain to ask: finney, test, local, or a ws:// or wss:// URL; SUBTENSOR_NETWORK in the environment is read
    /// too [default: finney]
    #[arg(long = "subtensor.network", env = "BT_NETWORK", value_name = "NETWORK")]
    pub subtensor_network: Option<Secret>,
    /// Nodes to ask in turn instead of the network's own, ws:// or wss:// URLs separated by commas
    #[arg(long = "subtensor.chain_endpoint", env = "BT_CHAIN_ENDPOINT", value_name = "URLS")]
    pub subtensor_chain_endpoint: Option<Secret>,
    /// How often the chain is asked who may act as a validator [default: 300]
    #[arg(long, env = "METAGRAPH_SYNC_INTERVAL", value_name = "SECONDS")]
    pub metagraph_sync_interval: Option<u64>,
    /// How old what the chain said may be before nobody is let in anew by it [default: 1200]
    #[arg(long, env = "RESI_MAX_REGISTRY_AGE", value_name = "SECONDS")]
    pub max_registry_age: Option<u64>,
    /// Least stake of a validator, in whole alpha [default: 20000; 300 on subnet 428]
    #[arg(long, env = "VALIDATOR_MIN_ALPHA_STAKE", value_name = "ALPHA")]
    pub validator_min_alpha_stake: Option<u64>,
    /// The subnet; NET_UID in the environment is read too [default: 46]
    #[arg(long, env = "NETUID")]
    pub netuid: Option<u16>,
    /// Zipcodes from a file (CSV of this project's format or Zillow's) [default: the table inside]
    #[arg(long, env = "RESI_ZIPCODES", value_name = "FILE")]
    pub zipcodes: Option<PathBuf>,
    /// How many zipcodes are in play, the largest ones first [default: 7572]
    #[arg(long, env = "RESI_POOL_SIZE", value_name = "N")]
    pub pool_size: Option<u32>,
    /// How many zipcodes are dealt in an epoch [default: 1000]
    #[arg(long, env = "RESI_ZIPCODES_PER_EPOCH", value_name = "N")]
    pub zipcodes_per_epoch: Option<u32>,
    /// How many decoys an epoch deals on average: zipcodes where no home is sold, revealed when it has ended [default: 0]
    #[arg(long, env = "HONEYPOTS", value_name = "N")]
    pub honeypots: Option<u32>,
    /// Length of an epoch [default: 14400]
    #[arg(long, env = "RESI_EPOCH_SECONDS", value_name = "SECONDS")]
    pub epoch_seconds: Option<u32>,
    /// When the proof of an epoch is shown to everybody [default: at-end]
    #[arg(long, env = "RESI_REVEAL", value_enum)]
    pub reveal: Option<Reveal>,
    /// Sources that can be granted, separated by commas [default: ZILLOW_SOLD]
    #[arg(long, env = "ENABLED_DATA_SOURCES", value_name = "LIST")]
    pub enabled_data_sources: Option<String>,
    /// SS58 address of this service's own hotkey: requests signed by headers must be signed for it [default: none,
    /// they must be for nobody in particular]
    #[arg(long, env = "SERVICE_HOTKEY", value_name = "SS58")]
    pub service_hotkey: Option<String>,
    /// Networks of proxies that are believed in what they say of a client's address, separated by commas [default: none]
    #[arg(long, env = "RESI_TRUSTED_PROXIES", value_delimiter = ',', value_parser = network, value_name = "CIDR")]
    #[serde(deserialize_with = "networks")]
    pub trusted_proxies: Option<Vec<IpNet>>,
    /// The one header in which trusted proxies say it: X-Forwarded-For, Forwarded, X-Real-IP, … [default: X-Forwarded-For]
    #[arg(long, env = "CLIENT_ADDRESS_HEADER", value_name = "NAME")]
    pub client_address_header: Option<String>,
    /// The limits.
    #[command(flatten)]
    #[serde(flatten)]
    pub limits: RawLimits,
    /// How many days audit entries and assignments are kept; 0 = for ever [default: 90]
    #[arg(long, env = "RESI_RETENTION_DAYS", value_name = "DAYS")]
    pub retention_days: Option<u32>,
    /// Rotation key, 32 bytes of hex; rather in the environment or a file than here
    #[arg(long, env = "ROTATION_KEY", value_name = "HEX")]
    pub rotation_key: Option<Secret>,
    /// File with the rotation key
    #[arg(long, env = "ROTATION_KEY_FILE", value_name = "FILE")]
    pub rotation_key_file: Option<SecretFile>,
    /// The rotation key that follows, from the epoch on that `rotation announce` named
    #[arg(long, env = "NEXT_ROTATION_KEY", value_name = "HEX")]
    pub next_rotation_key: Option<Secret>,
    /// File with the rotation key that follows
    #[arg(long, env = "NEXT_ROTATION_KEY_FILE", value_name = "FILE")]
    pub next_rotation_key_file: Option<SecretFile>,
    /// Keys of tokens, kid:hex separated by commas; the first signs, all verify
    #[arg(long, env = "JWT_KEYS", value_name = "KEYS")]
    pub jwt_keys: Option<Secret>,
    /// File with the keys of tokens
    #[arg(long, env = "JWT_KEYS_FILE", value_name = "FILE")]
    pub jwt_keys_file: Option<SecretFile>,
    /// Which log lines to write, such as info or debug [default: info]
    #[arg(long, env = "RESI_LOG", value_name = "FILTER")]
    pub log: Option<String>,
    /// How log lines look [default: pretty on a terminal, json otherwise]
    #[arg(long, env = "RESI_LOG_FORMAT", value_enum)]
    pub log_format: Option<LogFormat>,
    /// How long /readyz says no before connections are refused, after SIGTERM [default: 5]
    #[arg(long, env = "RESI_DRAIN_SECONDS", value_name = "SECONDS")]
    pub drain_seconds: Option<u64>,
}

/// Limits as they are said; 0 means none.
#[derive(Clone, Debug, Default, clap::Args, Deserialize)]
#[serde(default)]
pub struct RawLimits {
    /// Grants a minute for a hotkey; 0 = none, as for all limits [default: 10]
    #[arg(long = "limit-access-per-minute", env = "LIMIT_ACCESS_PER_MINUTE", value_name = "N")]
    #[serde(rename = "limit_access_per_minute")]
    pub access_per_minute: Option<u32>,
    /// Requests of a validator an hour for a hotkey [default: 100]
    #[arg(long = "limit-requests-per-hour", env = "LIMIT_REQUESTS_PER_HOUR", value_name = "N")]
    #[serde(rename = "limit_requests_per_hour")]
    pub requests_per_hour: Option<u32>,
    /// Status reports an hour for a hotkey [default: 100]
    #[arg(long = "limit-reports-per-hour", env = "LIMIT_REPORTS_PER_HOUR", value_name = "N")]
    #[serde(rename = "limit_reports_per_hour")]
    pub reports_per_hour: Option<u32>,
    /// New assignments an epoch for a hotkey [default: 64]
    #[arg(
        long = "limit-assignments-per-epoch",
        env = "LIMIT_ASSIGNMENTS_PER_EPOCH",
        value_name = "N"
    )]
    #[serde(rename = "limit_assignments_per_epoch")]
    pub assignments_per_epoch: Option<u32>,
    /// Statistics an hour for a client address [default: 600]
    #[arg(long = "limit-statistics-per-hour", env = "LIMIT_STATISTICS_PER_HOUR", value_name = "N")]
    #[serde(rename = "limit_statistics_per_hour")]
    pub statistics_per_hour: Option<u32>,
    /// Requests a minute for a client address, before signatures are checked or the database is asked [default: 1200]
    #[arg(long = "limit-address-per-minute", env = "LIMIT_ADDRESS_PER_MINUTE", value_name = "N")]
    #[serde(rename = "limit_address_per_minute")]
    pub address_per_minute: Option<u32>,
    /// Connections that an address may have open, trusted proxies as many as they like [default: 256]
    #[arg(
        long = "limit-connections-per-address",
        env = "LIMIT_CONNECTIONS_PER_ADDRESS",
        value_name = "N"
    )]
    #[serde(rename = "limit_connections_per_address")]
    pub connections_per_address: Option<u32>,
}

/// A network, or a single address.
fn network(text: &str) -> Result<IpNet, String> {
    let text = text.trim();
    text.parse::<IpNet>()
        .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
        .map_err(|_| format!("{text:?} is neither a network such as 10.0.0.0/8 nor an address"))
}

fn networks<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Vec<IpNet>>, D::Error> {
    let list = Option::<Vec<String>>::deserialize(deserializer)?;
    let parse = |list: Vec<String>| list.iter().map(|text| network(text)).collect::<Result<_, _>>();
    list.map(parse).transpose().map_err(serde::de::Error::custom)
}

//! Settings: flags before environment before the file before defaults. Read once, checked as a whole.

#[cfg(feature = "chain")]
mod chain;
mod database;
mod file;
mod keys;
mod raw;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use axum::http::HeaderName;
use ipnet::IpNet;
use resi_protocol::{EpochSchedule, Hotkey, Sources};
use resi_secret::SecretFile;
use resi_store::Migrations;

#[cfg(feature = "chain")]
pub use chain::ChainSetting;
pub use database::Database;
pub use keys::{Keys, MiniSecret};
pub(crate) use keys::{new_jwt_keys, random};
pub use raw::{RawSettings, Reveal};

use crate::app::LimitSettings;
use crate::http::client_address;
use crate::log::LogFormat;
use crate::tokens::JwtKeys;

/// The subnet where nothing is said: RESI on the main network.
const DEFAULT_NETUID: u16 = 46;
const DEFAULT_POOL_SIZE: u32 = 7_572;
const DEFAULT_ZIPCODES_PER_EPOCH: u32 = 1_000;
const DEFAULT_EPOCH_SECONDS: u32 = 14_400;
const DEFAULT_CONNECTIONS: u32 = 8;
const DEFAULT_DRAIN_SECONDS: u64 = 5;
const DEFAULT_RETENTION_DAYS: u32 = 90;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const DEFAULT_LOG: &str = "info";

/// Who may act as a validator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RegistrySetting {
    /// Everybody.
    Open,
    /// Whom a file names.
    File(PathBuf),
    /// Whom the chain names.
    #[cfg(feature = "chain")]
    Chain(ChainSetting),
}

impl fmt::Display for RegistrySetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open => f.write_str("open"),
            Self::File(path) => write!(f, "file:{}", path.display()),
            #[cfg(feature = "chain")]
            Self::Chain(_) => f.write_str("chain"),
        }
    }
}

/// All settings in force.
#[derive(Debug)]
pub struct Settings {
    /// Where requests are taken.
    pub listen: SocketAddr,
    /// Where metrics are served.
    pub metrics: Option<SocketAddr>,
    /// Where SQLite and made keys are kept.
    pub data_dir: PathBuf,
    /// Where data is kept.
    pub database: Database,
    /// The most connections to Postgres.
    pub database_connections: u32,
    /// Whether migrations are run at start.
    pub migrations: Migrations,
    /// Whether this is a mock.
    pub mock: bool,
    /// Who may act as a validator.
    pub registry: RegistrySetting,
    /// The least alpha stake of a validator.
    pub min_alpha_stake: u64,
    /// The subnet.
    pub netuid: u16,
    /// A file with zipcodes instead of the table inside.
    pub zipcodes: Option<PathBuf>,
    /// How many zipcodes are in play.
    pub pool_size: u32,
    /// How many are dealt in an epoch.
    pub zipcodes_per_epoch: u32,
    /// How many decoys an epoch deals on average.
    pub honeypots: u32,
    /// The epochs.
    pub schedule: EpochSchedule,
    /// When proofs are public.
    pub reveal: Reveal,
    /// The sources that can be granted.
    pub enabled_sources: Sources,
    /// Whom requests must be signed for by headers.
    pub service_hotkey: Option<Hotkey>,
    /// Whose word about a client's address is taken.
    pub trusted_proxies: Vec<IpNet>,
    /// The header in which they say it.
    pub client_address_header: HeaderName,
    /// The limits.
    pub limits: LimitSettings,
    /// How long the audit and assignments are kept; `None` for ever.
    pub retention: Option<Duration>,
    /// The rotation key, where it is given.
    pub rotation_key: Option<MiniSecret>,
    /// The rotation key that follows it, where it is given.
    pub next_rotation_key: Option<MiniSecret>,
    /// The file that it was read from, where it was.
    pub next_rotation_key_file: Option<SecretFile>,
    /// The keys of tokens, where they are given.
    pub jwt_keys: Option<JwtKeys>,
    /// The file that they were read from, where they were.
    pub jwt_keys_file: Option<SecretFile>,
    /// The file that the rotation key was read from, where it was.
    pub rotation_key_file: Option<SecretFile>,
    /// How log lines look.
    pub log_format: LogFormat,
    /// Which log lines there are.
    pub log: String,
    /// How long the service shows that it stops before it takes no more connections.
    pub drain: Duration,
}

impl Settings {
    /// Puts defaults where nothing was said, and checks that it all fits together.
    ///
    /// # Errors
    /// What does not, with the name of the setting.
    pub fn resolve(raw: RawSettings, is_terminal: bool) -> anyhow::Result<Self> {
        let host = raw.host.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let mock = raw.mock.unwrap_or(false);
        let data_dir = raw.data_dir.clone().unwrap_or_else(|| PathBuf::from("resi-data"));
        let database = Database::choose(raw.database_url.as_ref(), &data_dir, mock)?;
        let rotation_key =
            keys::read("ROTATION_KEY", raw.rotation_key.as_ref(), raw.rotation_key_file.as_ref())?;
        let next_rotation_key = keys::read(
            "NEXT_ROTATION_KEY",
            raw.next_rotation_key.as_ref(),
            raw.next_rotation_key_file.as_ref(),
        )?;
        let jwt_keys = keys::read("JWT_KEYS", raw.jwt_keys.as_ref(), raw.jwt_keys_file.as_ref())?;
        let registry = raw.registry.as_deref().map(|text| registry(text, &raw)).transpose()?;
        if mock {
            let given = rotation_key.is_some() || next_rotation_key.is_some() || jwt_keys.is_some();
            check_mock(&raw, host, &database, given)?;
        } else {
            ensure!(
                host.is_loopback() || registry.is_some(),
                "--host {host} lets strangers in, and no registry says who may act as a validator: name one with \
                 --registry chain or file:PATH, or say --registry open if you mean it"
            );
            if let Database::Postgres(_) = database {
                ensure!(
                    rotation_key.is_some(),
                    "ROTATION_KEY (or ROTATION_KEY_FILE) is missing: on Postgres all replicas must share it; `resi-data-api keygen` makes one"
                );
                ensure!(
                    jwt_keys.is_some(),
                    "JWT_KEYS (or JWT_KEYS_FILE) is missing: on Postgres all replicas must share them; `resi-data-api keygen` makes one"
                );
            }
        }
        let netuid = raw.netuid.unwrap_or(DEFAULT_NETUID);
        let settings = Self {
            listen: SocketAddr::new(host, raw.port.unwrap_or(8_000)),
            metrics: raw.metrics_addr,
            database,
            data_dir,
            database_connections: at_least_one(
                "--database-connections",
                raw.database_connections,
                DEFAULT_CONNECTIONS,
            )?,
            migrations: if raw.no_migrate.unwrap_or(false) {
                Migrations::Refuse
            } else {
                Migrations::Run
            },
            mock,
            registry: registry.unwrap_or(RegistrySetting::Open),
            min_alpha_stake: raw.validator_min_alpha_stake.unwrap_or(default_min_stake(netuid)),
            netuid,
            zipcodes: raw.zipcodes,
            pool_size: at_least_one("--pool-size", raw.pool_size, DEFAULT_POOL_SIZE)?,
            zipcodes_per_epoch: at_least_one(
                "--zipcodes-per-epoch",
                raw.zipcodes_per_epoch,
                DEFAULT_ZIPCODES_PER_EPOCH,
            )?,
            honeypots: raw.honeypots.unwrap_or(0),
            schedule: EpochSchedule::new(raw.epoch_seconds.unwrap_or(DEFAULT_EPOCH_SECONDS))
                .context("--epoch-seconds")?,
            reveal: raw.reveal.unwrap_or(Reveal::AtEnd),
            enabled_sources: match &raw.enabled_data_sources {
                None => Sources::DEFAULT,
                Some(list) => list.parse().context("ENABLED_DATA_SOURCES")?,
            },
            service_hotkey: raw
                .service_hotkey
                .map(|address| address.parse().context("SERVICE_HOTKEY"))
                .transpose()?,
            trusted_proxies: raw.trusted_proxies.unwrap_or_default(),
            client_address_header: match raw.client_address_header {
                None => client_address::DEFAULT_HEADER,
                Some(name) => name.parse().context("CLIENT_ADDRESS_HEADER")?,
            },
            limits: if mock { LimitSettings::NONE } else { limits(&raw.limits) },
            retention: match raw.retention_days.unwrap_or(DEFAULT_RETENTION_DAYS) {
                0 => None,
                days => Some(DAY * days),
            },
            rotation_key,
            next_rotation_key,
            next_rotation_key_file: raw.next_rotation_key_file,
            jwt_keys,
            jwt_keys_file: raw.jwt_keys_file,
            rotation_key_file: raw.rotation_key_file,
            log_format: raw.log_format.unwrap_or(if is_terminal {
                LogFormat::Pretty
            } else {
                LogFormat::Json
            }),
            log: raw.log.unwrap_or_else(|| DEFAULT_LOG.into()),
            drain: Duration::from_secs(raw.drain_seconds.unwrap_or(DEFAULT_DRAIN_SECONDS)),
        };
        Ok(settings)
    }

    /// The settings in force, one a line, without secrets.
    pub fn in_force(&self) -> String {
        let optional = |value: Option<String>| value.unwrap_or_else(|| "none".into());
        let made = |given: bool| match (given, self.mock, &self.database) {
            (true, _, _) => "given (hidden)",
            (false, true, _) => "thrown away at the end",
            (false, false, _) => "made once, kept in data_dir",
        };
        let proxies: Vec<_> = self.trusted_proxies.iter().map(ToString::to_string).collect();
        let limits = self.limits;
        let lines = [
            ("listen", self.listen.to_string()),
            ("metrics_addr", optional(self.metrics.map(|address| address.to_string()))),
            ("data_dir", self.data_dir.display().to_string()),
            ("database_url", self.database.to_string()),
            ("database_connections", self.database_connections.to_string()),
            (
                "migrations",
                if self.migrations == Migrations::Run { "run at start" } else { "refused" }.into(),
            ),
            ("mock", self.mock.to_string()),
            ("registry", self.registry.to_string()),
            ("validator_min_alpha_stake", self.min_alpha_stake.to_string()),
            ("netuid", self.netuid.to_string()),
            (
                "zipcodes",
                self.zipcodes
                    .as_ref()
                    .map_or("the table inside".into(), |path| path.display().to_string()),
            ),
            ("pool_size", self.pool_size.to_string()),
            ("zipcodes_per_epoch", self.zipcodes_per_epoch.to_string()),
            ("honeypots", self.honeypots.to_string()),
            ("epoch_seconds", self.schedule.seconds().to_string()),
            ("reveal", self.reveal.to_string()),
            ("enabled_data_sources", self.enabled_sources.to_string()),
            ("service_hotkey", optional(self.service_hotkey.map(|hotkey| hotkey.to_string()))),
            ("trusted_proxies", if proxies.is_empty() { "none".into() } else { proxies.join(",") }),
            ("client_address_header", self.client_address_header.to_string()),
            ("limit_access_per_minute", limits.access_per_minute.to_string()),
            ("limit_requests_per_hour", limits.requests_per_hour.to_string()),
            ("limit_reports_per_hour", limits.reports_per_hour.to_string()),
            ("limit_assignments_per_epoch", limits.assignments_per_epoch.to_string()),
            ("limit_statistics_per_hour", limits.statistics_per_hour.to_string()),
            ("limit_address_per_minute", limits.address_per_minute.to_string()),
            ("limit_connections_per_address", limits.connections_per_address.to_string()),
            (
                "retention_days",
                (self.retention.map_or(0, |kept| kept.as_secs()) / DAY.as_secs()).to_string(),
            ),
            ("rotation_key", made(self.rotation_key.is_some()).into()),
            (
                "next_rotation_key",
                if self.next_rotation_key.is_some() { "given (hidden)" } else { "none" }.into(),
            ),
            ("jwt_keys", made(self.jwt_keys.is_some()).into()),
            ("log", self.log.clone()),
            ("log_format", format!("{:?}", self.log_format).to_lowercase()),
            ("drain_seconds", self.drain.as_secs().to_string()),
        ];
        #[cfg(feature = "chain")]
        let chain = if let RegistrySetting::Chain(chain) = &self.registry {
            chain.in_force()
        } else {
            Vec::new()
        };
        #[cfg(not(feature = "chain"))]
        let chain = Vec::new();
        let lines = lines.into_iter().chain(chain);
        lines.map(|(name, value)| format!("{name:<28} {value}\n")).collect()
    }
}

fn at_least_one(name: &str, given: Option<u32>, default: u32) -> anyhow::Result<u32> {
    let value = given.unwrap_or(default);
    ensure!(value > 0, "{name} must be at least 1");
    Ok(value)
}

/// In alpha, as the subnets have it.
const fn default_min_stake(netuid: u16) -> u64 {
    if netuid == 428 { 300 } else { 20_000 }
}

fn limits(raw: &raw::RawLimits) -> LimitSettings {
    let default = LimitSettings::DEFAULT;
    LimitSettings {
        access_per_minute: raw.access_per_minute.unwrap_or(default.access_per_minute),
        requests_per_hour: raw.requests_per_hour.unwrap_or(default.requests_per_hour),
        reports_per_hour: raw.reports_per_hour.unwrap_or(default.reports_per_hour),
        assignments_per_epoch: raw.assignments_per_epoch.unwrap_or(default.assignments_per_epoch),
        statistics_per_hour: raw.statistics_per_hour.unwrap_or(default.statistics_per_hour),
        address_per_minute: raw.address_per_minute.unwrap_or(default.address_per_minute),
        connections_per_address: raw
            .connections_per_address
            .unwrap_or(default.connections_per_address),
    }
}

fn registry(text: &str, raw: &RawSettings) -> anyhow::Result<RegistrySetting> {
    match text.split_once(':') {
        None if text == "open" => Ok(RegistrySetting::Open),
        Some(("file", path)) if !path.is_empty() => Ok(RegistrySetting::File(path.into())),
        #[cfg(feature = "chain")]
        None if text == "chain" => ChainSetting::resolve(raw).map(RegistrySetting::Chain),
        #[cfg(not(feature = "chain"))]
        None if text == "chain" => bail!("--registry chain: this binary was built without it"),
        _ => bail!("--registry must be open, file:PATH or chain, not {text:?}"),
    }
}

fn check_mock(
    raw: &RawSettings,
    host: IpAddr,
    database: &Database,
    has_keys: bool,
) -> anyhow::Result<()> {
    let refuse = "a mock checks no signatures and must never be taken for the service";
    ensure!(!has_keys, "--mock does not go with ROTATION_KEY or JWT_KEYS: {refuse}");
    ensure!(
        !matches!(database, Database::Postgres(_)),
        "--mock does not go with Postgres: {refuse}"
    );
    ensure!(raw.registry.is_none(), "--mock does not go with --registry: {refuse}");
    ensure!(
        host.is_loopback() || raw.i_know_this_is_insecure.unwrap_or(false),
        "--mock binds loopback only, unless --i-know-this-is-insecure: {refuse}"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use resi_secret::Secret;

    use super::*;

    fn resolve(change: impl FnOnce(&mut RawSettings)) -> anyhow::Result<Settings> {
        let mut raw = RawSettings::default();
        change(&mut raw);
        Settings::resolve(raw, false)
    }

    fn refused(change: impl FnOnce(&mut RawSettings)) -> String {
        format!("{:#}", resolve(change).expect_err("must be refused"))
    }

    #[test]
    fn nothing_said_is_loopback_and_sqlite() {
        let settings = resolve(|_| ()).expect("the defaults");
        assert_eq!(settings.listen.to_string(), "127.0.0.1:8000");
        assert_eq!(settings.database, Database::Sqlite("resi-data/resi.sqlite".into()));
        assert_eq!(settings.limits, LimitSettings::DEFAULT);
        assert_eq!(settings.min_alpha_stake, 20_000);
    }

    #[test]
    fn the_header_of_addresses_and_the_limit_on_connections_are_shown_and_checked() {
        let shown = resolve(|_| ()).expect("the defaults").in_force();
        for line in
            ["client_address_header        x-forwarded-for", "limit_connections_per_address 256"]
        {
            assert!(shown.contains(line), "{line} is missing in\n{shown}");
        }
        let settings = resolve(|raw| {
            raw.client_address_header = Some("CF-Connecting-IP".into());
            raw.limits.connections_per_address = Some(0);
        });
        let settings = settings.expect("fine");
        assert_eq!(settings.client_address_header, "cf-connecting-ip");
        assert_eq!(settings.limits.connections_per_address, 0);
        let bad = refused(|raw| raw.client_address_header = Some("X Forwarded For".into()));
        assert!(bad.contains("CLIENT_ADDRESS_HEADER"), "{bad}");
    }

    #[test]
    fn strangers_need_a_registry() {
        let public = Some(IpAddr::from([0, 0, 0, 0]));
        assert!(refused(|raw| raw.host = public).contains("--registry"));
        assert!(
            resolve(|raw| {
                raw.host = public;
                raw.registry = Some("open".into());
            })
            .is_ok()
        );
        assert!(
            refused(|raw| raw.registry = Some("x".into())).contains("open, file:PATH or chain")
        );
    }

    #[test]
    fn postgres_needs_shared_keys() {
        let postgres = Some(Secret::from("postgres://resi:secret@db/resi"));
        let rotation = Some("ab".repeat(32));
        assert!(refused(|raw| raw.database_url = postgres.clone()).contains("ROTATION_KEY"));
        let missing = refused(|raw| {
            raw.database_url = postgres.clone();
            raw.rotation_key = rotation.clone().map(Into::into);
        });
        assert!(missing.contains("JWT_KEYS"), "{missing}");
    }

    #[test]
    fn a_mock_takes_nothing_real() {
        for change in [
            (|raw| raw.rotation_key = Some("ab".repeat(32).into())) as fn(&mut RawSettings),
            |raw| raw.jwt_keys = Some(format!("a:{}", "ab".repeat(32)).into()),
            |raw| raw.database_url = Some("postgres://db/resi".into()),
            |raw| raw.registry = Some("open".into()),
            |raw| raw.host = Some(IpAddr::from([0, 0, 0, 0])),
        ] {
            let message = refused(|raw| {
                raw.mock = Some(true);
                change(raw);
            });
            assert!(message.contains("--mock"), "{message}");
        }
        let settings = resolve(|raw| raw.mock = Some(true)).expect("a mock");
        assert_eq!(
            (settings.database, settings.limits),
            (Database::SqliteMemory, LimitSettings::NONE)
        );
    }

    #[test]
    fn secrets_are_in_no_text() {
        let settings = resolve(|raw| {
            raw.database_url =
                Some("postgres://resi:s3cret@db:5432/resi?sslpassword=s3cret&x=1".into());
            raw.rotation_key = Some("ab".repeat(32).into());
            raw.jwt_keys = Some(format!("a:{}", "cd".repeat(32)).into());
        })
        .expect("fine");
        for text in [format!("{settings:?}"), settings.in_force()] {
            assert!(
                !text.contains("s3cret") && !text.contains("abab") && !text.contains("cdcd"),
                "{text}"
            );
        }
        assert!(settings.in_force().contains("postgres://resi:***@db:5432/resi\n"));
    }

    #[test]
    fn bad_values_are_named() {
        assert!(
            refused(|raw| raw.rotation_key = Some("zz".to_owned().into())).contains("ROTATION_KEY")
        );
        assert!(refused(|raw| raw.jwt_keys = Some("a:ab".to_owned().into())).contains("JWT_KEYS"));
        for address in ["", "5F", "15oF4uVJwmo4TdGW7VfQxNLavjCXviqxT9S1MgbjMNHr6Sp5"] {
            let message = refused(|raw| raw.service_hotkey = Some(address.into()));
            assert!(message.contains("SERVICE_HOTKEY"), "{message}");
        }
        assert!(refused(|raw| raw.epoch_seconds = Some(0)).contains("--epoch-seconds"));
        assert!(refused(|raw| raw.pool_size = Some(0)).contains("--pool-size"));
        assert!(
            refused(|raw| raw.enabled_data_sources = Some("MLS".into()))
                .contains("ENABLED_DATA_SOURCES")
        );
        assert!(
            refused(|raw| raw.database_url = Some("mysql://x".into())).contains("DATABASE_URL")
        );
    }
}

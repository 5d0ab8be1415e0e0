use std::fmt;
use std::str::FromStr;

use sqlx::ConnectOptions as _;
use sqlx::postgres::PgConnectOptions;
use tracing::subscriber::{NoSubscriber, with_default};
use url::Url;

/// Parameters that are used. What other parameters say is kept from the driver, which would log it.
const USED: [&str; 18] = [
    "sslmode",
    "ssl-mode",
    "sslrootcert",
    "ssl-root-cert",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "statement-cache-capacity",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
    "options",
];

/// Parameters that other programs take. Their names can be shown; another name may be a piece of a password.
const UNUSED: [&str; 37] = [
    "channel_binding",
    "client_encoding",
    "connect_timeout",
    "fallback_application_name",
    "gssdelegation",
    "gssencmode",
    "gsslib",
    "keepalives",
    "keepalives_count",
    "keepalives_idle",
    "keepalives_interval",
    "krbsrvname",
    "load_balance_hosts",
    "max_protocol_version",
    "min_protocol_version",
    "passfile",
    "pgbouncer",
    "pool_max_conns",
    "pool_timeout",
    "replication",
    "require_auth",
    "requirepeer",
    "requiressl",
    "schema",
    "service",
    "ssl_max_protocol_version",
    "ssl_min_protocol_version",
    "sslcertmode",
    "sslcompression",
    "sslcrl",
    "sslcrldir",
    "sslnegotiation",
    "sslpassword",
    "sslsni",
    "statement_timeout",
    "target_session_attrs",
    "tcp_user_timeout",
];

/// The URL of a database, as far as it is used. `Display` and `Debug` show nothing of it that may be secret.
///
/// ```
/// use resi_store_postgres::PostgresUrl;
///
/// let url: PostgresUrl = "postgres://resi:hunter2@db:5432/resi?sslmode=require&sslpassword=hunter2".parse()?;
/// assert_eq!(url.to_string(), "postgres://resi:***@db:5432/resi?sslmode=require");
/// assert_eq!(url.unused(), ["sslpassword"]);
/// # Ok::<(), resi_store_postgres::PostgresUrlError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct PostgresUrl {
    /// With parameters that are used only.
    url: Url,
    unused: Vec<&'static str>,
}

/// Why a text is no URL of a database of Postgres. Never shows a part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PostgresUrlError {
    /// Another scheme, or none.
    #[error("it must begin with postgres:// or postgresql://")]
    Scheme,
    /// A piece of it stands where it makes no sense.
    #[error(
        "it cannot be read; in a user and a password : / ? # and @ must be written as %3A %2F %3F %23 and %40"
    )]
    Unreadable,
    /// A parameter has a value that it cannot have.
    #[error("its parameter {0} has a value that it cannot have")]
    Parameter(&'static str),
}

impl PostgresUrl {
    /// The URL, with whatever is secret in it.
    pub fn expose(&self) -> &str {
        self.url.as_str()
    }

    /// Parameters that it was given and that are not used, each once; `another` stands for all that nobody knows.
    pub fn unused(&self) -> &[&'static str] {
        &self.unused
    }

    /// Without a word from the driver, which logs values and, of a password file, lines that it does not understand.
    pub(crate) fn options(&self) -> Result<PgConnectOptions, sqlx::Error> {
        with_default(NoSubscriber::new(), || PgConnectOptions::from_url(&self.url))
    }

    /// Names the parameter that the driver does not take, by trying each alone.
    fn check(&self) -> Result<(), PostgresUrlError> {
        if self.options().is_ok() {
            return Ok(());
        }
        let with = |name: &str| {
            let mut alone = self.clone();
            let pairs: Vec<_> = self.pairs().filter(|(key, _)| key == name).collect();
            alone.url.query_pairs_mut().clear().extend_pairs(pairs);
            alone.options()
        };
        let named = USED.into_iter().find(|name| with(name).is_err());
        match named.filter(|_| with("").is_ok()) {
            Some(name) => Err(PostgresUrlError::Parameter(name)),
            None => Err(PostgresUrlError::Unreadable),
        }
    }

    fn pairs(&self) -> impl Iterator<Item = (String, String)> {
        self.url.query_pairs().into_owned()
    }
}

impl FromStr for PostgresUrl {
    type Err = PostgresUrlError;

    fn from_str(text: &str) -> Result<Self, PostgresUrlError> {
        if !text.starts_with("postgres://") && !text.starts_with("postgresql://") {
            return Err(PostgresUrlError::Scheme);
        }
        let mut url = Url::parse(text).map_err(|_| PostgresUrlError::Unreadable)?;
        let pairs: Vec<_> = url.query_pairs().into_owned().collect();
        let (used, others): (Vec<_>, Vec<_>) =
            pairs.into_iter().partition(|(name, _)| is_used(name));
        // Where a password has a `/`, `?` or `#` in it as it is, what follows is taken for what it is not, up to the `@`.
        let out_of_place = url.path().contains('@')
            || url.fragment().is_some()
            || others.iter().any(|(name, value)| name.contains('@') || value.contains('@'))
            || url.username().to_ascii_lowercase().contains("%3a");
        if out_of_place {
            return Err(PostgresUrlError::Unreadable);
        }
        let mut unused: Vec<_> = others
            .iter()
            .map(|(name, _)| UNUSED.into_iter().find(|known| known == name).unwrap_or("another"))
            .collect();
        unused.sort_unstable();
        unused.dedup();
        url.set_query(None);
        if !used.is_empty() {
            url.query_pairs_mut().extend_pairs(used);
        }
        let url = Self { url, unused };
        url.check().map(|()| url)
    }
}

fn is_used(name: &str) -> bool {
    USED.contains(&name) || (name.starts_with("options[") && name.ends_with(']'))
}

impl fmt::Display for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = &self.url;
        write!(f, "{}://", url.scheme())?;
        match (url.username(), url.password()) {
            ("", None) => {}
            (user, None) => write!(f, "{user}@")?,
            (user, Some(_)) => write!(f, "{user}:***@")?,
        }
        f.write_str(url.host_str().unwrap_or_default())?;
        url.port().map_or(Ok(()), |port| write!(f, ":{port}"))?;
        f.write_str(url.path())?;
        for (at, (name, value)) in self.pairs().enumerate() {
            let value =
                if name == "password" || name.starts_with("options") { "***" } else { &value };
            write!(f, "{}{name}={value}", if at == 0 { '?' } else { '&' })?;
        }
        Ok(())
    }
}

impl fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<PostgresUrl, PostgresUrlError> {
        text.parse()
    }

    #[test]
    fn what_is_shown_is_the_url_without_its_secrets() {
        for (text, shown) in [
            ("postgres://resi:hunter2@db:5432/resi", "postgres://resi:***@db:5432/resi"),
            ("postgresql://resi@db/resi", "postgresql://resi@db/resi"),
            ("postgres://:hunter2@db/resi", "postgres://:***@db/resi"),
            ("postgres://resi:hun%2Fter2@[::1]/resi", "postgres://resi:***@[::1]/resi"),
            ("postgres://resi:hun@ter2@db/resi", "postgres://resi:***@db/resi"),
            ("postgres://resi:hun:ter2@db/resi", "postgres://resi:***@db/resi"),
            (
                "postgres:///resi?host=/run/pg&user=me@here",
                "postgres:///resi?host=/run/pg&user=me@here",
            ),
            (
                "postgres://db/resi?password=hun@ter2&sslmode=require",
                "postgres://db/resi?password=***&sslmode=require",
            ),
            ("postgres://db/resi?password=hun&ter2", "postgres://db/resi?password=***"),
            ("postgres://db/resi?options=-c%20a=hunter2", "postgres://db/resi?options=***"),
            ("postgres://db/resi?options[a]=hunter2", "postgres://db/resi?options[a]=***"),
            ("postgres://db/resi?sslpassword=hunter2&x=hunter2", "postgres://db/resi"),
        ] {
            let url = read(text).expect(text);
            assert_eq!(format!("{url} {url:?}"), format!("{shown} {shown}"));
        }
        let url = read("postgres://db/resi?x=1&sslsni=1&y=2&password=p").expect("a URL");
        assert_eq!(url.unused(), ["another", "sslsni"]);
        assert_eq!(url.expose(), "postgres://db/resi?password=p");
    }

    #[test]
    fn what_is_no_url_is_refused_without_a_part_of_it() {
        for (text, error) in [
            ("", PostgresUrlError::Scheme),
            ("mysql://resi:hunter2@db/resi", PostgresUrlError::Scheme),
            ("'postgres://resi:hunter2@db/resi'", PostgresUrlError::Scheme),
            ("postgres://resi:hun/ter2@db/resi", PostgresUrlError::Unreadable),
            ("postgres://resi:hun?ter2@db/resi", PostgresUrlError::Unreadable),
            ("postgres://resi:hun#ter2@db/resi", PostgresUrlError::Unreadable),
            ("postgres://resi:12/hunter2@db/resi", PostgresUrlError::Unreadable),
            ("postgres://resi:12?hunter2@db/resi", PostgresUrlError::Unreadable),
            ("postgres://resi:12?hunter2=@db/resi", PostgresUrlError::Unreadable),
            ("postgres://resi:12#hunter2@db/resi", PostgresUrlError::Unreadable),
            ("postgres://resi%3Ahunter2@db/resi", PostgresUrlError::Unreadable),
            ("postgres://resi:hunter2%FF@db/resi", PostgresUrlError::Unreadable),
            ("postgres://resi:hunter2@db:port/resi", PostgresUrlError::Unreadable),
            ("postgres://db/resi?sslmode=hunter2", PostgresUrlError::Parameter("sslmode")),
            ("postgres://db/resi?port=hunter2", PostgresUrlError::Parameter("port")),
        ] {
            assert_eq!(read(text), Err(error), "{text}");
            assert!(!error.to_string().contains("hunter") && !error.to_string().contains("ter2"));
        }
    }

    #[test]
    fn what_is_used_is_what_the_driver_knows() {
        let known = "postgres://u:p@h:1/d?sslmode=disable&host=g&port=2&dbname=e&user=v&password=q&application_name=a";
        let options = read(known).expect("a URL").options().expect("options");
        assert_eq!((options.get_host(), options.get_port()), ("g", 2));
        assert_eq!((options.get_username(), options.get_database()), ("v", Some("e")));
        for (position, name) in USED.iter().enumerate() {
            assert!(!UNUSED.contains(name) && !USED[..position].contains(name), "{name}");
        }
    }
}

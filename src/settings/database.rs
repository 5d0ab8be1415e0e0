use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use resi_secret::Secret;
use resi_store_postgres::PostgresUrl;

/// Where data is kept.
#[derive(Clone, PartialEq, Eq)]
pub enum Database {
    /// A file.
    Sqlite(PathBuf),
    /// Nowhere: gone with the process.
    SqliteMemory,
    /// A server, by its URL.
    Postgres(PostgresUrl),
}

impl Database {
    pub(super) fn choose(
        url: Option<&Secret>,
        data_dir: &Path,
        mock: bool,
    ) -> anyhow::Result<Self> {
        match url {
            Some(url) => Self::at(url.expose()).context("DATABASE_URL"),
            None if mock => Ok(Self::SqliteMemory),
            None => Ok(Self::Sqlite(data_dir.join("resi.sqlite"))),
        }
    }

    fn at(url: &str) -> anyhow::Result<Self> {
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Ok(Self::Postgres(url.parse()?));
        }
        match url.strip_prefix("sqlite:") {
            Some(":memory:") => Ok(Self::SqliteMemory),
            Some(path) if !path.trim_start_matches("//").is_empty() => {
                let path = path.strip_prefix("//").unwrap_or(path);
                // A path is shown, and the password of a server's URL must not be.
                ensure!(
                    !(path.contains("://") || path.contains(':') && path.contains('@')),
                    "sqlite: goes before the path of a file, and this looks like the URL of a server"
                );
                Ok(Self::Sqlite(path.into()))
            }
            _ => bail!("must be postgres://…, sqlite:PATH or sqlite::memory:"),
        }
    }
}

impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::SqliteMemory => f.write_str("sqlite::memory:"),
            Self::Postgres(url) => write!(f, "{url}"),
        }
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_says_which_database() {
        for (url, shown) in [
            ("sqlite::memory:", "sqlite::memory:"),
            ("sqlite:resi.sqlite", "sqlite:resi.sqlite"),
            ("sqlite:///srv/resi@home.sqlite", "sqlite:/srv/resi@home.sqlite"),
            ("postgresql://resi@db/resi", "postgresql://resi@db/resi"),
        ] {
            assert_eq!(Database::at(url).expect(url).to_string(), shown);
        }
        for url in [
            "",
            "hunter2",
            "sqlite:",
            "sqlite://",
            "sqlite://resi:hunter2@db/resi",
            "sqlite:postgres://hunter2",
            "mysql://resi:hunter2@db/resi",
            "postgres:resi:hunter2@db/resi",
        ] {
            let error = format!(
                "{:#}",
                Database::choose(Some(&url.into()), Path::new(""), false).expect_err(url)
            );
            assert!(error.starts_with("DATABASE_URL: ") && !error.contains("hunter2"), "{error}");
        }
    }
}

use std::collections::BTreeMap;
use std::sync::Arc;

use resi_store::contract::postgres_server;
use resi_store::{Migrations, Store};
use resi_store_postgres::PostgresStore;
use resi_store_sqlite::{SqliteLocation, SqliteStore};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, PgConnection};

macro_rules! count_rows {
    ($connection:ident, $tables:literal) => {{
        let tables: Vec<String> =
            sqlx::query_scalar($tables).fetch_all(&mut $connection).await.unwrap();
        let mut rows = BTreeMap::new();
        for table in tables {
            let count = sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
            let count = sqlx::query_scalar(count).fetch_one(&mut $connection).await.unwrap();
            rows.insert(table, count);
        }
        $connection.close().await.unwrap();
        rows
    }};
}

/// A database of a test's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Backend {
    Sqlite,
    Postgres,
}

#[derive(Debug)]
pub(crate) enum Database {
    Sqlite(tempfile::TempDir),
    Postgres { server: String, name: String },
}

impl Database {
    pub(crate) async fn new(backend: Backend) -> Self {
        match backend {
            Backend::Sqlite => Self::Sqlite(tempfile::tempdir().unwrap()),
            Backend::Postgres => {
                let server = postgres_server();
                let name = format!("service_{:016x}", u64::from_le_bytes(rand_bytes()));
                execute(&server, format!("CREATE DATABASE {name}")).await;
                Self::Postgres { server, name }
            }
        }
    }

    pub(crate) async fn open(&self) -> Arc<dyn Store> {
        match self {
            Self::Sqlite(folder) => {
                let location = SqliteLocation::File(folder.path().join("resi.sqlite"));
                Arc::new(SqliteStore::open(location, Migrations::Run).await.unwrap())
            }
            Self::Postgres { server, name } => {
                let url = format!("{}/{name}", server.rsplit_once('/').unwrap().0);
                Arc::new(PostgresStore::connect(&url, 4, Migrations::Run).await.unwrap())
            }
        }
    }

    /// Runs a dump, before anything was opened.
    pub(crate) async fn load(&self, dump: &'static str) {
        match self {
            Self::Sqlite(folder) => {
                let mut connection =
                    sqlite(folder).create_if_missing(true).connect().await.unwrap();
                sqlx::raw_sql(dump).execute(&mut connection).await.unwrap();
                connection.close().await.unwrap();
            }
            Self::Postgres { server, name } => {
                let url = format!("{}/{name}", server.rsplit_once('/').unwrap().0);
                execute(&url, dump.to_owned()).await;
            }
        }
    }

    /// Runs a statement beside the services on it.
    pub(crate) async fn execute(&self, statement: &str) {
        match self {
            Self::Sqlite(folder) => {
                let mut connection = sqlite(folder).connect().await.unwrap();
                let statement = sqlx::AssertSqlSafe(statement.to_owned());
                sqlx::raw_sql(statement).execute(&mut connection).await.unwrap();
                connection.close().await.unwrap();
            }
            Self::Postgres { server, name } => {
                let url = format!("{}/{name}", server.rsplit_once('/').unwrap().0);
                execute(&url, statement.to_owned()).await;
            }
        }
    }

    /// How many rows each table has.
    pub(crate) async fn rows(&self) -> BTreeMap<String, i64> {
        match self {
            Self::Sqlite(folder) => {
                let mut connection = sqlite(folder).connect().await.unwrap();
                count_rows!(connection, "SELECT name FROM sqlite_schema WHERE type = 'table'")
            }
            Self::Postgres { server, name } => {
                let url = format!("{}/{name}", server.rsplit_once('/').unwrap().0);
                let mut connection = PgConnection::connect(&url).await.unwrap();
                count_rows!(
                    connection,
                    "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'"
                )
            }
        }
    }

    pub(crate) async fn remove(self) {
        if let Self::Postgres { server, name } = self {
            execute(&server, format!("DROP DATABASE {name} WITH (FORCE)")).await;
        }
    }
}

fn sqlite(folder: &tempfile::TempDir) -> SqliteConnectOptions {
    SqliteConnectOptions::new().filename(folder.path().join("resi.sqlite"))
}

async fn execute(server: &str, statement: String) {
    let mut connection = PgConnection::connect(server).await.unwrap();
    sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

pub(crate) fn rand_bytes() -> [u8; 8] {
    use rand::TryRng;
    let mut bytes = [0; 8];
    rand::rngs::SysRng.try_fill_bytes(&mut bytes).unwrap();
    bytes
}

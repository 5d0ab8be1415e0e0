use std::time::Duration;

use resi_store::{AppliedMigration, Migrations, OpenError, pending_migrations};
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::{PgConnection, PgPoolOptions};
use sqlx::{ConnectOptions, Connection};

use crate::database::{Database, alive};
use crate::url::PostgresUrl;

static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations/postgres");

/// Each committer holds one, and others must get one too.
const FEWEST_CONNECTIONS: u32 = 4;
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

pub(crate) async fn open(
    url: &str,
    max_connections: u32,
    migrations: Migrations,
) -> Result<Database, OpenError> {
    let url: PostgresUrl = url
        .parse()
        .map_err(|error| OpenError::Fatal(format!("the URL of the database: {error}")))?;
    let options = url
        .options()
        .map_err(|_| OpenError::Fatal("the URL of the database cannot be used".into()))?
        .application_name("resi")
        .disable_statement_logging();
    let connect = tokio::time::timeout(CONNECT_TIMEOUT, options.connect()).await;
    let mut connection = connect
        .map_err(|_| OpenError::Unavailable(format!("no connection in {CONNECT_TIMEOUT:?}")))?
        .map_err(open_error)?;
    migrate(&mut connection, migrations).await?;
    let _ = connection.close().await;
    let pool = PgPoolOptions::new()
        .max_connections(max_connections.max(FEWEST_CONNECTIONS))
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .test_before_acquire(false)
        .before_acquire(|connection, _| {
            Box::pin(async move { alive(connection).await.map(|()| true) })
        })
        // The pool tries each connection that comes back, without a deadline, and has one fewer as long as that takes.
        .after_release(|connection, _| {
            Box::pin(async move { alive(connection).await.map(|()| true) })
        })
        .after_connect(|connection, _| {
            Box::pin(async move {
                // Below the deadline of a verb, so that what nobody waits for any more does not go on. Without
                // sequential scans, since plans are kept and a plan made for an empty table must serve a full one;
                // where there is no other way a scan then seems so dear that the statement would be compiled first,
                // each time, for some 50 ms.
                sqlx::raw_sql(
                    "SET statement_timeout = '4s'; SET lock_timeout = '3s';
                     SET idle_in_transaction_session_timeout = '10s'; SET enable_seqscan = off; SET jit = off",
                )
                .execute(connection)
                .await
                .map(drop)
            })
        })
        .connect_lazy_with(options);
    Ok(Database::new(pool))
}

async fn migrate(connection: &mut PgConnection, migrations: Migrations) -> Result<(), OpenError> {
    match (pending(connection).await?, migrations) {
        (0, _) => Ok(()),
        (pending, Migrations::Refuse) => Err(OpenError::Pending(pending)),
        // The migrator takes a lock and looks again: replicas that start together wait for one of them.
        (_, Migrations::Run) => {
            MIGRATIONS.run_direct(None, connection, false).await.map_err(migrate_error)
        }
    }
}

async fn pending(connection: &mut PgConnection) -> Result<usize, OpenError> {
    let managed =
        sqlx::query_scalar!(r#"SELECT to_regclass('_sqlx_migrations') IS NOT NULL AS "managed!""#)
            .fetch_one(&mut *connection)
            .await
            .map_err(open_error)?;
    let applied = if managed {
        sqlx::query_as::<_, (i64, String, Vec<u8>, bool)>(
            "SELECT version, description, checksum, success FROM _sqlx_migrations ORDER BY version",
        )
        .fetch_all(&mut *connection)
        .await
        .map_err(open_error)?
    } else {
        Vec::new()
    };
    let applied: Vec<_> = applied
        .into_iter()
        .map(|(version, description, checksum, success)| AppliedMigration {
            version,
            description,
            checksum,
            success,
        })
        .collect();
    let own = MIGRATIONS.iter().map(|migration| (migration.version, &*migration.checksum));
    pending_migrations(own, &applied)
}

fn migrate_error(error: MigrateError) -> OpenError {
    match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => {
            open_error(error)
        }
        error => OpenError::Schema(error.to_string()),
    }
}

fn open_error(error: sqlx::Error) -> OpenError {
    let passes = match &error {
        sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut => true,
        // Connection exceptions, no resources left, shutting down or starting up, lost against another's lock.
        sqlx::Error::Database(error) => error.code().is_some_and(|code| {
            ["08", "53", "57", "40", "55P03"].iter().any(|class| code.starts_with(class))
        }),
        _ => false,
    };
    if passes {
        OpenError::Unavailable(error.to_string())
    } else {
        OpenError::Fatal(error.to_string())
    }
}

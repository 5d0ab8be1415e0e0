use std::sync::atomic::{AtomicU32, Ordering};

use resi_store::contract::postgres_server;
use sqlx::{Connection, PgConnection};

/// A database of its own on the server that the tests were given.
#[derive(Debug)]
pub(crate) struct Fresh {
    server: String,
    name: String,
}

impl Fresh {
    pub(crate) async fn new() -> Self {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let server = postgres_server();
        let name = format!("resi_{}_{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
        let fresh = Self { server, name };
        fresh.on_server(format!("CREATE DATABASE {}", fresh.name)).await;
        fresh
    }

    pub(crate) fn url(&self) -> String {
        let (server, _) = self.server.rsplit_once('/').expect("a URL with a database");
        format!("{server}/{}", self.name)
    }

    pub(crate) async fn connect(&self) -> PgConnection {
        PgConnection::connect(&self.url()).await.expect("a connection")
    }

    pub(crate) async fn remove(&self) {
        self.on_server(format!("DROP DATABASE {} WITH (FORCE)", self.name)).await;
    }

    async fn on_server(&self, statement: String) {
        let mut server = PgConnection::connect(&self.server).await.expect("the server");
        sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(&mut server).await.expect("done");
        server.close().await.expect("closed");
    }
}

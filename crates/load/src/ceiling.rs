use std::net::Ipv4Addr;
use std::path::PathBuf;

use anyhow::{Context, Result};
use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::routing::get;
use tokio::net::TcpListener;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    body: Body,
    /// Say that the body is compressed with gzip. It is sent as it is.
    #[arg(long)]
    gzip: bool,
    /// The one path that is served.
    #[arg(long, default_value = "/")]
    path: String,
    /// The port on 127.0.0.1; 0 takes one that is free.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Worker threads; as many as the service has.
    #[arg(long, default_value_t = 2)]
    pub(crate) workers: usize,
}

#[derive(clap::Args)]
#[group(required = true, multiple = false)]
struct Body {
    /// A body of so many bytes.
    #[arg(long)]
    body_bytes: Option<usize>,
    /// The body is in this file.
    #[arg(long)]
    body_file: Option<PathBuf>,
}

impl Body {
    fn read(&self) -> Result<Bytes> {
        match &self.body_file {
            Some(path) => {
                let body = std::fs::read(path)
                    .with_context(|| format!("cannot read {}", path.display()))?;
                Ok(body.into())
            }
            None => Ok(vec![b'x'; self.body_bytes.unwrap_or(0)].into()),
        }
    }
}

pub(crate) async fn run(arguments: Arguments) -> Result<()> {
    let router = router(&arguments.path, arguments.body.read()?, arguments.gzip);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, arguments.port)).await?;
    println!("{}", listener.local_addr()?.port());
    Ok(axum::serve(listener, router).await?)
}

fn router(path: &str, body: Bytes, gzip: bool) -> Router {
    let answer = move || std::future::ready((headers(gzip), body.clone()));
    Router::new().route(path, get(answer))
}

fn headers(gzip: bool) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(2);
    let mut set = |name: HeaderName, value| headers.insert(name, HeaderValue::from_static(value));
    set(header::CONTENT_TYPE, "application/json");
    if gzip {
        set(header::CONTENT_ENCODING, "gzip");
    }
    headers
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::connection::Connection;

    /// A ceiling that runs until the test's runtime ends.
    pub(crate) async fn served(path: &str, body: &'static [u8], gzip: bool) -> u16 {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let router = router(path, Bytes::from_static(body), gzip);
        tokio::spawn(async move { axum::serve(listener, router).await });
        port
    }

    #[tokio::test]
    async fn the_body_is_answered_with_its_type_and_encoding() {
        for gzip in [false, true] {
            let port = served("/health", b"{\"status\":\"healthy\"}", gzip).await;
            let mut connection = Connection::open(("127.0.0.1", port)).await.expect("a connection");
            let answer = connection.get("/health", &[]).await.expect("an answer");
            assert_eq!((answer.status, answer.body_bytes), (200, 20));
            let head = answer.head.to_ascii_lowercase();
            assert!(head.contains("content-type: application/json"), "{head}");
            assert_eq!(head.contains("content-encoding: gzip"), gzip, "{head}");
            let answer = connection.get("/elsewhere", &[]).await.expect("an answer");
            assert_eq!(answer.status, 404);
        }
    }
}

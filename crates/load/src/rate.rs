use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::clock;
use crate::connection::Connection;
use crate::percentile::percentile;

#[derive(Clone, clap::Args)]
pub(crate) struct Arguments {
    /// The port on 127.0.0.1.
    #[arg(long)]
    port: u16,
    /// The path, with its query.
    #[arg(long)]
    path: String,
    /// A line of head, such as `Authorization: Bearer …`. May be given more than once.
    #[arg(long = "header")]
    headers: Vec<String>,
    /// A file that is sent as the body, by POST.
    #[arg(long)]
    body: Option<PathBuf>,
    /// How many a second; 0 is as fast as answers come.
    #[arg(long, default_value_t = 0)]
    per_second: u32,
    /// For how long.
    #[arg(long, default_value_t = 5)]
    seconds: u32,
    /// How many may be under way at once.
    #[arg(long, default_value_t = 16)]
    connections: u32,
    /// Opens a connection for each request.
    #[arg(long)]
    new_connections: bool,
}

/// When each request is due.
struct Schedule {
    begin: Instant,
    next: AtomicU64,
    per_second: u32,
    length: Duration,
}

impl Schedule {
    /// The moment of the next request; `None` at the end.
    fn next(&self) -> Option<Instant> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        if self.per_second == 0 {
            return (self.begin.elapsed() < self.length).then(clock::instant);
        }
        let due = Duration::from_nanos(number * 1_000_000_000 / u64::from(self.per_second));
        (due < self.length).then(|| self.begin + due)
    }
}

#[derive(Debug, Default)]
struct Seen {
    latencies: Vec<u64>,
    statuses: BTreeMap<String, u64>,
}

pub(crate) async fn run(arguments: Arguments) -> Result<()> {
    ensure!(
        arguments.headers.iter().all(|line| !line.contains(['\r', '\n'])),
        "a header is one line"
    );
    let seconds = arguments.seconds;
    let mut seen = measure(arguments).await?;
    seen.latencies.sort_unstable();
    let of = |percent| percentile(&seen.latencies, percent) as f64 / 1e3;
    println!(
        "{}",
        json!({
            "requests": seen.latencies.len(), "seconds": seconds, "statuses": seen.statuses,
            "p50_ms": of(50), "p99_ms": of(99), "max_ms": of(100)
        })
    );
    Ok(())
}

async fn measure(arguments: Arguments) -> Result<Seen> {
    let body = match &arguments.body {
        Some(path) => {
            Some(std::fs::read_to_string(path).with_context(|| path.display().to_string())?.into())
        }
        None => None,
    };
    let schedule = Arc::new(Schedule {
        begin: clock::instant(),
        next: AtomicU64::new(0),
        per_second: arguments.per_second,
        length: Duration::from_secs(arguments.seconds.into()),
    });
    let arguments = Arc::new(arguments);
    let mut clients = JoinSet::new();
    for _ in 0..arguments.connections {
        clients.spawn(ask(Arc::clone(&arguments), Arc::clone(&schedule), body.clone()));
    }
    let mut all = Seen::default();
    while let Some(client) = clients.join_next().await {
        let seen = client?;
        all.latencies.extend(seen.latencies);
        for (status, count) in seen.statuses {
            *all.statuses.entry(status).or_default() += count;
        }
    }
    Ok(all)
}

async fn ask(arguments: Arc<Arguments>, schedule: Arc<Schedule>, body: Option<Arc<str>>) -> Seen {
    let mut seen = Seen::default();
    let mut kept = None;
    while let Some(due) = schedule.next() {
        let wait = due.saturating_duration_since(clock::instant());
        // Who came too late counts from when it should have asked; who slept, from when it woke.
        let asked = if wait.is_zero() {
            due
        } else {
            sleep(wait).await;
            clock::instant()
        };
        let answered = async {
            let mut connection = match kept.take() {
                Some(connection) => connection,
                None => Connection::open(("127.0.0.1", arguments.port)).await?,
            };
            let answer =
                connection.ask(&arguments.path, &arguments.headers, body.as_deref()).await?;
            if !arguments.new_connections {
                kept = Some(connection);
            }
            Ok::<_, anyhow::Error>(answer.status)
        };
        let status = match answered.await {
            Ok(status) => status.to_string(),
            Err(_) => "no answer".to_owned(),
        };
        *seen.statuses.entry(status).or_default() += 1;
        seen.latencies.push(u64::try_from(asked.elapsed().as_micros()).unwrap_or(u64::MAX));
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ceiling::tests::served;

    #[tokio::test]
    async fn as_many_are_asked_as_were_to_be() {
        let port = served("/blocks", b"{}", false).await;
        let arguments = Arguments {
            port,
            path: "/blocks".into(),
            headers: Vec::new(),
            body: None,
            per_second: 50,
            seconds: 1,
            connections: 4,
            new_connections: true,
        };
        let seen = measure(arguments.clone()).await.expect("measured");
        assert_eq!((seen.latencies.len(), seen.statuses.get("200")), (50, Some(&50)));

        let elsewhere = Arguments { path: "/elsewhere".into(), ..arguments };
        let seen = measure(elsewhere).await.expect("measured");
        assert_eq!(seen.statuses.get("404"), Some(&50));
    }
}

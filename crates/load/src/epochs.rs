use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::time::Duration;

use anyhow::{Result, ensure};
use resi_protocol::Timestamp;
use tokio::task::JoinSet;

use crate::clock;
use crate::connection::Connection;
use crate::percentile::percentile;

const BUCKET: Duration = Duration::from_millis(100);

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
    /// The length of an epoch of the service.
    #[arg(long)]
    epoch_seconds: NonZeroU32,
    /// For how long to ask.
    #[arg(long, default_value_t = 20)]
    seconds: u32,
    /// On how many connections.
    #[arg(long, default_value_t = 64)]
    connections: u32,
}

/// Latencies in microseconds by the time since the epoch began, in buckets.
#[derive(Debug, Default, PartialEq, Eq)]
struct Latencies(BTreeMap<u64, Vec<u64>>);

impl Latencies {
    fn add(&mut self, bucket: u64, latency: Duration) {
        self.0
            .entry(bucket)
            .or_default()
            .push(u64::try_from(latency.as_micros()).unwrap_or(u64::MAX));
    }

    fn merge(&mut self, other: Self) {
        for (bucket, latencies) in other.0 {
            self.0.entry(bucket).or_default().extend(latencies);
        }
    }

    /// All latencies of some buckets, in order.
    fn of(&self, buckets: impl Fn(u64) -> bool) -> Vec<u64> {
        let chosen = self.0.iter().filter(|(bucket, _)| buckets(**bucket));
        let mut latencies: Vec<u64> =
            chosen.flat_map(|(_, latencies)| latencies).copied().collect();
        latencies.sort_unstable();
        latencies
    }
}

fn bucket(at: Timestamp, epoch_seconds: NonZeroU32) -> u64 {
    let length = Duration::from_secs(epoch_seconds.get().into()).as_micros();
    let since_start = at.since(Timestamp::UNIX_EPOCH).as_micros() % length;
    u64::try_from(since_start / BUCKET.as_micros()).unwrap_or(u64::MAX)
}

pub(crate) async fn run(arguments: &Arguments) -> Result<()> {
    ensure!(
        arguments.headers.iter().all(|line| !line.contains(['\r', '\n'])),
        "a header is one line"
    );
    let (latencies, failures) = measure(arguments).await?;

    println!("since_ms\trequests\tp50_us\tp99_us\tmax_us");
    for bucket in latencies.0.keys() {
        let sorted = latencies.of(|other| other == *bucket);
        print_row(&(u128::from(*bucket) * BUCKET.as_millis()).to_string(), &sorted);
    }
    print_row("first_second", &latencies.of(|bucket| bucket < 10));
    print_row("other_seconds", &latencies.of(|bucket| bucket >= 10));
    println!("failures\t{failures}");
    Ok(())
}

fn print_row(name: &str, sorted: &[u64]) {
    let max = sorted.last().copied().unwrap_or(0);
    println!(
        "{name}\t{}\t{}\t{}\t{max}",
        sorted.len(),
        percentile(sorted, 50),
        percentile(sorted, 99)
    );
}

async fn measure(arguments: &Arguments) -> Result<(Latencies, u64)> {
    let mut clients = JoinSet::new();
    for _ in 0..arguments.connections {
        clients.spawn(ask(arguments.clone()));
    }
    let (mut latencies, mut failures) = (Latencies::default(), 0);
    while let Some(client) = clients.join_next().await {
        let (of_client, failed) = client??;
        latencies.merge(of_client);
        failures += failed;
    }
    Ok((latencies, failures))
}

async fn ask(arguments: Arguments) -> Result<(Latencies, u64)> {
    let mut connection = Connection::open(("127.0.0.1", arguments.port)).await?;
    let (mut latencies, mut failures) = (Latencies::default(), 0);
    let begin = clock::instant();
    while begin.elapsed() < Duration::from_secs(arguments.seconds.into()) {
        // A request belongs to the moment at which it was asked, however long its answer takes.
        let bucket = bucket(clock::now(), arguments.epoch_seconds);
        let asked = clock::instant();
        let answer = connection.get(&arguments.path, &arguments.headers).await?;
        latencies.add(bucket, asked.elapsed());
        failures += u64::from(answer.status != 200);
    }
    Ok((latencies, failures))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ceiling::tests::served;

    #[test]
    fn a_moment_belongs_to_the_tenth_of_a_second_since_its_epoch_began() {
        let five = NonZeroU32::new(5).expect("not zero");
        for (micros, expected) in
            [(0, 0), (99_999, 0), (100_000, 1), (4_999_999, 49), (5_000_000, 0)]
        {
            let start = Timestamp::from_seconds(1_736_928_000);
            assert_eq!(
                bucket(start.plus(Duration::from_micros(micros)), five),
                expected,
                "{micros}"
            );
        }
    }

    #[tokio::test]
    async fn every_answer_is_counted_once_and_bad_ones_as_failures() {
        let port = served("/blocks", b"{}", false).await;
        let arguments = Arguments {
            port,
            path: "/blocks".into(),
            headers: vec!["Accept-Encoding: gzip".into()],
            epoch_seconds: NonZeroU32::new(5).expect("not zero"),
            seconds: 1,
            connections: 2,
        };
        let (latencies, failures) = measure(&arguments).await.expect("measured");
        assert!(latencies.of(|_| true).len() > 10);
        assert_eq!(failures, 0);

        let elsewhere = Arguments { path: "/elsewhere".into(), ..arguments };
        let (latencies, failures) = measure(&elsewhere).await.expect("measured");
        assert_eq!(latencies.of(|_| true).len() as u64, failures);
    }
}

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::clock;
use crate::connection::Connection;

const POLL: Duration = Duration::from_micros(500);
const DEADLINE: Duration = Duration::from_secs(30);

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The port on 127.0.0.1 at which the command will answer.
    #[arg(long)]
    port: u16,
    /// The path that answers 200 once it is up.
    #[arg(long, default_value = "/health")]
    path: String,
    /// The command. Its output is dropped.
    #[arg(last = true, required = true)]
    command: Vec<String>,
}

pub(crate) async fn run(arguments: &Arguments) -> Result<()> {
    let begin = clock::instant();
    let mut child = Command::new(&arguments.command[0])
        .args(&arguments.command[1..])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .with_context(|| format!("cannot start {}", arguments.command[0]))?;
    let result = until_up(&mut child, arguments, begin).await;
    stop(&mut child)?;
    println!("{:.1}", result?.as_secs_f64() * 1_000.0);
    Ok(())
}

async fn until_up(child: &mut Child, arguments: &Arguments, begin: Instant) -> Result<Duration> {
    while begin.elapsed() < DEADLINE {
        if is_up(arguments).await {
            return Ok(begin.elapsed());
        }
        if let Some(status) = child.try_wait()? {
            bail!("{} ended with {status}", arguments.command[0]);
        }
        tokio::time::sleep(POLL).await;
    }
    bail!("no good answer within {DEADLINE:?}")
}

async fn is_up(arguments: &Arguments) -> bool {
    let answer = async {
        let mut connection = Connection::open(("127.0.0.1", arguments.port)).await.ok()?;
        connection.get(&arguments.path, &[]).await.ok()
    };
    let answer = tokio::time::timeout(Duration::from_secs(1), answer).await;
    answer.ok().flatten().is_some_and(|answer| answer.status == 200)
}

/// Asks the command to end, and makes it after a while: a database it was killed over would start slower next time.
fn stop(child: &mut Child) -> Result<()> {
    if child.try_wait()?.is_some() {
        return Ok(());
    }
    let asked = Command::new("kill").arg("-TERM").arg(child.id().to_string()).status();
    let begin = clock::instant();
    while asked.is_ok() && begin.elapsed() < Duration::from_secs(10) {
        if child.try_wait()?.is_some() {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill()?;
    child.wait()?;
    Ok(())
}

//! From start to end: the first signal drains, a second one aborts, a background task that dies ends the process.

use std::future::Future;
use std::time::Duration;

use anyhow::{Result, bail};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

/// What asked the process to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Somebody at a terminal.
    Interrupt,
    /// Whoever runs services here.
    Terminate,
}

/// The signals that end the process.
#[derive(Debug)]
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// Listens from now on.
    ///
    /// # Errors
    /// When the system does not let it.
    pub fn listen() -> Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// The next one.
    pub async fn next(&mut self) -> Stop {
        tokio::select! {
            _ = self.interrupt.recv() => Stop::Interrupt,
            _ = self.terminate.recv() => Stop::Terminate,
        }
    }
}

/// The background tasks. All run until `stop`; one that ends before is a fault.
#[derive(Debug)]
pub struct Tasks {
    set: JoinSet<&'static str>,
    stop: CancellationToken,
}

impl Tasks {
    /// None yet.
    pub fn new(stop: CancellationToken) -> Self {
        Self { set: JoinSet::new(), stop }
    }

    /// Runs `task`, which ends soon after `stop`.
    pub fn spawn(&mut self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        self.set.spawn(async move {
            task.await;
            name
        });
    }

    /// Takes a turn every `period`, the first at once, until `stop`.
    pub fn every<T, F>(&mut self, name: &'static str, period: Duration, mut turn: T)
    where
        T: FnMut() -> F + Send + 'static,
        F: Future<Output = ()> + Send,
    {
        let stop = self.stop.clone();
        self.spawn(name, async move {
            let mut ticks = interval(period);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                tokio::select! {
                    _ = ticks.tick() => turn().await,
                    () = stop.cancelled() => return,
                }
            }
        });
    }

    /// Waits until a task ends that should not have.
    ///
    /// # Errors
    /// Always, with the name of the task.
    pub async fn failure(&mut self) -> Result<()> {
        match self.set.join_next().await {
            Some(Ok(name)) => bail!("the background task {name:?} ended"),
            Some(Err(error)) => bail!("a background task failed: {error}"),
            None => std::future::pending().await,
        }
    }

    /// Waits until all have ended, after `stop`.
    pub async fn finish(mut self) {
        while self.set.join_next().await.is_some() {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_task_that_dies_is_noticed() {
        let stop = CancellationToken::new();
        let mut tasks = Tasks::new(stop.clone());
        tasks.every("steady", Duration::from_secs(3_600), async || ());
        tasks.spawn("short", async {});
        assert!(tasks.failure().await.expect_err("noticed").to_string().contains("short"));

        tasks.spawn("panicking", async { panic!("on purpose") });
        assert!(tasks.failure().await.expect_err("noticed").to_string().contains("failed"));

        stop.cancel();
        tasks.finish().await;
    }
}

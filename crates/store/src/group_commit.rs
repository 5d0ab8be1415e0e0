use std::future::Future;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};

use crate::StoreError;

/// The most items that are committed at once.
pub const BATCH: usize = 256;

/// How many items may wait; more callers wait for a place.
const QUEUE: usize = 4 * BATCH;

/// How long a caller waits in all. Longer than the deadline of one commit, so that a slow commit names its own cause.
const DEADLINE: Duration = Duration::from_secs(8);

#[derive(Debug)]
struct Waiting<T, R> {
    item: T,
    answer: oneshot::Sender<Result<R, StoreError>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    Running,
    Closed,
    Failed,
}

/// Commits items of many callers in groups. Whatever waits when the last commit is through is the next group: nobody
/// lingers for more to come, and nobody is answered before the commit.
#[derive(Debug)]
pub struct GroupCommit<T, R> {
    name: &'static str,
    sender: mpsc::Sender<Waiting<T, R>>,
    closing: watch::Sender<bool>,
    life: watch::Receiver<Life>,
}

/// Tells how the task ended, also when it was unwound.
struct Obituary {
    life: watch::Sender<Life>,
    ended: Life,
}

impl Drop for Obituary {
    fn drop(&mut self) {
        self.life.send_replace(self.ended);
    }
}

impl<T: Send + 'static, R: Send + 'static> GroupCommit<T, R> {
    /// Starts the task that calls `commit` with at least one and at most [`BATCH`] items; it answers with one result an
    /// item, in their order, once they are durable.
    pub fn spawn<F, Fut>(name: &'static str, mut commit: F) -> Self
    where
        F: FnMut(Vec<T>) -> Fut + Send + 'static,
        Fut: Future<Output = Result<Vec<R>, StoreError>> + Send + 'static,
    {
        let (sender, mut receiver) = mpsc::channel::<Waiting<T, R>>(QUEUE);
        let (closing, mut close) = watch::channel(false);
        let (life_sender, life) = watch::channel(Life::Running);
        tokio::spawn(async move {
            let mut obituary = Obituary { life: life_sender, ended: Life::Failed };
            let mut waiting = Vec::with_capacity(BATCH);
            let mut closed = false;
            loop {
                // Who was just answered may ask again at once: let those that are ready to run come first, so that
                // they are in this group and not in one of their own.
                tokio::task::yield_now().await;
                let received = tokio::select! {
                    received = receiver.recv_many(&mut waiting, BATCH) => received,
                    _ = close.wait_for(|close| *close), if !closed => {
                        receiver.close();
                        closed = true;
                        continue;
                    }
                };
                if received == 0 {
                    break;
                }
                // A caller that went away cannot be told that its signature is consumed: better not to consume it.
                waiting.retain(|waiting| !waiting.answer.is_closed());
                if waiting.is_empty() {
                    continue;
                }
                let (items, answers): (Vec<T>, Vec<_>) =
                    waiting.drain(..).map(|Waiting { item, answer }| (item, answer)).unzip();
                let results = match commit(items).await {
                    Ok(results) if results.len() == answers.len() => Ok(results),
                    Ok(_) => Err(StoreError::Inconsistent(format!("{name} lost an answer"))),
                    Err(error) => Err(error),
                };
                match results {
                    Ok(results) => answers.into_iter().zip(results).for_each(|(answer, result)| {
                        let _ = answer.send(Ok(result));
                    }),
                    Err(error) => answers.into_iter().for_each(|answer| {
                        let _ = answer.send(Err(error.clone()));
                    }),
                }
            }
            obituary.ended = Life::Closed;
        });
        Self { name, sender, closing, life }
    }

    /// Waits until `item` is committed.
    ///
    /// # Errors
    /// Those of the commit, and [`StoreError::Unavailable`] when it takes too long, after [`close`](Self::close), and
    /// when the task has ended.
    pub async fn submit(&self, item: T) -> Result<R, StoreError> {
        let committed = async {
            let (answer, answered) = oneshot::channel();
            self.sender.send(Waiting { item, answer }).await.map_err(|_| self.ended())?;
            answered.await.map_err(|_| self.ended())?
        };
        match tokio::time::timeout(DEADLINE, committed).await {
            Ok(result) => result,
            Err(_) => {
                Err(StoreError::Unavailable(format!("no commit of {} in {DEADLINE:?}", self.name)))
            }
        }
    }

    /// Pends until the task ends without having been closed, then gives its name.
    pub async fn failure(&self) -> &'static str {
        let mut life = self.life.clone();
        if life.wait_for(|life| *life == Life::Failed).await.is_err() {
            std::future::pending::<()>().await;
        }
        self.name
    }

    /// Commits what waits, then ends the task. Nothing can be submitted any more.
    pub async fn close(&self) {
        self.closing.send_replace(true);
        let _ = self.life.clone().wait_for(|life| *life != Life::Running).await;
    }

    fn ended(&self) -> StoreError {
        StoreError::Unavailable(format!("{} is shut down", self.name))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::Semaphore;

    use super::*;

    #[tokio::test]
    async fn what_waits_is_one_group_and_errors_are_everyones() {
        let (gate, groups) = (Arc::new(Semaphore::new(0)), Arc::new(AtomicUsize::new(0)));
        let (held, counted) = (Arc::clone(&gate), Arc::clone(&groups));
        let commits = Arc::new(GroupCommit::spawn("doubles", move |items: Vec<usize>| {
            let (gate, groups) = (Arc::clone(&held), Arc::clone(&counted));
            async move {
                gate.acquire().await.expect("open").forget();
                groups.fetch_add(1, Ordering::SeqCst);
                if items.contains(&99) {
                    return Err(StoreError::Unavailable("ninety-nine".into()));
                }
                Ok(items.into_iter().map(|item| item * 2).collect())
            }
        }));
        let submit = |item| {
            let commits = Arc::clone(&commits);
            tokio::spawn(async move { commits.submit(item).await })
        };
        let first = submit(0);
        tokio::task::yield_now().await;
        let others: Vec<_> = (1..=100).map(submit).collect();
        tokio::task::yield_now().await;
        gate.add_permits(2);
        assert_eq!(first.await.expect("no panic"), Ok(0));
        for other in others {
            assert_eq!(
                other.await.expect("no panic"),
                Err(StoreError::Unavailable("ninety-nine".into()))
            );
        }
        assert_eq!(groups.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn a_panic_is_told_and_nobody_hangs() {
        let commits = GroupCommit::<(), ()>::spawn("doomed", |_| async { panic!("as it should") });
        assert!(matches!(commits.submit(()).await, Err(StoreError::Unavailable(_))));
        assert_eq!(commits.failure().await, "doomed");
        assert!(matches!(commits.submit(()).await, Err(StoreError::Unavailable(_))));
        commits.close().await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_commit_that_hangs_is_given_up() {
        let commits = GroupCommit::<(), ()>::spawn("stuck", |_| std::future::pending());
        assert!(matches!(commits.submit(()).await, Err(StoreError::Unavailable(_))));
    }
}

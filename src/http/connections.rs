//! The connections that are open, and who ends them.
//!
//! Deadlines and the end of the service are looked after for all connections at once, every few seconds, instead of by a
//! timer and a channel of each connection: those are touched with every request, and cost more than all else around it.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::task::AtomicWaker;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;
use tokio::time::timeout;

/// How often [`Connections::look_after`] is to be called.
pub const LOOK_INTERVAL: Duration = Duration::from_secs(5);
/// A connection on which nothing happened for so many intervals is cut: one that is idle, whose head does not come, or
/// whose client does not read.
const QUIET_LOOKS: u8 = 3;
/// How long the first request of a connection may take to come when the service ends.
const FIRST_REQUEST_DEADLINE: Duration = Duration::from_secs(1);

const GO_ON: u8 = 0;
const FINISH: u8 = 1;
const CUT: u8 = 2;

/// All open connections.
#[derive(Debug, Default)]
pub struct Connections {
    open: Mutex<HashMap<u64, Arc<Line>>>,
    added: AtomicU64,
    one_less: Notify,
}

/// What is known of one connection.
#[derive(Debug, Default)]
pub struct Line {
    /// Counts whatever its client cannot do by dribbling: requests, answers, writes that were taken.
    steps: AtomicU64,
    in_flight: AtomicU32,
    order: AtomicU8,
    waker: AtomicWaker,
    /// Of the last look: the steps by then, and how many looks saw the same.
    seen: AtomicU64,
    quiet: AtomicU8,
}

/// What a connection is told to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Go on.
    GoOn,
    /// Take no further request.
    Finish,
    /// End at once.
    Cut,
}

/// Keeps a connection in the list while it is open.
#[derive(Debug)]
pub struct Listed {
    connections: Arc<Connections>,
    number: u64,
    line: Arc<Line>,
}

impl Connections {
    /// Puts a new connection on the list.
    pub fn add(self: &Arc<Self>) -> Listed {
        let number = self.added.fetch_add(1, Ordering::Relaxed);
        let line = Arc::new(Line::default());
        self.open().insert(number, Arc::clone(&line));
        Listed { connections: Arc::clone(self), number, line }
    }

    /// Cuts connections on which nothing has happened for a while.
    pub fn look_after(&self) {
        for line in self.open().values() {
            line.look();
        }
    }

    /// Tells all to take no further request, and waits until none is open. None may be added any more.
    pub async fn finish(&self) {
        // On one that is new a request is on its way, most likely; its client could not know that it is not taken.
        self.tell_all(FINISH, |line| !line.is_new());
        let _ = timeout(FIRST_REQUEST_DEADLINE, self.none_open()).await;
        self.tell_all(FINISH, |_| true);
        self.none_open().await;
    }

    fn tell_all(&self, order: u8, which: impl Fn(&Line) -> bool) {
        for line in self.open().values().filter(|line| which(line)) {
            line.tell(order);
        }
    }

    async fn none_open(&self) {
        loop {
            let one_less = self.one_less.notified();
            if self.open().is_empty() {
                return;
            }
            one_less.await;
        }
    }

    fn open(&self) -> MutexGuard<'_, HashMap<u64, Arc<Line>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Listed {
    /// Which connection it is, counted from the start.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The connection's own entry.
    pub fn line(&self) -> &Arc<Line> {
        &self.line
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        self.connections.open().remove(&self.number);
        // A permit is kept where nobody waits yet.
        self.connections.one_less.notify_one();
    }
}

impl Line {
    /// What to do; `context` is woken when that changes.
    pub fn order(&self, context: &Context<'_>) -> Order {
        self.waker.register(context.waker());
        match self.order.load(Ordering::Acquire) {
            GO_ON => Order::GoOn,
            FINISH => Order::Finish,
            _ => Order::Cut,
        }
    }

    /// A request begins; it ends when what is returned is dropped.
    pub fn begin(self: &Arc<Self>) -> InFlight {
        self.step();
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        InFlight(Arc::clone(self))
    }

    fn is_new(&self) -> bool {
        self.steps.load(Ordering::Relaxed) == 0
    }

    fn step(&self) {
        self.steps.fetch_add(1, Ordering::Relaxed);
    }

    fn look(&self) {
        let steps = self.steps.load(Ordering::Relaxed);
        let busy = self.in_flight.load(Ordering::Relaxed) > 0;
        if busy || self.seen.swap(steps, Ordering::Relaxed) != steps {
            self.quiet.store(0, Ordering::Relaxed);
        } else if self.quiet.fetch_add(1, Ordering::Relaxed) + 1 >= QUIET_LOOKS {
            self.tell(CUT);
        }
    }

    fn tell(&self, order: u8) {
        self.order.fetch_max(order, Ordering::Release);
        self.waker.wake();
    }
}

/// A request that is being answered.
#[derive(Debug)]
pub struct InFlight(Arc<Line>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.step();
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A stream whose writes count as steps of its connection.
#[derive(Debug)]
pub struct Watched<S> {
    stream: S,
    line: Arc<Line>,
}

impl<S> Watched<S> {
    /// `stream`, which belongs to `line`.
    pub fn new(stream: S, line: Arc<Line>) -> Self {
        Self { stream, line }
    }

    fn counted(&self, written: Poll<std::io::Result<usize>>) -> Poll<std::io::Result<usize>> {
        if matches!(written, Poll::Ready(Ok(_))) {
            self.line.step();
        }
        written
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.counted(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, pieces);
        self.counted(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

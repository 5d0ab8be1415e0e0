//! The connections that are open, and who ends them.
//!
//! Deadlines and the end of the service are looked after for all connections at once, every few seconds, instead of by a
//! timer and a channel of each connection: those are touched with every request, and cost more than all else around it.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::pin::Pin;
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::task::AtomicWaker;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::limits::AddressKey;

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
    open: Mutex<Open>,
    added: AtomicU64,
    one_less: Notify,
    /// At most so many of one address; 0 for no limit.
    per_address: u32,
}

#[derive(Debug, Default)]
struct Open {
    lines: HashMap<u64, Arc<Line>>,
    of_address: HashMap<AddressKey, u32>,
    refused: Option<Refused>,
}

/// Connections that were refused since it was asked last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// How many.
    pub times: u64,
    /// The address of the last one.
    pub address: AddressKey,
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
    address: Option<AddressKey>,
    line: Arc<Line>,
}

impl Connections {
    /// None yet, of which at most `per_address` may be of one address; 0 for no limit.
    pub fn new(per_address: u32) -> Self {
        Self { per_address, ..Self::default() }
    }

    /// Puts a new connection on the list, unless its address has as many as it may. One that is nobody's alone, as a
    /// proxy's, has no address here.
    pub fn add(self: &Arc<Self>, address: Option<AddressKey>) -> Option<Listed> {
        let address = address.filter(|_| self.per_address > 0);
        let number = self.added.fetch_add(1, Ordering::Relaxed);
        let line = Arc::new(Line::default());
        let mut open = self.open();
        if let Some(address) = address {
            let own = open.of_address.entry(address).or_default();
            if *own >= self.per_address {
                let times = open.refused.map_or(0, |refused| refused.times) + 1;
                open.refused = Some(Refused { times, address });
                return None;
            }
            *own += 1;
        }
        open.lines.insert(number, Arc::clone(&line));
        Some(Listed { connections: Arc::clone(self), number, address, line })
    }

    fn remove(&self, number: u64, address: Option<AddressKey>) {
        let mut open = self.open();
        open.lines.remove(&number);
        if let Some(address) = address
            && let Entry::Occupied(mut own) = open.of_address.entry(address)
        {
            *own.get_mut() -= 1;
            if *own.get() == 0 {
                own.remove();
            }
        }
    }

    /// Cuts connections on which nothing has happened for a while.
    pub fn look_after(&self) {
        for line in self.open().lines.values() {
            line.look();
        }
    }

    /// What was refused since the last time.
    pub fn take_refused(&self) -> Option<Refused> {
        self.open().refused.take()
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
        for line in self.open().lines.values().filter(|line| which(line)) {
            line.tell(order);
        }
    }

    async fn none_open(&self) {
        loop {
            let one_less = self.one_less.notified();
            if self.open().lines.is_empty() {
                return;
            }
            one_less.await;
        }
    }

    fn open(&self) -> MutexGuard<'_, Open> {
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
        self.connections.remove(self.number, self.address);
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

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    fn address(text: &str) -> AddressKey {
        AddressKey::of(text.parse::<IpAddr>().expect("an address"))
    }

    #[test]
    fn an_address_has_so_many_connections_and_others_have_theirs() {
        let connections = Arc::new(Connections::new(2));
        let add = |text: &str| connections.add(Some(address(text)));
        let (_first, second) = (add("2001:db8::1"), add("2001:db8::2"));
        assert!(second.is_some());
        assert!(add("2001:db8::3").is_none() && add("2001:db8::4").is_none());
        assert!(add("2001:db8:0:1::1").is_some() && add("10.0.0.1").is_some());
        let refused = Refused { times: 2, address: address("2001:db8::") };
        assert_eq!(connections.take_refused(), Some(refused));
        assert_eq!(connections.take_refused(), None);
        drop(second);
        assert!(add("2001:db8::3").is_some());
        assert_eq!(connections.open().of_address.len(), 1, "nothing is kept of who has none");
    }

    #[test]
    fn a_proxy_and_whoever_there_is_no_limit_for_have_as_many_as_they_like() {
        let (limited, free) = (Arc::new(Connections::new(1)), Arc::new(Connections::new(0)));
        let proxied: Vec<_> = (0..9).filter_map(|_| limited.add(None)).collect();
        let open: Vec<_> = (0..9).filter_map(|_| free.add(Some(address("10.0.0.1")))).collect();
        assert_eq!((proxied.len(), open.len()), (9, 9));
    }
}

//! A stand-in for a node: the metadata of the real chain, members as you like, and faults on demand.
//!
//! It listens on loopback, at a port that the system picks, and is gone when it is dropped, with its connections.

mod answers;
mod chain;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::{fmt, io};

use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};
use tokio_tungstenite::accept_async;
use tokio_tungstenite::tungstenite::Message;

#[cfg(test)]
pub(crate) use answers::METADATA;
use answers::{Answer, answer};

pub use chain::{Fault, StandInChain};

/// A stand-in that runs until it is dropped.
pub struct StandInNode {
    address: SocketAddr,
    shared: Arc<Mutex<Shared>>,
    task: AbortHandle,
}

#[derive(Debug)]
struct Shared {
    chain: StandInChain,
    calls: Vec<String>,
}

impl StandInNode {
    /// Starts at a free port of loopback.
    ///
    /// # Errors
    /// When the system does not let it listen.
    pub async fn start(chain: StandInChain) -> io::Result<Self> {
        Self::start_at(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), chain).await
    }

    /// Starts at `address`.
    ///
    /// # Errors
    /// When the system does not let it listen there.
    pub async fn start_at(address: SocketAddr, chain: StandInChain) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Mutex::new(Shared { chain, calls: Vec::new() }));
        let task = tokio::spawn(listen(listener, Arc::clone(&shared))).abort_handle();
        Ok(Self { address, shared, task })
    }

    /// Where it is asked.
    pub fn url(&self) -> String {
        format!("ws://{}", self.address)
    }

    /// Changes its chain, from the next call on.
    pub fn change(&self, change: impl FnOnce(&mut StandInChain)) {
        change(&mut lock(&self.shared).chain);
    }

    /// What it was asked so far: names of methods, for `state_call` the function of the runtime.
    pub fn calls(&self) -> Vec<String> {
        lock(&self.shared).calls.clone()
    }
}

impl Drop for StandInNode {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl fmt::Debug for StandInNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StandInNode({})", self.url())
    }
}

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn listen(listener: TcpListener, shared: Arc<Mutex<Shared>>) {
    // Ends all connections when it is dropped itself.
    let mut connections = JoinSet::new();
    loop {
        // A connection that could not be accepted is the caller's loss.
        if let Ok((stream, _)) = listener.accept().await {
            connections.spawn(serve(stream, Arc::clone(&shared)));
        }
        while connections.try_join_next().is_some() {}
    }
}

async fn serve(stream: TcpStream, shared: Arc<Mutex<Shared>>) {
    if lock(&shared).chain.fault == Some(Fault::Mute) {
        std::future::pending::<()>().await;
    }
    let Ok(mut socket) = accept_async(stream).await else { return };
    while let Some(Ok(message)) = socket.next().await {
        let Message::Text(text) = message else { continue };
        let Ok(call) = serde_json::from_str::<Value>(&text) else { return };
        let answered = {
            let mut shared = lock(&shared);
            let (method, answered) = answer(&mut shared.chain, &call);
            shared.calls.push(method);
            answered
        };
        match answered {
            Answer::Text(text) => {
                if socket.send(Message::text(text)).await.is_err() {
                    return;
                }
            }
            Answer::Silence => {}
            Answer::HangUp => return,
        }
    }
}

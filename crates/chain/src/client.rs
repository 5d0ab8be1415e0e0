use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use subxt::backend::LegacyBackend;
use subxt::dynamic::runtime_api_call;
use subxt::ext::jsonrpsee::client_transport::ws::WsTransportClientBuilder;
use subxt::ext::jsonrpsee::core::client::Client;
use subxt::rpcs::RpcClient;
use subxt::{OnlineClient, SubstrateConfig};
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use crate::columns::{Columns, INDEXES};
use crate::deadline::WithDeadline;
use crate::network::{Endpoint, GenesisHash, Network};
use crate::snapshot::{Snapshot, SnapshotError};
use crate::succession::NoSuccessor;

/// How long a node may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadlines {
    /// To be found, and to accept a connection.
    pub connect: Duration,
    /// To answer each call; a snapshot takes at most seven.
    pub call: Duration,
}

impl Default for Deadlines {
    /// 10 s to connect, 20 s a call.
    fn default() -> Self {
        Self { connect: Duration::from_secs(10), call: Duration::from_secs(20) }
    }
}

/// Asks the nodes of a network for the members of a subnet.
#[derive(Debug)]
pub struct ChainClient {
    nodes: Vec<Node>,
    genesis: Option<GenesisHash>,
    netuid: u16,
    deadlines: Deadlines,
}

#[derive(Debug)]
struct Node {
    endpoint: Endpoint,
    /// Holds the metadata of each runtime that the node had, ten times as large as a full subnet.
    known: Mutex<SubstrateConfig>,
}

/// Why a node gave no snapshot.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// It did not accept a connection in time.
    #[error("no connection within {0:?}")]
    ConnectDeadline(Duration),
    /// It could not be connected to.
    #[error("no connection: {0}")]
    Connect(String),
    /// It did not answer in time, hung up, or answered a call with an error or with nonsense.
    #[error("{doing}: {reason}")]
    Call {
        /// What was asked for.
        doing: &'static str,
        /// What went wrong.
        reason: String,
    },
    /// Its chain has no such subnet.
    #[error("there is no subnet {0}")]
    NoSubnet(u16),
    /// Its answer could be read, and makes no sense.
    #[error(transparent)]
    Nonsense(#[from] SnapshotError),
    /// Its answer makes sense, and cannot be true.
    #[error(transparent)]
    Refused(#[from] NoSuccessor),
}

impl ChainClient {
    /// Connects to nothing yet.
    pub fn new(network: Network, netuid: u16, deadlines: Deadlines) -> Self {
        let node = |endpoint| Node { endpoint, known: Mutex::new(SubstrateConfig::new()) };
        let nodes = network.endpoints.into_iter().map(node).collect();
        Self { nodes, genesis: network.genesis, netuid, deadlines }
    }

    /// The subnet that is asked for.
    pub fn netuid(&self) -> u16 {
        self.netuid
    }

    /// What the chain must be, where that is known beforehand.
    pub fn genesis(&self) -> Option<GenesisHash> {
        self.genesis
    }

    /// The nodes, in the order in which they were named.
    pub fn endpoints(&self) -> impl ExactSizeIterator<Item = &Endpoint> {
        self.nodes.iter().map(|node| &node.endpoint)
    }

    /// The members as of the last finalized block of one node, by its place among [`endpoints`](Self::endpoints). Each
    /// call is a connection of its own, closed at its end.
    ///
    /// # Errors
    /// [`FetchError`]; another node may answer better.
    ///
    /// # Panics
    /// When there is no such node.
    pub async fn fetch(&self, node: usize) -> Result<Snapshot, FetchError> {
        let node = &self.nodes[node];
        let fetched = self.fetch_from(node).await;
        if fetched.is_err() {
            // What cannot be read may have been cut short or forged where it was described.
            *node.known.lock().unwrap_or_else(PoisonError::into_inner) = SubstrateConfig::new();
        }
        fetched
    }

    async fn fetch_from(&self, node: &Node) -> Result<Snapshot, FetchError> {
        let rpc = self.connect(&node.endpoint).await?;
        let backend = Arc::new(LegacyBackend::builder().build(RpcClient::new(rpc)));
        let known = node.known.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let client = OnlineClient::from_backend_with_config(known, backend)
            .await
            .map_err(|error| failed("asking for its chain", &error))?;
        let genesis = GenesisHash::from_bytes(client.genesis_hash().0);
        if let Some(expected) = self.genesis.filter(|expected| *expected != genesis) {
            return Err(NoSuccessor::OtherChain { expected, found: genesis }.into());
        }
        let block = client
            .at_current_block()
            .await
            .map_err(|error| failed("asking for its finalized block", &error))?;
        let call = runtime_api_call::<_, Option<Columns>>(
            "SubnetInfoRuntimeApi",
            "get_selective_metagraph",
            (self.netuid, INDEXES.to_vec()),
        );
        let columns = block
            .runtime_apis()
            .call(call)
            .await
            .map_err(|error| failed("asking for the members", &error))?
            .ok_or(FetchError::NoSubnet(self.netuid))?;
        Ok(columns.into_snapshot(genesis, self.netuid, block.block_number())?)
    }

    async fn connect(&self, endpoint: &Endpoint) -> Result<WithDeadline<Client>, FetchError> {
        let Deadlines { connect, call } = self.deadlines;
        let transport = WsTransportClientBuilder::default()
            .connection_timeout(connect)
            // One try is none that follows: the node could send us to where nothing is encrypted.
            .max_redirections(1)
            .build(endpoint.url().clone());
        // The transport asks for the node's address with a call that blocks, and nothing can cut short.
        let runtime = Handle::current();
        let connecting = spawn_blocking(move || runtime.block_on(transport));
        let (sender, receiver) = timeout(connect, connecting)
            .await
            .map_err(|_| FetchError::ConnectDeadline(connect))?
            .map_err(|panic| FetchError::Connect(panic.to_string()))?
            .map_err(|error| FetchError::Connect(reason_of(&error)))?;
        // The client's own deadline must not come first.
        let client = Client::builder()
            .request_timeout(call.saturating_add(Duration::from_secs(60)))
            .build_with_tokio(sender, receiver);
        Ok(WithDeadline { client, deadline: call })
    }
}

fn failed(doing: &'static str, error: &dyn Error) -> FetchError {
    FetchError::Call { doing, reason: reason_of(error) }
}

/// An error with its sources as one short line. Its end says the most, so that is kept where it is long: nodes may write
/// whatever they like into it.
fn reason_of(error: &dyn Error) -> String {
    const LONGEST: usize = 200;
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    let mut parts: Vec<_> = text.split(": ").collect();
    parts.dedup();
    let line = parts.join(": ").split_whitespace().collect::<Vec<_>>().join(" ");
    let line: String = line.chars().filter(|character| !character.is_control()).collect();
    match line.char_indices().rev().nth(LONGEST) {
        Some((start, _)) => format!("…{}", &line[start..]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Said(String, #[source] Option<Box<Said>>);

    #[test]
    fn reasons_are_one_short_line_each() {
        let table = [
            ("no\n\tsuch\u{7} thing", None, "no such thing"),
            ("RPC error: RPC error: closed", None, "RPC error: closed"),
            ("not found", Some("disk full"), "not found: disk full"),
            ("not found: disk full", Some("disk full"), "not found: disk full"),
        ];
        for (said, cause, reason) in table {
            let cause = cause.map(|cause| Box::new(Said(cause.to_owned(), None)));
            assert_eq!(reason_of(&Said(said.to_owned(), cause)), reason);
        }
        let long = reason_of(&Said("é".repeat(5_000) + " at last", None));
        assert!(long.starts_with("…é") && long.ends_with(" at last"), "{long}");
        assert_eq!(long.chars().count(), 202);
    }
}

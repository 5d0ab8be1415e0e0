use std::error::Error;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use resi_protocol::Foreign;
use subxt::backend::LegacyBackend;
use subxt::dynamic::runtime_api_call;
use subxt::ext::jsonrpsee::client_transport::ws::WsTransportClientBuilder;
use subxt::ext::jsonrpsee::core::client::Client;
use subxt::rpcs::RpcClient;
use subxt::{Metadata, OnlineClient, SubstrateConfig};
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use crate::columns::{Columns, INDEXES};
use crate::deadline::WithDeadline;
use crate::network::{Endpoint, GenesisHash, Network};
use crate::shape::{self, ShapeError};
use crate::snapshot::{Snapshot, SnapshotError};
use crate::succession::NoSuccessor;

const API: &str = "SubnetInfoRuntimeApi";
const METHOD: &str = "get_selective_metagraph";

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
    known: Mutex<Known>,
}

/// What a node said of its runtime: metadata, ten times as large as a full subnet, of one version only.
#[derive(Clone, Debug)]
struct Known {
    config: SubstrateConfig,
    spec_version: Option<u32>,
}

impl Known {
    fn nothing() -> Self {
        Self { config: SubstrateConfig::new(), spec_version: None }
    }
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
    /// What it says of the types of its answers describes nothing that could be read.
    #[error("its types: {0}")]
    Types(#[from] ShapeError),
    /// Reading its answers ended in a fault of the reader.
    #[error("its answers could not be read at all")]
    Unreadable,
}

impl ChainClient {
    /// Connects to nothing yet.
    pub fn new(network: Network, netuid: u16, deadlines: Deadlines) -> Self {
        let node = |endpoint| Node { endpoint, known: Mutex::new(Known::nothing()) };
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
        // The library panics over some forged descriptions of a runtime, and no node shall end this process.
        let fetched = AssertUnwindSafe(self.fetch_from(node)).catch_unwind().await;
        let fetched = fetched.unwrap_or(Err(FetchError::Unreadable));
        if fetched.is_err() {
            // What cannot be read may have been cut short or forged where it was described.
            *node.known() = Known::nothing();
        }
        fetched
    }

    async fn fetch_from(&self, node: &Node) -> Result<Snapshot, FetchError> {
        let rpc = self.connect(&node.endpoint).await?;
        let backend = Arc::new(LegacyBackend::builder().build(RpcClient::new(rpc)));
        let known = node.known().clone();
        let client = OnlineClient::from_backend_with_config(known.config, backend)
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
        node.keep_only(block.spec_version());
        check_types(block.metadata_ref())?;
        let call =
            runtime_api_call::<_, Option<Columns>>(API, METHOD, (self.netuid, INDEXES.to_vec()));
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

impl Node {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets what was known of another version of the runtime, with what is now known of this one.
    fn keep_only(&self, spec_version: u32) {
        let mut known = self.known();
        if known.spec_version.is_some_and(|before| before != spec_version) {
            *known = Known::nothing();
        }
        known.spec_version = Some(spec_version);
    }
}

/// Makes sure that what the metagraph's call takes and gives can be written and read.
fn check_types(metadata: &Metadata) -> Result<(), ShapeError> {
    let api = metadata.runtime_api_trait_by_name(API);
    // Where there is none, the call says so.
    let Some(method) = api.and_then(|api| api.method_by_name(METHOD)) else { return Ok(()) };
    let mut types: Vec<_> = method.inputs().map(|input| input.id).collect();
    types.push(method.output_ty());
    types.into_iter().try_for_each(|id| shape::check(metadata.types(), id))
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
    match line.char_indices().rev().nth(LONGEST) {
        Some((start, _)) => format!("…{}", Foreign::new(&line[start..]).at_most(LONGEST + 1)),
        None => Foreign::new(&line).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use subxt::ext::codec::{Decode, Encode};
    use subxt::ext::frame_metadata::v16::RuntimeMetadataV16;
    use subxt::ext::frame_metadata::{RuntimeMetadata, RuntimeMetadataPrefixed};

    use super::*;
    use crate::stand_in::{Fault, METADATA, StandInChain, StandInNode};

    /// What comes of a node whose description of its runtime was changed.
    async fn fetched(change: impl FnOnce(&mut RuntimeMetadataV16)) -> Result<Snapshot, FetchError> {
        let mut metadata =
            RuntimeMetadataPrefixed::decode(&mut METADATA.as_slice()).expect("the real one");
        let RuntimeMetadata::V16(inner) = &mut metadata.1 else { panic!("another version") };
        change(inner);
        let forged = format!("0x{}", hex::encode(Some(metadata.encode()).encode()));
        let mut chain = StandInChain::example();
        chain.fault = Some(Fault::Result("Metadata_metadata_at_version".into(), json!(forged)));
        let node = StandInNode::start(chain).await.expect("a free port");
        let network = Network::choose(None, Some(&node.url())).expect("loopback");
        ChainClient::new(network, 46, Deadlines::default()).fetch(0).await
    }

    fn output_of(metadata: &RuntimeMetadataV16) -> u32 {
        let api = metadata.apis.iter().find(|api| api.name == API).expect("the API");
        let method = api.methods.iter().find(|method| method.name == METHOD).expect("the method");
        method.output.id
    }

    #[tokio::test]
    async fn a_runtime_whose_types_do_not_end_is_refused() {
        assert!(fetched(|_| ()).await.is_ok());
        let endless = fetched(|metadata| {
            let output = output_of(metadata);
            let own = scale_info::TypeDefTuple::new_portable(vec![output.into()]);
            metadata.types.types[output as usize].ty.type_def = own.into();
        })
        .await;
        let error = endless.expect_err("refused");
        assert!(matches!(error, FetchError::Types(ShapeError::Endless(_))), "{error}");
    }

    #[tokio::test]
    async fn of_each_node_one_runtime_is_known_however_often_it_says_to_have_another() {
        let node = StandInNode::start(StandInChain::example()).await.expect("a free port");
        let network = Network::choose(None, Some(&node.url())).expect("loopback");
        let client = ChainClient::new(network, 46, Deadlines::default());
        let mut described = Vec::new();
        for spec_version in [365_u32, 365, 366, 366, 366, 365] {
            let apis: Vec<([u8; 8], u32)> = Vec::new();
            let version = ("node", "node", 1_u32, spec_version, 1_u32, apis, 1_u32, 1_u8).encode();
            let version = json!(format!("0x{}", hex::encode(version)));
            node.change(|chain| chain.fault = Some(Fault::Result("Core_version".into(), version)));
            let before = node.calls().len();
            client.fetch(0).await.expect("fetched");
            let calls = &node.calls()[before..];
            described.push(calls.iter().any(|call| call == "Metadata_metadata_at_version"));
        }
        assert_eq!(described, [true, false, true, true, false, true]);
    }

    #[tokio::test]
    async fn what_the_reader_panics_over_is_refused_like_the_rest() {
        let forged = fetched(|metadata| {
            for pallet in &mut metadata.pallets {
                for associated in &mut pallet.associated_types {
                    associated.ty = u32::MAX.into();
                }
            }
        });
        let error = forged.await.expect_err("refused");
        assert!(matches!(error, FetchError::Unreadable), "{error}");
    }

    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Said(String, #[source] Option<Box<Said>>);

    #[test]
    fn reasons_are_one_short_line_each() {
        let table = [
            ("no\n\tsuch\u{7}\u{202e} thing", None, r"no such\u{7}\u{202e} thing"),
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

//! The registry against a stand-in for a node, with everything that can go wrong.

mod age;
mod faulty_nodes;
mod members;
mod several_nodes;

use std::time::Duration;

use resi_chain::stand_in::{StandInChain, StandInNode};
use resi_chain::{
    AgeRules, ChainClient, Deadlines, FetchError, Metagraph, Network, NodeFailureReason,
    RAO_PER_ALPHA, SyncError,
};
use resi_protocol::{Hotkey, Keypair, Timestamp};

const NOW: Timestamp = Timestamp::from_seconds(1_758_000_000);
const MINIMUM: u64 = 20_000 * RAO_PER_ALPHA;
const METAGRAPH_CALL: &str = "SubnetInfoRuntimeApi_get_selective_metagraph";
/// Every call that a snapshot takes, in order.
const CALLS: [&str; 7] = [
    "chain_getBlockHash",
    "chain_getFinalizedHead",
    "chain_getHeader",
    "Core_version",
    "Metadata_metadata_versions",
    "Metadata_metadata_at_version",
    METAGRAPH_CALL,
];

fn hotkey(name: &str) -> Hotkey {
    Keypair::development(name).hotkey()
}

fn later(seconds: u64) -> Timestamp {
    NOW.plus(Duration::from_secs(seconds))
}

async fn node(change: impl FnOnce(&mut StandInChain)) -> StandInNode {
    let mut chain = StandInChain::example();
    change(&mut chain);
    StandInNode::start(chain).await.expect("a free port")
}

fn metagraph_of(nodes: &[&StandInNode], deadlines: Deadlines) -> Metagraph {
    let urls: Vec<_> = nodes.iter().map(|node| node.url()).collect();
    let network = Network::choose(Some("finney"), Some(&urls.join(","))).expect("loopback");
    Metagraph::new(ChainClient::new(network, 46, deadlines), AgeRules::default(), MINIMUM)
}

fn metagraph(nodes: &[&StandInNode]) -> Metagraph {
    metagraph_of(nodes, Deadlines::default())
}

/// Why the only node brought nothing.
fn reason(error: SyncError) -> NodeFailureReason {
    let mut failures = error.0;
    assert_eq!(failures.len(), 1, "{failures:?}");
    failures.remove(0).reason
}

async fn refused(metagraph: &Metagraph) -> FetchError {
    match reason(metagraph.sync(NOW).await.expect_err("refused")) {
        NodeFailureReason::Fetch(error) => error,
        NodeFailureReason::Standstill(block) => panic!("block {block} was taken"),
    }
}

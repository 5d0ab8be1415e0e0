//! The registry against a stand-in for a node, with everything that can go wrong.

use std::time::Duration;

use resi_chain::stand_in::{Fault, StandInChain, StandInNode};
use resi_chain::{
    AgeRules, ChainClient, Deadlines, FetchError, Freshness, GenesisHash, Metagraph, Network,
    NoSuccessor, NodeFailureReason, RAO_PER_ALPHA, RestoreError, SnapshotError, SyncError,
};
use resi_protocol::{Hotkey, Keypair, Timestamp};
use serde_json::json;
use tokio::task::JoinSet;

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

#[tokio::test]
async fn members_with_permit_and_stake_may_validate() {
    let node = node(|chain| chain.register("Eve", true, MINIMUM)).await;
    let metagraph = metagraph(&[&node]);
    assert_eq!((metagraph.validators(), metagraph.freshness(NOW)), (None, Freshness::Expired));
    assert!(!metagraph.may_validate(&hotkey("Alice")), "nobody may before the first sync");

    let synced = metagraph.sync(NOW).await.expect("synced");
    assert_eq!((synced.snapshot.block, synced.snapshot.members().len()), (1_001, 4));
    assert_eq!(synced.endpoint.to_string(), node.url());
    let may = ["Alice", "Bob", "Charlie", "Dave", "Eve"]
        .map(|name| metagraph.may_validate(&hotkey(name)));
    assert_eq!(
        may,
        [true, false, false, false, true],
        "above, below, without permit, no member, at"
    );
    assert_eq!((metagraph.validators(), metagraph.problem()), (Some(2), None));
    assert_eq!(node.calls(), CALLS);
}

#[tokio::test]
async fn every_property_of_a_member_arrives() {
    let six = "[2001:db8::1]:8091".parse().expect("an address");
    let node = node(|chain| {
        chain.members[1].axon = Some(six);
        chain.members[1].active = false;
        chain.members[2].alpha_stake_rao = u64::MAX;
    })
    .await;
    let synced = metagraph(&[&node]).sync(NOW).await.expect("synced");
    let mut expected = Vec::new();
    node.change(|chain| expected.clone_from(&chain.members));
    assert_eq!(synced.snapshot.members(), expected);
    assert_eq!(synced.snapshot.genesis, GenesisHash::FINNEY);
}

#[tokio::test]
async fn metadata_is_fetched_once_for_each_runtime() {
    let node = node(|_| ()).await;
    let metagraph = metagraph(&[&node]);
    metagraph.sync(NOW).await.expect("synced");
    metagraph.sync(NOW).await.expect("synced");
    let calls = node.calls();
    let fetched = calls.iter().filter(|call| call.starts_with("Metadata")).count();
    assert_eq!((fetched, calls.len()), (2, 12));
}

#[tokio::test]
async fn a_full_subnet_is_read() {
    let node = node(|chain| {
        for number in 3..256 {
            chain.register(&format!("Validator{number}"), true, MINIMUM + number);
        }
    })
    .await;
    let metagraph = metagraph(&[&node]);
    metagraph.sync(NOW).await.expect("synced");
    assert_eq!(metagraph.validators(), Some(254));
}

#[tokio::test]
async fn who_is_deregistered_is_out_with_the_next_sync() {
    let node = node(|_| ()).await;
    let metagraph = metagraph(&[&node]);
    metagraph.sync(NOW).await.expect("synced");
    assert!(metagraph.may_validate(&hotkey("Alice")));

    node.change(|chain| chain.replace("Alice", "Ferdie"));
    metagraph.sync(later(300)).await.expect("synced");
    assert!(!metagraph.may_validate(&hotkey("Alice")));
    assert!(!metagraph.may_validate(&hotkey("Ferdie")));
}

/// Faults of these calls end a fetch. The one that is left out is not known to older nodes, which are asked otherwise.
fn needed_calls() -> impl Iterator<Item = &'static str> {
    CALLS.into_iter().filter(|call| *call != "Metadata_metadata_versions")
}

#[tokio::test]
async fn a_node_that_does_not_speak_costs_the_deadline_of_a_connection() {
    let mute = node(|chain| chain.fault = Some(Fault::Mute)).await;
    let deadlines = Deadlines { connect: Duration::from_millis(20), ..Deadlines::default() };
    let error = refused(&metagraph_of(&[&mute], deadlines)).await;
    assert!(matches!(error, FetchError::ConnectDeadline(_) | FetchError::Connect(_)), "{error}");
}

#[tokio::test]
async fn a_node_that_stops_answering_costs_the_deadline_of_a_call() {
    let mut hanging = JoinSet::new();
    for call in needed_calls() {
        hanging.spawn(async move {
            let silent = node(|chain| chain.fault = Some(Fault::Silent(call.into()))).await;
            // What is answered takes about a millisecond.
            let deadlines = Deadlines { call: Duration::from_secs(1), ..Deadlines::default() };
            let error = refused(&metagraph_of(&[&silent], deadlines)).await;
            assert!(matches!(error, FetchError::Call { .. }), "{call}: {error}");
            assert!(error.to_string().ends_with("Request timeout"), "{call}: {error}");
            assert_eq!(silent.calls().last().map(String::as_str), Some(call));
        });
    }
    hanging.join_all().await;
}

#[tokio::test]
async fn a_node_that_is_not_there_is_told() {
    let gone = node(|_| ()).await;
    let metagraph = metagraph(&[&gone]);
    drop(gone);
    // The port is closed once the stand-in's task has ended.
    tokio::task::yield_now().await;
    let error = refused(&metagraph).await;
    assert!(matches!(error, FetchError::Connect(_)), "{error}");
    assert_eq!(metagraph.freshness(NOW), Freshness::Expired);
}

#[tokio::test]
async fn a_node_that_hangs_up_or_fails_is_told() {
    for call in needed_calls() {
        for fault in [Fault::HangUp(call.into()), Fault::Error(call.into())] {
            let faulty = node(|chain| chain.fault = Some(fault.clone())).await;
            let error = refused(&metagraph(&[&faulty])).await;
            assert!(matches!(error, FetchError::Call { .. }), "{fault:?}: {error}");
        }
    }
}

#[tokio::test]
async fn what_is_wrong_is_said_in_words() {
    let table = [
        (
            Fault::HangUp(METAGRAPH_CALL.into()),
            "asking for the members: Cannot call the Runtime API: Backend error: RPC error: client error: \
             The background task closed connection closed; restart required",
        ),
        (
            Fault::Error("chain_getFinalizedHead".into()),
            "asking for its finalized block: Cannot construct OnlineClientAtBlock: cannot get the current block: \
             Backend error: RPC error: User error: on purpose (-32000)",
        ),
        (Fault::Result(METAGRAPH_CALL.into(), json!("0x00")), "there is no subnet 46"),
        (Fault::Ragged("axons".into()), "the column axons has 2 entries for 3 hotkeys"),
    ];
    let node = node(|_| ()).await;
    let metagraph = metagraph(&[&node]);
    for (fault, said) in table {
        node.change(|chain| chain.fault = Some(fault));
        let error = metagraph.sync(NOW).await.expect_err("refused").to_string();
        assert_eq!(error, format!("{}: {said}", node.url()));
        assert_eq!(metagraph.problem(), Some(error));
    }
}

#[tokio::test]
async fn nonsense_is_refused_wherever_it_comes() {
    let nonsense = [
        json!(null),
        json!("0x"),
        json!("0x00"),
        json!("0xffffffffffffffffffffffff"),
        json!("0x01fdff03fdff03fdff03"),
        json!("not hex"),
        json!({"number": "0xffffffffffffffffffff"}),
        json!([[[[]]]]),
        json!(-1),
    ];
    let node = node(|_| ()).await;
    for call in needed_calls() {
        for result in &nonsense {
            node.change(|chain| chain.fault = Some(Fault::Result(call.into(), result.clone())));
            let error = refused(&metagraph(&[&node])).await;
            let text = error.to_string();
            assert!(!text.is_empty() && text.chars().count() < 300, "{call} {result}: {text}");
        }
        for text in ["", "{", "\u{0}", r#"{"jsonrpc":"2.0","id":"other","result":"0x"}"#] {
            node.change(|chain| chain.fault = Some(Fault::Text(call.into(), text.into())));
            let error = refused(&metagraph(&[&node])).await;
            assert!(matches!(error, FetchError::Call { .. }), "{call} {text:?}: {error}");
        }
    }
}

#[tokio::test]
async fn columns_that_do_not_fit_are_refused_by_name() {
    let node = node(|_| ()).await;
    let metagraph = metagraph(&[&node]);
    metagraph.sync(NOW).await.expect("synced");
    let known = metagraph.snapshot();
    let columns = ["coldkeys", "axons", "active", "validator_permit", "alpha_stake", "num_uids"];
    for name in columns {
        node.change(|chain| chain.fault = Some(Fault::Ragged(name.into())));
        let error = refused(&metagraph).await;
        let FetchError::Nonsense(SnapshotError::Ragged { column, length: 2, members: 3 }) = error
        else {
            panic!("{name}: {error}")
        };
        assert_eq!(column, name);
    }
    for name in columns.into_iter().chain(["hotkeys", "block"]) {
        node.change(|chain| chain.fault = Some(Fault::Missing(name.into())));
        let error = refused(&metagraph).await;
        assert!(
            matches!(error, FetchError::Nonsense(SnapshotError::MissingColumn(column)) if column == name),
            "{name}: {error}"
        );
        assert!(metagraph.problem().expect("told").contains(name));
    }
    assert_eq!(metagraph.snapshot(), known, "the old one stays");

    node.change(|chain| {
        chain.fault = None;
        chain.members[2].hotkey = chain.members[0].hotkey;
    });
    assert!(matches!(refused(&metagraph).await, FetchError::Nonsense(SnapshotError::Repeated(_))));
}

#[tokio::test]
async fn a_subnet_does_not_lose_all_its_members() {
    let node = node(|_| ()).await;
    let metagraph = metagraph(&[&node]);
    metagraph.sync(NOW).await.expect("synced");
    node.change(|chain| chain.members.clear());
    let error = refused(&metagraph).await;
    assert!(matches!(error, FetchError::Refused(NoSuccessor::Emptied { known: 3 })), "{error}");
    assert!(metagraph.may_validate(&hotkey("Alice")));
}

#[tokio::test]
async fn a_subnet_that_is_not_there_is_told() {
    let node = node(|chain| chain.netuid = 47).await;
    assert!(matches!(refused(&metagraph(&[&node])).await, FetchError::NoSubnet(46)));
}

#[tokio::test]
async fn the_chain_must_be_the_named_one_and_stay_it() {
    let node = node(|chain| chain.genesis = GenesisHash::TEST).await;
    let named = metagraph(&[&node]);
    let error = refused(&named).await;
    assert!(matches!(error, FetchError::Refused(NoSuccessor::OtherChain { .. })), "{error}");
    assert_eq!(node.calls(), CALLS[..1], "nothing more is asked of another chain");

    let network = Network::choose(None, Some(&node.url())).expect("loopback");
    let client = ChainClient::new(network, 46, Deadlines::default());
    let unnamed = Metagraph::new(client, AgeRules::default(), MINIMUM);
    unnamed.sync(NOW).await.expect("any chain is the first");
    node.change(|chain| chain.genesis = GenesisHash::FINNEY);
    let error = refused(&unnamed).await;
    assert!(matches!(error, FetchError::Refused(NoSuccessor::OtherChain { .. })), "{error}");
}

#[tokio::test]
async fn a_second_node_stands_in_and_is_kept() {
    let first = node(|chain| chain.fault = Some(Fault::HangUp(METAGRAPH_CALL.into()))).await;
    let second = node(|_| ()).await;
    let metagraph = metagraph(&[&first, &second]);
    let synced = metagraph.sync(NOW).await.expect("synced");
    assert_eq!(synced.endpoint.to_string(), second.url());
    assert_eq!(synced.failures.len(), 1);
    assert_eq!(synced.failures[0].endpoint.to_string(), first.url());
    assert_eq!(metagraph.problem(), None);

    let asked = first.calls().len();
    metagraph.sync(NOW).await.expect("synced");
    assert_eq!(first.calls().len(), asked, "the one that worked is asked first");

    drop(second);
    first.change(|chain| {
        chain.fault = None;
        chain.block = 2_000;
    });
    let synced = metagraph.sync(NOW).await.expect("the first one is back");
    assert_eq!(synced.endpoint.to_string(), first.url());
}

#[tokio::test]
async fn a_stuck_or_lagging_node_is_passed_over() {
    let stuck = node(|chain| chain.advance = 0).await;
    let lagging = node(|chain| (chain.block, chain.advance) = (900, 0)).await;
    let metagraph = metagraph(&[&stuck, &lagging]);
    metagraph.sync(NOW).await.expect("the first block");

    let failures = metagraph.sync(later(300)).await.expect_err("nothing later").0;
    assert!(matches!(failures[0].reason, NodeFailureReason::Standstill(1_000)));
    let backwards = NoSuccessor::Backwards { known: 1_000, offered: 900 };
    assert!(
        matches!(&failures[1].reason, NodeFailureReason::Fetch(FetchError::Refused(reason)) if *reason == backwards)
    );
    assert_eq!(
        metagraph.age(later(300)),
        Some(Duration::from_secs(300)),
        "an answer is no advance"
    );

    lagging.change(|chain| chain.block = 1_001);
    let synced = metagraph.sync(later(600)).await.expect("the second one moves on");
    assert_eq!(synced.endpoint.to_string(), lagging.url());
    assert_eq!(metagraph.age(later(600)), Some(Duration::ZERO));
}

#[tokio::test]
async fn a_stuck_chain_makes_the_registry_stale_and_then_expired() {
    let node = node(|chain| chain.advance = 0).await;
    let metagraph = metagraph(&[&node]);
    metagraph.sync(NOW).await.expect("the first block");
    let mut seen = Vec::new();
    for seconds in [300, 600, 900, 1_200, 1_201] {
        let error = metagraph.sync(later(seconds)).await.expect_err("nothing later");
        assert!(matches!(reason(error), NodeFailureReason::Standstill(1_000)));
        seen.push(metagraph.freshness(later(seconds)));
    }
    let expected = [
        Freshness::Fresh,
        Freshness::Fresh,
        Freshness::Stale,
        Freshness::Stale,
        Freshness::Expired,
    ];
    assert_eq!(seen, expected);
    assert!(metagraph.may_validate(&hotkey("Alice")), "tokens go on by the last snapshot");

    node.change(|chain| chain.advance = 1);
    metagraph.sync(later(1_500)).await.expect("it moves on");
    assert_eq!(metagraph.freshness(later(1_500)), Freshness::Fresh);
}

#[tokio::test]
async fn what_was_stored_stands_in_for_a_chain_that_is_away() {
    let node = node(|_| ()).await;
    let before = metagraph(&[&node]);
    assert_eq!(before.to_stored(), None);
    before.sync(NOW).await.expect("synced");
    let stored = before.to_stored().expect("known");
    node.change(|chain| chain.fault = Some(Fault::Error("chain_getBlockHash".into())));

    let after = metagraph(&[&node]);
    assert!(after.restore(&stored, later(700)).expect("readable"));
    after.sync(later(700)).await.expect_err("the chain is away");
    assert!(after.may_validate(&hotkey("Alice")) && !after.may_validate(&hotkey("Bob")));
    assert_eq!(after.age(later(700)), Some(Duration::from_secs(700)), "the age goes on");
    assert_eq!(after.freshness(later(700)), Freshness::Stale);
    assert_eq!(after.freshness(later(1_201)), Freshness::Expired);
    assert_eq!(after.to_stored(), Some(stored.clone()));

    node.change(|chain| chain.fault = None);
    after.sync(later(800)).await.expect("the chain is back");
    assert_eq!(after.freshness(later(800)), Freshness::Fresh);
    assert!(!after.restore(&stored, later(800)).expect("readable"), "what is known is later");
    assert_eq!(after.age(later(800)), Some(Duration::ZERO));
}

#[tokio::test]
async fn what_was_stored_of_another_place_is_refused() {
    let node = node(|_| ()).await;
    let finney = metagraph(&[&node]);
    finney.sync(NOW).await.expect("synced");
    let stored = finney.to_stored().expect("known");
    let new = |name, netuid| {
        let network = Network::choose(Some(name), None).expect("known");
        let client = ChainClient::new(network, netuid, Deadlines::default());
        Metagraph::new(client, AgeRules::default(), MINIMUM)
    };
    let test = new("test", 46).restore(&stored, NOW);
    assert!(matches!(test, Err(RestoreError::OtherChain { .. })));
    let other = new("finney", 428).restore(&stored, NOW);
    assert!(matches!(other, Err(RestoreError::OtherSubnet { expected: 428, found: 46 })));
    let empty = new("finney", 46);
    assert!(matches!(empty.restore(b"", NOW), Err(RestoreError::Unreadable(_))));
    assert!(matches!(
        empty.restore(&stored, NOW.minus(Duration::from_secs(3_600))),
        Err(RestoreError::OfTheFuture { .. })
    ));
    assert_eq!(empty.snapshot(), None);
}

use resi_chain::{
    AgeRules, ChainClient, Deadlines, FetchError, Freshness, GenesisHash, Metagraph, Network,
    NoSuccessor,
};

use crate::{CALLS, MINIMUM, NOW, hotkey, later, metagraph, node, refused};

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

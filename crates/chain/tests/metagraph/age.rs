use std::time::Duration;

use resi_chain::stand_in::Fault;
use resi_chain::{
    AgeRules, ChainClient, Deadlines, Freshness, Metagraph, Network, NodeFailureReason,
    RestoreError,
};

use crate::{MINIMUM, NOW, hotkey, later, metagraph, node, reason};

#[tokio::test]
async fn a_stuck_chain_makes_the_registry_stale_and_then_expired() {
    let node = node(|chain| chain.advance = 0).await;
    let metagraph = metagraph(&[&node]);
    metagraph.sync(NOW).await.expect("the first block");
    assert_eq!(metagraph.next_sync_in(u32::MAX), Duration::from_secs(300));
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
    assert_eq!(metagraph.next_sync_in(u32::MAX), Duration::from_secs(30));

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

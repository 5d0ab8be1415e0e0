use std::time::Duration;

use resi_chain::stand_in::Fault;
use resi_chain::{FetchError, NoSuccessor, NodeFailureReason};

use crate::{METAGRAPH_CALL, NOW, later, metagraph, node};

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

use super::{Backend, replicas};
use crate::KeptMembers;

fn members(genesis: u8, netuid: u16, block: u64, text: &str) -> KeptMembers {
    KeptMembers { genesis: [genesis; 32], netuid, block, bytes: text.into() }
}

pub async fn the_latest_members_of_each_chain_and_subnet_are_kept(backend: &dyn Backend) {
    let [store, other] = replicas(backend).await;
    assert_eq!(store.members(46).await, Ok(vec![]));
    let kept = members(1, 46, 100, "first");
    assert_eq!(store.keep_members(&kept).await, Ok(()));
    assert_eq!(other.keep_members(&members(1, 46, 99, "older")).await, Ok(()));
    assert_eq!(other.keep_members(&members(1, 46, 100, "of the same block")).await, Ok(()));
    assert_eq!(store.members(46).await, Ok(vec![kept]));

    let later = members(1, 46, 101, "later");
    let of_another_chain = members(2, 46, 7, "of another chain");
    let of_another_subnet = members(1, 428, 500, "of another subnet");
    for kept in [&of_another_subnet, &of_another_chain, &later] {
        assert_eq!(other.keep_members(kept).await, Ok(()));
    }
    assert_eq!(store.members(46).await, Ok(vec![later, of_another_chain]));
    assert_eq!(store.members(428).await, Ok(vec![of_another_subnet]));
}

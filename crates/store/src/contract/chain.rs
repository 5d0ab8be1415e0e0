use futures_util::future::join_all;
use resi_protocol::btauth::Nonce;

use super::{Backend, hotkey, replicas};
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

pub async fn of_two_replicas_one_takes_a_nonce(backend: &dyn Backend) {
    let stores = replicas(backend).await;
    let taken = join_all((0..60_u8).map(|number| {
        let store = &stores[usize::from(number % 2)];
        store.take_nonce(hotkey(1), Nonce::from_nanos(u64::from(number / 4)))
    }))
    .await;
    assert_eq!(taken.iter().filter(|taken| **taken == Ok(true)).count(), 15);
    assert_eq!(taken.iter().filter(|taken| **taken == Ok(false)).count(), 45);
    assert_eq!(stores[0].take_nonce(hotkey(2), Nonce::from_nanos(0)).await, Ok(true));
}

pub async fn a_nonce_stays_taken_after_a_restart(backend: &dyn Backend) {
    let store = backend.open().await;
    assert_eq!(store.take_nonce(hotkey(1), Nonce::from_nanos(1)).await, Ok(true));
    store.close().await;
    let store = backend.open().await;
    assert_eq!(store.take_nonce(hotkey(1), Nonce::from_nanos(1)).await, Ok(false));
}

pub async fn old_nonces_are_forgotten_and_others_are_not(backend: &dyn Backend) {
    let store = backend.open().await;
    for nanos in 0..10 {
        assert_eq!(store.take_nonce(hotkey(1), Nonce::from_nanos(nanos)).await, Ok(true));
    }
    let before = Nonce::from_nanos(6);
    assert_eq!(store.forget_nonces(Nonce::from_nanos(0), 100).await, Ok(0));
    assert_eq!(store.forget_nonces(before, 4).await, Ok(4));
    assert_eq!(store.forget_nonces(before, 4).await, Ok(2));
    assert_eq!(store.forget_nonces(before, 4).await, Ok(0));
    for nanos in 6..10 {
        assert_eq!(store.take_nonce(hotkey(1), Nonce::from_nanos(nanos)).await, Ok(false));
    }
}

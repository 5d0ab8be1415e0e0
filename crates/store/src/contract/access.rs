use std::sync::Arc;

use futures_util::future::join_all;

use super::{Backend, at, grant, hotkey, replicas, signature};
use crate::{GRANT_WINDOW, GrantAttempt, GrantOutcome, GrantedValidator, Proof, Quota, Store};

async fn ask(store: &dyn Store, attempt: GrantAttempt) -> GrantOutcome {
    store.grant_access(attempt).await.expect("an outcome")
}

/// Asks for all at once, by turns of the stores, and counts the outcomes: granted, replayed, limited.
async fn ask_all(
    stores: &[Arc<dyn Store>],
    attempts: impl Iterator<Item = GrantAttempt>,
) -> (usize, usize, usize) {
    let asked = attempts.enumerate().map(|(number, attempt)| {
        let store = Arc::clone(&stores[number % stores.len()]);
        async move { ask(store.as_ref(), attempt).await }
    });
    let outcomes = join_all(asked).await;
    let count = |wanted: fn(&GrantOutcome) -> bool| {
        outcomes.iter().filter(|outcome| wanted(outcome)).count()
    };
    (
        count(|outcome| matches!(outcome, GrantOutcome::Granted(_))),
        count(|outcome| matches!(outcome, GrantOutcome::Replayed)),
        count(|outcome| matches!(outcome, GrantOutcome::Limited(_))),
    )
}

pub async fn a_signature_is_granted_once(backend: &dyn Backend) {
    let store = backend.open().await;
    for limit in [None, Some(10)] {
        let signed = limit.unwrap_or(0);
        let granted = ask(store.as_ref(), grant(1, signed, 0, limit)).await;
        assert!(matches!(granted, GrantOutcome::Granted(_)), "{granted:?}");
        for second in [0, 1, 100] {
            assert_eq!(
                ask(store.as_ref(), grant(1, signed, second, limit)).await,
                GrantOutcome::Replayed
            );
        }
        // What was known to the hot path must not hide the replay either.
        let granted = ask(store.as_ref(), grant(1, signed + 1, 0, limit)).await;
        assert!(matches!(granted, GrantOutcome::Granted(_)), "{granted:?}");
        assert_eq!(
            ask(store.as_ref(), grant(1, signed + 1, 0, limit)).await,
            GrantOutcome::Replayed
        );
    }
}

pub async fn a_signature_stays_used_after_a_restart(backend: &dyn Backend) {
    let store = backend.open().await;
    assert_eq!(ask(store.as_ref(), grant(1, 1, 0, None)).await, GrantOutcome::Granted(None));
    store.close().await;
    let store = backend.open().await;
    assert_eq!(ask(store.as_ref(), grant(1, 1, 0, None)).await, GrantOutcome::Replayed);
    assert_eq!(ask(store.as_ref(), grant(1, 1, 0, Some(10))).await, GrantOutcome::Replayed);
}

pub async fn of_two_replicas_one_grants_a_signature(backend: &dyn Backend) {
    let stores = replicas(backend).await;
    for limit in [None, Some(1000)] {
        let base = limit.unwrap_or(0);
        // Twice: the first round makes the hotkey known, which another path serves.
        for round in 0..2 {
            let attempts = (0..60)
                .map(|number| grant(1, base + round * 20 + number / 3, i64::from(round), limit));
            assert_eq!(ask_all(&stores, attempts).await, (20, 40, 0));
        }
    }
}

pub async fn of_one_batch_one_grants_a_signature(backend: &dyn Backend) {
    let stores = [backend.open().await];
    for round in 0..2 {
        let attempts = (0..300).map(|number| grant(1, round * 10 + number % 10, 0, None));
        assert_eq!(ask_all(&stores, attempts).await, (10, 290, 0));
    }
}

pub async fn the_limit_slides(backend: &dyn Backend) {
    let store = backend.open().await;
    let window = i64::try_from(GRANT_WINDOW.as_secs()).expect("a minute");
    let quota = |remaining, second| Quota { limit: 2, remaining, resets_at: at(second) };
    let ask = async |signed, second| ask(store.as_ref(), grant(1, signed, second, Some(2))).await;
    assert_eq!(ask(1, 0).await, GrantOutcome::Granted(Some(quota(1, window))));
    assert_eq!(ask(2, 50).await, GrantOutcome::Granted(Some(quota(0, window))));
    assert_eq!(ask(3, 50).await, GrantOutcome::Limited(quota(0, window)));
    assert_eq!(ask(3, window - 1).await, GrantOutcome::Limited(quota(0, window)));
    assert_eq!(ask(3, window).await, GrantOutcome::Granted(Some(quota(0, 50 + window))));
    assert_eq!(ask(4, window + 49).await, GrantOutcome::Limited(quota(0, 50 + window)));
    assert_eq!(ask(4, window + 50).await, GrantOutcome::Granted(Some(quota(0, 2 * window))));
}

pub async fn a_replay_does_not_count_and_comes_before_the_limit(backend: &dyn Backend) {
    let store = backend.open().await;
    let ask = async |signed| ask(store.as_ref(), grant(1, signed, 0, Some(2))).await;
    assert!(matches!(ask(1).await, GrantOutcome::Granted(_)));
    for _ in 0..5 {
        assert_eq!(ask(1).await, GrantOutcome::Replayed);
    }
    assert!(matches!(ask(2).await, GrantOutcome::Granted(_)));
    assert!(matches!(ask(3).await, GrantOutcome::Limited(_)));
    assert_eq!(ask(2).await, GrantOutcome::Replayed);
    assert!(matches!(ask(3).await, GrantOutcome::Limited(_)), "a limited attempt consumes nothing");
}

pub async fn limits_are_of_each_hotkey(backend: &dyn Backend) {
    let stores = [backend.open().await];
    let attempts = (0..80_u32).map(|number| grant((number % 8) as u8, number, 0, Some(3)));
    assert_eq!(ask_all(&stores, attempts).await, (24, 0, 56));
}

pub async fn the_limit_is_exact_across_replicas(backend: &dyn Backend) {
    let stores = replicas(backend).await;
    for round in 0..4 {
        let second = i64::from(round) * 60;
        let attempts = (0..100)
            .map(|number| grant((number / 2 % 2) as u8, round * 1000 + number, second, Some(7)));
        assert_eq!(ask_all(&stores, attempts).await, (14, 0, 86), "in round {round}");
    }
}

pub async fn old_signatures_are_forgotten_and_others_are_not(backend: &dyn Backend) {
    let store = backend.open().await;
    let remembered = |number: u32, second| {
        let remember_until = at(number.into());
        let proof = Proof::Signature { signature: signature(number), remember_until };
        GrantAttempt { proof, ..grant(1, number, second, None) }
    };
    for number in 0..10 {
        let attempt = remembered(number, 0);
        assert_eq!(ask(store.as_ref(), attempt).await, GrantOutcome::Granted(None));
    }
    assert_eq!(store.forget_signatures(at(0), 100).await, Ok(0));
    assert_eq!(store.forget_signatures(at(6), 4).await, Ok(4));
    assert_eq!(store.forget_signatures(at(6), 4).await, Ok(2));
    assert_eq!(store.forget_signatures(at(6), 4).await, Ok(0));
    for number in 6..10 {
        let attempt = remembered(number, 6);
        assert_eq!(ask(store.as_ref(), attempt).await, GrantOutcome::Replayed);
    }
}

pub async fn who_was_granted_access_is_listed(backend: &dyn Backend) {
    let store = backend.open().await;
    for (who, second) in [(3, 5), (1, 6), (2, 7), (1, 8)] {
        let attempt = grant(who, u32::try_from(second).expect("small"), second, None);
        store.grant_access(attempt).await.expect("an outcome");
    }
    let first =
        |who, second| GrantedValidator { hotkey: hotkey(who), first_granted_at: at(second) };
    let (one, two, three) = (first(1, 6), first(2, 7), first(3, 5));
    assert_eq!(store.validators(None, 2).await, Ok(vec![one, two]));
    assert_eq!(store.validators(Some(hotkey(2)), 2).await, Ok(vec![three]));
    assert_eq!(store.validators(Some(hotkey(3)), 2).await, Ok(vec![]));
}

use resi_protocol::Timestamp;

use super::{Backend, hotkey, replicas};
use crate::{Counted, Passed};

fn passed(who: u8, counted: Counted, second: i64, passed: u32) -> Passed {
    Passed { counted, hotkey: hotkey(who), stretch: Timestamp::from_seconds(second), passed }
}

pub async fn replicas_learn_what_the_others_let_pass(backend: &dyn Backend) {
    use Counted::{Reports, Requests};
    let [store, other] = replicas(backend).await;
    let start = Timestamp::from_seconds(0);
    let first = [passed(1, Requests, 60, 3), passed(1, Reports, 60, 2), passed(2, Requests, 0, 9)];
    assert_eq!(store.share_passed(1, &first, start).await, Ok(vec![]));
    let mut learnt =
        other.share_passed(2, &[passed(1, Requests, 60, 4)], start).await.expect("an answer");
    learnt.sort();
    let mut expected = first.to_vec();
    expected.sort();
    assert_eq!(learnt, expected);

    // A count takes the place of the one before, so sending it twice does no harm.
    let grown = [passed(1, Requests, 60, 5)];
    for _ in 0..2 {
        let learnt = store.share_passed(1, &grown, start).await;
        assert_eq!(learnt, Ok(vec![passed(1, Requests, 60, 4)]));
    }
    let of_others =
        store.share_passed(3, &[], Timestamp::from_seconds(60)).await.expect("an answer");
    assert!(of_others.contains(&passed(1, Requests, 60, 9)), "{of_others:?}");
    assert_eq!(of_others.len(), 2, "{of_others:?}");
}

pub async fn old_counts_are_forgotten(backend: &dyn Backend) {
    let store = backend.open().await;
    let counts: Vec<_> =
        (0..5).map(|minute| passed(1, Counted::Requests, minute * 60, 1)).collect();
    let start = Timestamp::from_seconds(0);
    store.share_passed(1, &counts, start).await.expect("an answer");
    let before = Timestamp::from_seconds(180);
    assert_eq!(store.forget_passed(before, 2).await, Ok(2));
    assert_eq!(store.forget_passed(before, 2).await, Ok(1));
    assert_eq!(store.forget_passed(before, 2).await, Ok(0));
    assert_eq!(store.share_passed(2, &[], start).await.map(|left| left.len()), Ok(2));
}

pub async fn writing_is_tried(backend: &dyn Backend) {
    let [store, other] = replicas(backend).await;
    for _ in 0..3 {
        assert_eq!(store.try_write().await, Ok(()));
        assert_eq!(other.try_write().await, Ok(()));
    }
    store.close().await;
    assert!(store.try_write().await.is_err());
    assert_eq!(other.try_write().await, Ok(()));
}

use std::time::Duration;

use futures_util::future::join_all;
use resi_protocol::{Source, Sources, Timestamp};

use super::{Backend, at, epoch_id, grant, hotkey, origin, replicas, report, status};
use crate::{AuditEvent, AuditKind, AuditQuery, Pull, Store};

const ALL: AuditQuery =
    AuditQuery { hotkey: None, since: Timestamp::UNIX_EPOCH, after: None, limit: 1_000 };

async fn audit(store: &dyn Store, query: AuditQuery) -> Vec<AuditEvent> {
    let entries = store.audit(query).await.expect("entries");
    entries.into_iter().map(|entry| entry.event).collect()
}

fn event(kind: AuditKind, code: &'static str, who: u8, second: i64) -> AuditEvent {
    AuditEvent {
        at: at(second),
        kind,
        code: code.into(),
        hotkey: Some(hotkey(who)),
        proved: true,
        subject: None,
        origin: None,
        times: 1,
    }
}

fn refusal(who: u8, second: i64) -> AuditEvent {
    AuditEvent { proved: false, ..event(AuditKind::Refusal, "INVALID_SIGNATURE", who, second) }
}

pub async fn grants_and_changes_of_status_are_audited(backend: &dyn Backend) {
    let store = backend.open().await;
    let store = store.as_ref();
    // Once with a limit and once without, twice as the first and as a known validator; a replay is no grant.
    for (signed, limit) in
        [(1, None), (2, None), (2, None), (3, Some(9)), (3, Some(9)), (4, Some(0))]
    {
        store.grant_access(grant(1, signed, i64::from(signed), limit)).await.expect("an outcome");
    }
    for (status, second) in [("started", 10), ("started", 11), ("completed", 12), ("failed", 13)] {
        report(1, "a", status, second).to(store).await;
    }
    report(2, "b", "started", 20).limited(1).to(store).await;
    report(2, "c", "started", 21).limited(1).to(store).await;
    store.expire_assignments(at(20), at(30), 10).await.expect("expired");

    let granted = |second| AuditEvent {
        origin: Some(origin("granted")),
        ..event(AuditKind::Grant, "granted", 1, second)
    };
    let became = |code, who, id: &str, second| AuditEvent {
        subject: Some(id.into()),
        origin: Some(origin("reported")),
        ..event(AuditKind::Status, code, who, second)
    };
    let expected = [
        granted(1),
        granted(2),
        granted(3),
        became("started", 1, "a", 10),
        became("completed", 1, "a", 12),
        became("started", 2, "b", 20),
        AuditEvent { origin: None, ..became("expired", 2, "b", 30) },
    ];
    assert_eq!(audit(store, ALL).await, expected);
}

pub async fn deals_are_audited_once_an_epoch(backend: &dyn Backend) {
    let stores = replicas(backend).await;
    let pull = |who, epoch, block_size, second| Pull {
        netuid: 46,
        epoch: epoch_id(epoch),
        hotkey: hotkey(who),
        sources: Sources::from_iter([Source::ZillowSold]),
        block_size,
        at: at(second),
        origin: origin("pulled"),
    };
    let pulls = [pull(1, 100, 20, 0), pull(1, 100, 50, 1), pull(2, 100, 20, 2)];
    stores[0].record_pulls(&pulls).await.expect("recorded");
    let later = [pull(1, 100, 10, 3), pull(2, 100, 20, 4), pull(1, 101, 20, 5)];
    stores[1].record_pulls(&later).await.expect("recorded");
    let dealt = |who, epoch, second| AuditEvent {
        subject: Some(epoch_id(epoch).to_string()),
        origin: Some(origin("pulled")),
        ..event(AuditKind::Deal, "dealt", who, second)
    };
    let found = audit(stores[0].as_ref(), ALL).await;
    assert_eq!(found, [dealt(1, 100, 0), dealt(2, 100, 2), dealt(1, 101, 5)]);
}

pub async fn refusals_are_audited_as_they_are_given(backend: &dyn Backend) {
    let store = backend.open().await;
    store.record_audit(&[]).await.expect("nothing");
    let events = [
        AuditEvent { origin: Some(origin("one")), times: 7, ..refusal(1, 0) },
        AuditEvent { hotkey: None, subject: Some("/a".into()), ..refusal(1, 1) },
        AuditEvent {
            origin: Some(crate::Origin {
                request_id: "six".into(),
                address: Some(std::net::Ipv6Addr::LOCALHOST.into()),
            }),
            ..refusal(2, 2)
        },
    ];
    store.record_audit(&events).await.expect("recorded");
    assert_eq!(audit(store.as_ref(), ALL).await, events);
}

pub async fn the_audit_is_read_by_hotkey_and_in_pages(backend: &dyn Backend) {
    let store = backend.open().await;
    let store = store.as_ref();
    // Three at each second, not written in the order of time.
    let mut events: Vec<_> =
        (0..30_u8).map(|number| refusal(number % 2, i64::from(number / 3))).collect();
    store.record_audit(&events[15..]).await.expect("recorded");
    store.record_audit(&events[..15]).await.expect("recorded");

    let (mut pages, mut after) = (Vec::new(), None);
    loop {
        let page = store.audit(AuditQuery { after, limit: 7, ..ALL }).await.expect("a page");
        let Some(last) = page.last() else { break };
        after = Some((last.event.at, last.position));
        pages.extend(page.into_iter().map(|entry| entry.event));
    }
    assert_eq!(pages, events);
    events.retain(|event| event.hotkey == Some(hotkey(1)) && event.at >= at(5));
    let query = AuditQuery { hotkey: Some(hotkey(1)), since: at(5), ..ALL };
    assert_eq!(audit(store, query).await, events);
}

pub async fn changes_of_status_are_read_by_hotkey_and_in_pages(backend: &dyn Backend) {
    let store = backend.open().await;
    let store = store.as_ref();
    // In more commits than a page has entries, ids of one hotkey that look like another; then however many wait for one.
    let alike = hex::encode(hotkey(1).as_bytes());
    let first: Vec<_> = (0..6).map(|number| (2, format!("{alike}-{number}"))).collect();
    for (who, id) in &first {
        report(*who, id, "started", 9).to(store).await;
    }
    let then: Vec<_> =
        (0..40_u8).map(|number| (1 + number % 2, format!("{}", number / 2))).collect();
    join_all(then.iter().map(|(who, id)| report(*who, id, "started", 10).to(store))).await;
    let all: Vec<_> = first.into_iter().chain(then).collect();

    for asked in [None, Some(hotkey(1)), Some(hotkey(2)), Some(hotkey(3))] {
        let (mut read, mut after) = (Vec::new(), None);
        loop {
            let query = AuditQuery { hotkey: asked, after, limit: 3, ..ALL };
            let page = store.audit(query).await.expect("a page");
            let Some(last) = page.last() else { break };
            after = Some((last.event.at, last.position));
            read.extend(page.into_iter().map(|entry| (entry.event.hotkey, entry.event.subject)));
        }
        let mut expected: Vec<_> = all
            .iter()
            .map(|(who, id)| (Some(hotkey(*who)), Some(id.clone())))
            .filter(|(who, _)| asked.is_none() || *who == asked)
            .collect();
        read.sort_unstable();
        expected.sort_unstable();
        assert_eq!(read, expected);
    }
}

pub async fn old_entries_of_the_audit_are_pruned(backend: &dyn Backend) {
    let stores = replicas(backend).await;
    let events: Vec<_> = (0..10).map(|second| refusal(1, second)).collect();
    stores[0].record_audit(&events).await.expect("recorded");
    assert_eq!(stores[0].prune_audit(at(7), 5).await, Ok(5));
    assert_eq!(stores[1].prune_audit(at(7), 5).await, Ok(2));
    assert_eq!(stores[0].prune_audit(at(7), 5).await, Ok(0));
    assert_eq!(audit(stores[1].as_ref(), ALL).await, events[7..]);
}

pub async fn what_nobody_proved_is_pruned_apart(backend: &dyn Backend) {
    let stores = replicas(backend).await;
    let of_validator = AuditEvent { proved: true, ..refusal(1, 2) };
    let announced =
        AuditEvent { hotkey: None, proved: false, ..event(AuditKind::Rotation, "announced", 1, 3) };
    let unproved: Vec<_> = (4..8).map(|second| refusal(1, second)).collect();
    let kept = [of_validator, announced];
    stores[0].record_audit(&kept).await.expect("recorded");
    stores[0].record_audit(&unproved).await.expect("recorded");
    assert_eq!(stores[0].prune_unproved(at(4), 2).await, Ok(0));
    assert_eq!(stores[0].prune_unproved(at(7), 2).await, Ok(2));
    assert_eq!(stores[1].prune_unproved(at(7), 2).await, Ok(1));
    let left: Vec<_> = kept.into_iter().chain(unproved.into_iter().skip(3)).collect();
    assert_eq!(audit(stores[1].as_ref(), ALL).await, left);
}

pub async fn old_assignments_are_pruned_and_still_counted(backend: &dyn Backend) {
    let store = backend.open().await;
    let store = store.as_ref();
    for (id, epoch) in [("a", 100), ("b", 100), ("c", 101), ("d", 102)] {
        report(1, id, "completed", 0).while_running(epoch).limited(9).to(store).await;
    }
    let cutoff = epoch_id(102).starts_at();
    assert_eq!(store.prune_assignments(cutoff.minus(Duration::from_secs(1)), 2).await, Ok(2));
    assert_eq!(store.prune_assignments(cutoff, 2).await, Ok(1));
    assert_eq!(store.prune_assignments(cutoff, 2).await, Ok(0));
    for (id, kept) in [("a", false), ("b", false), ("c", false), ("d", true)] {
        assert_eq!(status(store, 1, id).await.is_some(), kept, "{id}");
    }
    assert_eq!(store.tally(1).await.expect("a tally").completed, 4);
    // What is gone may come again.
    report(1, "a", "started", 1).while_running(103).to(store).await;
    assert!(status(store, 1, "a").await.is_some());
}

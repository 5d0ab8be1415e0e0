use futures_util::future::join_all;
use futures_util::stream::{self, StreamExt};
use resi_protocol::wire::AssignmentStatus::{self, Completed, Expired, Failed, Started};

use super::{Backend, TIMEOUT, at, epoch_id, epoch_number, hotkey, replicas, report, status};
use crate::{AssignmentQuery, ReportOutcome, Store};

const EXPIRED: i64 = 4 * 3600;

pub async fn every_step_of_the_table(backend: &dyn Backend) {
    let store = backend.open().await;
    let store = store.as_ref();
    // From what, the report, what it gives, and how it then stands.
    let table = [
        ("none", "started", ReportOutcome::Recorded, (Started, false)),
        ("none", "completed", ReportOutcome::Recorded, (Completed, false)),
        ("none", "failed", ReportOutcome::Recorded, (Failed, false)),
        ("started", "started", ReportOutcome::Unchanged, (Started, false)),
        ("started", "completed", ReportOutcome::Recorded, (Completed, false)),
        ("started", "failed", ReportOutcome::Recorded, (Failed, false)),
        ("completed", "started", ReportOutcome::Ended(Completed), (Completed, false)),
        ("completed", "completed", ReportOutcome::Unchanged, (Completed, false)),
        ("completed", "failed", ReportOutcome::Ended(Completed), (Completed, false)),
        ("failed", "started", ReportOutcome::Ended(Failed), (Failed, false)),
        ("failed", "completed", ReportOutcome::Ended(Failed), (Failed, false)),
        ("failed", "failed", ReportOutcome::Unchanged, (Failed, false)),
        ("overdue", "started", ReportOutcome::Ended(Expired), (Started, false)),
        ("overdue", "completed", ReportOutcome::Recorded, (Completed, true)),
        ("overdue", "failed", ReportOutcome::Recorded, (Failed, true)),
        ("expired", "started", ReportOutcome::Ended(Expired), (Expired, false)),
        ("expired", "completed", ReportOutcome::Recorded, (Completed, true)),
        ("expired", "failed", ReportOutcome::Recorded, (Failed, true)),
    ];
    for (is, reported, outcome, then) in table {
        let id = format!("{is}-{reported}");
        let second = match is {
            "none" => 0,
            "overdue" => {
                assert_eq!(report(1, &id, "started", 0).to(store).await, ReportOutcome::Recorded);
                EXPIRED
            }
            "expired" => {
                assert_eq!(report(1, &id, "started", -1).to(store).await, ReportOutcome::Recorded);
                assert_eq!(store.expire_assignments(at(-1), at(EXPIRED), 100).await, Ok(1));
                EXPIRED + 1
            }
            status => {
                assert_eq!(report(1, &id, status, 0).to(store).await, ReportOutcome::Recorded);
                1
            }
        };
        assert_eq!(report(1, &id, reported, second).to(store).await, outcome, "{id}");
        assert_eq!(status(store, 1, &id).await, Some(then), "{id}");
    }
}

pub async fn the_same_report_again_changes_nothing(backend: &dyn Backend) {
    let store = backend.open().await;
    let store = store.as_ref();
    let first = report(1, "a", "completed", 0).hashed(1).success_rate(0.5);
    assert_eq!(first.clone().to(store).await, ReportOutcome::Recorded);
    let written = store.assignments(hotkey(1), everything()).await.expect("a list");
    let mut again = first.clone();
    again.0.now = at(60);
    again.0.running_epoch = epoch_id(101);
    assert_eq!(again.to(store).await, ReportOutcome::Unchanged);
    for other in
        [first.clone().hashed(2), first.clone().success_rate(0.6), report(1, "a", "completed", 0)]
    {
        assert_eq!(other.to(store).await, ReportOutcome::Ended(Completed));
    }
    assert_eq!(store.assignments(hotkey(1), everything()).await.expect("a list"), written);
}

pub async fn a_late_report_is_marked(backend: &dyn Backend) {
    let store = backend.open().await;
    let store = store.as_ref();
    for (id, second, late) in [("in-time", EXPIRED - 1, false), ("late", EXPIRED, true)] {
        report(1, id, "started", 0).to(store).await;
        assert_eq!(report(1, id, "completed", second).to(store).await, ReportOutcome::Recorded);
        assert_eq!(status(store, 1, id).await, Some((Completed, late)));
        assert_eq!(
            report(1, id, "completed", second + 1).to(store).await,
            ReportOutcome::Unchanged
        );
    }
}

pub async fn statistics_are_kept_as_sent(backend: &dyn Backend) {
    let store = backend.open().await;
    let sent = r#"{"assignment_id":"'; -- \" \\ ~","status":"completed","statistics":{"responses_received":38,
        "success_rate":0.1,"zulu":"\u0000 \\u0000 ä 🦀 \ud83e\udd80","alpha":{"b":[1,2.5,null,true],"a":-9007199254740993}},
        "consensus_hash":"ABababababababababababababababababababababababababababababababab"}"#;
    let mut attempt = report(1, "a", "completed", 0).0;
    attempt.report = serde_json::from_str(sent).expect("a report");
    store.record_report(attempt.clone()).await.expect("an outcome");
    let found =
        store.assignment(hotkey(1), &attempt.report.assignment_id).await.expect("an answer");
    let found = found.expect("an assignment");
    assert_eq!(found.report, attempt.report);
    assert_eq!(
        serde_json::to_string(&found.report).expect("JSON"),
        serde_json::to_string(&attempt.report).expect("JSON")
    );
    assert_eq!(store.record_report(attempt).await, Ok(ReportOutcome::Unchanged));
}

pub async fn an_assignment_belongs_to_the_epoch_it_names(backend: &dyn Backend) {
    let store = backend.open().await;
    let store = store.as_ref();
    report(1, "running", "started", 0).while_running(100).to(store).await;
    report(1, "running", "completed", 1).while_running(101).to(store).await;
    report(1, "named", "started", 2).of_epoch(99).while_running(101).to(store).await;
    report(1, "named", "failed", 3).while_running(102).to(store).await;
    report(1, "moved", "started", 4).of_epoch(99).while_running(101).to(store).await;
    report(1, "moved", "completed", 5).of_epoch(98).while_running(102).to(store).await;
    for (id, epoch, opened_in) in [("running", 100, 100), ("named", 99, 101), ("moved", 98, 101)] {
        let found =
            store.assignment(hotkey(1), &id.parse().expect("an id")).await.expect("an answer");
        let found = found.expect("an assignment");
        assert_eq!((found.epoch, found.opened_in), (epoch_id(epoch), epoch_id(opened_in)), "{id}");
    }
    let tally = store.tally(10).await.expect("a tally");
    let completed: Vec<_> =
        tally.epochs.iter().map(|epoch| (epoch_number(epoch.epoch), epoch.completed)).collect();
    assert_eq!(completed, [(100, 1), (99, 0), (98, 1)]);
    assert_eq!((tally.started, tally.completed, tally.failed), (0, 2, 1));
}

pub async fn validators_do_not_see_each_other(backend: &dyn Backend) {
    let store = backend.open().await;
    let store = store.as_ref();
    report(1, "a", "started", 0).to(store).await;
    report(2, "a", "completed", 0).to(store).await;
    assert_eq!(status(store, 1, "a").await, Some((Started, false)));
    assert_eq!(status(store, 2, "a").await, Some((Completed, false)));
    assert_eq!(status(store, 3, "a").await, None);
    assert_eq!(store.assignments(hotkey(2), everything()).await.expect("a list").len(), 1);
    assert_eq!(store.assignments(hotkey(3), everything()).await.expect("a list"), []);
}

fn count(outcomes: &[ReportOutcome], wanted: ReportOutcome) -> usize {
    outcomes.iter().filter(|outcome| **outcome == wanted).count()
}

pub async fn of_two_replicas_one_ends_an_assignment(backend: &dyn Backend) {
    let stores = replicas(backend).await;
    for limit in [None, Some(1000)] {
        for round in 0..10 {
            let id = format!("race-{limit:?}-{round}");
            let outcomes = join_all((0..20_u8).map(|number| {
                let mut raced =
                    report(1, &id, if number % 2 == 0 { "completed" } else { "failed" }, 0);
                raced.0.new_assignments = limit;
                // Every report is of its own.
                let raced = raced.success_rate(f64::from(number) / 20.0);
                let store = stores[usize::from(number / 2 % 2)].as_ref();
                raced.to(store)
            }))
            .await;
            assert_eq!(count(&outcomes, ReportOutcome::Recorded), 1, "{outcomes:?}");
            let (ended, _) = status(stores[0].as_ref(), 1, &id).await.expect("an assignment");
            assert_eq!(count(&outcomes, ReportOutcome::Ended(ended)), 19, "{outcomes:?}");
        }
    }
    let tally = stores[1].tally(1).await.expect("a tally");
    assert_eq!(tally.completed + tally.failed, 20);
}

pub async fn many_reports_of_one_assignment_at_once_end_it_once(backend: &dyn Backend) {
    let store = backend.open().await;
    let outcomes = join_all((0..300).map(|number| {
        let status = if number == 0 { "started" } else { "completed" };
        report(1, "a", status, 0).to(store.as_ref())
    }))
    .await;
    assert_eq!(count(&outcomes, ReportOutcome::Recorded), 2);
    assert_eq!(count(&outcomes, ReportOutcome::Unchanged), 298);
    let tally = store.tally(1).await.expect("a tally");
    assert_eq!((tally.started, tally.completed), (0, 1));
}

pub async fn known_and_new_assignments_are_reported_at_once(backend: &dyn Backend) {
    let store = backend.open().await;
    let store = store.as_ref();
    let all = |status: &'static str, second: i64| {
        join_all((0..120_u8).map(move |number| async move {
            let id = format!("{}", number / 2);
            // Those of one hotkey are started already, those of the other are new; on Postgres both take one lane.
            report(1 + 2 * (number % 2), &id, status, second).to(store).await
        }))
    };
    for number in 0..60 {
        report(1, &format!("{number}"), "started", 0).to(store).await;
    }
    assert_eq!(all("completed", 1).await, vec![ReportOutcome::Recorded; 120]);
    assert_eq!(all("completed", 2).await, vec![ReportOutcome::Unchanged; 120]);
    assert_eq!(all("failed", 3).await, vec![ReportOutcome::Ended(Completed); 120]);
    let tally = store.tally(1).await.expect("a tally");
    assert_eq!((tally.started, tally.completed, tally.failed), (0, 120, 0));
}

pub async fn new_assignments_are_limited_in_each_epoch(backend: &dyn Backend) {
    let store = backend.open().await;
    let store = store.as_ref();
    let open = async |id: &str, epoch| {
        report(1, id, "started", 0).limited(2).while_running(epoch).to(store).await
    };
    assert_eq!(open("a", 100).await, ReportOutcome::Recorded);
    assert_eq!(open("b", 100).await, ReportOutcome::Recorded);
    assert_eq!(open("c", 100).await, ReportOutcome::TooManyAssignments);
    assert_eq!(status(store, 1, "c").await, None);
    assert_eq!(open("a", 100).await, ReportOutcome::Unchanged);
    let ended = report(1, "a", "completed", 1).limited(2).to(store).await;
    assert_eq!(ended, ReportOutcome::Recorded, "what is open may end");
    assert_eq!(
        open("c", 100).await,
        ReportOutcome::TooManyAssignments,
        "what has ended still counts"
    );
    let backdated = report(1, "c", "started", 0).limited(2).of_epoch(99).to(store).await;
    assert_eq!(
        backdated,
        ReportOutcome::TooManyAssignments,
        "the epoch that runs counts, not the one named"
    );
    assert_eq!(open("c", 101).await, ReportOutcome::Recorded);
    let other = report(2, "c", "started", 0).limited(2).to(store).await;
    assert_eq!(other, ReportOutcome::Recorded, "of another validator");
}

pub async fn the_limit_on_new_assignments_is_exact_across_replicas(backend: &dyn Backend) {
    let stores = replicas(backend).await;
    for round in 0..4 {
        let outcomes = join_all((0..120_u8).map(|number| {
            let store = stores[usize::from(number / 3 % 2)].as_ref();
            let id = format!("{round}-{number}");
            async move {
                report(number % 3, &id, "started", 0)
                    .while_running(round)
                    .limited(7)
                    .to(store)
                    .await
            }
        }))
        .await;
        assert_eq!(count(&outcomes, ReportOutcome::Recorded), 21);
        assert_eq!(count(&outcomes, ReportOutcome::TooManyAssignments), 99);
    }
}

pub async fn assignments_expire(backend: &dyn Backend) {
    let store = backend.open().await;
    let store = store.as_ref();
    for second in 0..5 {
        report(1, &format!("open-{second}"), "started", second).to(store).await;
    }
    report(1, "done", "completed", 0).to(store).await;
    assert_eq!(store.expire_assignments(at(-1), at(EXPIRED), 100).await, Ok(0));
    assert_eq!(store.expire_assignments(at(3), at(EXPIRED), 3).await, Ok(3));
    assert_eq!(store.expire_assignments(at(3), at(EXPIRED), 3).await, Ok(1));
    assert_eq!(store.expire_assignments(at(3), at(EXPIRED), 3).await, Ok(0));
    assert_eq!(status(store, 1, "open-3").await, Some((Expired, false)));
    assert_eq!(status(store, 1, "open-4").await, Some((Started, false)));
    assert_eq!(status(store, 1, "done").await, Some((Completed, false)));
    let found =
        store.assignment(hotkey(1), &"open-0".parse().expect("an id")).await.expect("an answer");
    let found = found.expect("an assignment");
    assert_eq!(
        (found.first_reported_at, found.updated_at, found.revision),
        (at(0), at(EXPIRED), 2)
    );
    assert_eq!(found.status_at(at(EXPIRED), TIMEOUT), Expired);
}

fn everything() -> AssignmentQuery {
    AssignmentQuery {
        status: None,
        expired_at_or_before: at(-1_000_000),
        before: None,
        limit: 1000,
    }
}

async fn ids(store: &dyn Store, query: AssignmentQuery) -> Vec<String> {
    let found = store.assignments(hotkey(1), query).await.expect("a list");
    assert!(found.is_sorted_by(|a, b| a.position > b.position));
    found.into_iter().map(|found| found.report.assignment_id.to_string()).collect()
}

pub async fn assignments_are_listed_newest_first(backend: &dyn Backend) {
    let store = backend.open().await;
    let store = store.as_ref();
    for id in ["a", "b", "c", "d", "e"] {
        report(1, id, "started", 0).to(store).await;
        report(2, id, "started", 0).to(store).await;
    }
    // A change does not move it.
    report(1, "b", "completed", 9).to(store).await;
    assert_eq!(ids(store, everything()).await, ["e", "d", "c", "b", "a"]);
    let mut query = AssignmentQuery { limit: 2, ..everything() };
    let mut pages = Vec::new();
    loop {
        let page = store.assignments(hotkey(1), query).await.expect("a page");
        let Some(last) = page.last() else { break };
        query.before = Some(last.position);
        pages.push(page.len());
    }
    assert_eq!(pages, [2, 2, 1]);
}

pub async fn assignments_are_listed_by_status(backend: &dyn Backend) {
    let store = backend.open().await;
    let store = store.as_ref();
    report(1, "expired", "started", -10).to(store).await;
    assert_eq!(store.expire_assignments(at(-10), at(0), 10).await, Ok(1));
    report(1, "overdue", "started", 0).to(store).await;
    report(1, "started", "started", 1).to(store).await;
    report(1, "completed", "completed", 0).to(store).await;
    report(1, "failed", "failed", 0).to(store).await;
    let by = async |status: AssignmentStatus, limit| {
        let query = AssignmentQuery {
            status: Some(status),
            expired_at_or_before: at(0),
            before: None,
            limit,
        };
        ids(store, query).await
    };
    assert_eq!(by(Started, 10).await, ["started"]);
    assert_eq!(by(Completed, 10).await, ["completed"]);
    assert_eq!(by(Failed, 10).await, ["failed"]);
    assert_eq!(by(Expired, 10).await, ["overdue", "expired"]);
    assert_eq!(by(Expired, 1).await, ["overdue"]);
}

pub async fn pages_do_not_move_while_assignments_are_added(backend: &dyn Backend) {
    let stores = replicas(backend).await;
    for number in 0..6 {
        report(1, &format!("{number}"), "started", 0).to(stores[number % 2].as_ref()).await;
    }
    let first = AssignmentQuery { limit: 3, ..everything() };
    let page = stores[0].assignments(hotkey(1), first).await.expect("a page");
    report(1, "new", "started", 0).to(stores[1].as_ref()).await;
    let next = AssignmentQuery { before: page.last().map(|last| last.position), ..first };
    assert_eq!(ids(stores[1].as_ref(), next).await, ["2", "1", "0"]);
}

pub async fn what_lies_far_back_is_listed(backend: &dyn Backend) {
    let store = backend.open().await;
    let store = store.as_ref();
    report(1, "old", "started", 0).to(store).await;
    let others = (0..4_500).map(|number| {
        let id = format!("{number}");
        async move { report(2, &id, "completed", 1).to(store).await }
    });
    // Not all at once: on a busy machine the last would wait past their deadline.
    let outcomes: Vec<_> = stream::iter(others).buffer_unordered(256).collect().await;
    assert_eq!(count(&outcomes, ReportOutcome::Recorded), 4_500);
    report(1, "new", "started", 2).to(store).await;
    assert_eq!(ids(store, everything()).await, ["new", "old"]);
    let first = AssignmentQuery { limit: 1, ..everything() };
    let newest = store.assignments(hotkey(1), first).await.expect("a page");
    let next = AssignmentQuery { before: newest.last().map(|last| last.position), ..first };
    assert_eq!(ids(store, next).await, ["old"]);
    let theirs = AssignmentQuery { limit: 4_600, ..everything() };
    let theirs = store.assignments(hotkey(2), theirs).await.expect("a list");
    assert!(theirs.is_sorted_by(|a, b| a.position > b.position));
    assert_eq!(theirs.len(), 4_500);
}

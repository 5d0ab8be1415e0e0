use resi_protocol::rotation::{Announcement, RotationKeys, RotationSet};
use resi_protocol::wire::{Epoch, EpochList, EpochState};

use super::*;

impl Recorded {
    /// The walk over all records, with the key pinned.
    fn walk(&self, service: &StandIn) -> Result<Verdict> {
        let key = self.blocks.rotation.public_key.to_string();
        run(&self.clock, &["--history", "--public-key", &key, "--netuid", "46", &service.url("")])
    }

    fn list(&self) -> EpochList {
        serde_json::from_slice(&self.answers[LIST].body).unwrap()
    }
}

fn listed(list: &EpochList) -> [(String, Said); 1] {
    [(LIST.to_owned(), said(list))]
}

#[tokio::test]
async fn the_records_of_a_service_are_verified() {
    let recorded = Recorded::new().await;
    let honest = recorded.walk(&recorded.changed([])).unwrap();
    assert!(honest.is_verified);
    insta::assert_snapshot!("history", honest.text);
    // From a service that announces nothing yet, and from a file.
    let older = recorded.changed([("/api/v1/rotation/keys".into(), Said::not_found())]);
    assert!(recorded.walk(&older).unwrap().is_verified);
    let pages = [&recorded.answers[LIST].body[..], &recorded.answers["/api/v1/rotation/keys"].body];
    let file = recorded.file("pages.json", &pages.join(&b"\n"[..]));
    let key = recorded.blocks.rotation.public_key.to_string();
    let saved = run(&recorded.clock, &["--history", "--public-key", &key, &file]).unwrap();
    assert!(saved.is_verified, "{}", saved.text);
    let unpinned = run(&recorded.clock, &["--history", &file]);
    assert_open(unpinned, &["the rotation key: first contact"]);
    let other = run(&recorded.clock, &["--history", "--netuid", "428", &file]);
    assert_refused(other, "netuid is 46");
    let mut old = recorded.list();
    old.epochs.remove(0);
    let behind = recorded.walk(&recorded.changed(listed(&old)));
    assert_open(behind, &["what came since is not here"]);
    let empty = EpochList { epochs: Vec::new(), next_cursor: None };
    let none = recorded.walk(&recorded.changed(listed(&empty))).unwrap();
    assert!(!none.is_verified && none.text.contains("no records"));
}

#[tokio::test]
async fn records_without_a_signature_are_named_with_what_vouches_for_them() {
    let recorded = Recorded::new().await;
    let mut list = recorded.list();
    for record in &mut list.epochs[1..] {
        record.record_signature = None;
    }
    let chained = recorded.walk(&recorded.changed(listed(&list))).unwrap();
    assert!(chained.is_verified);
    insta::assert_snapshot!("history_of_before", chained.text);
    list.epochs[0].record_signature = None;
    let unsigned = recorded.walk(&recorded.changed(listed(&list)));
    assert_open(unsigned, &["3 records have no signature, and no signed one leads to them"]);

    let mut forged = recorded.list();
    forged.epochs[0].record_signature = forged.epochs[1].record_signature;
    let service = recorded.changed(listed(&forged));
    assert_refused(recorded.walk(&service), "the signature of the record");
    let mut state = recorded.list();
    state.epochs[1].state = EpochState::Running;
    state.epochs[1].revealed_at = state.epochs[1].epoch.starts_at;
    assert_refused(recorded.walk(&recorded.changed(listed(&state))), "by this clock");
}

/// Unlinked records without proof, so many, newest first, before the oldest that is honest.
fn rubbish(recorded: &Recorded, count: u64) -> Vec<EpochResource> {
    let oldest = recorded.list().epochs.pop().unwrap();
    let schedule = oldest.parameters().unwrap().schedule;
    let before = |back| {
        let index = EpochIndex(oldest.epoch.index.0 - back);
        let mut record = oldest.clone();
        record.epoch = Epoch {
            id: schedule.id(index),
            index,
            starts_at: schedule.starts_at(index),
            ends_at: schedule.ends_at(index),
        };
        record.revealed_at = record.epoch.ends_at;
        (record.rotation.signature, record.record_signature) = (None, None);
        record
    };
    (1..=count).map(before).collect()
}

#[tokio::test]
async fn a_cursor_that_does_not_move_is_read_once() {
    let recorded = Recorded::new().await;
    let mut full = recorded.list();
    full.epochs.extend(rubbish(&recorded, 97));
    let last = full.epochs[99].epoch.id.to_string();
    let newest = full.epochs[0].epoch.id.to_string();
    let answer = |records: usize, cursor: String| {
        let mut page = full.clone();
        page.epochs.truncate(records);
        page.next_cursor = Some(cursor);
        page
    };
    let evil = format!("\u{1b}[2J{}", "x".repeat(10_000));
    // Short of full, empty, with a cursor that goes up, and with one that is none.
    for page in [
        answer(99, full.epochs[98].epoch.id.to_string()),
        answer(0, last.clone()),
        answer(100, newest),
        answer(100, evil),
    ] {
        let service = recorded.changed(listed(&page));
        assert_refused(recorded.walk(&service), "the next page would begin");
        assert_eq!(service.asked(), 2, "the announcements, and one page");
    }
    // The same page for ever.
    let page = said(&answer(100, last));
    let service = StandIn::new(move |path| {
        if path.contains("/rotation/keys") { Said::not_found() } else { page.clone() }
    });
    assert_refused(recorded.walk(&service), "is listed before that of");
    assert_eq!(service.asked(), 3);
}

#[tokio::test]
async fn what_a_walk_prints_does_not_grow_with_what_it_is_shown() {
    let recorded = Recorded::new().await;
    let mut list = recorded.list();
    list.epochs.extend(rubbish(&recorded, 5_000));
    list.epochs.retain(|record| record.epoch.index.0 % 2 == 0);
    for (at, record) in list.epochs.iter_mut().enumerate() {
        (record.prev_sha256, record.record_signature) = (None, None);
        record.rotation.zipcodes_per_epoch = 1_000 - u32::try_from(at % 3 / 2).unwrap();
        record.rotation.signature = None;
    }
    list.epochs.truncate(1_400);
    let verdict = recorded.walk(&recorded.changed(listed(&list))).unwrap();
    assert!(!verdict.is_verified && verdict.text.contains("Not verified"), "{}", verdict.text);
    assert_is_shown(&verdict.text);
    list.epochs.extend(rubbish(&recorded, 5_000).split_off(2_900));
    let file = recorded.file("pages.json", &said(&list).body);
    assert_refused(run(&recorded.clock, &["--history", &file]), "at most 100");
}

#[tokio::test]
async fn forged_announcements_are_looked_at_once_each_and_not_all() {
    let recorded = Recorded::new().await;
    let before = recorded.list().epochs[0].parameters().unwrap();
    let key = RotationKey::from_mini_secret(&[7; 32]);
    let set = RotationSet::new(key.public(), &before);
    let from = before.schedule.id(EpochIndex(200_000));
    let honest = Announcement::sign(&key, 46, from, recorded.clock.now(), &before, set);
    let forged = |number: u64| {
        let mut bytes = [0; 64];
        bytes[..8].copy_from_slice(&number.to_be_bytes());
        Announcement { signature: Signature::from_bytes(bytes), ..honest }
    };
    let answer = |count| {
        let keys = RotationKeys::new(46, set, (0..count).map(forged).collect());
        [("/api/v1/rotation/keys".to_owned(), said(&keys))]
    };
    let some = recorded.walk(&recorded.changed(answer(2_000))).unwrap();
    assert!(some.text.contains("--   1744 announcements beyond the first 256"), "{}", some.text);
    assert_is_shown(&some.text);
    assert_refused(recorded.walk(&recorded.changed(answer(40_000))), "larger than any answer");
}

use std::time::Duration;

use resi_data_api::app::LimitSettings;
use resi_data_api::registry::OpenRegistry;
use resi_protocol::{EpochId, Timestamp};
use serde_json::json;

use crate::harness::{Answer, Backend, Database, EPOCH_SECONDS, Options, START, Service, on_both};

on_both!(
    a_report_names_one_of_the_last_epochs,
    an_epoch_in_which_nothing_was_dealt_is_unknown_but_before_the_first_record,
);

const HOUR: i64 = 60 * 60;

/// The epoch that begins so many hours after that of the start.
fn epoch(hours: i64) -> String {
    EpochId::starting_at(Timestamp::from_seconds(START - 90 * 60 + hours * HOUR)).to_string()
}

async fn report(service: &Service, token: &str, hours: i64) -> Answer {
    let id = format!("of {hours}");
    let body = json!({ "assignment_id": id, "status": "completed", "epoch_id": epoch(hours) });
    service.report(token, &body).await
}

async fn a_report_names_one_of_the_last_epochs(backend: Backend) {
    let service = Service::start(backend).await;
    let token = service.token("Alice").await;
    for hours in [0, -4, -4 * 42] {
        report(&service, &token, hours).await.is_ok();
    }
    for hours in [4, 400, -4 * 43, -4 * 1_000] {
        let answer = report(&service, &token, hours).await;
        answer.is_error(400, "UNKNOWN_EPOCH");
        assert!(answer.json["error"].as_str().unwrap().starts_with("epoch_id: "), "{answer:?}");
    }
    report(&service, &token, -1).await.is_error(400, "INVALID_REQUEST");
    service.turn().await;
    let statistics = service.get("/api/v1/statistics").await;
    assert_eq!(statistics.is_ok()["epochs"].as_array().map(Vec::len), Some(3));
    service.stop().await;
}

/// A replica that was there knows what was dealt while no record could be written; others go by the records.
async fn an_epoch_in_which_nothing_was_dealt_is_unknown_but_before_the_first_record(
    backend: Backend,
) {
    let database = Database::new(backend).await;
    let clock = Options::default().clock;
    let options = || Options { clock: clock.clone(), ..Options::default() };
    let epoch_long = Duration::from_secs(EPOCH_SECONDS.into());
    let first = Service::on(&database, options()).await;
    // The epoch of 12:00 has a record, the one of 16:00 none, the one of 20:00 lost it, the one of midnight runs.
    clock.advance(epoch_long);
    first.turn().await;
    clock.advance(epoch_long * 2);
    first.turn().await;
    let lost = START - 90 * 60 + 12 * HOUR;
    database.execute(&format!("DELETE FROM epochs WHERE epoch = {lost}")).await;
    clock.advance(epoch_long);
    first.turn().await;
    let token = first.token("Alice").await;
    let second = Service::on(&database, options()).await;
    for (hours, known) in [(-4, [true; 2]), (4, [true; 2]), (8, [false; 2]), (12, [true, false])] {
        for (service, known) in [&first, &second].into_iter().zip(known) {
            // What was looked up is remembered.
            for _ in 0..2 {
                let answer = report(service, &token, hours).await;
                match known {
                    true => drop(answer.is_ok()),
                    false => answer.is_error(400, "UNKNOWN_EPOCH"),
                }
            }
        }
    }
    first.stop().await;
    second.stop().await;
    database.remove().await;
}

#[tokio::test]
async fn a_mock_takes_the_name_of_any_epoch() {
    let registry = Box::new(OpenRegistry { kind: "mock" });
    let options =
        Options { mock: true, limits: LimitSettings::NONE, registry, ..Options::default() };
    let service = Service::with(Backend::Sqlite, options).await;
    let token = service.token("Alice").await;
    for hours in [4, 400, -1, -4 * 43, -4 * 40_000] {
        report(&service, &token, hours).await.is_ok();
    }
    service.stop().await;
}

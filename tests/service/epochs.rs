use std::time::Duration;

use resi_data_api::clock::Clock as _;
use resi_protocol::rotation::{
    Part, Pinned, Pool, Question, Voucher, verify_epoch, verify_history,
};
use resi_protocol::wire::{EpochList, EpochResource, PoolResource};
use serde_json::{Value, json};

use crate::harness::{Backend, Options, Service, on_both};

on_both!(
    an_epoch_is_revealed_when_it_has_ended,
    epochs_are_listed_by_page,
    records_are_a_chain_that_shows_a_gap
);

async fn an_epoch_is_revealed_when_it_has_ended(backend: Backend) {
    let service = Service::start(backend).await;
    let path = "/api/v1/epochs/2025-01-15T08-00-00";
    for path in [path, "/api/v1/epochs/current"] {
        let running = service.get(path).await;
        assert_eq!(running.is_ok()["state"], "running");
        assert_eq!(running.json["revealed_at"], "2025-01-15T12:00:00Z");
        assert_eq!(
            (running.json.get("zipcodes"), running.json["rotation"].get("signature")),
            (None, None)
        );
        assert_eq!(running.json["rotation"]["pool_size"], 7572);
        assert_eq!(running.header("access-control-allow-origin"), Some("*"));
    }
    for (id, status, code) in [
        ("2025-01-15T12-00-00", 404, "NOT_FOUND"),
        ("2025-01-15T04-00-00", 404, "NOT_FOUND"),
        ("2025-01-15T08-00-01", 404, "NOT_FOUND"),
        ("2025-01-15", 400, "INVALID_REQUEST"),
        ("%FF", 400, "INVALID_REQUEST"),
    ] {
        service.get(&format!("/api/v1/epochs/{id}")).await.is_error(status, code);
    }
    let token = service.token("Alice").await;
    let blocks = service.get_with("/api/v1/validator-data", &token).await;

    service.clock.advance(Duration::from_secs(9_000));
    service.turn().await;
    let ended = service.get(path).await;
    assert_eq!(ended.is_ok()["state"], "ended");
    assert_eq!(ended.header("cache-control"), Some("public, max-age=31536000, immutable"));
    assert_eq!(ended.json["rotation"]["signature"], blocks.json["rotation"]["signature"]);
    let dealt: Vec<&Value> = blocks.json["data_blocks"]
        .as_object()
        .unwrap()
        .values()
        .flat_map(|b| b["zipcodes"].as_array().unwrap())
        .collect();
    assert_eq!(ended.json["zipcodes"].as_array().unwrap().iter().collect::<Vec<_>>(), dealt);
    let epoch: EpochResource = serde_json::from_slice(&ended.body).unwrap();
    let pool = service.get(&format!("/api/v1/pools/{}", epoch.rotation.pool_sha256)).await;
    let pool: PoolResource = serde_json::from_slice(&pool.body).unwrap();
    let (pool, now) = (Pool::new(pool.zipcodes).unwrap(), service.clock.now());
    let question = Question { epoch: Some(epoch.epoch.id), at: Some(now), ..Question::default() };
    let verified = verify_epoch(&epoch, &pool, &Pinned::default(), &question).unwrap();
    assert_eq!(verified.voucher(Part::Record), Some(Voucher::RecordSignature));
    service.get(&format!("/api/v1/pools/{}", "00".repeat(32))).await.is_error(404, "NOT_FOUND");
    service.get("/api/v1/pools/x").await.is_error(400, "INVALID_REQUEST");
    service.stop().await;
}

async fn epochs_are_listed_by_page(backend: Backend) {
    let service = Service::start(backend).await;
    for _ in 0..4 {
        service.clock.advance(Duration::from_secs(14_400));
        service.turn().await;
    }
    let mut ids = Vec::new();
    let mut path = "/api/v1/epochs?limit=2".to_owned();
    loop {
        let page = service.get(&path).await;
        for row in page.is_ok()["epochs"].as_array().unwrap() {
            let revealed = row["rotation"].get("signature").is_some();
            assert_eq!(revealed, row["state"] == "ended");
            assert_eq!(row.get("zipcodes"), None);
            ids.push(row["epoch"]["id"].as_str().unwrap().to_owned());
        }
        let Some(cursor) = page.json["next_cursor"].as_str() else { break };
        path = format!("/api/v1/epochs?limit=2&cursor={cursor}");
    }
    assert_eq!(
        ids,
        [
            "2025-01-16T00-00-00",
            "2025-01-15T20-00-00",
            "2025-01-15T16-00-00",
            "2025-01-15T12-00-00",
            "2025-01-15T08-00-00"
        ]
    );
    for query in [
        "cursor=x",
        "cursor=-1",
        "cursor=1",
        "limit=0",
        "cursor=2025-01-15T08-00-00&cursor=2025-01-15T08-00-00",
    ] {
        service.get(&format!("/api/v1/epochs?{query}")).await.is_error(400, "INVALID_REQUEST");
    }
    let far = service.get("/api/v1/epochs?cursor=9999-12-30T20-00-00").await;
    assert_eq!(far.is_ok()["epochs"][0]["epoch"]["id"], json!("2025-01-16T00-00-00"));
    service.stop().await;
}

async fn records_are_a_chain_that_shows_a_gap(backend: Backend) {
    let service = Service::start(backend).await;
    for epochs in [1, 1, 3] {
        service.clock.advance(Duration::from_secs(epochs * 14_400));
        service.turn().await;
    }
    let list = service.get("/api/v1/epochs").await;
    let list: EpochList = serde_json::from_slice(&list.body).unwrap();
    let current = service.get("/api/v1/epochs/current").await;
    assert_eq!(current.json["prev_sha256"], json!(list.epochs[0].prev_sha256.unwrap()));
    let history = verify_history(&list.epochs, &[], service.clock.now()).unwrap();
    assert_eq!((history.records, history.linked, history.proved), (4, 3, 3));
    assert_eq!((history.gaps.count, history.gaps.first[0].epochs), (1, 2));
    assert_eq!(history.signed, 4);
    assert!(history.is_complete(), "{history:?}");
    let first = service.get(&format!("/api/v1/epochs/{}", list.epochs[3].epoch.id)).await;
    assert_eq!(first.is_ok().get("prev_sha256"), None);
    service.stop().await;
}

#[tokio::test]
async fn an_operator_may_reveal_at_the_start() {
    let service =
        Service::with(Backend::Sqlite, Options { reveal_at_start: true, ..Options::default() })
            .await;
    for path in ["/api/v1/epochs/current", "/api/v1/epochs/2025-01-15T08-00-00"] {
        let running = service.get(path).await;
        assert_eq!(running.is_ok()["revealed_at"], "2025-01-15T08:00:00Z");
        assert_eq!(running.json["zipcodes"].as_array().unwrap().len(), 1_000);
    }
    service.get("/api/v1/epochs/2025-01-15T12-00-00").await.is_error(404, "NOT_FOUND");
    service.stop().await;
}

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use resi_data_api::clock::Clock as _;
use resi_protocol::rotation::{
    Known, Part, Pinned, Pool, Question, Voucher, verify_blocks, verify_epoch, verify_history,
};
use resi_protocol::wire::{EpochList, EpochResource, PoolResource, ValidatorData};

use crate::harness::{Backend, Options, Service, on_both};

on_both!(decoys_are_committed_to_and_revealed_when_the_epoch_has_ended);

async fn decoys_are_committed_to_and_revealed_when_the_epoch_has_ended(backend: Backend) {
    let options = || Options { honeypots: 20, reveal_at_start: true, ..Options::default() };
    let service = Service::with(backend, options()).await;
    let token = service.token("Alice").await;
    let answer = service.get_with("/api/v1/validator-data", &token).await;
    let other = Service::on_store(Arc::clone(&service.app.store), options()).await;
    let same = other.get_with("/api/v1/validator-data", &token).await;
    assert_eq!(answer.body, same.body, "from every replica");

    let blocks: ValidatorData = serde_json::from_slice(&answer.body).unwrap();
    let pool = service.get(&format!("/api/v1/pools/{}", blocks.rotation.pool_sha256)).await;
    for word in ["decoy", "salt", "\"honeypots\""] {
        for body in [&answer.body, &pool.body] {
            assert!(!String::from_utf8_lossy(body).contains(word), "{word}");
        }
    }
    let pool: PoolResource = serde_json::from_slice(&pool.body).unwrap();
    let pool = Pool::new(pool.zipcodes).unwrap();
    let (known, question) = (Pinned::default(), Question::default());
    let verified = verify_blocks(&blocks, &pool, &known, &question).unwrap();
    let honeypots_sha256 = blocks.rotation.honeypots_sha256;
    assert!(honeypots_sha256.is_some() && verified.zipcodes.len() == 1_000);

    let path = format!("/api/v1/epochs/{}", blocks.epoch.id);
    for path in [&path, "/api/v1/epochs/current"] {
        let running = service.get(path).await;
        let running: EpochResource = serde_json::from_slice(&running.body).unwrap();
        assert!(running.zipcodes.is_some() && running.honeypots.is_none());
        assert_eq!(running.rotation.honeypots_sha256, honeypots_sha256);
    }
    service.clock.advance(Duration::from_secs(14_400));
    service.turn().await;
    let ended = service.get(&path).await;
    let ended: EpochResource = serde_json::from_slice(&ended.body).unwrap();
    let found = verify_epoch(&ended, &pool, &known, &question).unwrap();
    assert_eq!(found.voucher(Part::Honeypots), Some(Voucher::RecordSignature));
    let kept = Pinned { honeypots_sha256: honeypots_sha256.map(Known::pinned), ..known };
    let decoys = verify_epoch(&ended, &pool, &kept, &question).unwrap().honeypots;
    let post_boxes: HashSet<_> =
        resi_zipcodes::embedded_po_boxes().into_iter().map(|entry| entry.zipcode).collect();
    assert!((5..50).contains(&decoys.len()), "{} decoys", decoys.len());
    assert!(decoys.iter().all(|decoy| post_boxes.contains(decoy)));
    let dealt = ended.zipcodes.unwrap();
    let all = dealt.iter().filter(|zipcode| post_boxes.contains(zipcode));
    assert!(all.eq(&decoys), "these and no others");

    let list = service.get("/api/v1/epochs").await;
    let list: EpochList = serde_json::from_slice(&list.body).unwrap();
    assert_eq!(verify_history(&list.epochs, &[], service.clock.now()).unwrap().linked, 1);
    service.stop().await;
}

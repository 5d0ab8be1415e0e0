use axum::body::Body;
use axum::http::Request;
use resi_data_api::http::client_address::Peer;

use crate::harness::{Answer, Backend, EPOCH_SECONDS, Service, on_both};

on_both!(what_asks_the_database_is_limited_by_address_and_what_a_cache_has_is_not);

async fn what_asks_the_database_is_limited_by_address_and_what_a_cache_has_is_not(
    backend: Backend,
) {
    let service = Service::start(backend).await;
    let from = async |address: u8, path: &str| -> Answer {
        let mut request = Request::get(path).body(Body::empty()).unwrap();
        request.extensions_mut().insert(Peer(([10, 0, 0, address], 9).into()));
        service.send(request).await
    };
    service.clock.advance(std::time::Duration::from_secs(EPOCH_SECONDS.into()));
    service.turn().await;
    const ENDED: &str = "/api/v1/epochs/2025-01-15T08-00-00";
    let current = from(1, "/api/v1/epochs/current").await;
    let sha256 = current.is_ok()["rotation"]["pool_sha256"].as_str().unwrap().to_owned();
    let pool = format!("/api/v1/pools/{sha256}");
    for cached in [ENDED, &pool] {
        from(9, cached).await.is_ok();
    }

    let none = format!("/api/v1/pools/{}", "0".repeat(64));
    for (address, path, status) in [
        (1, "/api/v1/epochs", 200),
        (2, "/api/v1/epochs/1970-01-01T00-00-00", 404),
        (3, "/api/v1/epochs/2025-01-15T12-00-00", 200),
        (4, none.as_str(), 404),
    ] {
        for _ in 0..200 {
            assert_eq!(from(address, path).await.status.as_u16(), status, "{path}");
        }
        let limited = from(address, path).await;
        limited.is_error(429, "RATE_LIMITED");
        assert_eq!(limited.header("retry-after"), Some("1"));
        assert_eq!(limited.header("access-control-allow-origin"), Some("*"));
        for cached in [ENDED, &pool, "/api/v1/epochs/current", "/api/v1/rotation/keys"] {
            from(address, cached).await.is_ok();
        }
        from(100 + address, path).await.json.as_object().unwrap();
    }
    service.stop().await;
}

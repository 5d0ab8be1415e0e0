use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use serde_json::json;

use crate::harness::{Backend, Service, bearer};

#[tokio::test]
async fn bodies_that_are_no_request_for_access_name_what_is_wrong() {
    let service = Service::start(Backend::Sqlite).await;
    let good = service.access_body("Alice", "ZILLOW_SOLD");
    let with = |field: &str, value: &str| {
        let mut text = good.clone();
        text[field] = json!("@");
        text.to_string().replace("\"@\"", value)
    };
    for (body, named) in [
        (String::new(), "body"),
        ("null".into(), "body"),
        ("[]".into(), "body"),
        ("{".into(), "body"),
        ("\u{0}".into(), "body"),
        ("[".repeat(4_000), "body"),
        (
            json!([good["hotkey"], good["timestamp"], good["signature"], good["sources"]])
                .to_string(),
            "body",
        ),
        (format!("{good} x"), "body"),
        (good.to_string().replace("\"hotkey\"", "\"hotkeys\""), "hotkey"),
        (with("hotkey", "1"), "hotkey"),
        (with("hotkey", "null"), "hotkey"),
        (with("signature", "{}"), "signature"),
        (with("sources", "[\"ZILLOW_SOLD\"]"), "sources"),
        (with("timestamp", "\"1736933400\""), "timestamp"),
        (with("timestamp", "1736933400.0"), "timestamp"),
        (with("timestamp", "1e9"), "timestamp"),
        (with("timestamp", "1000000000000000000000000000000"), "timestamp"),
        (with("timestamp", "true"), "timestamp"),
        (good.to_string().replace('{', "{\"timestamp\":1,"), "timestamp"),
    ] {
        let answer = service.post("/get-validator-access", body.clone()).await;
        answer.is_error(400, "INVALID_REQUEST");
        let message = answer.json["error"].as_str().unwrap();
        assert!(message.contains(named), "{}: {message}", &body[..body.len().min(80)]);
    }
    for timestamp in ["-1", "0", "9223372036854775807", "-9223372036854775808"] {
        let answer = service.post("/get-validator-access", with("timestamp", timestamp)).await;
        answer.is_error(400, "TIMESTAMP_OUT_OF_RANGE");
    }
    for hotkey in
        ["\"\"", "\"5\"", "\"15oF4uVJwmo4TdGW7VfQxNLavjCXviqxT9S1MgbjMNHr6Sp5\"", "\"\\u0000\""]
    {
        service
            .post("/get-validator-access", with("hotkey", hotkey))
            .await
            .is_error(400, "INVALID_HOTKEY");
    }
    for signature in ["\"\"", "\"0x\"", "\"zz\"", "\"é\""] {
        service
            .post("/get-validator-access", with("signature", signature))
            .await
            .is_error(401, "INVALID_SIGNATURE");
    }
    service.stop().await;
}

#[tokio::test]
async fn large_bodies_are_refused_whether_they_are_announced_or_not() {
    let service = Service::start(Backend::Sqlite).await;
    let large = vec![b' '; 5 * 1024 * 1024];
    service.post("/get-validator-access", large.clone()).await.is_error(413, "BODY_TOO_LARGE");
    let announced = |length: &str| {
        let request = Request::post("/get-validator-access").header("Content-Length", length);
        request.header("Expect", "100-continue").body(Body::from(large.clone())).unwrap()
    };
    service.send(announced("5242880")).await.is_error(413, "BODY_TOO_LARGE");
    let padded = format!("{:>4096}", service.access_body("Alice", "ZILLOW_SOLD").to_string());
    service.post("/get-validator-access", padded.clone()).await.is_ok();
    service
        .post("/get-validator-access", format!(" {padded}"))
        .await
        .is_error(413, "BODY_TOO_LARGE");

    let token = service.token("Bob").await;
    let deep = format!(
        r#"{{"assignment_id":"a","status":"started","statistics":{{"x":{}1{}}}}}"#,
        "[".repeat(7_000),
        "]".repeat(7_000)
    );
    let request =
        bearer(Method::POST, "/api/v1/assignment-status", &token).body(deep.into()).unwrap();
    service.send(request).await.is_error(400, "INVALID_REQUEST");
    service.stop().await;
}

#[tokio::test]
async fn unknown_paths_and_wrong_methods_have_the_shape_of_all_errors() {
    let service = Service::start(Backend::Sqlite).await;
    for path in ["/nothing", "/api/v1/", "/api/v1/epochs/a/b", "//", "/api/v1/assignments/%FF/x"] {
        service.get(path).await.is_error(404, "NOT_FOUND");
    }
    for (method, path) in [
        (Method::GET, "/get-validator-access"),
        (Method::DELETE, "/health"),
        (Method::POST, "/api/v1/validator-data"),
        (Method::PATCH, "/api/v1/epochs/current"),
    ] {
        let answer = service
            .send(Request::builder().method(&method).uri(path).body(Body::empty()).unwrap())
            .await;
        answer.is_error(405, "METHOD_NOT_ALLOWED");
        assert!(answer.header("allow").is_some(), "{method} {path}");
    }
    let head = service.send(Request::head("/health").body(Body::empty()).unwrap()).await;
    assert_eq!((head.status, head.body.len()), (StatusCode::OK, 0));
    let token = service.token("Alice").await;
    service.get_with("/api/v1/assignments/%FF", &token).await.is_error(400, "INVALID_REQUEST");
    service.get_with("/api/v1/assignments/%0A", &token).await.is_error(400, "INVALID_REQUEST");
    service.stop().await;
}

#[tokio::test]
async fn authorization_that_is_no_token_of_ours() {
    let service = Service::start(Backend::Sqlite).await;
    let token = service.token("Alice").await;
    let ask = async |values: &[&str]| {
        let mut request = Request::get("/api/v1/validator-data");
        for value in values {
            request = request.header("Authorization", *value);
        }
        service.send(request.body(Body::empty()).unwrap()).await
    };
    for values in [vec![], vec![""], vec!["Bearer"], vec!["Bearer "]] {
        let answer = ask(&values).await;
        answer.is_error(401, "MISSING_TOKEN");
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
    }
    let good = format!("Bearer {token}");
    let spaced = format!("Bearer {} {}", &token[..20], &token[20..]);
    let cut = &good[..good.len() - 4];
    for values in [
        vec!["Basic YTpi"],
        vec!["Bearer x"],
        vec![spaced.as_str()],
        vec![cut],
        vec![&good, &good],
        vec!["Bearer a.b.c"],
    ] {
        ask(&values).await.is_error(401, "INVALID_TOKEN");
    }
    for scheme in ["Bearer", "bearer", "BEARER"] {
        ask(&[&format!("{scheme} {token}")]).await.is_ok();
    }
    service.stop().await;
}

#[tokio::test]
async fn request_ids_are_taken_over_when_they_are_sane() {
    let service = Service::start(Backend::Sqlite).await;
    let ask = async |id: &str| {
        let request =
            Request::get("/nothing").header("X-Request-Id", id).body(Body::empty()).unwrap();
        service.send(request).await
    };
    assert_eq!(ask("trace-42").await.json["request_id"], "trace-42");
    for insane in ["", "a b", "\"", &"x".repeat(200)] {
        let answer = ask(insane).await;
        answer.is_error(404, "NOT_FOUND");
        assert_eq!(answer.json["request_id"].as_str().unwrap().len(), 26);
    }
    service.stop().await;
}

use axum::http::StatusCode;
use resi_data_api::endpoints::openapi;
use resi_protocol::wire::ErrorCode;
use serde_json::{Value, json};

use crate::harness::{Backend, Service};

const CHECKED_IN: &str = include_str!("../../openapi/resi-data-api.json");

#[test]
fn the_checked_in_document_is_the_one_of_the_router() {
    assert!(
        openapi::text() == CHECKED_IN,
        "run: cargo run -q -- openapi > openapi/resi-data-api.json, and look at what changed"
    );
}

#[tokio::test]
async fn the_document_and_its_page_are_served_from_inside() {
    let service = Service::start(Backend::Sqlite).await;
    let served = service.get("/openapi.json").await;
    assert_eq!(served.is_ok(), &serde_json::from_str::<Value>(CHECKED_IN).unwrap());
    assert_eq!(served.json["openapi"].as_str().unwrap().split_once('.').unwrap().0, "3");
    assert!(served.json["openapi"].as_str().unwrap().starts_with("3.1"));
    let page = service.get("/docs/").await;
    assert_eq!(page.status, StatusCode::OK);
    for file in ["swagger-ui.css", "swagger-ui-bundle.js", "swagger-initializer.js"] {
        assert_eq!(service.get(&format!("/docs/{file}")).await.status, StatusCode::OK, "{file}");
    }
    let initializer =
        String::from_utf8(service.get("/docs/swagger-initializer.js").await.body).unwrap();
    assert!(initializer.contains("/openapi.json"));
    assert_eq!(service.get("/").await.header("content-type"), Some("text/html; charset=utf-8"));
    service.stop().await;
}

/// Every property has a description and an example, or refers to a schema that does.
#[test]
fn every_field_is_described_by_word_and_example() {
    let document: Value = serde_json::from_str(CHECKED_IN).unwrap();
    let mut bare = Vec::new();
    for (schema, definition) in document["components"]["schemas"].as_object().unwrap() {
        for (name, property) in definition["properties"].as_object().into_iter().flatten() {
            let refers = property.get("$ref").is_some()
                || property.get("oneOf").is_some()
                || property.get("allOf").is_some();
            let lists_schemas = property["items"].get("$ref").is_some();
            if property.get("description").is_none() && !refers {
                bare.push(format!("{schema}.{name} has no description"));
            }
            if property.get("example").is_none()
                && property.get("examples").is_none()
                && !refers
                && !lists_schemas
            {
                bare.push(format!("{schema}.{name} has no example"));
            }
        }
    }
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                if parameter.get("description").is_none() || parameter.get("example").is_none() {
                    bare.push(format!("{method} {path} {} is bare", parameter["name"]));
                }
            }
        }
    }
    assert!(bare.is_empty(), "{bare:#?}");
}

#[test]
fn every_code_is_explained_and_has_the_name_that_is_sent() {
    let document: Value = serde_json::from_str(CHECKED_IN).unwrap();
    let names: Vec<_> = ErrorCode::ALL.iter().map(|code| code.name()).collect();
    assert_eq!(document["components"]["schemas"]["ErrorCode"]["enum"], json!(names));
    assert_eq!(serde_json::to_value(ErrorCode::ALL).unwrap(), json!(names));
    for code in ErrorCode::ALL {
        assert!(CHECKED_IN.contains(&format!("| `{code}` | {} |", code.status())), "{code}");
    }
}

//! Reading bodies: bounded in size and time, and every error with its field.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, Request, header};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use resi_protocol::wire::ErrorCode;
use serde::de::DeserializeOwned;

use crate::error::ApiError;

/// In which time a body must have arrived.
pub const BODY_DEADLINE: Duration = Duration::from_secs(10);
/// So much of a body that is too large is read and thrown away, so that the client gets to read the answer.
const MAX_DRAINED: usize = 16 * 1024 * 1024;

/// Reads a JSON body of at most `limit` bytes. `Content-Type` is not looked at: older clients send what they like.
///
/// # Errors
/// 400 with the field, 408 when the body is slow, 413 when it is large.
pub async fn json<T: DeserializeOwned>(
    request: Request<Body>,
    limit: usize,
) -> Result<T, ApiError> {
    let (parts, body) = request.into_parts();
    let bytes = read(&parts.headers, body, limit).await?;
    // serde would also read a list, as the fields in their order.
    if bytes.iter().find(|byte| !byte.is_ascii_whitespace()).is_some_and(|first| *first != b'{') {
        return Err(ApiError::invalid("body", "must be a JSON object"));
    }
    let mut deserializer = serde_json::Deserializer::from_slice(&bytes);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = error.path().to_string();
        let reason = error.into_inner();
        // An error in the body as a whole, such as a missing field, has the path of a dot; one in its syntax has a ?.
        if path == "." || path.contains('?') {
            not_json(&reason)
        } else {
            ApiError::invalid(&path, reason)
        }
    })?;
    deserializer.end().map_err(|error| not_json(&error))?;
    Ok(value)
}

fn not_json(error: &serde_json::Error) -> ApiError {
    ApiError::invalid("body", error)
}

/// Reads a body of at most `limit` bytes.
///
/// # Errors
/// 408 when it is slow, 413 when it is large.
pub async fn read(headers: &HeaderMap, body: Body, limit: usize) -> Result<Bytes, ApiError> {
    let read = tokio::time::timeout(BODY_DEADLINE, read_all(headers, body, limit)).await;
    read.unwrap_or_else(|_| {
        let message = format!("The body did not arrive within {} s", BODY_DEADLINE.as_secs());
        Err(ApiError::new(ErrorCode::RequestTimeout, message))
    })
}

async fn read_all(headers: &HeaderMap, mut body: Body, limit: usize) -> Result<Bytes, ApiError> {
    let too_large =
        || ApiError::new(ErrorCode::BodyTooLarge, format!("The body is larger than {limit} bytes"));
    let announced = content_length(headers);
    let waits_for_us = headers.contains_key(header::EXPECT);
    if announced.is_some_and(|length| length > MAX_DRAINED || (length > limit && waits_for_us)) {
        return Err(too_large());
    }
    let mut bytes = BytesMut::with_capacity(announced.unwrap_or(0).min(limit));
    let mut total = 0_usize;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| ApiError::invalid("body", "the connection broke off"))?;
        if let Some(data) = frame.data_ref() {
            total = total.saturating_add(data.len());
            if total > MAX_DRAINED {
                break;
            }
            if total <= limit {
                bytes.extend_from_slice(data);
            }
        }
    }
    if total > limit { Err(too_large()) } else { Ok(bytes.freeze()) }
}

fn content_length(headers: &HeaderMap) -> Option<usize> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

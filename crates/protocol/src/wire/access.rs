use serde::{Deserialize, Serialize};

use crate::{Sources, Timestamp};

/// What a validator signs to ask for access: `api:data:request:{hotkey}:{timestamp}:{sources}`, with hotkey and sources
/// exactly as they stand in the request.
pub fn signing_message(hotkey: &str, timestamp: i64, sources: &str) -> String {
    format!("api:data:request:{hotkey}:{timestamp}:{sources}")
}

/// Body of `POST /get-validator-access`.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AccessRequest {
    /// SS58 address (prefix 42) of the validator's hotkey.
    #[cfg_attr(
        feature = "openapi",
        schema(example = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty")
    )]
    pub hotkey: String,
    /// Unix seconds at which the request was signed; at most 300 s from the clock of the service.
    #[cfg_attr(feature = "openapi", schema(example = 1_705_312_800))]
    pub timestamp: i64,
    /// sr25519 signature over `api:data:request:{hotkey}:{timestamp}:{sources}`, 128 hex digits with or without `0x`.
    #[cfg_attr(
        feature = "openapi",
        schema(
            example = "0xe4e073704de1900df8680a6bc8f7ae5de3e0e15d87b25a6571b2ffded1bb586beafcac4fc2fc3084305aa7f4a27d81d40b01220ea58465a3df9400e6f7ca1187"
        )
    )]
    pub signature: String,
    /// The sources asked for, separated by commas.
    #[cfg_attr(feature = "openapi", schema(example = "ZILLOW_SOLD"))]
    pub sources: String,
}

/// Body of `POST /get-validator-access` where headers sign the request, see [`btauth`](crate::btauth).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedAccessRequest {
    /// The sources asked for, separated by commas.
    pub sources: String,
}

impl std::fmt::Debug for AccessRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AccessRequest")
            .field("hotkey", &self.hotkey)
            .field("timestamp", &self.timestamp)
            .field("sources", &self.sources)
            .finish_non_exhaustive()
    }
}

/// Answer of `POST /get-validator-access`.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AccessGrant {
    /// The token, to be sent as `Authorization: Bearer …`.
    #[cfg_attr(
        feature = "openapi",
        schema(example = "eyJhbGciOiJIUzI1NiIsImtpZCI6ImExIn0.eyJzdWIiOiI1Rkhu…")
    )]
    pub access_token: String,
    /// Always `Bearer`.
    #[cfg_attr(feature = "openapi", schema(example = "Bearer"))]
    pub token_type: String,
    /// When the token expires.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime, example = "2025-01-15T16:00:00Z"))]
    pub expires_at: Timestamp,
    /// The same in seconds from now.
    #[cfg_attr(feature = "openapi", schema(example = 21_600))]
    pub expiry_seconds: u64,
    /// What was asked for and is enabled.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<crate::Source>, example = json!(["ZILLOW_SOLD"])))]
    pub sources_authorized: Sources,
    /// What the validator may do with it.
    pub rate_limits: RateLimits,
    /// Only there, and true, when the service runs in mock mode and checked no signature.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[cfg_attr(feature = "openapi", schema(example = false))]
    pub mock: bool,
}

impl std::fmt::Debug for AccessGrant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AccessGrant")
            .field("expires_at", &self.expires_at)
            .field("sources_authorized", &self.sources_authorized)
            .finish_non_exhaustive()
    }
}

/// What a validator may do with its token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RateLimits {
    /// Requests an hour over all endpoints that take the token; 0 where there is no limit.
    #[cfg_attr(feature = "openapi", schema(example = 100))]
    pub requests_per_hour: u32,
    /// The most batches in one answer.
    #[cfg_attr(feature = "openapi", schema(example = 50))]
    pub max_batch_size: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_neither_signature_nor_token() {
        let request = AccessRequest {
            hotkey: "5F".into(),
            timestamp: 1,
            signature: "secret-signature".into(),
            sources: "ZILLOW_SOLD".into(),
        };
        assert!(!format!("{request:?}").contains("secret"));
    }

    #[test]
    fn the_signed_message_is_the_one_of_the_python_client() {
        assert_eq!(
            signing_message("5F", 1_705_312_800, "A, b"),
            "api:data:request:5F:1705312800:A, b"
        );
    }
}

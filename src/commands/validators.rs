use std::fmt::Write as _;

use anyhow::Result;
use resi_protocol::Timestamp;
use serde_json::json;

use super::opening;
use crate::registry::{self, Standing};
use crate::settings::Settings;

const PAGE: u32 = 1_000;

/// Who was ever granted access, and whether the registry lets them act as validators now.
///
/// # Errors
/// When the store or the registry cannot be read.
pub async fn list(json: bool, settings: &Settings, now: Timestamp) -> Result<String> {
    let registry = registry::open(settings, now)?;
    let store = opening::existing_store(settings).await?;
    #[cfg(feature = "chain")]
    if let Some(chain) = registry.chain() {
        chain.restore(&*store, now).await;
    }
    let mut text = String::new();
    if !json {
        writeln!(text, "{:<48}  {:<20}  REGISTRY", "HOTKEY", "FIRST GRANTED")?;
    }
    let mut after = None;
    loop {
        let page = store.validators(after, PAGE).await?;
        for validator in &page {
            let standing = match registry.standing(&validator.hotkey) {
                Standing::Validator => "validator",
                Standing::Stranger => "stranger",
                Standing::Unknown => "unknown",
            };
            if json {
                let line = json!({
                    "hotkey": validator.hotkey,
                    "first_granted_at": validator.first_granted_at,
                    "registry": standing,
                });
                writeln!(text, "{line}")?;
            } else {
                let first = validator.first_granted_at.to_string();
                writeln!(text, "{:<48}  {first:<20}  {standing}", validator.hotkey.to_string())?;
            }
        }
        match page.last() {
            Some(last) if page.len() == PAGE as usize => after = Some(last.hotkey),
            _ => break,
        }
    }
    store.close().await;
    Ok(text)
}

//! Prints a body for `POST /get-validator-access`, signed now with a development key.
//!
//! ```console
//! $ cargo run --release -q -p resi-protocol --example sign_access_request -- //Alice ZILLOW_SOLD |
//!     curl -sS --data-binary @- http://127.0.0.1:8000/get-validator-access
//! ```

use std::error::Error;
use std::time::{SystemTime, UNIX_EPOCH};

use resi_protocol::Keypair;
use resi_protocol::wire::{AccessRequest, signing_message};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let uri = arguments.next().unwrap_or_else(|| "//Alice".into());
    let sources = arguments.next().unwrap_or_else(|| "ZILLOW_SOLD".into());
    let name = uri.strip_prefix("//").filter(|name| !name.is_empty() && !name.contains('/'));
    let Some(name) = name else {
        return Err(format!("a development key is written as //Alice, not as {uri:?}").into());
    };

    let key = Keypair::development(name);
    let hotkey = key.hotkey().to_string();
    let timestamp = i64::try_from(now()?)?;
    let signature = key.sign(signing_message(&hotkey, timestamp, &sources).as_bytes()).to_hex();
    println!(
        "{}",
        serde_json::to_string(&AccessRequest { hotkey, timestamp, signature, sources })?
    );
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "a request for the service of now is signed now")]
fn now() -> Result<u64, Box<dyn Error>> {
    Ok(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())
}

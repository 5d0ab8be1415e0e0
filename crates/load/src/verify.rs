use std::time::Duration;

use anyhow::{Result, ensure};
use resi_protocol::wire::signing_message;
use resi_protocol::{Hotkey, Keypair, Signature};

use crate::clock;

/// Different messages, so that nothing but the code is warm.
const MESSAGES: i64 = 1_000;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// How long to verify for.
    #[arg(long, default_value = "1")]
    seconds: u64,
}

/// What access costs at least: an address and a signature read and verified, on one thread.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let key = Keypair::development("load");
    let hotkey = key.hotkey().to_string();
    let signed: Vec<_> = (0..MESSAGES)
        .map(|timestamp| {
            let message = signing_message(&hotkey, timestamp, "ZILLOW_SOLD");
            let signature = key.sign(message.as_bytes()).to_hex();
            (message, signature)
        })
        .collect();
    let (began, mut verified) = (clock::instant(), 0_u64);
    while began.elapsed() < Duration::from_secs(arguments.seconds) {
        for (message, signature) in &signed {
            let (hotkey, signature): (Hotkey, Signature) = (hotkey.parse()?, signature.parse()?);
            ensure!(hotkey.verify(message.as_bytes(), &signature).is_ok(), "a signature is wrong");
            verified += 1;
        }
    }
    println!("{:.0}", verified as f64 / began.elapsed().as_secs_f64());
    Ok(())
}

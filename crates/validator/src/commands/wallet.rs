use anyhow::Result;
use clap::{Args, Subcommand};
use serde::Serialize;

use crate::cli::Cli;
use crate::output::pairs;

/// Look at the wallet that is used
#[derive(Debug, Args)]
pub(crate) struct Wallet {
    #[command(subcommand)]
    command: WalletCommand,
}

#[derive(Debug, Subcommand)]
enum WalletCommand {
    /// Show the hotkey, once it is opened; nothing secret
    Show,
}

#[derive(Debug, Serialize)]
struct Shown {
    hotkey: String,
    public_key: String,
    crypto_type: &'static str,
    path: Option<String>,
}

impl Wallet {
    pub(crate) fn run(&self, cli: &Cli) -> Result<()> {
        let WalletCommand::Show = self.command;
        let wallet = cli.connection.wallet()?;
        let shown = Shown {
            hotkey: wallet.hotkey().to_string(),
            public_key: format!("0x{}", hex::encode(wallet.hotkey().as_bytes())),
            crypto_type: "sr25519",
            path: wallet.path().map(|path| path.display().to_string()),
        };
        cli.style.show(&shown, |shown| {
            pairs([
                ("hotkey", shown.hotkey.clone()),
                ("public key", shown.public_key.clone()),
                ("kind", shown.crypto_type.into()),
                ("file", shown.path.clone().unwrap_or_else(|| "none".into())),
            ])
        })
    }
}

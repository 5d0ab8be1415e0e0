use anyhow::Result;
use clap::Args;
use resi_protocol::Sources;

use crate::cli::Cli;
use crate::output::pairs;
use crate::progress::waiting;

/// Ask for access, and show what is granted
///
/// As JSON, the token is shown too.
#[derive(Debug, Args)]
pub(crate) struct Access {
    /// Sources to ask access to, separated by commas
    #[arg(long, default_value_t = Sources::DEFAULT, value_name = "SOURCES")]
    sources: Sources,
}

impl Access {
    pub(crate) async fn run(&self, cli: &Cli) -> Result<()> {
        let client = cli.connection.client(self.sources)?;
        let grant = waiting("asking for access", client.access()).await?;
        cli.style.show(&grant, |grant| {
            pairs([
                ("hotkey", client.hotkey().to_string()),
                ("service", client.base_url().to_owned()),
                ("sources", grant.sources_authorized.to_string()),
                ("expires", format!("{} (in {} min)", grant.expires_at, grant.expiry_seconds / 60)),
                (
                    "requests an hour",
                    match grant.rate_limits.requests_per_hour {
                        0 => "no limit".into(),
                        limit => limit.to_string(),
                    },
                ),
            ])
        })
    }
}

use std::io::{self, ErrorKind, IsTerminal as _, Write as _};

use anyhow::Result;
use clap::Args;
use comfy_table::{Table, presets};
use serde::Serialize;

/// How results are shown.
#[derive(Clone, Copy, Debug, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct StyleArgs {
    /// JSON, also on a terminal
    #[arg(long, global = true, conflicts_with = "table")]
    json: bool,
    /// Text, also in a pipe
    #[arg(long, global = true)]
    table: bool,
}

impl StyleArgs {
    pub(crate) fn is_json(self) -> bool {
        self.json || (!self.table && !io::stdout().is_terminal())
    }

    /// `value` as JSON, or what `text` makes of it.
    pub(crate) fn show<T: Serialize>(
        self,
        value: &T,
        text: impl FnOnce(&T) -> String,
    ) -> Result<()> {
        if !self.is_json() {
            return print(&text(value));
        }
        let json = if io::stdout().is_terminal() {
            serde_json::to_string_pretty(value)?
        } else {
            serde_json::to_string(value)?
        };
        print(&format!("{json}\n"))
    }
}

/// Writes to standard output; whoever reads there may stop when it has enough.
pub(crate) fn print(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written?),
    }
}

/// Names and values, one a line.
pub(crate) fn pairs<const N: usize>(pairs: [(&str, String); N]) -> String {
    let width = pairs.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    pairs.iter().map(|(name, value)| format!("{name:<width$}  {value}\n")).collect()
}

pub(crate) fn table<const N: usize>(
    header: [&str; N],
    rows: impl Iterator<Item = [String; N]>,
) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(header);
    for row in rows {
        table.add_row(row);
    }
    let lines = table.trim_fmt();
    format!(
        "{}\n",
        lines
            .lines()
            .map(|line| line.strip_prefix(' ').unwrap_or(line))
            .collect::<Vec<_>>()
            .join("\n")
    )
}

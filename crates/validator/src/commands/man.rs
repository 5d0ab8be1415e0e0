use std::io::{self, Write as _};
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::{Args, CommandFactory as _};

use crate::cli::Cli;

/// Print the man page, or write one for each command
#[derive(Debug, Args)]
pub(crate) struct Man {
    /// A folder to write them into
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,
}

impl Man {
    pub(crate) fn run(&self) -> Result<()> {
        if let Some(folder) = &self.folder {
            return clap_mangen::generate_to(Cli::command(), folder)
                .with_context(|| format!("man pages into {}", folder.display()));
        }
        let mut page = Vec::new();
        clap_mangen::Man::new(Cli::command()).render(&mut page)?;
        Ok(io::stdout().write_all(&page)?)
    }
}

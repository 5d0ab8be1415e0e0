use std::path::Path;

use anyhow::{Context, Result};
use clap::CommandFactory;
use clap_mangen::Man;

use crate::cli::Cli;

/// Writes the man pages, one a command, into a folder that is there; without one, hands back the page of the binary.
///
/// # Errors
/// When a page cannot be written.
pub fn run(folder: Option<&Path>) -> Result<Vec<u8>> {
    let mut page = Vec::new();
    match folder {
        Some(folder) => clap_mangen::generate_to(Cli::command(), folder)
            .with_context(|| format!("man pages into {}", folder.display()))?,
        None => Man::new(Cli::command()).render(&mut page)?,
    }
    Ok(page)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_page() {
        let folder = tempfile::tempdir().expect("a folder");
        run(Some(folder.path())).expect("written");
        for name in ["resi-data-api.1", "resi-data-api-serve.1", "resi-data-api-epochs-list.1"] {
            assert!(folder.path().join(name).exists(), "{name}");
        }
        let page = String::from_utf8(run(None).expect("a page")).expect("text");
        assert!(page.starts_with(".ie") && page.contains("doctor"), "{page}");
    }
}

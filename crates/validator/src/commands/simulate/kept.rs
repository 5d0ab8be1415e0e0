use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context as _, Result};
use resi_validation::simulation::{Game, Run};
use serde::{Deserialize, Serialize};

/// A file with a line for each game that has ended: what takes long can be stopped, and goes on where it was.
pub(super) struct Kept {
    path: PathBuf,
    file: Mutex<File>,
    known: HashMap<(String, u64), Vec<Run>>,
}

/// Games of another version are not comparable.
const VERSION: &str = env!("CARGO_PKG_VERSION");

#[derive(Serialize, Deserialize)]
struct Ended {
    version: String,
    /// As JSON in a text: floats do not always come back from JSON as they went.
    scenario: String,
    seed: u64,
    runs: Vec<Run>,
}

impl Kept {
    pub(super) fn open(path: &Path) -> Result<Self> {
        let cannot = || format!("cannot keep games in {}", path.display());
        let mut file = OpenOptions::new()
            .create(true)
            .append(true)
            .read(true)
            .open(path)
            .with_context(cannot)?;
        let mut known = HashMap::new();
        let mut whole = true;
        for line in BufReader::new(&file).split(b'\n') {
            let line = line.with_context(cannot)?;
            // The last line of a run that was killed may be half written.
            let ended = serde_json::from_slice::<Ended>(&line);
            whole = ended.is_ok();
            if let Ok(ended) = ended
                && ended.version == VERSION
            {
                known.insert((ended.scenario, ended.seed), ended.runs);
            }
        }
        if !whole {
            file.write_all(b"\n").with_context(cannot)?;
        }
        Ok(Self { path: path.to_owned(), file: Mutex::new(file), known })
    }

    /// The runs of the games that are known, and the games that are not.
    pub(super) fn split(&self, games: &[Game]) -> Result<(Vec<Run>, Vec<Game>)> {
        let mut runs = Vec::new();
        let mut left = Vec::new();
        for game in games {
            match self.known.get(&(serde_json::to_string(&game.scenario)?, game.seed)) {
                Some(known) => runs.extend(known.iter().cloned()),
                None => left.push(game.clone()),
            }
        }
        Ok((runs, left))
    }

    pub(super) fn add(&self, game: &Game, runs: &[Run]) -> Result<()> {
        let ended = Ended {
            version: VERSION.to_owned(),
            scenario: serde_json::to_string(&game.scenario)?,
            seed: game.seed,
            runs: runs.to_vec(),
        };
        let line = format!("{}\n", serde_json::to_string(&ended)?);
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.write_all(line.as_bytes())
            .with_context(|| format!("cannot keep games in {}", self.path.display()))
    }
}

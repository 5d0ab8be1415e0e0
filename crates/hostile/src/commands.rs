use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use tempfile::TempDir;

use crate::case::{Ask, Call, Case, cases};
use crate::judge::{Ledger, MORE_MEMORY, Outcome};
use crate::kind::Kind;
use crate::openapi::Document;
use crate::process::{Program, Ran};
use crate::server::{Address, Hostile};
use crate::stage::Stage;
use crate::{NOW, only};

/// So many commands run at once.
const AT_ONCE: usize = 3;
/// Memory is counted in these.
const STEP: u64 = 1 << 20;
const ABORTED: &str = "memory allocation of";

/// A command line, and what is changed of what it reads.
#[derive(Clone, Debug)]
pub struct CommandLine {
    /// Its name, and what is changed. In a file, only what [`What::File`](crate::What::File) says.
    pub call: Call,
    /// What the command is given. `URL` in it is the address of the service, and `FILE` a file with the changed answer,
    /// where the service is honest.
    pub words: Vec<String>,
    /// What stands in the file before the changed answer.
    pub before: String,
    /// Whether answers that do not come are tried too: how long it waits for those is its own choice.
    pub waits: bool,
}

impl CommandLine {
    /// Nothing before, and no waiting.
    pub fn new(
        name: &'static str,
        words: impl IntoIterator<Item = String>,
        asks: Vec<Ask>,
    ) -> Self {
        let words = words.into_iter().collect();
        Self { call: Call { name, asks }, words, before: String::new(), waits: false }
    }

    fn is_of_file(&self) -> bool {
        self.words.iter().any(|word| word.contains("FILE"))
    }

    fn arguments(&self, url: &str, file: &Path) -> Vec<String> {
        let file = file.display().to_string();
        self.words.iter().map(|word| word.replace("URL", url).replace("FILE", &file)).collect()
    }
}

/// A command against a service that lies, and files that do.
#[derive(Debug)]
pub struct Commands<'s> {
    program: Program,
    stage: &'s Stage,
    server: Hostile,
    files: TempDir,
}

impl<'s> Commands<'s> {
    /// The executable at `path`.
    pub fn new(path: &'static str, stage: &'s Stage) -> Self {
        let files = tempfile::tempdir().unwrap();
        let home = files.path().to_owned();
        Self { program: Program { path, home }, stage, server: Hostile::start(), files }
    }

    /// Runs some of all cases, so that each two things come together that can: a command with each place and each kind of
    /// change, and each way of changing with one.
    ///
    /// # Errors
    /// As [`Ledger::close`].
    pub fn judge(&self, lines: &[CommandLine]) -> Result<String, String> {
        let mut ledger = Ledger::of(lines.iter().map(|line| line.call.name), false);
        let document = Document::checked_in();
        let honest: Vec<_> = lines.iter().map(|line| self.honest(line)).collect();
        let mut chosen = Vec::new();
        for (at, line) in lines.iter().enumerate() {
            let all = cases(&document, &self.stage.book, &line.call).into_iter();
            chosen.extend(
                all.filter(|case| line.waits || case.kind != Kind::Slow).map(|case| (at, case)),
            );
        }
        let only = only();
        let chosen = match &only {
            Some(only) => {
                chosen.into_iter().filter(|(_, case)| case.name().contains(only)).collect()
            }
            None => pairwise(chosen),
        };
        let honest_memory = self.memory(&lines[0]);
        let memory = honest_memory + MORE_MEMORY as u64;
        let (next, outcomes) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
        std::thread::scope(|scope| {
            for _ in 0..AT_ONCE {
                scope.spawn(|| {
                    loop {
                        let at = next.fetch_add(1, Ordering::SeqCst);
                        let Some((line, case)) = chosen.get(at) else { return };
                        let outcome = self.outcome(&lines[*line], case, memory);
                        outcomes.lock().unwrap().insert(at, outcome);
                    }
                });
            }
        });
        for (at, outcome) in outcomes.into_inner().unwrap() {
            let (line, case) = &chosen[at];
            ledger.judge(case, honest[*line].as_deref(), &outcome);
            if only.is_some() {
                eprintln!("{}\n  {outcome:?}", case.name());
            }
        }
        let words = ledger.close(&[], only.is_none())?;
        Ok(format!("{words}of memory {} MiB where nothing is changed\n", honest_memory >> 20))
    }

    /// What it says when nothing is changed, where it succeeds.
    fn honest(&self, line: &CommandLine) -> Option<String> {
        let address = self.server.answer_honestly(&self.stage.book);
        let (arguments, ran) = self.honestly(line, &address, None);
        assert_eq!(address.unknown(), Vec::<String>::new(), "{arguments:?}: {ran:?}");
        // What is not vouched for in full is no success, and no fault.
        assert!(matches!(ran.code, Some(0 | 9)) || !ran.out.is_empty(), "{arguments:?}: {ran:?}");
        (ran.code == Some(0)).then(|| ran.out.replace(&address.url, "URL"))
    }

    fn honestly(
        &self,
        line: &CommandLine,
        address: &Address,
        memory: Option<u64>,
    ) -> (Vec<String>, Ran) {
        let file = self.file("honest");
        let ask = line.call.asks.first().expect("something is changed");
        let honest = self.stage.book.answer(NOW, ask.request());
        std::fs::write(&file, format!("{}{}", line.before, honest.answer)).unwrap();
        let arguments = line.arguments(&address.url, &file);
        let ran = self.program.run(&arguments, memory);
        (arguments, ran)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.files.path().join(format!("{name}.json"))
    }

    /// How much memory an honest answer takes at most.
    fn memory(&self, line: &CommandLine) -> u64 {
        let succeeds = |steps: u64| {
            let address = self.server.answer_honestly(&self.stage.book);
            let ran = self.honestly(line, &address, Some(steps * STEP)).1;
            matches!(ran.code, Some(0 | 9))
        };
        let (mut little, mut enough) = (0, 256);
        assert!(succeeds(enough), "an honest answer takes more than 256 MiB");
        while enough - little > 1 {
            let middle = (little + enough) / 2;
            if succeeds(middle) { enough = middle } else { little = middle }
        }
        enough * STEP
    }

    fn outcome(&self, line: &CommandLine, case: &Case, memory: u64) -> Outcome {
        let (address, file) = if line.is_of_file() {
            static COUNT: AtomicUsize = AtomicUsize::new(0);
            let file = self.file(&COUNT.fetch_add(1, Ordering::SeqCst).to_string());
            std::fs::write(&file, [line.before.as_bytes(), &case.body()].concat()).unwrap();
            (self.server.answer_honestly(&self.stage.book), file)
        } else {
            (case.answer(&self.server, &self.stage.book), self.file("none"))
        };
        let ran = self.program.run(&line.arguments(&address.url, &file), Some(memory));
        if line.is_of_file() {
            std::fs::remove_file(&file).unwrap();
        }
        let too_much = ran.code.is_none() && ran.errors.contains(ABORTED);
        let panicked = !too_much
            && (ran.code == Some(101) || ran.errors.contains("panicked at") || ran.code.is_none());
        Outcome {
            result: (ran.code == Some(0)).then(|| ran.out.replace(&address.url, "URL")),
            panics: panicked.then(|| ran.errors.chars().take(300).collect()).into_iter().collect(),
            words: ran.out + &ran.errors,
            hung: ran.hung,
            asked: address.asked(),
            told_elsewhere: address.told_elsewhere(),
            more_memory: if too_much { MORE_MEMORY + 1 } else { 0 },
        }
    }
}

/// Some of the cases, always the same.
fn pairwise(mut cases: Vec<(usize, Case)>) -> Vec<(usize, Case)> {
    // In the order of a hash, so that those next to each other have little in common.
    cases.sort_by_cached_key(|(_, case)| {
        let name = case.name();
        let hash = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        (name.bytes().fold(0xcbf2_9ce4_8422_2325, hash), name)
    });
    let mut seen = BTreeSet::new();
    cases.retain(|(_, case)| {
        let place = format!("{} {}", case.operation, case.at);
        let way = format!("{} {}", case.kind, case.way());
        let pairs = [
            format!("{} | {place}", case.call),
            format!("{} | {}", case.call, case.kind),
            format!("{} | {way}", case.at.is_empty()),
        ];
        pairs.into_iter().fold(false, |new, pair| seen.insert(pair) || new)
    });
    cases
}

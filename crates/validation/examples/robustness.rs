//! Plays the table of `docs/consensus.md`, and prints it.
//!
//! ```console
//! $ cargo run --release -p resi-validation --example robustness -- --seeds 1..20 --page robustness.html
//! ```
//!
//! Every finished run is appended to the file of `--runs`; what is there is not played again, so it can be stopped and
//! goes on where it was.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;

use resi_validation::simulation::{
    Row, Run, Scenario, batch_confidence, credibility, curves, held_out, markdown, page, run,
    summary, table,
};

const USAGE: &str = "robustness [--seeds FIRST..LAST] [--runs FILE] [--only TEXT] [--threads N] [--held-out] \
                     [--curve-seeds FIRST..LAST] [--page FILE] [--json]";

struct Options {
    seeds: (u64, u64),
    curve_seeds: Option<(u64, u64)>,
    runs: PathBuf,
    only: String,
    threads: usize,
    held_out: bool,
    page: Option<PathBuf>,
    json: bool,
}

fn main() -> ExitCode {
    match options().and_then(|options| play_and_print(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}\n{USAGE}");
            ExitCode::FAILURE
        }
    }
}

fn options() -> Result<Options, String> {
    let mut options = Options {
        seeds: (1, 20),
        curve_seeds: None,
        runs: PathBuf::from("target/robustness.jsonl"),
        only: String::new(),
        threads: 1,
        held_out: false,
        page: None,
        json: false,
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(flag) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{flag} needs a value"));
        match flag.as_str() {
            "--seeds" => options.seeds = range(&value()?)?,
            "--curve-seeds" => options.curve_seeds = Some(range(&value()?)?),
            "--runs" => options.runs = value()?.into(),
            "--only" => options.only = value()?,
            "--threads" => {
                options.threads =
                    value()?.parse().map_err(|_| "--threads is a number".to_owned())?
            }
            "--held-out" => options.held_out = true,
            "--page" => options.page = Some(value()?.into()),
            "--json" => options.json = true,
            _ => return Err(format!("unknown {flag}")),
        }
    }
    Ok(options)
}

fn range(text: &str) -> Result<(u64, u64), String> {
    text.split_once("..")
        .and_then(|(first, last)| {
            Some((first.parse().ok()?, last.trim_start_matches('=').parse().ok()?))
        })
        .ok_or_else(|| format!("{text:?} is not like 1..20"))
}

fn play_and_print(options: &Options) -> Result<(), String> {
    let mut rows: Vec<Row> = if options.held_out { held_out() } else { table() };
    rows.retain(|row| row.scenario.name.contains(&options.only));
    let mut runs = read(&options.runs)?;
    let mut scenarios: Vec<(Scenario, u64)> = Vec::new();
    for seed in options.seeds.0..=options.seeds.1 {
        scenarios.extend(rows.iter().map(|row| (row.scenario.clone(), seed)));
    }
    if let Some((first, last)) = options.curve_seeds {
        for seed in first..=last {
            scenarios.extend(curves().into_iter().map(|scenario| (scenario, seed)));
        }
    }
    let done: BTreeSet<(String, u64)> =
        runs.iter().map(|run| (run.scenario.clone(), run.seed)).collect();
    scenarios.retain(|(scenario, seed)| !done.contains(&(scenario.name.clone(), *seed)));
    runs.extend(play(scenarios, options)?);
    let in_range = |run: &Run| (options.seeds.0..=options.seeds.1).contains(&run.seed);
    let counted: Vec<Run> = runs.iter().filter(|run| in_range(run)).cloned().collect();
    let lines = summary(&rows, &counted);
    if let Some(path) = &options.page {
        std::fs::write(path, page(&lines, &runs))
            .map_err(|error| format!("{}: {error}", path.display()))?;
    }
    if options.json {
        println!("{}", serde_json::to_string_pretty(&lines).map_err(|error| error.to_string())?);
    } else {
        println!("{}\n{}\n{}", markdown(&lines), batch_confidence(&lines), credibility(&counted));
    }
    Ok(())
}

fn read(path: &Path) -> Result<Vec<Run>, String> {
    let Ok(file) = File::open(path) else { return Ok(Vec::new()) };
    let lines = BufReader::new(file).lines().map_while(Result::ok);
    // The last line may be half written, and two processes may have played the same.
    let mut seen = BTreeSet::new();
    let runs = lines.filter_map(|line| serde_json::from_str::<Run>(&line).ok());
    Ok(runs
        .filter(|run| seen.insert((run.scenario.clone(), run.strategy.clone(), run.seed)))
        .collect())
}

fn play(scenarios: Vec<(Scenario, u64)>, options: &Options) -> Result<Vec<Run>, String> {
    if scenarios.is_empty() {
        return Ok(Vec::new());
    }
    let file = OpenOptions::new().create(true).append(true).open(&options.runs);
    let file = Mutex::new(file.map_err(|error| format!("{}: {error}", options.runs.display()))?);
    let all = scenarios.len();
    let queue = Mutex::new(scenarios.into_iter().enumerate());
    let work = || -> Result<Vec<Run>, String> {
        let mut played = Vec::new();
        loop {
            let next = queue.lock().map_err(|_| "another thread failed")?.next();
            let Some((position, (scenario, seed))) = next else { return Ok(played) };
            eprintln!("{}/{all} {} seed {seed}", position + 1, scenario.name);
            let runs = run(&scenario, seed);
            let mut lines = String::new();
            for run in &runs {
                lines += &serde_json::to_string(run).map_err(|error| error.to_string())?;
                lines.push('\n');
            }
            let mut file = file.lock().map_err(|_| "another thread failed")?;
            file.write_all(lines.as_bytes()).map_err(|error| error.to_string())?;
            played.extend(runs);
        }
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..options.threads.max(1)).map(|_| scope.spawn(work)).collect();
        let mut played = Vec::new();
        for worker in workers {
            played.extend(worker.join().map_err(|_| "a thread failed".to_owned())??);
        }
        Ok(played)
    })
}

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
    Actor, Behaviour, Goal, Lies, Row, Run, Scenario, World, batch_confidence, credibility, curves,
    held_out, markdown, page, run, summary, table,
};

const USAGE: &str = "robustness [--seeds FIRST..LAST] [--runs FILE] [--only TEXT] [--threads N] [--held-out | --held-out-again | --beyond] \
                     [--curve-seeds FIRST..LAST] [--page FILE] [--json]";

struct Options {
    seeds: (u64, u64),
    curve_seeds: Option<(u64, u64)>,
    runs: PathBuf,
    only: String,
    threads: usize,
    rows: fn() -> Vec<Row>,
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
        rows: table,
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
            "--held-out" => options.rows = held_out,
            "--held-out-again" => options.rows = held_out_again,
            "--beyond" => options.rows = beyond,
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
    let mut rows: Vec<Row> = (options.rows)();
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

fn ring(share: f64, homes: f64, lies: Lies, holding: usize) -> Actor {
    Actor { share, behaviour: Behaviour::Ring { homes, lies, holding, miners_per_owner: 1 } }
}

fn row(name: String, world: World, honest_epochs: u32, actors: Vec<Actor>) -> Row {
    let goal = Goal {
        truth: 0.999,
        coverage: 0.98,
        first_epoch: None,
        from_third_epoch: None,
        found: None,
        false_alarms: 0.005,
    };
    let scenario = Scenario { name, epochs: 5, honest_epochs, newcomers: 0.0, world, actors };
    Row { scenario, goal }
}

/// A second set that nothing was adjusted to, after what the first one showed was mended.
fn held_out_again() -> Vec<Row> {
    let world = World {
        miners: 320,
        batches: 60,
        homes: 30,
        missed: [0.004, 0.025],
        misread: [0.001, 0.007],
        changing_prices: 0.003,
        tools: 5,
        tool_misreads: 0.005,
        hard: 0.006,
        answering: 0.93,
        ..World::default()
    };
    let of = |share, behaviour| Actor { share, behaviour };
    let mixtures = [
        ("nobody cheats", 0, vec![]),
        (
            "adaptive ring, inventors, lazy",
            0,
            vec![
                ring(0.28, 1.0, Lies::Price, 9),
                of(0.06, Behaviour::Inventor { together: 2, homes: 0.12 }),
                of(0.1, Behaviour::Lazy { sends: 0.4 }),
            ],
        ),
        (
            "ring in a fifth of the homes, adaptive ring, copiers",
            0,
            vec![
                ring(0.2, 0.2, Lies::Everything, 0),
                ring(0.15, 1.0, Lies::Everything, 7),
                of(0.08, Behaviour::Copier { delay: 1800, changes: 0.015 }),
            ],
        ),
        (
            "sleepers that shade, fabricators, slow",
            3,
            vec![
                ring(0.33, 1.0, Lies::Shade, 8),
                of(0.05, Behaviour::Fabricator { homes: 0.3 }),
                of(0.05, Behaviour::Slow),
            ],
        ),
    ];
    let named = |(name, honest_epochs, actors)| {
        row(format!("held out again: {name}"), world.clone(), honest_epochs, actors)
    };
    mixtures.into_iter().map(named).collect()
}

/// Where it breaks: rings that are honest in batches that others dispute, and lies below every threshold.
fn beyond() -> Vec<Row> {
    let mut rows = Vec::new();
    let mut add = |name: String, honest_epochs, actors| {
        rows.push(row(name, World::default(), honest_epochs, actors));
    };
    for share in [0.25, 0.35, 0.45] {
        let percent = (share * 100.0_f64).round();
        for holding in [8, 10, 12] {
            let agents = ring(share, 1.0, Lies::Everything, holding);
            let of = format!("{percent} %, T = {holding}");
            add(format!("double agents of {of}, honest for ten epochs"), 10, vec![agents]);
            if share < 0.4 {
                let loud = ring(0.1, 1.0, Lies::Everything, 0);
                add(
                    format!("double agents of {of}, beside a loud ring of 10 %"),
                    0,
                    vec![agents, loud],
                );
                let fabricators =
                    Actor { share: 0.1, behaviour: Behaviour::Fabricator { homes: 0.3 } };
                add(
                    format!("double agents of {of}, beside fabricators"),
                    0,
                    vec![agents, fabricators],
                );
            }
        }
        for holding in [0, 12, 15] {
            let split = ring(share, 0.03, Lies::Everything, holding);
            let name =
                format!("one owner's coldkeys, {percent} %, 3 % of the homes, T = {holding}");
            add(name, 0, vec![split]);
        }
    }
    rows
}

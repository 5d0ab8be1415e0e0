mod kept;
mod plan;
mod seeds;

use std::fs;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::thread;

use anyhow::{Context as _, Result};
use clap::{Args, ValueHint};
use resi_validation::simulation::{
    Actor, Figures, Game, Line, Performance, Run, markdown, page, play_all, summary,
};

use self::kept::Kept;
use self::plan::Plan;
use self::seeds::Seeds;
use crate::cli::Cli;
use crate::output::{print, table};
use crate::progress::counted;

const EXAMPLES: &str = "\
Examples:
  resi-validator simulate --actor ring=0.4 --actor copier=0.1,delay=600
  resi-validator simulate --config mixture.toml --seeds 1..20 --page mixture.html
  resi-validator simulate --suite --page suite.html --runs suite.jsonl

Kinds and their parameters:
  ring          homes, lies (everything, price, shade), holding, miners_per_owner
  double-agent  homes, lies, holding, sleeps, honest
  fabricator    homes
  inventor      together, homes
  copier        delay, changes
  lazy          sends
  slow, fast";

/// Play epochs with liars in memory, and compare what each strategy makes of their answers
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Simulate {
    /// A world and who lies in it
    #[arg(long, value_name = "FILE.toml", value_hint = ValueHint::FilePath, group = "what")]
    config: Option<PathBuf>,
    /// Who lies: a kind and its share of the miners; may be repeated [default: eight kinds, each 0.05]
    #[arg(long = "actor", value_name = "KIND=SHARE[,PARAMETER=VALUE...]", group = "what")]
    actors: Vec<Actor>,
    /// The worlds of docs/consensus.md, each with what it must reach
    #[arg(long, group = "what")]
    suite: bool,
    /// Worlds that nothing was adjusted to
    #[arg(long, group = "what")]
    held_out: bool,
    /// Worlds past the limits: where it breaks
    #[arg(long, group = "what")]
    beyond: bool,
    /// Only worlds and curves with this in their names
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    only: String,
    /// From the first to the last, that too
    #[arg(long, value_name = "FIRST..LAST", default_value = "1..5")]
    seeds: Seeds,
    /// Epochs that are counted [default: 5, or as the file says]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    epochs: Option<u32>,
    /// Write a page with curves over the share of attackers
    #[arg(long, value_name = "FILE.html", value_hint = ValueHint::FilePath)]
    page: Option<PathBuf>,
    /// The tables as they stand in docs/consensus.md
    #[arg(long, conflicts_with_all = ["json", "table"])]
    markdown: bool,
    /// Keep each game in this file when it ends, and take from it what was played before by this version
    #[arg(long, value_name = "FILE.jsonl", value_hint = ValueHint::FilePath)]
    runs: Option<PathBuf>,
    /// Games at once [default: one for each processor]
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
}

impl Simulate {
    pub(crate) fn run(&self, cli: &Cli) -> Result<()> {
        let plan = Plan::of(self)?;
        let runs = self.play(&plan.games(self.seeds))?;
        let lines = summary(&plan.rows, &runs);
        if let Some(path) = &self.page {
            fs::write(path, page(&plan.curves, &lines, &runs))
                .with_context(|| format!("cannot write {}", path.display()))?;
        }
        if self.markdown {
            return print(&markdown(&lines));
        }
        cli.style.show(&lines, text)
    }

    fn play(&self, games: &[Game]) -> Result<Vec<Run>> {
        let kept = self.runs.as_deref().map(Kept::open).transpose()?;
        let (mut runs, left) = match &kept {
            Some(kept) => kept.split(games)?,
            None => (Vec::new(), games.to_vec()),
        };
        let bar = counted("games", left.len());
        let ended = |game: &Game, runs: &[Run]| {
            bar.inc(1);
            kept.as_ref().map_or(Ok(()), |kept| kept.add(game, runs))
        };
        let threads = self.threads.or_else(|| thread::available_parallelism().ok());
        let played = play_all(&left, threads.unwrap_or(NonZeroUsize::MIN), ended);
        bar.finish_and_clear();
        runs.extend(played?);
        Ok(runs)
    }
}

#[expect(clippy::ptr_arg, reason = "what is shown is this very type")]
fn text(lines: &Vec<Line>) -> String {
    let rows = lines.iter().flat_map(|line| {
        let goal = line.met.map_or("", |met| if met { "met" } else { "missed" });
        [
            row(&line.scenario, &line.seeds.to_string(), "robust", &line.robust, goal),
            row("", "", "plain vote", &line.majority, ""),
        ]
    });
    let header = [
        "world",
        "seeds",
        "strategy",
        "true",
        "accepted",
        "found, epoch 1",
        "found",
        "honest flagged",
        "invented",
        "goal",
    ];
    table(header, rows)
}

fn row(
    world: &str,
    seeds: &str,
    strategy: &str,
    performance: &Performance,
    goal: &str,
) -> [String; 10] {
    let percent = |part: f64| format!("{:.3} %", part * 100.0);
    let found = |figures: Option<&Figures>| {
        figures.and_then(|figures| figures.found).map_or("–".to_owned(), percent)
    };
    let figures = &performance.figures;
    [
        world.to_owned(),
        seeds.to_owned(),
        strategy.to_owned(),
        percent(figures.truth),
        percent(figures.accepted),
        found(performance.by_epoch.first()),
        found(Some(figures)),
        percent(figures.honest_flagged),
        figures.invented.to_string(),
        goal.to_owned(),
    ]
}

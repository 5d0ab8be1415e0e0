use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use clap::{Args, ValueEnum};
use resi_protocol::Hotkey;
use resi_validation::assignment::AssignmentManager;
use resi_validation::consensus::{Conclusion, Majority, Robust, Settings, Share, Strategy};
use resi_validation::messages::{
    AnswerError, Assigned, Limits, RecordedAnswer, RecordedAnswerError,
};
use resi_validation::offline::{Assignments, Deal, Recording};
use resi_validation::settings::Preset;
use resi_validation::{Credibilities, Metagraph};

use super::decoys::Decoys;
use crate::cli::Cli;
use crate::failure::say;
use crate::files::read_json;
use crate::output::{pairs, table};

/// Judge recorded answers again: accepted values, findings, credibilities and their hash
#[derive(Debug, Args)]
pub(crate) struct Consensus {
    /// The blocks of the epoch, as `blocks --json` gives them
    #[arg(long, value_name = "FILE")]
    blocks: PathBuf,
    /// The miners: a JSON list of {uid, hotkey, coldkey, active}
    #[arg(long, value_name = "FILE")]
    metagraph: PathBuf,
    /// The answers, one a line: {"uid": 12, "received_at": "…", "response": {…}}
    #[arg(long, value_name = "FILE.jsonl")]
    responses: PathBuf,
    /// Who was assigned to what, as the plan of an assignment manager is in JSON
    #[arg(long, value_name = "FILE", conflicts_with = "assignment_seed")]
    assignments: Option<PathBuf>,
    /// Who was assigned to what, made again from the seed and the rules of the preset
    #[arg(long, value_name = "HEX", value_parser = seed)]
    assignment_seed: Option<[u8; 32]>,
    /// Credibilities before the epoch: a JSON object from hotkey or uid to a number from 0 to 1
    #[arg(long, value_name = "FILE")]
    credibility: Option<PathBuf>,
    /// The epoch as it is when it has ended, as `epoch ID --json` gives it: who reports homes in its honeypots is found.
    /// They must be those whose hash is in the blocks, signed by the rotation key, which must be given or remembered
    #[arg(long, value_name = "FILE")]
    honeypots: Option<PathBuf>,
    /// How to judge
    #[arg(long, value_enum, default_value_t = StrategyName::Robust)]
    strategy: StrategyName,
    /// Settings: consensus, api, development, testnet or production
    #[arg(long, value_name = "NAME", default_value = "consensus")]
    preset: Preset,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum StrategyName {
    /// Holds against liars
    Robust,
    /// The plain vote
    Majority,
}

impl Consensus {
    pub(crate) async fn run(&self, cli: &Cli) -> Result<()> {
        let deal: Deal = read_json(&self.blocks)?;
        let metagraph: Metagraph = read_json(&self.metagraph)?;
        let preset = self.preset.settings();
        let mut credibilities = Credibilities::new(preset.credibility.initial);
        if let Some(path) = &self.credibility {
            add_credibilities(path, &metagraph, &mut credibilities)?;
        }
        let assignments = match (&self.assignments, &self.assignment_seed) {
            (Some(path), _) => Some((read_json(path)?, path.display().to_string())),
            (None, Some(seed)) => {
                let manager = AssignmentManager::new(preset.assignment.clone());
                let plan = manager.zipcodes(&deal.blocks(), &metagraph, &credibilities, seed);
                Some((Assignments::from(plan), "--assignment-seed".to_owned()))
            }
            (None, None) => None,
        };
        let limits = Limits::default();
        let window = preset.response_window;
        let mut recording = Recording::new(deal, &metagraph, credibilities, window, limits);
        if let Some((assignments, from)) = assignments {
            recording.assign(&assignments).context(from)?;
        }
        add_lines(&self.responses, &limits, &mut recording)?;
        let decoys = match &self.honeypots {
            Some(path) => Some(Decoys::read(cli, &self.blocks, path).await?),
            None => None,
        };
        if let Some(decoys) = &decoys {
            recording.reveal(decoys.zipcodes.iter().copied());
        }
        let settings = Settings::from(&preset);
        let strategy: &dyn Strategy = match self.strategy {
            StrategyName::Robust => &Robust { settings, ..Robust::default() },
            StrategyName::Majority => &Majority { settings },
        };
        let (conclusion, catalog) = recording.judge(strategy);
        let outcome = conclusion.outcome(&catalog);
        cli.style.show(&outcome, |_| {
            text(&conclusion, &conclusion.consensus_hash(&catalog), decoys.as_ref())
        })
    }
}

fn seed(hex: &str) -> Result<[u8; 32], String> {
    let mut seed = [0; 32];
    hex::decode_to_slice(hex, &mut seed).map_err(|error| format!("not 64 hex digits: {error}"))?;
    Ok(seed)
}

/// Of the miners that the file names by uid, and of those that it names by hotkey, which counts more.
fn add_credibilities(
    path: &Path,
    metagraph: &Metagraph,
    credibilities: &mut Credibilities,
) -> Result<()> {
    let mut by_hotkey: Vec<(Hotkey, Share)> = Vec::new();
    for (name, credibility) in read_json::<BTreeMap<String, f64>>(path)? {
        if !(0.0..=1.0).contains(&credibility) {
            bail!("{}: {name}: {credibility} is not from 0 to 1", path.display());
        }
        let credibility = Share::nearest(credibility);
        if let Ok(uid) = name.parse() {
            if let Some(miner) = metagraph.get(uid) {
                credibilities.set(miner.hotkey, credibility);
            }
        } else if let Ok(hotkey) = name.parse() {
            by_hotkey.push((hotkey, credibility));
        } else {
            bail!("{}: {name:?} is neither a uid nor a hotkey", path.display());
        }
    }
    by_hotkey.into_iter().for_each(|(hotkey, credibility)| credibilities.set(hotkey, credibility));
    Ok(())
}

fn add_lines(path: &Path, limits: &Limits, recording: &mut Recording) -> Result<()> {
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut reader = BufReader::new(file);
    let most = limits.body_bytes as u64 + 1;
    let mut line = Vec::new();
    let mut left_out = LeftOut::default();
    for number in 1_u64.. {
        line.clear();
        let at = || format!("{}:{number}", path.display());
        if reader.by_ref().take(most).read_until(b'\n', &mut line).with_context(at)? == 0 {
            break;
        }
        if line.len() as u64 == most && line.last() != Some(&b'\n') {
            reader.skip_until(b'\n').with_context(at)?;
        }
        if line.trim_ascii().is_empty() {
            continue;
        }
        match RecordedAnswer::parse(&line, &Assigned::anything(), limits) {
            Ok(recorded) => recording.add(recorded),
            // What one miner sends must not keep anybody from judging the others.
            Err(RecordedAnswerError::Refused { uid, error }) => recording.refuse(uid, &error),
            // So long a line is not read to its end, where its uid may be.
            Err(RecordedAnswerError::Answer(error)) if error.name() != "malformed" => {
                left_out.add(at(), &error);
            }
            Err(error) => return Err(error).with_context(at),
        }
    }
    left_out.tell_the_rest();
    Ok(())
}

/// Tells of the first lines that are left out, and how many more there are.
#[derive(Default)]
struct LeftOut(u64);

impl LeftOut {
    const TOLD: u64 = 20;

    fn add(&mut self, at: String, error: &AnswerError) {
        self.0 += 1;
        if self.0 <= Self::TOLD {
            say(format_args!("{at}: left out: {error}"));
        }
    }

    fn tell_the_rest(&self) {
        if let Some(more) = self.0.checked_sub(Self::TOLD).filter(|more| *more > 0) {
            say(format_args!("{more} more lines are left out"));
        }
    }
}

fn text(conclusion: &Conclusion, hash: &str, decoys: Option<&Decoys>) -> String {
    let judgement = &conclusion.judgement;
    let accepted = judgement.properties.iter().filter(|property| property.accepted).count();
    let confirmed = judgement.zipcodes.iter().filter(|zipcode| zipcode.confirmed).count();
    let of = |part: usize, whole: usize| format!("{part} of {whole}");
    let mut text = pairs([
        ("epoch", conclusion.epoch_id.clone()),
        ("strategy", judgement.strategy.to_owned()),
        ("homes accepted", of(accepted, judgement.properties.len())),
        ("zipcodes confirmed", of(confirmed, judgement.zipcodes.len())),
        ("answers refused", judgement.refused.len().to_string()),
        ("decoys", decoys.map_or_else(|| "none are named".to_owned(), Decoys::to_string)),
        ("consensus hash", hash.to_owned()),
    ]);
    if !judgement.findings.is_empty() {
        let findings = judgement.findings.iter().map(|finding| {
            let miners: Vec<String> = finding.miners.iter().map(u16::to_string).collect();
            [
                finding.kind.name().to_owned(),
                miners.join(" "),
                finding.score.to_string(),
                finding.evidence.clone(),
            ]
        });
        text += &format!("\n{}", table(["finding", "miners", "score", "evidence"], findings));
    }
    let credibility = judgement
        .credibility
        .iter()
        .map(|(uid, credibility)| [uid.to_string(), credibility.to_string()]);
    text + &format!("\n{}", table(["miner", "credibility"], credibility))
}

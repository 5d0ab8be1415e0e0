use resi_protocol::Timestamp;

use super::actor::{Behaviour, Lies};
use super::cast::{self, Player, Role};
use super::rng::Rng;
use super::scenario::Scenario;
use super::truth::{Town, TrueHome};
use crate::consensus::{Answer, Batch, Epoch, FIELDS, Field, PropertyId, Report, Share};

const MINUTE: f64 = 60.0;
/// Everything of an epoch is scraped within two hours.
const WINDOW: f64 = 120.0 * MINUTE;
const PRICE: usize = Field::Price as usize;
/// Where the epoch stands in the path of a stage.
const EPOCH: usize = 2;

/// One epoch's answers, with what is true.
#[derive(Debug)]
pub(super) struct Played {
    pub(super) epoch: Epoch,
    /// By batch.
    pub(super) truth: Vec<Vec<TrueHome>>,
}

/// What all of a batch share: the page, and the errors and lies that several have in common.
struct Stage<'a> {
    scenario: &'a Scenario,
    homes: &'a [TrueHome],
    batch: usize,
    /// By tool: home, field, value.
    tools: Vec<Vec<(usize, usize, u32)>>,
    /// By actor: home, and the values that all of a ring tell.
    lies: Vec<Vec<(usize, [u32; FIELDS])>>,
    /// By actor: how many of it sit here.
    seated: Vec<usize>,
    path: [u64; 4],
}

pub(super) fn play(
    scenario: &Scenario,
    town: &mut Town,
    players: &[Player],
    credibility: &[Share],
    seed: u64,
    epoch: u64,
) -> Played {
    let truth = town.epoch(&scenario.world, seed, epoch);
    let awake = epoch >= u64::from(scenario.honest_epochs);
    let mut batches = Vec::with_capacity(truth.len());
    for (batch, seated) in cast::deal(players, &scenario.world, seed, epoch).into_iter().enumerate()
    {
        let stage = Stage::new(
            scenario,
            &truth[batch],
            batch,
            town,
            &seated,
            players,
            [seed, 6, epoch, batch as u64],
        );
        let answers = stage.answers(town, &seated, players, awake);
        batches.push(Batch {
            name: format!("batch_{:03}", batch + 1),
            zipcodes: town.zipcodes[batch].clone(),
            assigned: seated.iter().map(|&uid| uid as u16).collect(),
            answers,
            refused: Vec::new(),
        });
    }
    let epoch = Epoch {
        id: format!("epoch-{epoch:04}"),
        catalog: std::mem::take(&mut town.catalog),
        miners: cast::miners(players),
        credibilities: cast::credibilities(players, credibility),
        batches,
        honeypots: Vec::new(),
    };
    Played { epoch, truth }
}

impl<'a> Stage<'a> {
    fn new(
        scenario: &'a Scenario,
        homes: &'a [TrueHome],
        batch: usize,
        town: &Town,
        seated: &[usize],
        players: &[Player],
        path: [u64; 4],
    ) -> Self {
        let [seed, label, epoch, number] = path;
        let world = &scenario.world;
        let tools = (0..world.tools)
            .map(|tool| {
                // A tool stumbles over the same pages in every epoch.
                let mut rng = Rng::of(&[seed, 7, number, tool as u64]);
                let hits = rng.hits(homes.len() * FIELDS, world.tool_misreads);
                let misread = |hit: usize| {
                    let (home, field) = (hit / FIELDS, hit % FIELDS);
                    (
                        home,
                        field,
                        town.wrong(Field::ALL[field], homes[home].values[field], &mut rng),
                    )
                };
                hits.into_iter().map(misread).collect()
            })
            .collect();
        let lies = scenario
            .actors
            .iter()
            .enumerate()
            .map(|(actor, of)| match of.behaviour.common_lies() {
                Some((share, lies)) => {
                    let mut rng = Rng::of(&[seed, label, epoch, number, 100, actor as u64]);
                    let hits = rng.hits(homes.len(), share);
                    hits.into_iter()
                        .map(|home| (home, lie(&homes[home].values, lies, town, &mut rng)))
                        .collect()
                }
                None => Vec::new(),
            })
            .collect();
        let sits = |actor: usize| {
            seated
                .iter()
                .filter(|&&uid| players[uid].role.is_some_and(|role| role.actor == actor))
                .count()
        };
        let seated = (0..scenario.actors.len()).map(sits).collect();
        Self { scenario, homes, batch, tools, lies, seated, path }
    }

    fn answers(
        &self,
        town: &mut Town,
        seated: &[usize],
        players: &[Player],
        awake: bool,
    ) -> Vec<Answer> {
        let world = &self.scenario.world;
        let mut answers: Vec<Answer> = Vec::with_capacity(seated.len());
        let mut copiers = Vec::new();
        for (position, &uid) in seated.iter().enumerate() {
            let mut rng = self.rng(uid);
            if !rng.chance(world.answering) {
                continue;
            }
            let player = &players[uid];
            let role = player.role.filter(|_| awake);
            let group = (position / world.group) as u16;
            if let Some(Role { behaviour: Behaviour::Copier { delay, changes }, .. }) = role {
                copiers.push((uid, group, delay, changes, rng));
                continue;
            }
            let began = rng.between(0.0, 55.0 * MINUTE);
            let mut took = rng.between(10.0 * MINUTE, 60.0 * MINUTE);
            match role.map(|role| role.behaviour) {
                Some(Behaviour::Slow) => took = rng.between(125.0 * MINUTE, 200.0 * MINUTE),
                Some(Behaviour::Fast) => took = rng.between(20.0, 120.0),
                _ => {}
            }
            let mut reports = self.scrape(player, (began + took / 2.0) / WINDOW, town, &mut rng);
            if let Some(role) = role {
                self.bend(&mut reports, role, town, &mut rng);
            }
            drop_missed(&mut reports, self.homes, player.missed, world.hard_missed, &mut rng);
            answers.push(answer(uid, group, began, began + took, reports));
        }
        let honest: Vec<usize> = (0..answers.len())
            .filter(|&position| players[usize::from(answers[position].uid)].role.is_none())
            .collect();
        let mut rng = self.rng(usize::MAX);
        let copied = honest.get(rng.below(honest.len())).copied();
        for (uid, group, delay, changes, mut rng) in copiers {
            let Some(copied) = copied else { continue };
            let received = answers[copied].received_at.micros() as f64 / 1e6
                + 1.0
                + rng.between(0.0, f64::from(delay));
            let mut reports = answers[copied].reports.clone();
            for hit in rng.hits(reports.len(), changes).into_iter().rev() {
                if rng.chance(0.5) {
                    reports.remove(hit);
                } else {
                    let price = &mut reports[hit].values[PRICE];
                    *price = (f64::from(*price) * rng.between(0.99, 1.01)) as u32;
                }
            }
            // It claims whatever looks best.
            answers.push(answer(
                uid,
                group,
                (received - 25.0 * MINUTE).max(0.0),
                received,
                reports,
            ));
        }
        answers
    }

    fn rng(&self, stream: usize) -> Rng {
        let [seed, label, epoch, batch] = self.path;
        Rng::of(&[seed, label, epoch, batch, stream as u64])
    }

    /// What an honest miner reads, homes that it misses included.
    fn scrape(&self, player: &Player, moment: f64, town: &Town, rng: &mut Rng) -> Vec<Report> {
        let rounding = player.rounding;
        let spelling = [u8::from(rounding == 100), 0, 0, 0, 0, 0];
        let read = |home: &TrueHome| {
            let mut values = home.values;
            if let Some((_, changed)) = home.change.filter(|&(when, _)| when < moment) {
                values[PRICE] = changed;
            }
            if rounding > 1 {
                values[PRICE] = (values[PRICE] + rounding / 2) / rounding * rounding;
            }
            Report { property: home.property, values, spelling }
        };
        let mut reports: Vec<Report> = self.homes.iter().map(read).collect();
        let mut misread = |home: usize, field: usize, rng: &mut Rng| {
            let value = &mut reports[home].values[field];
            *value = town.wrong(Field::ALL[field], *value, rng);
        };
        for hit in rng.hits(self.homes.len() * FIELDS, player.misread) {
            misread(hit / FIELDS, hit % FIELDS, rng);
        }
        if self.scenario.world.hard > 0.0 {
            for home in (0..self.homes.len()).filter(|&home| self.homes[home].hard) {
                for field in rng.hits(FIELDS, self.scenario.world.hard_missed) {
                    misread(home, field, rng);
                }
            }
        }
        for &(home, field, value) in player.tool.map_or(&[][..], |tool| &self.tools[tool]) {
            reports[home].values[field] = value;
        }
        reports
    }

    /// Turns an honest answer into a dishonest one.
    fn bend(&self, reports: &mut Vec<Report>, role: Role, town: &mut Town, rng: &mut Rng) {
        match role.behaviour {
            Behaviour::Ring { holding, .. } => self.lie_together(reports, role.actor, holding),
            Behaviour::DoubleAgent { holding, sleeps, honest, .. } => {
                let wakes = u64::from(self.scenario.honest_epochs) + u64::from(sleeps);
                if self.path[EPOCH] >= wakes && !rng.chance(honest) {
                    self.lie_together(reports, role.actor, holding);
                }
            }
            Behaviour::Fabricator { homes } => {
                for home in rng.hits(reports.len(), homes) {
                    let values = reports[home].values;
                    reports[home].values = std::array::from_fn(|field| {
                        town.wrong(Field::ALL[field], values[field], rng)
                    });
                }
            }
            Behaviour::Inventor { together, homes } => {
                let inventor = role.number / together.max(1);
                for number in 0..(homes * self.homes.len() as f64) as usize {
                    let property = town.invented(self.batch, inventor, number);
                    let values = self.homes[number * 7 % self.homes.len()].values;
                    reports.push(Report { property, values, spelling: [0; FIELDS] });
                }
            }
            Behaviour::Lazy { sends } => reports.retain(|_| rng.chance(sends)),
            Behaviour::Copier { .. } | Behaviour::Slow | Behaviour::Fast => {}
        }
    }

    fn lie_together(&self, reports: &mut [Report], actor: usize, holding: usize) {
        if self.seated[actor] >= holding {
            for &(home, values) in &self.lies[actor] {
                reports[home].values = values;
            }
        }
    }
}

fn lie(values: &[u32; FIELDS], lies: Lies, town: &Town, rng: &mut Rng) -> [u32; FIELDS] {
    let mut lied = *values;
    match lies {
        Lies::Everything => {
            for (field, value) in Field::ALL.into_iter().zip(&mut lied) {
                *value = town.wrong(field, *value, rng);
            }
        }
        Lies::Price => lied[PRICE] = town.wrong(Field::Price, values[PRICE], rng),
        Lies::Shade => lied[PRICE] = (f64::from(values[PRICE]) * 1.045) as u32,
    }
    lied
}

fn drop_missed(
    reports: &mut Vec<Report>,
    homes: &[TrueHome],
    missed: f64,
    hard_missed: f64,
    rng: &mut Rng,
) {
    let mut gone: Vec<PropertyId> =
        rng.hits(reports.len(), missed).into_iter().map(|hit| reports[hit].property).collect();
    gone.extend(
        homes.iter().filter(|home| home.hard && rng.chance(hard_missed)).map(|home| home.property),
    );
    if !gone.is_empty() {
        gone.sort_unstable();
        reports.retain(|report| gone.binary_search(&report.property).is_err());
    }
}

fn answer(uid: usize, group: u16, began: f64, received: f64, reports: Vec<Report>) -> Answer {
    let at = |seconds: f64| Timestamp::from_micros((seconds * 1e6) as i64);
    Answer {
        uid: uid as u16,
        group,
        completed: true,
        sent_at: Timestamp::UNIX_EPOCH,
        received_at: at(received),
        scrape_started: Some(at(began)),
        reports,
        refused_values: 0,
    }
}

use std::collections::{BTreeMap, BTreeSet};

use resi_protocol::Zipcode;

use super::camps::bits;
use super::cliques::{self, Ties};
use super::copying::{self, Copy};
use super::digest::Digest;
use super::reliability::weights;
use super::sides::{Graph, Losers};
use super::verdict::{BatchVerdict, Scales, judge};
use super::{evidence, zipcodes};
use crate::consensus::memory::{Dispute, Meeting, Record};
use crate::consensus::panel::Panel;
use crate::consensus::{Conclusion, Finding, FindingKind, Judgement, Memory, Settings, Share};
use crate::{Coldkey, Conduct};

/// Copies that are found free others from their weight, so that more are found; deeper chains are not followed.
const COPY_ROUNDS: usize = 3;

/// The state of one epoch's judgement.
pub(super) struct Trial<'a> {
    panel: &'a Panel,
    digests: &'a [Digest],
    settings: &'a Settings,
    /// By owner, of earlier epochs.
    records: Vec<Record>,
    /// Of earlier epochs, and of this one what is settled.
    graph: Graph,
    /// By miner.
    convicted: Vec<bool>,
    findings: Vec<Finding>,
}

impl<'a> Trial<'a> {
    pub(super) fn new(
        panel: &'a Panel,
        digests: &'a [Digest],
        memory: &Memory,
        settings: &'a Settings,
    ) -> Self {
        let find = |coldkey: &Coldkey| panel.owners().binary_search(coldkey).ok();
        let known: Vec<Option<usize>> = memory.owners.iter().map(find).collect();
        let owner = |position: u32| known.get(position as usize).copied().flatten();
        let records = panel
            .owners()
            .iter()
            .map(|coldkey| memory.records.get(coldkey).copied().unwrap_or_default());
        let mut graph = Graph::default();
        for meeting in &memory.meetings {
            if let [Some(a), Some(b)] = meeting.owners.map(owner) {
                graph.add_remembered(a, b, meeting.strength);
            }
        }
        for dispute in &memory.disputes {
            let owners = dispute.owners.iter().filter_map(|&position| owner(position)).collect();
            graph.add_dispute(dispute.age, owners);
        }
        Self {
            panel,
            digests,
            settings,
            records: records.collect(),
            graph,
            convicted: vec![false; panel.miners().len()],
            findings: Vec::new(),
        }
    }

    pub(super) fn conclude(
        mut self,
        epoch_id: String,
        honeypots: &BTreeSet<Zipcode>,
    ) -> Conclusion {
        self.convict_trapped(honeypots);
        self.convict_inventors();
        let left = self.convict_outnumbered();
        let verdicts = self.convict_copiers();
        self.remember_sides(left);
        let elsewhere = self.records_of(&verdicts);
        let cliques = self.outnumbered_cliques(&verdicts);
        let scales: Vec<Scales> = self
            .digests
            .iter()
            .zip(&verdicts)
            .map(|(digest, verdict)| {
                self.scales(digest, Some((&elsewhere, verdict))).with_cliques(digest, &cliques)
            })
            .collect();
        let verdicts: Vec<BatchVerdict> = self
            .digests
            .iter()
            .zip(&scales)
            .map(|(digest, scales)| judge(digest, scales, self.settings, false))
            .collect();
        self.report(&verdicts);
        let memory = self.remember(&verdicts);
        let judgement = self.judgement(verdicts, &scales);
        Conclusion { epoch_id, judgement, memory }
    }

    fn convict(&mut self, uids: &[u16]) {
        for &uid in uids {
            if let Some(miner) = self.panel.position(uid) {
                self.convicted[miner] = true;
            }
        }
    }

    fn convict_trapped(&mut self, honeypots: &BTreeSet<Zipcode>) {
        for finding in evidence::trapped(self.digests, self.panel, honeypots) {
            self.convict(&finding.miners);
            self.findings.push(finding);
        }
    }

    fn convict_inventors(&mut self) {
        for finding in evidence::inventors(self.digests, self.panel, self.settings).into_values() {
            self.convict(&finding.miners);
            self.findings.push(finding);
        }
    }

    /// Side after side: one that is convicted unites the others no more, and they may have sides of their own. Returns by
    /// batch the seats that are left.
    fn convict_outnumbered(&mut self) -> Vec<u64> {
        let mut lost = BTreeSet::new();
        let mut free = self.digests.iter().map(|_| u64::MAX).collect();
        loop {
            free = self.settle(free, self.free());
            let mut graph = self.graph.clone();
            graph.forget_disputes_of(&lost);
            for (digest, &free) in self.digests.iter().zip(&free) {
                graph.add_batch(digest, free, 0);
            }
            let Some(losers) = self.losers(&graph) else { break };
            // Where a loud side no longer unites them, a few who once stood apart look like a side of their own.
            if !lost.is_empty() && !can_contest(losers.owners.len(), self.digests, self.settings) {
                break;
            }
            lost.extend(losers.owners.iter().map(|&(owner, _)| owner));
            self.convict_losers(&losers);
        }
        free
    }

    /// Keeps how those that are `left` stood, but for copies: with whom they stood is no choice of theirs, and a few of one
    /// answer look like a side.
    fn remember_sides(&mut self, left: Vec<u64>) {
        let no_copies = left.iter().zip(self.free()).map(|(left, free)| left & free).collect();
        self.settle(no_copies, self.digests.iter().map(|_| 0).collect());
    }

    /// Keeps how those stood who are free no longer, as it was while they were.
    fn settle(&mut self, before: Vec<u64>, after: Vec<u64>) -> Vec<u64> {
        for ((digest, before), &after) in self.digests.iter().zip(before).zip(&after) {
            self.graph.add_batch(digest, before, after);
        }
        after
    }

    /// By batch, the seats whose miners are not convicted.
    fn free(&self) -> Vec<u64> {
        let free = |digest: &Digest| {
            (0..digest.seats.len())
                .filter(|&seat| !self.convicted[digest.seats[seat].miner])
                .fold(0, |free, seat| free | 1 << seat)
        };
        self.digests.iter().map(free).collect()
    }

    fn losers(&self, graph: &Graph) -> Option<Losers> {
        let mut present = vec![false; self.panel.owners().len()];
        for seat in self.digests.iter().flat_map(|digest| &digest.seats) {
            present[seat.owner] |= !self.convicted[seat.miner];
        }
        let electorate = present.iter().filter(|&&present| present).count();
        graph
            .losers(&present, electorate, &self.stood_with_convicted())
            .filter(|losers| !losers.owners.is_empty())
    }

    /// Owners that are free, and stood with another that is not against some that are.
    fn stood_with_convicted(&self) -> BTreeSet<usize> {
        let mut owners = BTreeSet::new();
        for (digest, free) in self.digests.iter().zip(self.free()) {
            let foes = &digest.camps.foes;
            for edge in digest.camps.edges.iter().filter(|edge| edge.friends) {
                let [a, b] = [edge.a, edge.b].map(usize::from);
                let one_is_free = (free >> a ^ free >> b) & 1 == 1;
                let [of_a, of_b] = [a, b].map(|seat| digest.seats[seat].owner);
                if one_is_free && of_a != of_b && foes[a] & foes[b] & free != 0 {
                    owners.insert(if free >> a & 1 == 1 { of_a } else { of_b });
                }
            }
        }
        owners
    }

    fn convict_losers(&mut self, losers: &Losers) {
        let Losers { against, electorate, ref owners } = *losers;
        let fewest = owners.iter().map(|&(_, foes)| foes).min().unwrap_or(0);
        let mut miners: Vec<u16> =
            owners.iter().flat_map(|&(owner, _)| self.panel.uids_of(owner)).collect();
        miners.sort_unstable();
        self.convict(&miners);
        self.findings.push(Finding {
            kind: FindingKind::Colluding,
            miners,
            score: Share::of(against as u64, electorate as u64),
            evidence: format!(
                "{} of {electorate} owners on one side of disputed values, each against {fewest} or more of {against} on the other",
                owners.len()
            ),
        });
    }

    /// Owners that err together and are outnumbered, as far as batches tell in which those left stand on no sides.
    fn outnumbered_cliques(&self, verdicts: &[BatchVerdict]) -> Vec<BTreeSet<usize>> {
        let mut ties = Ties::new();
        let mut electorate = BTreeSet::new();
        for ((digest, verdict), free) in self.digests.iter().zip(verdicts).zip(self.free()) {
            let owner = |seat: usize| digest.seats[seat].owner;
            electorate.extend(bits(free).map(owner));
            if digest.camps.has_sides(free) {
                continue;
            }
            for (a, b, strength) in cliques::ties(&verdict.errors, free, digest.seats.len()) {
                let (a, b) = (owner(a), owner(b));
                if a != b {
                    *ties.entry((a.min(b), a.max(b))).or_default() += strength;
                }
            }
        }
        cliques::outnumbered(&ties, electorate.len())
    }

    fn convict_copiers(&mut self) -> Vec<BatchVerdict> {
        let mut copies: BTreeMap<(usize, usize, usize), Copy> = BTreeMap::new();
        let mut offences = BTreeMap::new();
        let mut verdicts = self.provisional();
        for _ in 0..COPY_ROUNDS {
            let known = copies.len();
            for (batch, (digest, verdict)) in self.digests.iter().zip(&verdicts).enumerate() {
                let is_convicted = |seat: usize| {
                    let miner = digest.seats[seat].miner;
                    self.convicted[miner] && !offences.contains_key(&miner)
                };
                for copy in copying::copies(batch, digest, verdict, is_convicted, self.settings) {
                    copies.insert((copy.batch, copy.follower, copy.leader), copy);
                }
            }
            if copies.len() == known {
                break;
            }
            let all: Vec<Copy> = copies.values().copied().collect();
            for &miner in offences.keys() {
                self.convicted[miner] = false;
            }
            offences = copying::offences(&all);
            for &miner in offences.keys() {
                self.convicted[miner] = true;
            }
            verdicts = self.provisional();
        }
        for (&follower, offences) in &offences {
            if let Some(worst) =
                offences.iter().max_by_key(|copy| (copy.shared, self.panel.uid(copy.leader)))
            {
                self.findings.push(Finding {
                    kind: FindingKind::CopiedContent,
                    miners: vec![self.panel.uid(follower)],
                    score: Share::of(worst.shared.into(), worst.of.into()),
                    evidence: format!(
                        "{} of {} errors of miner {} in {}, received later",
                        worst.shared,
                        worst.of,
                        self.panel.uid(worst.leader),
                        self.digests[worst.batch].batch
                    ),
                });
            }
        }
        verdicts
    }

    /// With what earlier epochs taught only.
    fn provisional(&self) -> Vec<BatchVerdict> {
        self.digests
            .iter()
            .map(|digest| judge(digest, &self.scales(digest, None), self.settings, true))
            .collect()
    }

    fn scales(&self, digest: &Digest, elsewhere: Option<(&[Record], &BatchVerdict)>) -> Scales {
        Scales::new(
            digest,
            |seat| self.convicted[digest.seats[seat].miner],
            |seat| {
                let owner = digest.seats[seat].owner;
                let mut record = self.records[owner];
                if let Some((all, here)) = elsewhere {
                    let mut own = Record::default();
                    for (other, of) in digest.seats.iter().zip(&here.records) {
                        if other.owner == owner {
                            own.add(of);
                        }
                    }
                    record.add(&all[owner].less(&own));
                }
                weights(&record)
            },
        )
    }

    /// Of this epoch, by owner.
    fn records_of(&self, verdicts: &[BatchVerdict]) -> Vec<Record> {
        let mut records = vec![Record::default(); self.panel.owners().len()];
        for (digest, verdict) in self.digests.iter().zip(verdicts) {
            for (seat, record) in digest.seats.iter().zip(&verdict.records) {
                records[seat.owner].add(record);
            }
        }
        records
    }

    fn report(&mut self, verdicts: &[BatchVerdict]) {
        let refused: Vec<_> =
            self.digests.iter().flat_map(|digest| digest.refused.iter().cloned()).collect();
        self.findings.extend(evidence::incomplete(
            self.digests,
            verdicts,
            self.panel,
            self.settings,
        ));
        self.findings.extend(evidence::synchronized(self.digests, self.panel, self.settings));
        self.findings.extend(evidence::identical_counts(self.digests, verdicts, self.panel));
        self.findings.extend(evidence::implausible_values(self.digests, self.panel));
        self.findings.extend(evidence::implausible_times(&refused));
        self.findings.sort_unstable();
    }

    fn remember(&self, verdicts: &[BatchVerdict]) -> Memory {
        let number = |owner: usize| owner as u32;
        let meetings = self
            .graph
            .faded()
            .map(|(a, b, strength)| Meeting { owners: [number(a), number(b)], strength })
            .collect();
        let disputes = self
            .graph
            .aged()
            .map(|(age, owners)| Dispute {
                age,
                owners: owners.iter().map(|&owner| number(owner)).collect(),
            })
            .collect();
        let mut records = BTreeMap::new();
        for (owner, mut record) in self.records_of(verdicts).into_iter().enumerate() {
            record.add(&self.records[owner]);
            if record != Record::default() {
                records.insert(self.panel.owners()[owner], record.faded());
            }
        }
        Memory { owners: self.panel.owners().to_vec(), meetings, disputes, records }
    }

    fn judgement(&self, verdicts: Vec<BatchVerdict>, scales: &[Scales]) -> Judgement {
        let mut judgement = Judgement {
            strategy: "robust",
            credibility: self.credibility(&verdicts),
            findings: self.findings.clone(),
            ..Judgement::default()
        };
        for ((digest, verdict), scales) in self.digests.iter().zip(&verdicts).zip(scales) {
            let zipcodes = zipcodes::zipcodes(digest, verdict, scales, self.settings);
            judgement.batches.push(zipcodes::summary(
                digest,
                verdict,
                scales,
                &zipcodes,
                self.settings,
            ));
            judgement.zipcodes.extend(zipcodes);
            judgement.refused.extend(digest.refused.iter().cloned());
        }
        judgement.refused.sort_unstable();
        judgement.properties = verdicts.into_iter().flat_map(|verdict| verdict.homes).collect();
        judgement
    }

    /// Who was asked for nothing keeps what it had.
    fn credibility(&self, verdicts: &[BatchVerdict]) -> BTreeMap<u16, Share> {
        let mut earned: BTreeMap<usize, (u64, u64)> = BTreeMap::new();
        for (digest, verdict) in self.digests.iter().zip(verdicts) {
            for &miner in &digest.assigned {
                earned.entry(miner).or_default().1 += u64::from(verdict.accepted);
            }
            for (seat, &correct) in digest.seats.iter().zip(&verdict.correct) {
                earned.entry(seat.miner).or_default().0 += u64::from(correct);
                if !digest.assigned.contains(&seat.miner) {
                    earned.entry(seat.miner).or_default().1 += u64::from(verdict.accepted);
                }
            }
        }
        let mut found: BTreeMap<u16, bool> = BTreeMap::new();
        for finding in &self.findings {
            for &uid in &finding.miners {
                *found.entry(uid).or_default() |= finding.kind == FindingKind::CopiedContent;
            }
        }
        let rules = self.settings.credibility();
        let moved = self.panel.miners().iter().enumerate().map(|(position, miner)| {
            let conduct = match found.get(&miner.uid) {
                Some(true) => Conduct::Copied,
                Some(false) => Conduct::Convicted,
                None => {
                    let (correct, accepted) = earned.get(&position).copied().unwrap_or_default();
                    Conduct::Agreement { correct, accepted }
                }
            };
            (miner.uid, rules.after(self.panel.credibility(position), conduct))
        });
        moved.collect()
    }
}

/// Whether so many owners could keep a value from being accepted if they sat in one batch.
fn can_contest(owners: usize, digests: &[Digest], settings: &Settings) -> bool {
    let seats = digests.iter().map(|digest| digest.seats.len()).max().unwrap_or(0);
    let others = seats.saturating_sub(owners) as u64;
    !settings.owner_threshold.is_reached_by(others, seats as u64)
}

#[cfg(test)]
mod tests {
    use super::super::written::{TRUE, batch, panel};
    use super::*;

    #[test]
    fn who_is_outvoted_in_every_batch_is_no_second_side() {
        let digests = [batch(8, 1, |_, _| Some(TRUE)), batch(20, 1, |_, _| Some(TRUE))];
        let contests = |owners| can_contest(owners, &digests, &Settings::default());
        assert!(!contests(5));
        assert!(contests(6));
    }

    #[test]
    fn who_stood_with_a_convicted_owner_is_convicted_alone() {
        let lie = TRUE.map(|value| 2 * value);
        let digests = [batch(8, 100, |seat, _| Some(if seat < 6 { TRUE } else { lie }))];
        let (panel, memory, settings) = (panel(8), Memory::default(), Settings::default());
        let mut trial = Trial::new(&panel, &digests, &memory, &settings);
        trial.convict(&[6]);
        trial.convict_outnumbered();
        let found: Vec<_> =
            trial.findings.iter().map(|found| (&*found.miners, &*found.evidence)).collect();
        let evidence = "1 of 7 owners on one side of disputed values, each against 6 or more of 6 on the other";
        assert_eq!(found, [(&[7][..], evidence)]);
    }

    #[test]
    fn to_agree_with_a_convicted_owner_against_convicted_ones_is_no_company() {
        let lie = TRUE.map(|value| 2 * value);
        let digests = [batch(8, 100, |seat, _| Some(if seat < 4 { TRUE } else { lie }))];
        let (panel, memory, settings) = (panel(8), Memory::default(), Settings::default());
        let mut trial = Trial::new(&panel, &digests, &memory, &settings);
        trial.convict(&[0, 1, 2, 6]);
        assert_eq!(trial.stood_with_convicted(), BTreeSet::from([3, 4, 5, 7]));
        trial.convict(&[3]);
        assert_eq!(trial.stood_with_convicted(), BTreeSet::new());
    }

    #[test]
    fn how_a_copy_stood_is_not_remembered() {
        let lie = TRUE.map(|value| 2 * value);
        let digests = [batch(8, 100, |seat, _| Some(if seat < 4 { TRUE } else { lie }))];
        let (panel, memory, settings) = (panel(8), Memory::default(), Settings::default());
        let mut trial = Trial::new(&panel, &digests, &memory, &settings);
        let left = trial.convict_outnumbered();
        trial.convict(&[7]);
        trial.remember_sides(left);
        let remembered: BTreeSet<usize> =
            trial.graph.faded().flat_map(|(a, b, _)| [a, b]).collect();
        assert_eq!(remembered, (0..7).collect());
    }
}

//! Findings that need no truth discovery beyond what was accepted: what a miner left out, when it answered, how it counts.

use std::collections::{BTreeMap, BTreeSet};

use super::camps::CHANNELS;
use super::digest::Digest;
use super::verdict::BatchVerdict;
use crate::consensus::panel::Panel;
use crate::consensus::{Field, Finding, FindingKind, Refusal, RefusalReason, Settings, Share};

/// Chance makes such a cluster of answers once in so many batches.
const CHANCE: f64 = 1e-3;

/// Owners that invent: values that nobody shares while others agree, homes that nobody else sees, in two batches or more.
pub(super) fn inventors(
    digests: &[Digest],
    panel: &Panel,
    settings: &Settings,
) -> BTreeMap<usize, Finding> {
    #[derive(Clone, Copy, Default)]
    struct Tally {
        alone: u32,
        compared: u32,
        batches: u32,
    }
    let mut tallies = vec![[Tally::default(); CHANNELS]; panel.owners().len()];
    for digest in digests {
        for (position, seat) in digest.seats.iter().enumerate() {
            for (channel, tally) in tallies[seat.owner].iter_mut().enumerate() {
                tally.alone += digest.camps.alone[position][channel];
                tally.compared += digest.camps.comparable(position, channel, digest);
                let often = digest.camps.invents_in(position, channel, digest, settings);
                tally.batches += u32::from(often);
            }
        }
    }
    let mut found = BTreeMap::new();
    for (owner, channels) in tallies.iter().enumerate() {
        let worst = channels
            .iter()
            .enumerate()
            .filter(|(_, tally)| {
                tally.batches >= 2
                    && settings.false_share.is_reached_by(tally.alone.into(), tally.compared.into())
            })
            .max_by_key(|&(channel, tally)| {
                (Share::of(tally.alone.into(), tally.compared.into()), CHANNELS - channel)
            });
        if let Some((channel, tally)) = worst {
            let what = Field::ALL.get(channel).map_or("homes", |field| field.name());
            let finding = Finding {
                kind: FindingKind::Fabricated,
                miners: panel.uids_of(owner).collect(),
                score: Share::of(tally.alone.into(), tally.compared.into()),
                evidence: format!(
                    "{} of {} {what} shared with nobody, in {} batches",
                    tally.alone, tally.compared, tally.batches
                ),
            };
            found.insert(owner, finding);
        }
    }
    found
}

/// Miners that left out much of what exists in their batches.
pub(super) fn incomplete(
    digests: &[Digest],
    verdicts: &[BatchVerdict],
    panel: &Panel,
    settings: &Settings,
) -> Vec<Finding> {
    let mut sent: BTreeMap<usize, (u64, u64)> = BTreeMap::new();
    for (digest, verdict) in digests.iter().zip(verdicts) {
        let existing =
            || verdict.homes.iter().zip(&digest.homes).filter(|(judged, _)| judged.exists);
        let all = existing().count() as u64;
        for (position, seat) in digest.seats.iter().enumerate() {
            let own = existing().filter(|(_, home)| home.seats >> position & 1 == 1).count() as u64;
            let of_miner = sent.entry(seat.miner).or_default();
            of_miner.0 += own;
            of_miner.1 += all;
        }
    }
    sent.into_iter()
        .filter(|&(_, (own, all))| all > 0 && !settings.complete_share.is_reached_by(own, all))
        .map(|(miner, (own, all))| Finding {
            kind: FindingKind::Incomplete,
            miners: vec![panel.uid(miner)],
            score: Share::of(all - own, all),
            evidence: format!("{own} of {all} homes"),
        })
        .collect()
}

/// Miners that in two batches or more answered at the same moment as others, beyond chance. The first of a cluster did
/// not wait for the others and is no suspect.
pub(super) fn synchronized(digests: &[Digest], panel: &Panel, settings: &Settings) -> Vec<Finding> {
    let mut clusters: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
    for digest in digests {
        let mut arrivals: Vec<(i64, usize)> =
            digest.seats.iter().map(|seat| (seat.received_at.micros(), seat.miner)).collect();
        arrivals.sort_unstable();
        for (miner, chance) in
            crowded(&arrivals, i64::from(settings.sync_threshold_seconds) * 1_000_000)
        {
            clusters.entry(miner).or_default().push(chance);
        }
    }
    clusters
        .into_iter()
        .filter(|(_, chances)| chances.len() >= 2)
        .map(|(miner, chances)| {
            let joint = chances.iter().product::<f64>();
            Finding {
                kind: FindingKind::Synchronized,
                miners: vec![panel.uid(miner)],
                score: Share::nearest(1.0 - joint),
                evidence: format!(
                    "at the same moment as others in {} batches, p < 1e-{}",
                    chances.len(),
                    exponent(joint)
                ),
            }
        })
        .collect()
}

/// The arrivals (sorted) in windows that hold more than chance explains, with that chance; each window's first left out.
fn crowded(arrivals: &[(i64, usize)], window: i64) -> Vec<(usize, f64)> {
    let (Some(first), Some(last)) = (arrivals.first(), arrivals.last()) else { return Vec::new() };
    let span = (last.0 - first.0).max(window);
    let mut least: BTreeMap<usize, f64> = BTreeMap::new();
    let mut end = 0;
    for begin in 0..arrivals.len() {
        while end < arrivals.len() && arrivals[end].0 - arrivals[begin].0 <= window {
            end += 1;
        }
        let chance = chance_of_crowd(end - begin, arrivals.len(), window as f64 / span as f64);
        if chance < CHANCE {
            for &(_, miner) in &arrivals[begin + 1..end] {
                let known = least.entry(miner).or_insert(1.0);
                *known = known.min(chance);
            }
        }
    }
    least.into_iter().collect()
}

/// An upper bound on the chance that any of `all` uniform arrivals is followed by `crowd - 1` others within the part
/// `part` of the time: the union over the arrivals of binomial tails.
fn chance_of_crowd(crowd: usize, all: usize, part: f64) -> f64 {
    let others = all.saturating_sub(1);
    let mut term = (1.0 - part).powi_exact(others);
    let mut tail = 0.0;
    for hits in 0..=others {
        if hits + 1 >= crowd {
            tail += term;
        }
        term *=
            (others - hits) as f64 / (hits + 1) as f64 * part / (1.0 - part).max(f64::MIN_POSITIVE);
    }
    (tail * all as f64).min(1.0)
}

trait PowiExact {
    /// By repeated multiplication, so that every library agrees on the last bit.
    fn powi_exact(self, exponent: usize) -> f64;
}

impl PowiExact for f64 {
    fn powi_exact(self, exponent: usize) -> f64 {
        (0..exponent).fold(1.0, |power, _| power * self)
    }
}

fn exponent(chance: f64) -> u32 {
    let mut exponent = 0;
    let mut bound = 1.0;
    while exponent < 300 && bound / 10.0 > chance {
        bound /= 10.0;
        exponent += 1;
    }
    exponent
}

/// Miners with the same number of homes in each of ten zipcodes or more of a batch, where zipcodes differ.
pub(super) fn identical_counts(
    digests: &[Digest],
    verdicts: &[BatchVerdict],
    panel: &Panel,
) -> Vec<Finding> {
    let mut found: BTreeMap<usize, (u32, usize)> = BTreeMap::new();
    for (digest, verdict) in digests.iter().zip(verdicts) {
        let mut existing = vec![0u32; digest.zipcodes.len()];
        for (_, home) in verdict.homes.iter().zip(&digest.homes).filter(|(judged, _)| judged.exists)
        {
            existing[usize::from(home.zipcode)] += 1;
        }
        let different: BTreeSet<u32> = existing.iter().copied().collect();
        if different.len() < 3 {
            continue;
        }
        for seat in &digest.seats {
            let counts: Vec<u32> =
                seat.zipcodes.iter().map(|&(homes, _)| homes).filter(|&homes| homes > 0).collect();
            if let (Some(&count), true) = (counts.first(), counts.len() >= 10)
                && counts.iter().all(|&other| other == count)
            {
                found.insert(seat.miner, (count, counts.len()));
            }
        }
    }
    found
        .into_iter()
        .map(|(miner, (count, zipcodes))| Finding {
            kind: FindingKind::IdenticalCounts,
            miners: vec![panel.uid(miner)],
            score: Share::ONE,
            evidence: format!("{count} homes in each of {zipcodes} zipcodes that differ"),
        })
        .collect()
}

/// Miners of whose values many were none.
pub(super) fn implausible_values(digests: &[Digest], panel: &Panel) -> Vec<Finding> {
    let mut values: BTreeMap<usize, (u64, u64)> = BTreeMap::new();
    for seat in digests.iter().flat_map(|digest| &digest.seats) {
        let of_miner = values.entry(seat.miner).or_default();
        of_miner.0 += u64::from(seat.refused_values);
        of_miner.1 += u64::from(seat.homes) * Field::ALL.len() as u64;
    }
    values
        .into_iter()
        .filter(|&(_, (refused, all))| {
            refused >= 10 && Share::percent(1).is_reached_by(refused, all)
        })
        .map(|(miner, (refused, all))| Finding {
            kind: FindingKind::ImplausibleValues,
            miners: vec![panel.uid(miner)],
            score: Share::of(refused, all),
            evidence: format!("{refused} of {all} values are out of every range"),
        })
        .collect()
}

/// Miners that were too fast or too slow.
pub(super) fn implausible_times(refused: &[Refusal]) -> Vec<Finding> {
    let mut by_uid: BTreeMap<u16, Vec<&str>> = BTreeMap::new();
    for refusal in refused.iter().filter(|refusal| refusal.reason == RefusalReason::ImplausibleTime)
    {
        by_uid.entry(refusal.uid).or_default().push(&refusal.detail);
    }
    by_uid
        .into_iter()
        .map(|(uid, mut details)| {
            details.sort_unstable();
            Finding {
                kind: FindingKind::ImplausibleTime,
                miners: vec![uid],
                score: Share::ONE,
                evidence: details.join(", "),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_members_of_a_cluster_are_suspects_and_not_its_first() {
        let minute = 60_000_000;
        let mut arrivals: Vec<(i64, usize)> =
            (0..15).map(|position| (position * 5 * minute, position as usize)).collect();
        arrivals.extend([
            (20 * minute + 1, 20),
            (20 * minute + 2, 21),
            (20 * minute + 3, 22),
            (20 * minute + 4, 23),
        ]);
        arrivals.sort_unstable();
        let suspects: Vec<usize> =
            crowded(&arrivals, minute / 2).iter().map(|&(miner, _)| miner).collect();
        assert_eq!(suspects, [20, 21, 22, 23]);
    }

    #[test]
    fn two_at_the_same_moment_are_chance() {
        let arrivals: Vec<(i64, usize)> = (0..20)
            .map(|position| (i64::from(position / 2) * 300_000_000, position as usize))
            .collect();
        assert!(crowded(&arrivals, 30_000_000).is_empty());
        assert!((chance_of_crowd(1, 5, 0.1) - 1.0).abs() < 1e-9);
    }
}

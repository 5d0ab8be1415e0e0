//! Copies show in shared errors: what one scraper missed or misread by chance, another has just so.
//!
//! A copy has both kinds of errors, as what is copied is an answer. Who shares a tool, or holds out against liars that
//! prevail, shares values that are taken for errors, but misses homes of its own.

use std::collections::{BTreeMap, BTreeSet};

use super::camps::bits;
use super::digest::Digest;
use super::verdict::{BatchVerdict, Errors};
use crate::consensus::Settings;

/// An answer that is a copy of an earlier one, as far as one batch tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Copy {
    pub(super) batch: usize,
    /// Positions in the panel.
    pub(super) follower: usize,
    pub(super) leader: usize,
    pub(super) shared: u32,
    pub(super) of: u32,
}

/// The copies in one batch. Seats that stand against others there are judged by that, not here: a side shares its values.
pub(super) fn copies(
    batch: usize,
    digest: &Digest,
    verdict: &BatchVerdict,
    is_convicted: impl Fn(usize) -> bool,
    settings: &Settings,
) -> Vec<Copy> {
    let seats = digest.seats.len();
    let eligible = (0..seats)
        .filter(|&seat| digest.camps.foes[seat].count_ones() < 2 && !is_convicted(seat))
        .fold(0u64, |mask, seat| mask | 1 << seat);
    let alike = Shared::of(&verdict.errors, eligible, seats, |_, _, _| true).alike(settings);
    // What a third makes too, who is not alike, is the page's or a tool's error, and shows no copying.
    let insiders = |a: usize, b: usize| alike[a] | alike[b] | 1 << a | 1 << b;
    let rare =
        Shared::of(&verdict.errors, eligible, seats, |a, b, mask| mask & !insiders(a, b) == 0);
    let mut copies = Vec::new();
    for a in bits(eligible) {
        for b in bits(alike[a] & later_than(a)) {
            let (first, second) = (&digest.seats[a], &digest.seats[b]);
            let Some((shared, of)) = rare.copied(a, b, settings) else { continue };
            if first.owner == second.owner || first.received_at == second.received_at {
                continue;
            }
            let (leader, follower) = if first.received_at < second.received_at {
                (first, second)
            } else {
                (second, first)
            };
            copies.push(Copy { batch, follower: follower.miner, leader: leader.miner, shared, of });
        }
    }
    copies
}

fn later_than(seat: usize) -> u64 {
    (u64::MAX << seat) & !(1 << seat)
}

/// How many errors each two seats share, and how many each has that count against it beside the other, by kind.
struct Shared {
    seats: usize,
    omissions: Counts,
    values: Counts,
}

struct Counts {
    both: Vec<u32>,
    own: Vec<u32>,
}

impl Shared {
    fn of(
        errors: &Errors,
        eligible: u64,
        seats: usize,
        counts: impl Fn(usize, usize, u64) -> bool,
    ) -> Self {
        let count = |errors: &mut dyn Iterator<Item = u64>| {
            let mut of = Counts { both: vec![0; seats * seats], own: vec![0; seats * seats] };
            for mask in errors {
                for a in bits(mask & eligible) {
                    for b in bits(eligible & !(1 << a)) {
                        if counts(a, b, mask & eligible) {
                            of.own[a * seats + b] += 1;
                            of.both[a * seats + b] += (mask >> b & 1) as u32;
                        }
                    }
                }
            }
            of
        };
        Self {
            seats,
            omissions: count(&mut errors.omissions.iter().copied()),
            values: count(&mut errors.values.iter().map(|&(mask, _)| mask)),
        }
    }

    /// The shared errors and those of the one with fewer, if that is enough to call the one a copy of the other.
    fn copied(&self, a: usize, b: usize, settings: &Settings) -> Option<(u32, u32)> {
        let (there, back) = (a * self.seats + b, b * self.seats + a);
        let [omissions, values] = [&self.omissions, &self.values];
        let shared = omissions.both[there] + values.both[there];
        let of =
            (omissions.own[there] + values.own[there]).min(omissions.own[back] + values.own[back]);
        // One error more that is shared, so that a kind with few of them is forgiven one.
        let is_copied = |kind: &Counts| {
            let of = kind.own[there].min(kind.own[back]) + 1;
            settings.copied_share.is_reached_by(u64::from(kind.both[there]) + 1, of.into())
        };
        let copied = shared >= settings.copied_errors
            && settings.copied_share.is_reached_by(shared.into(), of.into())
            && is_copied(omissions)
            && is_copied(values);
        copied.then_some((shared, of))
    }

    fn alike(&self, settings: &Settings) -> Vec<u64> {
        let mask = |a: usize| {
            let alike = |&b: &usize| a != b && self.copied(a, b, settings).is_some();
            (0..self.seats).filter(alike).fold(0u64, |mask, b| mask | 1 << b)
        };
        (0..self.seats).map(mask).collect()
    }
}

/// The copies that are offences, by follower.
///
/// Who scrapes is never behind: the first of a group that copies is somebody who follows nobody. In a group that shares
/// a tool, with the errors of that tool, whoever was first here is behind somebody elsewhere.
pub(super) fn offences(copies: &[Copy]) -> BTreeMap<usize, Vec<Copy>> {
    let followers: BTreeSet<usize> = copies.iter().map(|copy| copy.follower).collect();
    let mut offences: BTreeMap<usize, Vec<Copy>> = BTreeMap::new();
    for copy in copies.iter().filter(|copy| !followers.contains(&copy.leader)) {
        offences.entry(copy.follower).or_default().push(*copy);
    }
    offences
}

#[cfg(test)]
mod tests {
    use super::*;

    fn copy(batch: usize, follower: usize, leader: usize) -> Copy {
        Copy { batch, follower, leader, shared: 20, of: 20 }
    }

    #[test]
    fn who_follows_an_independent_miner_copies() {
        let found = offences(&[copy(0, 2, 1), copy(0, 3, 1), copy(0, 3, 2), copy(1, 2, 4)]);
        assert_eq!(found.keys().copied().collect::<Vec<_>>(), [2, 3]);
        assert_eq!(found[&2].len(), 2);
    }

    #[test]
    fn a_shared_tool_has_no_independent_first() {
        assert!(offences(&[copy(0, 2, 1), copy(1, 1, 3), copy(2, 3, 2)]).is_empty());
    }
}

//! Copies show in shared errors: what one scraper missed or misread by chance, another has just so.

use std::collections::{BTreeMap, BTreeSet};

use super::camps::bits;
use super::digest::{Digest, SEATS};
use super::verdict::BatchVerdict;
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
    let mut errors = [0u32; SEATS];
    let mut shared = vec![0u32; seats * seats];
    for mask in &verdict.errors {
        let mask = mask & eligible;
        for a in bits(mask) {
            errors[a] += 1;
            for b in bits(mask & (u64::MAX << a) & !(1 << a)) {
                shared[a * seats + b] += 1;
            }
        }
    }
    let mut copies = Vec::new();
    for a in bits(eligible) {
        for b in bits(eligible & (u64::MAX << a) & !(1 << a)) {
            let (both, of) = (shared[a * seats + b], errors[a].min(errors[b]));
            let copied = both >= settings.copied_errors
                && settings.copied_share.is_reached_by(both.into(), of.into());
            let (first, second) = (&digest.seats[a], &digest.seats[b]);
            if !copied || first.owner == second.owner || first.received_at == second.received_at {
                continue;
            }
            let (leader, follower) = if first.received_at < second.received_at {
                (first, second)
            } else {
                (second, first)
            };
            copies.push(Copy {
                batch,
                follower: follower.miner,
                leader: leader.miner,
                shared: both,
                of,
            });
        }
    }
    copies
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

//! Owners that err together, below what convicts: those that share a tool, or a ring that lies rarely.
//!
//! Two owners are tied by how much more often they had the same wrong value than one of them a shared one that the other had
//! right. To be right together is no sign of anything: the truth unites who has nothing else in common. Who belongs together is found by contracting
//! the strongest tie again and again, ties of what is contracted added, until none is left that is positive: correlation
//! clustering by greedy additive edge contraction. How many cliques there are need not be known.

use std::collections::{BTreeMap, BTreeSet};

use super::camps::bits;
use super::verdict::Errors;

/// Fewer shared errors are chance.
const FEWEST: u64 = 8;

/// The ties of one batch between seats of `free`, each once: how much more often they erred together than one of them with others.
pub(super) fn ties(errors: &Errors, free: u64, seats: usize) -> Vec<(usize, usize, i64)> {
    let mut strength = vec![0i64; seats * seats];
    let shared = errors.values.iter().map(|&(wrong, right)| (wrong & free, right & free));
    for (wrong, right) in shared.filter(|(wrong, _)| wrong.count_ones() >= 2) {
        for a in bits(wrong) {
            bits(wrong).for_each(|b| strength[a.min(b) * seats + a.max(b)] += i64::from(a < b));
            bits(right).for_each(|b| strength[a.min(b) * seats + a.max(b)] -= 1);
        }
    }
    let pairs = (0..seats).flat_map(|a| (a + 1..seats).map(move |b| (a, b)));
    pairs
        .map(|(a, b)| (a, b, strength[a * seats + b]))
        .filter(|&(_, _, strength)| strength.unsigned_abs() >= FEWEST)
        .collect()
}

/// How strongly owners are tied, by both.
pub(super) type Ties = BTreeMap<(usize, usize), i64>;

/// The cliques that more than half of `electorate` stand against, each by its owners.
pub(super) fn outnumbered(ties: &Ties, electorate: usize) -> Vec<BTreeSet<usize>> {
    let cliques = contract(ties);
    let mut clique_of = BTreeMap::new();
    for (&clique, members) in &cliques {
        clique_of.extend(members.iter().map(|&owner| (owner, clique)));
    }
    let mut tied_to: BTreeMap<usize, BTreeMap<usize, i64>> = BTreeMap::new();
    for (&(a, b), &strength) in ties {
        for (owner, other) in [(a, b), (b, a)] {
            *tied_to.entry(clique_of[&other]).or_default().entry(owner).or_default() += strength;
        }
    }
    let opponents = |clique: &usize| -> usize {
        let against =
            |&(owner, &strength): &(&usize, &i64)| strength < 0 && clique_of[owner] != *clique;
        tied_to.get(clique).map_or(0, |tied| tied.iter().filter(against).count())
    };
    cliques
        .iter()
        .filter(|&(clique, members)| members.len() >= 2 && opponents(clique) * 2 > electorate)
        .map(|(_, members)| members.clone())
        .collect()
}

type Cliques = BTreeMap<usize, BTreeSet<usize>>;
type Between = BTreeMap<usize, BTreeMap<usize, i64>>;

fn contract(ties: &Ties) -> Cliques {
    let mut cliques = Cliques::new();
    let mut between = Between::new();
    let mut strongest = std::collections::BinaryHeap::new();
    for (&(a, b), &strength) in ties {
        for owner in [a, b] {
            cliques.entry(owner).or_default().insert(owner);
        }
        between.entry(a).or_default().insert(b, strength);
        between.entry(b).or_default().insert(a, strength);
        strongest.push((strength, a, b));
    }
    while let Some((strength, kept, gone)) = strongest.pop() {
        if strength <= 0 {
            break;
        }
        // Ties that have changed since are in the heap a second time.
        if between.get(&kept).and_then(|of| of.get(&gone)) != Some(&strength) {
            continue;
        }
        let members = cliques.remove(&gone).unwrap_or_default();
        cliques.entry(kept).or_default().extend(members);
        for (other, strength) in between.remove(&gone).unwrap_or_default() {
            if let Some(of) = between.get_mut(&other) {
                of.remove(&gone);
            }
            if other == kept {
                continue;
            }
            let sum = between.entry(kept).or_default().entry(other).or_default();
            *sum += strength;
            let sum = *sum;
            between.entry(other).or_default().insert(kept, sum);
            strongest.push((sum, kept, other));
        }
    }
    cliques
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Groups of so many: together whenever another errs, apart when one of their own does.
    fn tools(sizes: &[usize]) -> (Ties, Vec<BTreeSet<usize>>) {
        let mut groups = Vec::new();
        let mut end = 0;
        for size in sizes {
            groups.push((end..end + size).collect::<BTreeSet<usize>>());
            end += size;
        }
        let mut ties = Ties::new();
        for a in 0..end {
            for b in a + 1..end {
                let same = groups.iter().any(|group| group.contains(&a) && group.contains(&b));
                ties.insert((a, b), if same { 40 } else { -12 });
            }
        }
        (ties, groups)
    }

    #[test]
    fn who_errs_together_is_tied_and_who_is_right_together_is_not() {
        let errors = Errors { omissions: Vec::new(), values: vec![(0b00_0011, 0b11_1100); 10] };
        let mut found = ties(&errors, 0b01_1111, 6);
        found.sort_unstable_by_key(|&(a, b, _)| (a, b));
        let apart = |a: usize| (2..5).map(move |b| (a, b, -10));
        let expected: Vec<_> = [(0, 1, 10)].into_iter().chain(apart(0)).chain(apart(1)).collect();
        assert_eq!(found, expected);
        // Alone in an error among those that count, and too few errors.
        assert_eq!(ties(&errors, 0b01_1110, 6), []);
        let few = Errors { values: errors.values[..7].to_vec(), ..errors };
        assert_eq!(ties(&few, 0b01_1111, 6), []);
    }

    #[test]
    fn each_of_three_tools_is_outnumbered_by_the_other_two() {
        let (ties, groups) = tools(&[5, 5, 5]);
        assert_eq!(outnumbered(&ties, 15), groups);
    }

    #[test]
    fn a_tool_that_half_or_more_use_is_not_outnumbered() {
        let (ties, groups) = tools(&[5, 5]);
        assert!(outnumbered(&ties, 10).is_empty());
        let (more, _) = tools(&[7, 4]);
        assert_eq!(outnumbered(&more, 11), [(7..11).collect::<BTreeSet<usize>>()]);
        // Those that nothing is known about count as well.
        assert!(outnumbered(&ties, 11).is_empty() && groups.len() == 2);
    }

    #[test]
    fn strangers_are_no_clique() {
        assert!(outnumbered(&Ties::new(), 3).is_empty());
        let apart = (1..9).map(|other| ((0, other), -20)).collect();
        assert!(outnumbered(&apart, 9).is_empty());
    }
}

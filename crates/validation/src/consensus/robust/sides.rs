//! Which owners stand together over many batches, and whether one side is more than half of all.
//!
//! The graph has an edge for each two owners that met in disputed batches: positive where they stood together, negative
//! where they stood against each other. It is nearly balanced when there are two sides, so the leading eigenvector of
//! its matrix tells them apart, also where every single batch was won by the liars. Which side lies it cannot tell:
//! that is decided by counting owners. A side loses when the other was seen to have more than half of all owners, or when
//! it met itself again so often that it can hardly have half (`recapture`). Otherwise nobody is convicted.

use std::collections::{BTreeMap, BTreeSet};

use super::camps::bits;
use super::digest::Digest;
use super::recapture::{Sightings, is_outnumbered};

/// What one meeting in a disputed batch counts.
const MEETING: i32 = 1024;
/// Each epoch takes a sixteenth of what was remembered.
const FADING: i32 = 16;
/// What is weaker was long ago.
const FORGOTTEN: i32 = 128;
/// Epochs.
const DISPUTES_KEPT: u32 = 16;
const ROUNDS: usize = 64;
/// An owner is convicted only against so many different ones.
const WITNESSES: usize = 3;

/// Owners by their position, and how often each two stood together less how often against each other.
#[derive(Clone, Debug, Default)]
pub(super) struct Graph {
    edges: BTreeMap<(u32, u32), i32>,
    /// Who sat in each disputed batch, and how many epochs ago.
    disputes: Vec<(u32, Vec<usize>)>,
}

/// Those that lose against more than half of all owners.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Losers {
    /// How many owners were seen on the winning side.
    pub(super) against: usize,
    /// How many owners there are in all.
    pub(super) electorate: usize,
    /// The convicted owners, rising, and how many of the winning side each was against.
    pub(super) owners: Vec<(usize, usize)>,
}

impl Graph {
    pub(super) fn add_remembered(&mut self, a: usize, b: usize, strength: i32) {
        *self.edges.entry(key(a, b)).or_default() += strength;
    }

    pub(super) fn add_meeting(&mut self, a: usize, b: usize, friends: bool) {
        if a != b {
            self.add_remembered(a, b, if friends { MEETING } else { -MEETING });
        }
    }

    pub(super) fn add_dispute(&mut self, age: u32, owners: Vec<usize>) {
        self.disputes.push((age, owners));
    }

    /// The edges of a batch between seats of `free`, if some of those stand against each other; without those of which both
    /// seats are in `after`.
    pub(super) fn add_batch(&mut self, digest: &Digest, free: u64, after: u64) {
        if !digest.camps.has_sides(free) {
            return;
        }
        let mut sitting = 0u64;
        for edge in &digest.camps.edges {
            let both = 1u64 << edge.a | 1 << edge.b;
            if both & !free == 0 && both & !after != 0 {
                sitting |= both;
                let [a, b] = [edge.a, edge.b].map(|seat| digest.seats[usize::from(seat)].owner);
                self.add_meeting(a, b, edge.friends);
            }
        }
        if sitting != 0 {
            let mut owners: Vec<usize> =
                bits(sitting).map(|seat| digest.seats[seat].owner).collect();
            owners.sort_unstable();
            owners.dedup();
            self.disputes.push((0, owners));
        }
    }

    /// For the sides of others: they may have been united in those disputes.
    pub(super) fn forget_disputes_of(&mut self, owners: &BTreeSet<usize>) {
        self.disputes.retain(|(_, sat)| sat.iter().all(|owner| !owners.contains(owner)));
    }

    /// The disputes that are remembered one epoch later, with their age then.
    pub(super) fn aged(&self) -> impl Iterator<Item = (u32, &[usize])> {
        let kept = self.disputes.iter().filter(|&&(age, _)| age < DISPUTES_KEPT);
        kept.map(|(age, owners)| (age + 1, owners.as_slice()))
    }

    /// What is left of it one epoch later.
    pub(super) fn faded(&self) -> impl Iterator<Item = (usize, usize, i32)> {
        self.edges.iter().filter_map(|(&(a, b), &strength)| {
            let left = strength - strength / FADING;
            (left.abs() >= FORGOTTEN).then_some((a as usize, b as usize, left))
        })
    }

    /// The losing side among `present` owners, if the other holds more than half of `electorate`. Who stands with nobody
    /// is no side, unless it stood with one that is convicted.
    pub(super) fn losers(
        &self,
        present: &[bool],
        electorate: usize,
        stood_with_convicted: &BTreeSet<usize>,
    ) -> Option<Losers> {
        let neighbours = self.neighbours(present);
        let component = largest_component(&neighbours);
        let side = sides(&neighbours, &component)?;
        let members = |sign: f64| -> usize {
            let coherent = |&&owner: &&usize| {
                side[owner] == sign && support(&neighbours[owner], &side, sign) > 0.0
            };
            component.iter().filter(coherent).count()
        };
        // A dispute in which most of those present were on neither side, or all on one, was not between these two.
        let between_them = |owners: &&[usize]| {
            let on = |sign: f64| {
                owners.iter().filter(|&&owner| present[owner] && side[owner] == sign).count()
            };
            let (one, other, neither) = (on(1.0), on(-1.0), on(0.0));
            one > 0 && other > 0 && one + other > neither
        };
        let disputes: Vec<&[usize]> = self
            .disputes
            .iter()
            .map(|(_, owners)| owners.as_slice())
            .filter(between_them)
            .collect();
        let sightings = |sign: f64| {
            let on_side = |owner: &&usize| present[**owner] && side[**owner] == sign;
            let seats = |owners: &&[usize]| owners.iter().filter(on_side).count();
            let faces: BTreeSet<usize> =
                disputes.iter().flat_map(|owners| owners.iter().filter(on_side).copied()).collect();
            Sightings { seats: disputes.iter().map(seats).collect(), faces: faces.len() }
        };
        let has_majority = |&sign: &f64| members(sign) * 2 > electorate;
        let outnumbers =
            |&sign: &f64| is_outnumbered(&sightings(-sign), &sightings(sign), electorate);
        let signs = [1.0, -1.0];
        let winner = signs.into_iter().find(has_majority);
        let winner = winner.or_else(|| signs.into_iter().find(outnumbers))?;
        let seen = |sign: f64| component.iter().filter(|&&owner| side[owner] == sign).count();
        let against = seen(winner);
        if against <= seen(-winner) {
            // More than half can hardly be those of whom fewer were seen.
            return None;
        }
        let owners = component
            .iter()
            .filter(|&&owner| side[owner] == -winner)
            .filter_map(|&owner| {
                let count = |sign: f64, friends: bool| {
                    neighbours[owner]
                        .iter()
                        .filter(|&&(other, strength)| {
                            side[other] == sign && (strength > 0.0) == friends
                        })
                        .count()
                };
                let foes = count(winner, false);
                let in_company = count(-winner, true) > 0 || stood_with_convicted.contains(&owner);
                let convicted = foes >= WITNESSES && foes > 2 * count(winner, true) && in_company;
                convicted.then_some((owner, foes))
            })
            .collect();
        Some(Losers { against, electorate, owners })
    }

    fn neighbours(&self, present: &[bool]) -> Vec<Vec<(usize, f64)>> {
        let mut neighbours = vec![Vec::new(); present.len()];
        for (&(a, b), &strength) in &self.edges {
            let (a, b) = (a as usize, b as usize);
            if strength != 0 && present[a] && present[b] {
                neighbours[a].push((b, f64::from(strength)));
                neighbours[b].push((a, f64::from(strength)));
            }
        }
        neighbours
    }
}

fn key(a: usize, b: usize) -> (u32, u32) {
    (a.min(b) as u32, a.max(b) as u32)
}

fn support(neighbours: &[(usize, f64)], side: &[f64], sign: f64) -> f64 {
    neighbours
        .iter()
        .filter(|&&(other, _)| side[other] == sign)
        .map(|&(_, strength)| strength)
        .sum()
}

fn largest_component(neighbours: &[Vec<(usize, f64)>]) -> Vec<usize> {
    let mut seen = vec![false; neighbours.len()];
    let mut largest = Vec::new();
    for start in 0..neighbours.len() {
        if seen[start] {
            continue;
        }
        seen[start] = true;
        let mut component = vec![start];
        let mut next = 0;
        while next < component.len() {
            for &(other, _) in &neighbours[component[next]] {
                if !seen[other] {
                    seen[other] = true;
                    component.push(other);
                }
            }
            next += 1;
        }
        if component.len() > largest.len() {
            largest = component;
        }
    }
    largest.sort_unstable();
    largest
}

/// For each owner 1, -1, or 0 where it cannot be told.
fn sides(neighbours: &[Vec<(usize, f64)>], component: &[usize]) -> Option<Vec<f64>> {
    let friendship = |owner: usize| -> f64 {
        neighbours[owner].iter().map(|&(_, strength)| strength.max(0.0)).sum()
    };
    let hub = component
        .iter()
        .copied()
        .reduce(|hub, owner| if friendship(owner) > friendship(hub) { owner } else { hub })?;
    let largest_row = component
        .iter()
        .map(|&owner| neighbours[owner].iter().map(|&(_, strength)| strength.abs()).sum::<f64>())
        .fold(0.0, f64::max);
    let mut vector = vec![0.0; neighbours.len()];
    vector[hub] = 1.0;
    for _ in 0..ROUNDS {
        // The shift keeps a large negative eigenvalue from leading.
        let mut next: Vec<f64> = vector.iter().map(|value| value * largest_row / 2.0).collect();
        for &owner in component {
            next[owner] += neighbours[owner]
                .iter()
                .map(|&(other, strength)| strength * vector[other])
                .sum::<f64>();
        }
        let largest = next.iter().copied().map(f64::abs).fold(0.0, f64::max);
        if largest > 0.0 {
            next.iter_mut().for_each(|value| *value /= largest);
        }
        vector = next;
    }
    let mut side: Vec<f64> = vector.iter().map(|&value| sign(value)).collect();
    for _ in 0..8 {
        for &owner in component {
            let pull: f64 =
                neighbours[owner].iter().map(|&(other, strength)| strength * side[other]).sum();
            side[owner] = sign(pull);
        }
    }
    Some(side)
}

fn sign(value: f64) -> f64 {
    if value > 0.0 {
        1.0
    } else if value < 0.0 {
        -1.0
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dispute(graph: &mut Graph, one: &[usize], other: &[usize]) {
        for side in [one, other] {
            for (position, &a) in side.iter().enumerate() {
                side[position + 1..].iter().for_each(|&b| graph.add_meeting(a, b, true));
            }
        }
        for &a in one {
            other.iter().for_each(|&b| graph.add_meeting(a, b, false));
        }
    }

    #[test]
    fn liars_that_win_every_batch_lose_against_the_majority_of_owners() {
        let mut graph = Graph::default();
        dispute(&mut graph, &[0, 1, 2], &[4, 5]);
        dispute(&mut graph, &[0, 1, 2], &[5, 6]);
        dispute(&mut graph, &[1, 2, 3], &[6, 7]);
        dispute(&mut graph, &[0, 2, 3], &[8, 7]);
        let losers = graph
            .losers(&[true; 9], 9, &BTreeSet::new())
            .map(|losers| (losers.against, losers.owners.len()));
        assert_eq!(losers, Some((5, 4)));
    }

    #[test]
    fn nobody_is_convicted_while_neither_side_has_more_than_half() {
        let mut graph = Graph::default();
        dispute(&mut graph, &[0, 1, 2], &[3, 4]);
        assert_eq!(graph.losers(&[true; 5], 6, &BTreeSet::new()), None);
        let losers = graph.losers(&[true; 5], 5, &BTreeSet::new());
        assert_eq!(losers.map(|losers| losers.against), Some(3));
    }

    #[test]
    fn a_lone_opponent_is_no_side() {
        let mut graph = Graph::default();
        dispute(&mut graph, &[0, 1, 2, 3], &[4]);
        let losers = graph.losers(&[true; 5], 5, &BTreeSet::new());
        assert_eq!(losers.map(|losers| losers.owners), Some(vec![]));
    }

    #[test]
    fn a_lone_opponent_that_stood_with_a_convicted_one_is_a_side() {
        let mut graph = Graph::default();
        dispute(&mut graph, &[0, 1, 2, 3], &[4]);
        let stood = |owner| graph.losers(&[true; 5], 5, &BTreeSet::from([owner]));
        assert_eq!(stood(4).map(|losers| losers.owners), Some(vec![(4, 4)]));
        assert_eq!(stood(3).map(|losers| losers.owners), Some(vec![]));
    }

    #[test]
    fn nobody_loses_against_fewer_than_lost() {
        let met = |seats: usize| Sightings { seats: vec![seats; 13], faces: seats };
        assert!(is_outnumbered(&met(5), &met(4), 100));
        let mut graph = Graph::default();
        dispute(&mut graph, &[0, 1, 2, 3, 4], &[5, 6, 7, 8]);
        (0..13).for_each(|_| graph.add_dispute(0, (0..9).collect()));
        assert_eq!(graph.losers(&[true; 100], 100, &BTreeSet::new()), None);
        // Nor where some of the others would not be convicted.
        let mut graph = Graph::default();
        dispute(&mut graph, &[0, 1, 2], &[5, 6, 7, 8]);
        dispute(&mut graph, &[2, 3, 4], &[5, 6]);
        (0..13).for_each(|_| graph.add_dispute(0, (0..9).collect()));
        assert_eq!(graph.losers(&[true; 100], 100, &BTreeSet::new()), None);
    }

    #[test]
    fn disputes_between_others_say_nothing_of_how_many_two_sides_are() {
        let (one, other): ([usize; 3], [usize; 9]) = ([0, 1, 2], [3, 4, 5, 6, 7, 8, 9, 10, 11]);
        // The few were seen in every dispute, of the many others each time.
        let between = |time: usize| {
            let seats = (0..3).map(|seat| other[(time * 3 + seat) % 9]);
            one.into_iter().chain(seats).collect::<Vec<_>>()
        };
        let sides = |sat: &dyn Fn(usize) -> Vec<usize>| {
            let mut graph = Graph::default();
            dispute(&mut graph, &one, &other);
            (0..12).for_each(|time| graph.add_dispute(0, sat(time)));
            graph.losers(&[true; 40], 40, &BTreeSet::new()).map(|losers| losers.against)
        };
        assert_eq!(sides(&between), Some(9));
        assert_eq!(sides(&|_| one.to_vec()), None);
        assert_eq!(sides(&|time| between(time).into_iter().chain(20..27).collect()), None);
    }

    #[test]
    fn memory_fades() {
        let mut graph = Graph::default();
        graph.add_meeting(1, 0, false);
        assert_eq!(graph.faded().collect::<Vec<_>>(), [(0, 1, -960)]);
        graph.add_remembered(2, 3, 100);
        assert_eq!(graph.faded().count(), 1);
    }
}

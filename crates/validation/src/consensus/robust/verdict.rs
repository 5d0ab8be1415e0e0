//! What is accepted of one batch, with the weights and convictions given.

use std::collections::BTreeSet;

use super::camps::{CHANNELS, EXISTENCE, agreement, bits};
use super::clusters::{Cluster, Entry, clusters_into, weighted_median};
use super::digest::{Digest, Home, SEATS};
use super::reliability::HEAVIEST;
use crate::consensus::memory::Record;
use crate::consensus::{FIELDS, FieldVerdict, PropertyVerdict, Settings, Share};

/// One owner's vote, divisible among its seats.
const VOTE: u32 = 720_720;

/// Sums of a number for each seat, by mask.
#[derive(Debug)]
pub(super) struct Sums(Vec<[u32; 256]>);

impl Sums {
    fn new(of_seat: &[u32]) -> Self {
        let bytes = of_seat.chunks(8).map(|chunk| {
            let mut sums = [0u32; 256];
            for mask in 1..256usize {
                let lowest = mask.trailing_zeros() as usize;
                sums[mask] = sums[mask & (mask - 1)] + chunk.get(lowest).copied().unwrap_or(0);
            }
            sums
        });
        Self(bytes.collect())
    }

    #[inline]
    pub(super) fn of(&self, mask: u64) -> u64 {
        self.0
            .iter()
            .enumerate()
            .map(|(byte, sums)| u64::from(sums[(mask >> (8 * byte) & 255) as usize]))
            .sum()
    }
}

/// Who counts how much in one batch.
#[derive(Debug)]
pub(super) struct Scales {
    /// By channel.
    pub(super) weights: [Sums; CHANNELS],
    pub(super) votes: Sums,
    /// The seats of each clique that is outnumbered.
    cliques: Vec<u64>,
    pub(super) unconvicted: u64,
}

impl Scales {
    /// `weights_of` a seat by channel; the seats of one owner share what one of them would weigh.
    pub(super) fn new(
        digest: &Digest,
        is_convicted: impl Fn(usize) -> bool,
        weights_of: impl Fn(usize) -> [u32; CHANNELS],
    ) -> Self {
        let seats = &digest.seats;
        let mut weights = [[0u32; SEATS]; CHANNELS];
        let mut votes = [0u32; SEATS];
        let mut unconvicted = 0;
        for (seat, of) in seats.iter().enumerate() {
            if is_convicted(seat) {
                continue;
            }
            let same_owner =
                |&other: &usize| seats[other].owner == of.owner && !is_convicted(other);
            let sharing = (0..seats.len()).filter(same_owner).count() as u32;
            for (channel, weight) in weights_of(seat).into_iter().enumerate() {
                weights[channel][seat] = weight / sharing;
            }
            votes[seat] = VOTE / sharing;
            unconvicted |= 1 << seat;
        }
        Self {
            weights: weights.map(|of_seat| Sums::new(&of_seat[..seats.len()])),
            votes: Sums::new(&votes[..seats.len()]),
            cliques: Vec::new(),
            unconvicted,
        }
    }

    /// Owners that err together and are outnumbered are one witness where nobody agrees with them.
    pub(super) fn with_cliques(mut self, digest: &Digest, cliques: &[BTreeSet<usize>]) -> Self {
        let seats_of = |clique: &BTreeSet<usize>| {
            let member = |&seat: &usize| clique.contains(&digest.seats[seat].owner);
            (0..digest.seats.len()).filter(member).fold(0, |mask, seat| mask | 1 << seat)
        };
        self.cliques =
            cliques.iter().map(seats_of).filter(|seats: &u64| seats.count_ones() >= 2).collect();
        self
    }

    fn votes(&self, camp: u64) -> u64 {
        self.of_witnesses(camp, self.votes.of(camp), VOTE.into())
    }

    fn weight(&self, camp: u64, channel: usize) -> u64 {
        self.of_witnesses(camp, self.weights[channel].of(camp), HEAVIEST.into())
    }

    /// What a camp has, or what one can have at most where nobody else is in it than members of one clique.
    fn of_witnesses(&self, camp: u64, of_all: u64, of_one: u64) -> u64 {
        let heard = camp & self.unconvicted;
        if self.cliques.iter().any(|clique| heard & !clique == 0) {
            of_all.min(of_one)
        } else {
            of_all
        }
    }

    fn owners(&self, mask: u64) -> u64 {
        (self.votes.of(mask) + u64::from(VOTE / 2)) / u64::from(VOTE)
    }
}

/// Each error of a batch once, as the seats that made the very same.
#[derive(Debug, Default)]
pub(super) struct Errors {
    /// Homes that exist and were left out.
    pub(super) omissions: Vec<u64>,
    /// Values beside the prevailing one, and who has that.
    pub(super) values: Vec<(u64, u64)>,
}

/// What was concluded about a batch.
#[derive(Debug)]
pub(super) struct BatchVerdict {
    /// One for each home of the digest, unless it is provisional.
    pub(super) homes: Vec<PropertyVerdict>,
    /// For each seat, how often it was judged and wrong, by channel.
    pub(super) records: Vec<Record>,
    /// How many values of each seat are the accepted ones.
    pub(super) correct: Vec<u32>,
    /// How many values were accepted.
    pub(super) accepted: u32,
    /// How many values two unconvicted miners or more reported.
    pub(super) corroborated: u32,
    /// What each seat did wrong.
    pub(super) errors: Errors,
    /// The seats that answered for each zipcode.
    pub(super) answered: Vec<u64>,
}

/// Judges a batch. What is `provisional` leaves the homes out: only who erred is of interest.
pub(super) fn judge(
    digest: &Digest,
    scales: &Scales,
    settings: &Settings,
    provisional: bool,
) -> BatchVerdict {
    let seats = digest.seats.len();
    let mut judge = Judge {
        digest,
        scales,
        settings,
        quorum: scales.owners(scales.unconvicted) >= u64::from(settings.min_owners),
        all: digest.seats.iter().enumerate().fold(0, |all, (seat, _)| all | 1 << seat),
        clusters: Vec::new(),
        counts: Counts { accepted: [0; FIELDS], silent: vec![[0; FIELDS]; seats] },
        verdict: BatchVerdict {
            homes: Vec::with_capacity(if provisional { 0 } else { digest.homes.len() }),
            records: vec![Record::default(); seats],
            correct: vec![0; seats],
            accepted: 0,
            corroborated: 0,
            errors: Errors::default(),
            answered: answered(digest),
        },
    };
    for home in &digest.homes {
        let judged = judge.home(home);
        if !provisional {
            judge.verdict.homes.push(judged);
        }
    }
    let Judge { counts, mut verdict, .. } = judge;
    counts.finish(&mut verdict);
    verdict
}

struct Judge<'a> {
    digest: &'a Digest,
    scales: &'a Scales,
    settings: &'a Settings,
    /// Whether enough owners are left to accept anything.
    quorum: bool,
    /// All seats.
    all: u64,
    clusters: Vec<Cluster>,
    counts: Counts,
    verdict: BatchVerdict,
}

/// Who stands behind the winner of a field, and who behind anything else.
struct Ballot {
    value: u32,
    winner: u64,
    rest: u64,
}

impl Judge<'_> {
    fn home(&mut self, home: &Home) -> PropertyVerdict {
        let answered = self.verdict.answered[usize::from(home.zipcode)];
        let sight = &self.scales.weights[EXISTENCE];
        let seen_by = sight.of(home.seats);
        let exists = self.quorum && seen_by > 0 && seen_by * 2 >= sight.of(answered);
        existence_errors(home, answered, exists, &mut self.verdict);
        let fields = std::array::from_fn(|field| self.field(home, field, exists));
        let owners = self.scales.owners(home.seats) as u32;
        PropertyVerdict::new(home.property, fields, exists, home.seats.count_ones(), owners)
    }

    fn field(&mut self, home: &Home, field: usize, exists: bool) -> FieldVerdict {
        let Some(Ballot { value, winner, rest }) =
            self.count(self.digest.entries(home, field), field)
        else {
            return FieldVerdict::default();
        };
        let weight = self.scales.weight(winner, field);
        let (whole, votes, all_votes) = if rest == 0 {
            (weight, 1, u64::from(weight > 0))
        } else {
            let camps = || self.clusters.iter().map(|camp| camp.seats);
            let whole = camps().map(|camp| self.scales.weight(camp, field)).sum();
            let all_votes = camps().map(|camp| self.scales.votes(camp)).sum();
            (whole, self.scales.votes(winner), all_votes)
        };
        let accepted = exists
            && self.settings.consensus_confidence_threshold.is_reached_by(weight, whole)
            && self.settings.owner_threshold.is_reached_by(votes, all_votes);
        if accepted {
            self.counts.accepted[field] += 1;
            for seat in bits(rest) {
                self.verdict.records[seat].wrong[field] += 1;
            }
            for seat in bits(self.all & !(winner | rest)) {
                self.counts.silent[seat][field] += 1;
            }
        }
        let corroborated = ((winner | rest) & self.scales.unconvicted).count_ones() >= 2;
        self.verdict.corroborated += u32::from(corroborated);
        if exists && rest != 0 && votes * 2 > all_votes {
            let beside = self.clusters[1..].iter().map(|cluster| (cluster.seats, winner));
            self.verdict.errors.values.extend(beside);
        }
        FieldVerdict { value: Some(value), confidence: Share::of(weight, whole), accepted }
    }

    fn count(&mut self, entries: &[Entry], field: usize) -> Option<Ballot> {
        match entries {
            [] => None,
            [only] => Some(Ballot { value: only.value, winner: only.seats, rest: 0 }),
            _ => {
                clusters_into(
                    entries,
                    agreement(field, self.settings),
                    |camp| self.scales.weight(camp, field),
                    &mut self.clusters,
                );
                let first = self.clusters.first()?;
                let weights = &self.scales.weights[field];
                let value =
                    weighted_median(&entries[first.first..first.end], |seats| weights.of(seats));
                let rest = self.clusters[1..].iter().fold(0, |rest, cluster| rest | cluster.seats);
                Some(Ballot { value, winner: first.seats, rest })
            }
        }
    }
}

/// Accepted values by field, and how many of them each seat said nothing about: rarer, so faster to count, than the rest.
struct Counts {
    accepted: [u32; FIELDS],
    silent: Vec<[u32; FIELDS]>,
}

impl Counts {
    fn finish(&self, verdict: &mut BatchVerdict) {
        verdict.accepted = self.accepted.iter().sum();
        for (seat, silent) in self.silent.iter().enumerate() {
            let record = &mut verdict.records[seat];
            for (field, (accepted, silent)) in self.accepted.iter().zip(silent).enumerate() {
                record.judged[field] = accepted - silent;
                verdict.correct[seat] += record.judged[field] - record.wrong[field];
            }
        }
    }
}

fn answered(digest: &Digest) -> Vec<u64> {
    let mut answered = vec![0; digest.zipcodes.len()];
    for (seat, of) in digest.seats.iter().enumerate() {
        for (mask, &(homes, _)) in answered.iter_mut().zip(&of.zipcodes) {
            *mask |= u64::from(homes > 0) << seat;
        }
    }
    answered
}

fn existence_errors(home: &Home, answered: u64, exists: bool, verdict: &mut BatchVerdict) {
    let missed = answered & !home.seats;
    let wrong = if exists { missed } else { home.seats };
    for seat in bits(answered) {
        verdict.records[seat].judged[EXISTENCE] += 1;
    }
    for seat in bits(wrong) {
        verdict.records[seat].wrong[EXISTENCE] += 1;
    }
    if exists && missed != 0 {
        verdict.errors.omissions.push(missed);
    }
}

#[cfg(test)]
mod tests {
    use super::super::reliability::weights;
    use super::super::written::{TRUE, batch};
    use super::*;

    /// What becomes of the price of a home that so many members of a clique of eight, and so many others, say is 500,000.
    fn price(members: u8, others: u8, is_clique: bool) -> (Option<u32>, bool) {
        let [_, rest @ ..] = TRUE;
        let digest = batch(12, 1, |seat, _| {
            let says = if seat < 8 { seat < members } else { seat < 8 + others };
            let mut values = [0; FIELDS];
            values[1..].copy_from_slice(&rest);
            values[0] = if says { 500_000 } else { 900_000 };
            Some(values)
        });
        let owners = digest.seats[..8].iter().map(|seat| seat.owner).collect();
        let cliques: Vec<BTreeSet<usize>> = if is_clique { vec![owners] } else { Vec::new() };
        let scales = Scales::new(&digest, |_| false, |_| weights(&Record::default()))
            .with_cliques(&digest, &cliques);
        let verdict = judge(&digest, &scales, &Settings::default(), false);
        let FieldVerdict { value, accepted, .. } = verdict.homes[0].fields[0];
        (value, accepted)
    }

    #[test]
    fn cliques_have_one_vote() {
        assert_eq!(price(8, 0, false), (Some(500_000), false));
        assert_eq!(price(8, 0, true), (Some(900_000), true));
    }

    #[test]
    fn who_agrees_with_a_clique_gives_it_its_votes_back() {
        assert_eq!(price(8, 1, true), (Some(500_000), true));
        assert_eq!(price(8, 1, false), (Some(500_000), true));
    }
}

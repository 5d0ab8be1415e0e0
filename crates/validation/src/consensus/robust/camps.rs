//! Who stands with whom in one batch, before anything is known about the truth.
//!
//! Only what at least two miners say counts as a camp: two honest miners seldom make the same mistake.

use super::clusters::{Agreement, Cluster, Entry, clusters_into};
use super::digest::{Digest, Home, SEATS};
use crate::consensus::{FIELDS, Field, Settings, Share};

/// What is disputed: each field, and whether a home exists.
pub(super) const CHANNELS: usize = FIELDS + 1;
pub(super) const EXISTENCE: usize = FIELDS;
/// Every seat.
const EVERYBODY: u64 = u64::MAX;
/// Fewer disputes are too few to tell.
const FEWEST: u64 = 8;
/// A home that so many complete answers lack may not exist; one that fewer lack was missed by chance.
const MISSED_BY_CHANCE: u32 = 3;
/// Nor is it disputed whether a home exists that fewer than one in so many complete answers lack.
const DISPUTING: u32 = 3;

/// Two seats that often stood together, or often against each other, where there were camps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Edge {
    pub(super) a: u8,
    pub(super) b: u8,
    pub(super) friends: bool,
}

/// The disputes of one batch.
#[derive(Clone, Debug, Default)]
pub(super) struct Camps {
    pub(super) edges: Vec<Edge>,
    /// For each seat, the seats it is against.
    pub(super) foes: Vec<u64>,
    /// For each seat and channel, how often it stood alone against a camp: values nobody else has, homes nobody else sees.
    pub(super) alone: Vec<[u32; CHANNELS]>,
    /// For each seat, how many of its homes enough others reported too to tell.
    pub(super) compared: Vec<u32>,
}

pub(super) fn agreement(field: usize, settings: &Settings) -> Agreement {
    if Field::ALL[field].is_measured() {
        Agreement::Within(settings.tolerance)
    } else {
        Agreement::Equal
    }
}

/// The disputes of a batch, without those that invent: who stands together against them is not on one side for that.
pub(super) fn camps(digest: &Digest, settings: &Settings) -> Camps {
    let all = camps_among(EVERYBODY, digest, settings);
    let inventors = (0..digest.seats.len())
        .filter(|&seat| all.invents(seat, digest, settings))
        .fold(0u64, |inventors, seat| inventors | 1 << seat);
    if inventors == 0 {
        return all;
    }
    let Camps { edges, foes, .. } = camps_among(!inventors, digest, settings);
    Camps { edges, foes, ..all }
}

impl Camps {
    /// How many of a seat's values in a channel could have been shared with somebody.
    pub(super) fn comparable(&self, seat: usize, channel: usize, digest: &Digest) -> u32 {
        if channel == EXISTENCE { digest.seats[seat].homes } else { self.compared[seat] }
    }

    /// Whether a seat stands alone in a channel as often as inventors do in single batches.
    pub(super) fn invents_in(
        &self,
        seat: usize,
        channel: usize,
        digest: &Digest,
        settings: &Settings,
    ) -> bool {
        let alone = u64::from(self.alone[seat][channel]);
        let suspicious = settings.false_share.times(Share::percent(75));
        alone >= FEWEST
            && suspicious.is_reached_by(alone, self.comparable(seat, channel, digest).into())
    }

    /// Whether some of these seats are against each other.
    pub(super) fn has_sides(&self, among: u64) -> bool {
        let against = |(seat, foes): (usize, &u64)| among >> seat & 1 == 1 && foes & among != 0;
        self.foes.iter().enumerate().any(against)
    }

    fn invents(&self, seat: usize, digest: &Digest, settings: &Settings) -> bool {
        (0..CHANNELS).any(|channel| self.invents_in(seat, channel, digest, settings))
    }
}

fn camps_among(company: u64, digest: &Digest, settings: &Settings) -> Camps {
    let seats = digest.seats.len();
    let mut camps = Camps {
        edges: Vec::new(),
        foes: vec![0; seats],
        alone: vec![[0; CHANNELS]; seats],
        compared: vec![0; seats],
    };
    let complete = complete_seats(digest, settings) & company;
    let mut pairs = Pairs::new(seats);
    let mut clusters = Vec::new();
    let mut heard = Vec::new();
    let mut camp_of = [0u8; SEATS];
    for home in &digest.homes {
        let seen = home.seats & company;
        existence(seen, complete, &mut camps, &mut pairs);
        if seen.count_ones() < 4 {
            continue;
        }
        for seat in bits(seen) {
            camps.compared[seat] += 1;
        }
        for field in 0..FIELDS {
            let entries = heard_from(company, digest.entries(home, field), &mut heard);
            if entries.len() < 2 {
                continue;
            }
            let heads = |seats: u64| u64::from(seats.count_ones());
            clusters_into(entries, agreement(field, settings), heads, &mut clusters);
            if clusters.len() < 2 {
                continue;
            }
            let speakers: u64 = clusters.iter().map(|cluster| cluster.weight).sum();
            if clusters[0].weight >= 3 && clusters[0].weight * 3 >= speakers {
                for cluster in clusters.iter().filter(|cluster| cluster.weight == 1) {
                    camps.alone[cluster.seats.trailing_zeros() as usize][field] += 1;
                }
            }
            if clusters[1].weight >= 2 {
                seat_camps(&clusters, &mut camp_of);
                pairs.add(field, &camp_of);
            }
        }
    }
    pairs.edges_into(&mut camps, digest, settings);
    camps
}

/// What the seats of `company` said.
fn heard_from<'a>(company: u64, entries: &'a [Entry], heard: &'a mut Vec<Entry>) -> &'a [Entry] {
    if company == EVERYBODY || entries.len() < 2 {
        return entries;
    }
    heard.clear();
    let among = |entry: &Entry| Entry { seats: entry.seats & company, ..*entry };
    heard.extend(entries.iter().map(among).filter(|entry| entry.seats != 0));
    heard
}

fn seat_camps(clusters: &[Cluster], camp_of: &mut [u8; SEATS]) {
    camp_of.fill(0);
    for (camp, cluster) in clusters.iter().take_while(|cluster| cluster.weight >= 2).enumerate() {
        for seat in bits(cluster.seats) {
            camp_of[seat] = camp as u8 + 1;
        }
    }
}

/// Seats that reported most of what others reported; what a lazy one leaves out says nothing.
fn complete_seats(digest: &Digest, settings: &Settings) -> u64 {
    let common = |home: &&Home| home.seats.count_ones() as usize * 3 >= digest.seats.len();
    let mut counts = [0u64; SEATS];
    let mut all = 0;
    for home in digest.homes.iter().filter(common) {
        all += 1;
        for seat in bits(home.seats) {
            counts[seat] += 1;
        }
    }
    (0..digest.seats.len())
        .filter(|&seat| settings.complete_share.is_reached_by(counts[seat], all))
        .fold(0, |complete, seat| complete | 1 << seat)
}

fn existence(seen: u64, complete: u64, camps: &mut Camps, pairs: &mut Pairs) {
    if seen == complete {
        return;
    }
    let missing = complete & !seen;
    if missing.count_ones() < MISSED_BY_CHANCE {
        return;
    }
    if seen.count_ones() == 1 {
        camps.alone[seen.trailing_zeros() as usize][EXISTENCE] += 1;
        return;
    }
    if missing.count_ones() * DISPUTING < complete.count_ones() {
        return;
    }
    let mut camp_of = [0u8; SEATS];
    for (seat, camp) in camp_of.iter_mut().enumerate() {
        *camp = (seen >> seat & 1) as u8 + 2 * (missing >> seat & 1) as u8;
    }
    pairs.add(EXISTENCE, &camp_of);
}

/// How often each pair of seats stood apart and together, by channel.
struct Pairs {
    seats: usize,
    stride: usize,
    apart: Vec<u16>,
    together: Vec<u16>,
}

impl Pairs {
    fn new(seats: usize) -> Self {
        let stride = seats.next_multiple_of(16).min(SEATS);
        let cells = CHANNELS * seats * stride;
        Self { seats, stride, apart: vec![0; cells], together: vec![0; cells] }
    }

    fn add(&mut self, channel: usize, camp_of: &[u8; SEATS]) {
        for seat in 0..self.seats {
            let own = camp_of[seat];
            if own == 0 {
                continue;
            }
            let row = self.row(channel, seat);
            let (apart, together) = (&mut self.apart[row.clone()], &mut self.together[row]);
            for ((apart, together), &other) in apart.iter_mut().zip(together).zip(camp_of) {
                *apart = apart.saturating_add(u16::from(other != 0 && other != own));
                *together = together.saturating_add(u16::from(other == own));
            }
        }
    }

    fn row(&self, channel: usize, seat: usize) -> std::ops::Range<usize> {
        let start = (channel * self.seats + seat) * self.stride;
        start..start + self.stride
    }

    fn edges_into(&self, camps: &mut Camps, digest: &Digest, settings: &Settings) {
        let shared = SharedHomes::of(digest);
        for a in 0..self.seats {
            for b in a + 1..self.seats {
                let most = |counts: &[u16]| {
                    (0..CHANNELS).map(|channel| counts[self.row(channel, a)][b]).max().unwrap_or(0)
                };
                let both = shared.count(a, b);
                let often = |count: u16| {
                    u64::from(count) >= FEWEST
                        && settings.false_share.is_reached_by(count.into(), both)
                };
                let foes = often(most(&self.apart));
                if foes {
                    camps.foes[a] |= 1 << b;
                    camps.foes[b] |= 1 << a;
                }
                if foes || often(most(&self.together)) {
                    camps.edges.push(Edge { a: a as u8, b: b as u8, friends: !foes });
                }
            }
        }
    }
}

/// For each seat a bit for each home, to count common homes of two seats fast.
struct SharedHomes {
    words: usize,
    bits: Vec<u64>,
}

impl SharedHomes {
    fn of(digest: &Digest) -> Self {
        let words = digest.homes.len().div_ceil(64);
        let mut shared = vec![0u64; words * digest.seats.len()];
        for (row, home) in digest.homes.iter().enumerate() {
            for seat in bits(home.seats) {
                shared[seat * words + row / 64] |= 1 << (row % 64);
            }
        }
        Self { words, bits: shared }
    }

    fn count(&self, a: usize, b: usize) -> u64 {
        let of = |seat: usize| &self.bits[seat * self.words..(seat + 1) * self.words];
        of(a).iter().zip(of(b)).map(|(a, b)| u64::from((a & b).count_ones())).sum()
    }
}

/// The seats of a mask, rising.
pub(super) fn bits(mut mask: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        (mask != 0).then(|| {
            let bit = mask.trailing_zeros() as usize;
            mask &= mask - 1;
            bit
        })
    })
}

#[cfg(test)]
mod tests {
    use super::super::written::{TRUE, batch};
    use super::*;

    #[test]
    fn inventors_are_left_out_of_the_sides() {
        // The last two invent, and now and then the same.
        let digest = batch(8, 100, |seat, home| {
            let invented =
                [100_000 * u32::from(seat), if home % 10 == 0 { 9 } else { seat.into() }];
            let [_, _, rest @ ..] = TRUE;
            let [price, bedrooms] = if seat < 6 { [TRUE[0], TRUE[1]] } else { invented };
            Some([price, bedrooms, rest[0], rest[1], rest[2], rest[3]])
        });
        let settings = Settings::default();
        let friends = |camps: &Camps| camps.edges.iter().filter(|edge| edge.friends).count();
        assert_eq!(friends(&camps_among(EVERYBODY, &digest, &settings)), 6 * 5 / 2 + 1);
        assert_eq!(camps(&digest, &settings).edges, []);
    }

    #[test]
    fn fewer_than_a_third_cannot_dispute_that_a_home_exists() {
        let foes = |missing: u8| {
            let digest =
                batch(12, 200, |seat, home| (seat >= missing || home >= 20).then_some(TRUE));
            let camps = camps(&digest, &Settings::default());
            camps.edges.iter().filter(|edge| !edge.friends).count()
        };
        assert_eq!((foes(3), foes(4)), (0, 4 * 8));
    }
}

use crate::consensus::Share;

/// A value and the seats that reported it: one bit a seat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) value: u32,
    pub(super) seats: u64,
}

/// Values that agree: the entries `first..end`, and who reported them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cluster {
    pub(super) first: usize,
    pub(super) end: usize,
    pub(super) seats: u64,
    pub(super) weight: u64,
}

/// When two values agree.
#[derive(Clone, Copy, Debug)]
pub(super) enum Agreement {
    Equal,
    Within(Share),
}

impl Agreement {
    fn holds(self, low: u32, high: u32) -> bool {
        const WHOLE: u64 = 1_000_000;
        match self {
            Self::Equal => low == high,
            Self::Within(share) => {
                u64::from(high) * WHOLE
                    <= u64::from(low) * (WHOLE + u64::from(share.as_millionths()))
            }
        }
    }
}

/// Cuts `entries` (by rising value, every value once) into clusters, the heaviest first, of equal ones the lower.
///
/// A cluster is a window in which lowest and highest agree, so a chain of small steps does not join distant values.
/// The heaviest window is taken first, then the heaviest of what is left beside it, and so on.
pub(super) fn clusters_into(
    entries: &[Entry],
    agreement: Agreement,
    weight_of: impl Fn(u64) -> u64,
    clusters: &mut Vec<Cluster>,
) {
    clusters.clear();
    let (Some(low), Some(high)) = (entries.first(), entries.last()) else { return };
    if agreement.holds(low.value, high.value) {
        let seats = entries.iter().fold(0, |seats, entry| seats | entry.seats);
        clusters.push(Cluster { first: 0, end: entries.len(), seats, weight: weight_of(seats) });
        return;
    }
    let mut taken = 0u64;
    while taken.count_ones() as usize != entries.len() {
        let mut best: Option<Cluster> = None;
        for first in (0..entries.len()).filter(|first| taken >> first & 1 == 0) {
            let mut seats = 0;
            let mut end = first;
            while end < entries.len()
                && taken >> end & 1 == 0
                && agreement.holds(entries[first].value, entries[end].value)
            {
                seats |= entries[end].seats;
                end += 1;
            }
            let weight = weight_of(seats);
            if best.is_none_or(|best| weight > best.weight) {
                best = Some(Cluster { first, end, seats, weight });
            }
        }
        let Some(best) = best else { return };
        for position in best.first..best.end {
            taken |= 1 << position;
        }
        clusters.push(best);
    }
    clusters.sort_by(|a, b| b.weight.cmp(&a.weight).then(a.first.cmp(&b.first)));
}

/// The value at the middle of the weight; the lower one when the middle lies between two.
pub(super) fn weighted_median(entries: &[Entry], weight_of: impl Fn(u64) -> u64) -> u32 {
    let [only] = entries else {
        let total: u64 = entries.iter().map(|entry| weight_of(entry.seats)).sum();
        let mut below = 0;
        for entry in entries {
            below += weight_of(entry.seats);
            if below * 2 >= total {
                return entry.value;
            }
        }
        return entries.last().map_or(0, |entry| entry.value);
    };
    only.value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(values: &[(u32, u64)], agreement: Agreement) -> Vec<(u64, usize)> {
        let entries: Vec<Entry> =
            values.iter().map(|&(value, seats)| Entry { value, seats }).collect();
        let mut clusters = Vec::new();
        clusters_into(&entries, agreement, |seats| seats.count_ones().into(), &mut clusters);
        clusters.iter().map(|cluster| (cluster.seats, cluster.end - cluster.first)).collect()
    }

    #[test]
    fn rounding_agrees_and_shading_does_not() {
        let near = Agreement::Within(Share::per_mille(15));
        assert_eq!(cut(&[(449_900, 0b001), (450_100, 0b110)], near), [(0b111, 2)]);
        assert_eq!(cut(&[(450_000, 0b0111), (470_250, 0b1000)], near), [(0b0111, 1), (0b1000, 1)]);
        assert_eq!(cut(&[(3, 0b1), (4, 0b110)], Agreement::Equal), [(0b110, 1), (0b1, 1)]);
    }

    #[test]
    fn a_chain_of_small_steps_joins_nothing_distant() {
        let near = Agreement::Within(Share::percent(1));
        let chain = [(1000, 0b00_0011), (1009, 0b00_1100), (1018, 0b11_0000)];
        assert_eq!(cut(&chain, near), [(0b00_1111, 2), (0b11_0000, 1)]);
    }

    #[test]
    fn the_median_follows_the_weight() {
        let entries = [
            Entry { value: 10, seats: 1 },
            Entry { value: 20, seats: 2 },
            Entry { value: 30, seats: 4 },
        ];
        assert_eq!(weighted_median(&entries, |seats| seats.count_ones().into()), 20);
        assert_eq!(weighted_median(&entries, |seats| if seats == 4 { 9 } else { 1 }), 30);
    }
}

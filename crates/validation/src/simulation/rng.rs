/// SplitMix64: small, fast, and the same everywhere. Good enough to play with, not to keep secrets.
#[derive(Clone, Debug)]
pub(super) struct Rng(u64);

impl Rng {
    /// A stream of its own for every list of numbers.
    pub(super) fn of(path: &[u64]) -> Self {
        let mut rng = Self(0x5EED);
        for &step in path {
            rng.0 = rng.next() ^ step.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        }
        rng.next();
        rng
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to below 1.
    pub(super) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    pub(super) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// Below `end`; 0 when that is 0.
    pub(super) fn below(&mut self, end: usize) -> usize {
        ((u128::from(self.next()) * end as u128) >> 64) as usize
    }

    pub(super) fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    pub(super) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }

    /// The positions below `end` that are hit with this probability, rising. Costs as much as there are hits.
    pub(super) fn hits(&mut self, end: usize, probability: f64) -> Vec<usize> {
        let mut hits = Vec::new();
        if probability <= 0.0 {
            return hits;
        }
        if probability >= 1.0 {
            return (0..end).collect();
        }
        let miss = (1.0 - probability).ln();
        let mut position = 0usize;
        loop {
            let skip = ((1.0 - self.unit()).ln() / miss) as usize;
            position = position.saturating_add(skip);
            if position >= end {
                return hits;
            }
            hits.push(position);
            position += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hits_as_often_as_asked() {
        let mut rng = Rng::of(&[1, 2]);
        let hits = rng.hits(100_000, 0.02);
        assert!((1800..2200).contains(&hits.len()), "{}", hits.len());
        assert!(hits.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!(rng.hits(10, 1.0).len(), 10);
        assert!(rng.hits(10, 0.0).is_empty());
    }

    #[test]
    fn another_path_is_another_stream() {
        assert_ne!(Rng::of(&[1, 2]).next(), Rng::of(&[2, 1]).next());
        assert_eq!(Rng::of(&[1, 2]).next(), Rng::of(&[1, 2]).next());
    }
}

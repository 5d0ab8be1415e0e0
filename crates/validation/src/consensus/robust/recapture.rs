//! Whether a side that keeps meeting itself can still be half of all owners: capture and recapture.
//!
//! Batches are dealt at random, so a side of so many owners that held so many seats in each disputed batch shows about
//! so many different faces. A ring shows few for its seats, however it picks the batches that it lies in; the honest, of
//! whom there are more, show many. Each way to divide all owners between the sides is held against the faces of both.

/// What one side showed in disputed batches.
#[derive(Clone, Debug)]
pub(super) struct Sightings {
    /// How many seats it held in each.
    pub(super) seats: Vec<usize>,
    /// How many different owners it showed in all.
    pub(super) faces: usize,
}

/// So much less likely, as a difference of squared deviations, must it be that the suspects are half: four deviations.
const PROVEN: f64 = 16.0;

/// Whether the suspects are less than half of all owners, so that the others are more, beyond reasonable doubt.
pub(super) fn is_outnumbered(suspects: &Sightings, others: &Sightings, all: usize) -> bool {
    let misfit = |size: usize| {
        let (suspects, others) = (suspects.surprise(size), others.surprise(all - size));
        suspects * suspects + others * others
    };
    let best = |sizes: std::ops::Range<usize>| sizes.map(misfit).reduce(f64::min);
    let (least, most) = (suspects.faces, all.saturating_sub(others.faces));
    let half = all.div_ceil(2);
    match (best(least..half.min(most + 1)), best(half.max(least)..most + 1)) {
        (Some(as_minority), Some(as_half)) => as_half - as_minority >= PROVEN,
        // Seen on the other side are so many that half are not left.
        (Some(_), None) => true,
        (None, _) => false,
    }
}

impl Sightings {
    /// By how many standard deviations its faces are fewer than a side of `size` owners would have shown.
    fn surprise(&self, size: usize) -> f64 {
        let owners = size as f64;
        if size == 0 {
            return 0.0;
        }
        // The chance that one given owner, and that two given owners, sat in none of the batches.
        let (mut idle, mut both_idle) = (1.0, 1.0);
        for &count in &self.seats {
            let free = (size - count.min(size)) as f64;
            idle *= free / owners;
            both_idle *= free * (free - 1.0).max(0.0) / (owners * (owners - 1.0).max(1.0));
        }
        let expected = owners * (1.0 - idle);
        let variance =
            owners * idle * (1.0 - idle) + owners * (owners - 1.0) * (both_idle - idle * idle);
        // Below one owner a deviation means nothing.
        (expected - self.faces as f64) / variance.max(1.0).sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sightings(seats: usize, batches: usize, faces: usize) -> Sightings {
        Sightings { seats: vec![seats; batches], faces }
    }

    #[test]
    fn a_side_that_shows_the_same_faces_again_is_outnumbered() {
        let (ring, honest) = (sightings(11, 24, 95), sightings(9, 24, 117));
        assert!(is_outnumbered(&ring, &honest, 256));
        assert!(!is_outnumbered(&honest, &ring, 256));
    }

    #[test]
    fn few_disputes_prove_nothing() {
        let (ring, honest) = (sightings(12, 2, 22), sightings(8, 2, 16));
        assert!(!is_outnumbered(&ring, &honest, 256));
        assert!(!is_outnumbered(&honest, &ring, 256));
        let nothing = sightings(0, 0, 0);
        assert!(!is_outnumbered(&nothing, &nothing, 256));
        assert!(!is_outnumbered(&nothing, &nothing, 0));
    }

    #[test]
    fn more_than_half_seen_on_the_other_side_leaves_no_doubt() {
        assert!(is_outnumbered(&sightings(3, 4, 4), &sightings(5, 4, 6), 10));
        assert!(!is_outnumbered(&sightings(5, 4, 6), &sightings(3, 4, 4), 10));
    }
}

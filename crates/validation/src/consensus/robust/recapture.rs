//! Whether a side that keeps meeting itself can still be half of all owners: capture and recapture.
//!
//! Batches are dealt at random, so a side of `least` owners or more that held so many seats in each disputed batch would
//! have shown about so many different faces. A ring shows fewer, however it picks the batches that it lies in; the
//! honest, of whom there are more, do not. The test must speak against one side and not against the other.

/// So many standard deviations too few faces prove that a side has less than half.
pub(super) const PROVEN: f64 = 4.0;
/// Up to so many are chance.
pub(super) const PLAUSIBLE: f64 = 2.0;

/// By how many standard deviations `distinct` owners are fewer than `least` would have shown with these seats.
pub(super) fn surprise(seats: &[usize], distinct: usize, least: usize) -> f64 {
    let owners = least as f64;
    // The chance that one given owner, and that two given owners, sat in none of the batches.
    let (mut idle, mut both_idle) = (1.0, 1.0);
    for &count in seats {
        let free = (least - count.min(least)) as f64;
        idle *= free / owners;
        both_idle *= free * (free - 1.0).max(0.0) / (owners * (owners - 1.0).max(1.0));
    }
    let expected = owners * (1.0 - idle);
    let variance =
        owners * idle * (1.0 - idle) + owners * (owners - 1.0) * (both_idle - idle * idle);
    // Below one owner a deviation means nothing.
    (expected - distinct as f64) / variance.max(1.0).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_faces_are_no_surprise_and_the_same_ones_are() {
        assert!(surprise(&[10; 24], 113, 129) < PLAUSIBLE);
        assert!(surprise(&[11; 24], 95, 129) > PROVEN);
    }

    #[test]
    fn few_disputes_prove_nothing() {
        assert!(surprise(&[12, 13], 22, 129) < PROVEN);
        assert!(surprise(&[], 0, 129).abs() < 1e-9);
        assert!(surprise(&[3], 3, 1).is_finite());
    }
}

use std::collections::BTreeSet;

use resi_protocol::SeededStream;

const LABEL: &str = "resi-spot-check-v1";

/// The homes or zipcodes to check, at most `sample_size`: those that are contested first, then others, each drawn from
/// the epoch's seed. Validators with the same findings choose the same, in whatever order they have them.
///
/// ```
/// use resi_validation::spot_check::choose;
///
/// let chosen = choose(["b"], ["d", "a", "b", "c"], 2, &[7; 32]);
/// assert_eq!(chosen[0], "b");
/// assert_eq!(chosen, choose(["b"], ["a", "c", "d"], 2, &[7; 32]));
/// ```
pub fn choose<T: Ord>(
    contested: impl IntoIterator<Item = T>,
    others: impl IntoIterator<Item = T>,
    sample_size: u32,
    seed: &[u8; 32],
) -> Vec<T> {
    let contested: BTreeSet<T> = contested.into_iter().collect();
    let others: BTreeSet<T> =
        others.into_iter().filter(|other| !contested.contains(other)).collect();
    let mut stream = SeededStream::labelled(LABEL, seed);
    let mut drawn = |items: BTreeSet<T>| {
        let mut items: Vec<T> = items.into_iter().collect();
        stream.shuffle(&mut items);
        items
    };
    let mut chosen = drawn(contested);
    chosen.extend(drawn(others));
    chosen.truncate(sample_size as usize);
    chosen
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn contested_ones_come_first_and_nothing_comes_twice(
            contested in prop::collection::vec(0_u32..50, 0..10),
            others in prop::collection::vec(0_u32..50, 0..30),
            size in 0_u32..12,
            seed: [u8; 32],
        ) {
            let chosen = choose(contested.clone(), others.clone(), size, &seed);
            let all: BTreeSet<u32> = contested.iter().chain(&others).copied().collect();
            prop_assert_eq!(chosen.len(), all.len().min(size as usize));
            prop_assert_eq!(chosen.iter().collect::<BTreeSet<_>>().len(), chosen.len());
            let first_other = chosen.iter().position(|item| !contested.contains(item));
            let last_contested = chosen.iter().rposition(|item| contested.contains(item));
            prop_assert!(first_other.is_none_or(|other| last_contested.is_none_or(|last| last < other)));

            let (mut contested, mut others) = (contested, others);
            contested.reverse();
            others.reverse();
            prop_assert_eq!(choose(contested, others, size, &seed), chosen);
        }
    }

    #[test]
    fn every_one_is_chosen_as_often_as_another() {
        let mut times = [0_u32; 10];
        for seed in 0..=255 {
            choose([], 0..10_usize, 5, &[seed; 32]).into_iter().for_each(|item| times[item] += 1);
        }
        // 128 expected, a standard deviation of 8.
        assert!(times.iter().all(|times| (100..=156).contains(times)), "{times:?}");
    }
}

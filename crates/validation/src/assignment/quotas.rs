use resi_protocol::SeededStream;

use super::lanes::Lane;

/// How many of `batches` batches each miner is in, for `slots` slots in all: as even as can be where no lane is in a
/// batch twice. Loads differ by at most one, but for the miners of lanes that are in every batch already.
///
/// The result has the shape of `lanes`.
pub(super) fn quotas(
    lanes: &[Lane],
    batches: usize,
    slots: usize,
    stream: &mut SeededStream,
) -> Vec<Vec<usize>> {
    let filled_to = |level: usize| -> usize {
        lanes.iter().map(|lane| batches.min(lane.miners.len().saturating_mul(level))).sum()
    };
    // The highest level that all can have; at `batches` every lane is full.
    let (mut level, mut above) = (0, batches + 1);
    while above - level > 1 {
        let middle = level.midpoint(above);
        if filled_to(middle) <= slots { level = middle } else { above = middle }
    }
    let mut quotas: Vec<Vec<usize>> = Vec::with_capacity(lanes.len());
    let mut open = Vec::new();
    for (at, lane) in lanes.iter().enumerate() {
        let count = lane.miners.len();
        let lane_quota = batches.min(count * level);
        let (each, more) = (lane_quota / count, lane_quota % count);
        quotas.push((0..count).map(|miner| each + usize::from(miner < more)).collect());
        if lane_quota < batches && lane_quota == count * level {
            open.extend((0..count).map(|miner| (at, miner)));
        }
    }
    stream.shuffle(&mut open);
    let mut left = slots.saturating_sub(filled_to(level));
    let mut lane_quotas: Vec<usize> = quotas.iter().map(|lane| lane.iter().sum()).collect();
    for (lane, miner) in open {
        if left == 0 {
            break;
        }
        if lane_quotas[lane] < batches {
            quotas[lane][miner] += 1;
            lane_quotas[lane] += 1;
            left -= 1;
        }
    }
    quotas
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lanes(sizes: &[usize]) -> Vec<Lane> {
        sizes
            .iter()
            .enumerate()
            .map(|(owner, size)| Lane { owner, miners: vec![0; *size] })
            .collect()
    }

    #[test]
    fn one_owner_with_many_miners_is_in_every_batch_and_no_more() {
        let quotas = quotas(&lanes(&[50, 1, 1, 1]), 10, 20, &mut SeededStream::new(&[0; 32]));
        assert_eq!(quotas[0].iter().sum::<usize>(), 10);
        assert!(quotas[1..].iter().all(|miner| (3..=4).contains(&miner[0])));
    }

    proptest! {
        #[test]
        fn all_slots_are_filled_as_evenly_as_can_be(
            sizes in prop::collection::vec(1_usize..6, 1..30),
            batches in 1_usize..40,
            share in 0.0..=1.0_f64,
            seed: [u8; 32],
        ) {
            let slots = batches * (sizes.len() as f64 * share) as usize;
            let quotas = quotas(&lanes(&sizes), batches, slots, &mut SeededStream::new(&seed));
            let of_lane = |lane: &Vec<usize>| lane.iter().sum::<usize>();
            prop_assert_eq!(quotas.iter().map(of_lane).sum::<usize>(), slots);
            prop_assert!(quotas.iter().all(|lane| of_lane(lane) <= batches));
            let heaviest = quotas.iter().flatten().max().copied().unwrap_or(0);
            for lane in &quotas {
                let lightest = lane.iter().min().copied().unwrap_or(0);
                prop_assert!(heaviest - lightest <= 1 || of_lane(lane) == batches);
            }
        }
    }
}

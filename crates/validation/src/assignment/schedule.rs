use resi_protocol::SeededStream;

/// How often every pair of batches is mixed. Ten rounds leave no trace of the order the schedule was begun with.
const ROUNDS: usize = 10;

/// Which lanes are in which batch: every lane in as many batches as its quota says and in none twice, every batch with
/// equally many lanes, and otherwise as random as any other such schedule.
///
/// `lane_quotas` are at most `batches` each and sum to a multiple of `batches`.
pub(super) fn schedule(
    lane_quotas: &[usize],
    batches: usize,
    stream: &mut SeededStream,
) -> Vec<Vec<usize>> {
    // Laid end to end around the batches, a lane meets none twice. That this puts the same lanes together again and
    // again is undone by mixing.
    let slots = lane_quotas.iter().sum::<usize>();
    let mut schedule = vec![Vec::with_capacity(slots / batches.max(1) + 1); batches];
    let mut next = 0;
    for (lane, quota) in lane_quotas.iter().enumerate() {
        for _ in 0..*quota {
            schedule[next].push(lane);
            next = (next + 1) % batches;
        }
    }
    mix(&mut schedule, lane_quotas.len(), stream);
    schedule
}

/// Pairs of batches put together the lanes that only one of them has and share them anew at random: the sums of rows and
/// columns stay, and every schedule with these sums becomes equally likely.
fn mix(schedule: &mut [Vec<usize>], lanes: usize, stream: &mut SeededStream) {
    let mut order: Vec<usize> = (0..schedule.len()).collect();
    let mut seen_in = vec![[false; 2]; lanes];
    let mut only = Vec::new();
    for _ in 0..ROUNDS {
        stream.shuffle(&mut order);
        for pair in order.chunks_exact(2) {
            let sides = [pair[0], pair[1]];
            for (side, batch) in sides.into_iter().enumerate() {
                schedule[batch].iter().for_each(|lane| seen_in[*lane][side] = true);
            }
            only.clear();
            for (side, batch) in sides.into_iter().enumerate() {
                schedule[batch].retain(|lane| {
                    let in_both = seen_in[*lane][1 - side];
                    if !in_both {
                        only.push(*lane);
                    }
                    in_both
                });
            }
            let first = only.iter().filter(|lane| seen_in[**lane][0]).count();
            for lane in only.iter().chain(&schedule[sides[0]]) {
                seen_in[*lane] = [false; 2];
            }
            stream.shuffle(&mut only);
            schedule[sides[0]].extend_from_slice(&only[..first]);
            schedule[sides[1]].extend_from_slice(&only[first..]);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn quotas_are_met_and_no_lane_is_in_a_batch_twice(
            quotas in prop::collection::vec(0_usize..=12, 1..40),
            seed: [u8; 32],
        ) {
            const BATCHES: usize = 12;
            let mut quotas = quotas;
            // One lane takes what is missing to a multiple.
            let sum: usize = quotas.iter().sum();
            quotas.push((BATCHES - sum % BATCHES) % BATCHES);
            let schedule = schedule(&quotas, BATCHES, &mut SeededStream::new(&seed));

            let mut counts = vec![0; quotas.len()];
            for batch in &schedule {
                let mut lanes = batch.clone();
                lanes.sort_unstable();
                lanes.dedup();
                prop_assert_eq!(lanes.len(), batch.len());
                prop_assert_eq!(batch.len(), schedule[0].len());
                lanes.into_iter().for_each(|lane| counts[lane] += 1);
            }
            prop_assert_eq!(counts, quotas);
        }
    }

    #[test]
    fn lanes_meet_each_other_as_often_as_by_chance() {
        // 40 lanes in 5 of 20 batches with 10 lanes each.
        let mut meetings = 0;
        for seed in 0..200 {
            let schedule = schedule(&[5; 40], 20, &mut SeededStream::new(&[seed; 32]));
            meetings +=
                schedule.iter().filter(|batch| batch.contains(&0) && batch.contains(&1)).count();
        }
        // By chance 5 × 9/39 = 1.15 a schedule; laid end to end it was 5 or 0.
        let mean = f64::from(u32::try_from(meetings).unwrap_or(u32::MAX)) / 200.0;
        assert!((1.0..1.3).contains(&mean), "{mean}");
    }
}

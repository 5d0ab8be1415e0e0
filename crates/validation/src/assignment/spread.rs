use resi_protocol::{SeededStream, Zipcode};

use super::lanes::Lane;

/// How many zipcodes of a batch are in each of the ten areas that the first digit of a zipcode stands for.
pub(super) type Areas = [u16; 10];

pub(super) fn areas(zipcodes: &[Zipcode]) -> Areas {
    let mut areas = [0; 10];
    for zipcode in zipcodes {
        areas[usize::from(zipcode.as_str().as_bytes()[0] - b'0')] += 1;
    }
    areas
}

/// A miner of a lane in a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seat {
    pub(super) lane: usize,
    /// Its position among the candidates.
    pub(super) miner: usize,
}

/// Shares the batches of every lane among its miners by their quotas, each to the miner that has least in the areas of
/// the batch.
pub(super) fn seats(
    schedule: &[Vec<usize>],
    lanes: &[Lane],
    quotas: &[Vec<usize>],
    areas: &[Areas],
    candidates: usize,
    stream: &mut SeededStream,
) -> Vec<Vec<Seat>> {
    let mut left: Vec<Vec<usize>> = quotas.to_vec();
    let mut load = vec![[0; 10]; candidates];
    let mut seats: Vec<Vec<Seat>> = vec![Vec::new(); schedule.len()];
    let mut order: Vec<usize> = (0..schedule.len()).collect();
    stream.shuffle(&mut order);
    for batch in order {
        for &lane in &schedule[batch] {
            let miners = lanes[lane].miners.iter().enumerate();
            let free = miners.filter(|(at, _)| left[lane][*at] > 0);
            let fewest = free.min_by_key(|(_, miner)| overlap(&load[**miner], &areas[batch]));
            if let Some((at, &miner)) = fewest {
                left[lane][at] -= 1;
                add(&mut load[miner], &areas[batch]);
                seats[batch].push(Seat { lane, miner });
            }
        }
    }
    seats
}

/// Lets pairs of miners change places where both fit and their zipcodes are then further apart. Loads stay, and so does
/// what no lane may break: twice in one batch.
pub(super) fn spread_out(
    seats: &mut [Vec<Seat>],
    areas: &[Areas],
    lanes: usize,
    candidates: usize,
    stream: &mut SeededStream,
) {
    /// Tries for every seat. More gain little.
    const TRIES: usize = 8;

    let batches = seats.len();
    let slots: usize = seats.iter().map(Vec::len).sum();
    let mut present = vec![false; lanes * batches];
    let mut load = vec![[0; 10]; candidates];
    for (batch, taken) in seats.iter().enumerate() {
        for seat in taken {
            present[seat.lane * batches + batch] = true;
            add(&mut load[seat.miner], &areas[batch]);
        }
    }
    for _ in 0..slots * TRIES {
        let (x, y) = (stream.position(batches), stream.position(batches));
        let (at_x, at_y) = (stream.position(seats[x].len()), stream.position(seats[y].len()));
        let (Some(&a), Some(&b)) = (seats[x].get(at_x), seats[y].get(at_y)) else { continue };
        if x == y || present[a.lane * batches + y] || present[b.lane * batches + x] {
            continue;
        }
        let moved = |miner: usize, from: usize, to: usize| -> ([u32; 10], i64) {
            let mut load = load[miner];
            let before = crowding(&load);
            for area in 0..10 {
                load[area] = load[area] + u32::from(areas[to][area]) - u32::from(areas[from][area]);
            }
            (load, crowding(&load) - before)
        };
        let ((of_a, change_a), (of_b, change_b)) = (moved(a.miner, x, y), moved(b.miner, y, x));
        if change_a + change_b < 0 {
            load[a.miner] = of_a;
            load[b.miner] = of_b;
            for (seat, from, to) in [(a, x, y), (b, y, x)] {
                present[seat.lane * batches + from] = false;
                present[seat.lane * batches + to] = true;
            }
            seats[x][at_x] = b;
            seats[y][at_y] = a;
        }
    }
}

fn add(load: &mut [u32; 10], areas: &Areas) {
    load.iter_mut().zip(areas).for_each(|(sum, count)| *sum += u32::from(*count));
}

fn overlap(load: &[u32; 10], areas: &Areas) -> u64 {
    load.iter().zip(areas).map(|(sum, count)| u64::from(*sum) * u64::from(*count)).sum()
}

fn crowding(load: &[u32; 10]) -> i64 {
    load.iter().map(|count| i64::from(*count) * i64::from(*count)).sum()
}

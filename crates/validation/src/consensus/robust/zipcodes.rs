//! How well the answers agree about whole zipcodes, and the groups of a batch with each other.

use super::camps::{EXISTENCE, agreement, bits};
use super::clusters::clusters_into;
use super::digest::{Digest, median};
use super::verdict::{BatchVerdict, Scales};
use crate::consensus::{BatchSummary, Field, Settings, Share, ZipcodeVerdict};

const COUNT_TOLERANCE: Share = Share::percent(20);
const PRICE_TOLERANCE: Share = Share::percent(15);
const COUNT_PART: u64 = 600_000;
const PRICE_PART: u64 = 400_000;
const PRICE: usize = Field::Price as usize;

pub(super) fn zipcodes(
    digest: &Digest,
    verdict: &BatchVerdict,
    scales: &Scales,
    settings: &Settings,
) -> Vec<ZipcodeVerdict> {
    let mut prices: Vec<Vec<u32>> = vec![Vec::new(); digest.zipcodes.len()];
    let mut counts = vec![0u32; digest.zipcodes.len()];
    for (judged, home) in
        verdict.homes.iter().zip(&digest.homes).filter(|(judged, _)| judged.exists)
    {
        counts[usize::from(home.zipcode)] += 1;
        prices[usize::from(home.zipcode)].extend(judged.fields[PRICE].value);
    }
    let mut found = Vec::with_capacity(digest.zipcodes.len());
    for (position, &zipcode) in digest.zipcodes.iter().enumerate() {
        let median_price = median(&mut prices[position]);
        let (mut same_count, mut same_price) = (0u64, 0u64);
        for seat in bits(verdict.answered[position]) {
            let (homes, price) = digest.seats[seat].zipcodes[position];
            same_count |= u64::from(near(homes, counts[position], COUNT_TOLERANCE)) << seat;
            same_price |= u64::from(near(price, median_price, PRICE_TOLERANCE)) << seat;
        }
        let part = |channel: usize, mask: u64| {
            let all = scales.weights[channel].of(verdict.answered[position]);
            u64::from(Share::of(scales.weights[channel].of(mask), all).as_millionths())
        };
        let agreeing =
            COUNT_PART * part(EXISTENCE, same_count) + PRICE_PART * part(PRICE, same_price);
        let confidence = Share::of(agreeing, 1_000_000_000_000);
        found.push(ZipcodeVerdict {
            zipcode,
            confidence,
            confirmed: counts[position] > 0 && confidence >= settings.zipcode_confidence_threshold,
            properties: counts[position],
            median_price,
        });
    }
    found
}

fn near(value: u32, of: u32, tolerance: Share) -> bool {
    tolerance.as_millionths() as u64 * u64::from(of) >= u64::from(value.abs_diff(of)) * 1_000_000
}

pub(super) fn summary(
    digest: &Digest,
    verdict: &BatchVerdict,
    scales: &Scales,
    zipcodes: &[ZipcodeVerdict],
    settings: &Settings,
) -> BatchSummary {
    let sum: u64 =
        zipcodes.iter().map(|zipcode| u64::from(zipcode.confidence.as_millionths())).sum();
    BatchSummary {
        batch: digest.batch.clone(),
        confidence: Share::of(verdict.accepted.into(), verdict.corroborated.into()),
        zipcode_confidence: Share::of(sum, zipcodes.len() as u64 * 1_000_000),
        miners: digest.seats.len() as u32,
        group_agreement: group_agreement(digest, verdict, scales, settings),
    }
}

/// Of the homes that some group alone would accept, the part on which all groups would say the same.
fn group_agreement(
    digest: &Digest,
    verdict: &BatchVerdict,
    scales: &Scales,
    settings: &Settings,
) -> Share {
    let mut groups: Vec<(u16, u64)> = Vec::new();
    for (position, seat) in digest.seats.iter().enumerate() {
        match groups.iter_mut().find(|(group, _)| *group == seat.group) {
            Some((_, mask)) => *mask |= 1 << position,
            None => groups.push((seat.group, 1 << position)),
        }
    }
    let (mut same, mut all) = (0, 0);
    let mut clusters = Vec::new();
    for home in &digest.homes {
        let answered = verdict.answered[usize::from(home.zipcode)];
        let exists_in = |mask: u64| {
            let seen = scales.weights[EXISTENCE].of(home.seats & mask);
            seen > 0 && seen * 2 >= scales.weights[EXISTENCE].of(answered & mask)
        };
        let existing = groups.iter().filter(|&&(_, mask)| exists_in(mask)).count();
        if existing == 0 {
            continue;
        }
        all += 1;
        let entries = digest.entries(home, PRICE);
        let agree = existing == groups.len()
            && (entries.len() < 2 || {
                let weights = &scales.weights[PRICE];
                let mut winner_of = |mask: u64| {
                    clusters_into(
                        entries,
                        agreement(PRICE, settings),
                        |seats| weights.of(seats & mask),
                        &mut clusters,
                    );
                    clusters.first().map(|cluster| cluster.first)
                };
                let mut winners = groups.iter().map(|&(_, mask)| winner_of(mask));
                let first = winners.next();
                winners.all(|winner| Some(winner) == first)
            });
        same += u64::from(agree);
    }
    Share::of(same, all)
}

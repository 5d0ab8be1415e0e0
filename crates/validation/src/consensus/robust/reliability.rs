//! How much a seat weighs: the log odds of its owner's reliability in a channel, learned elsewhere.

use super::camps::{CHANNELS, EXISTENCE};
use crate::consensus::memory::Record;

/// Everybody begins as if 49 of 50 values had been right.
const PRIOR_RIGHT: u64 = 49;
const PRIOR_WRONG: u64 = 1;
/// In 256ths of a bit: nobody counts more than six bits.
pub(super) const HEAVIEST: u32 = 6 << 8;
/// A value counts at least one bit, until its owner is convicted.
const LIGHTEST_VALUE: i64 = 1 << 8;
/// Silence of one who leaves most homes out says next to nothing about whether a home exists.
const LIGHTEST_SILENCE: i64 = 1 << 4;

pub(super) fn weights(record: &Record) -> [u32; CHANNELS] {
    std::array::from_fn(|channel| {
        let wrong = u64::from(record.wrong[channel]);
        let right = u64::from(record.judged[channel]).saturating_sub(wrong);
        let odds = log2(right + PRIOR_RIGHT) - log2(wrong + PRIOR_WRONG);
        let lightest = if channel == EXISTENCE { LIGHTEST_SILENCE } else { LIGHTEST_VALUE };
        odds.clamp(lightest, HEAVIEST.into()) as u32
    })
}

/// The logarithm to base 2 in 256ths, rounded down, in integers so that every processor agrees. Of 0 it is 0.
fn log2(value: u64) -> i64 {
    if value == 0 {
        return 0;
    }
    let whole = value.ilog2();
    let mut mantissa = u128::from(value) << (63 - whole);
    let mut logarithm = i64::from(whole);
    for _ in 0..8 {
        mantissa = (mantissa * mantissa) >> 63;
        logarithm <<= 1;
        if mantissa >> 64 != 0 {
            mantissa >>= 1;
            logarithm |= 1;
        }
    }
    logarithm
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_logarithm_is_right_to_a_256th() {
        for value in [1u64, 2, 3, 7, 49, 50, 1000, 65_535, 1 << 40, u64::MAX] {
            let expected = (value as f64).log2() * 256.0;
            assert!(
                (log2(value) as f64 - expected).abs() <= 1.0,
                "{value}: {} {expected}",
                log2(value)
            );
        }
    }

    #[test]
    fn weights_stay_in_their_bounds() {
        let nothing = weights(&Record::default());
        assert!(nothing.iter().all(|&weight| weight == nothing[0]));
        let liar = weights(&Record { judged: [1000; 7], wrong: [1000; 7] });
        assert_eq!((liar[0], liar[EXISTENCE]), (256, 16));
        let saint = weights(&Record { judged: [u32::MAX; 7], wrong: [0; 7] });
        assert!(saint.iter().all(|&weight| weight == 6 << 8));
    }
}

//! Numbers that are refused where they are read when they are out of their range, so that the place of the error is known.

use serde::{Deserialize, Deserializer, de};

/// From 0 to 1.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part(pub(super) f64);

impl<'de> Deserialize<'de> for Part {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        part(deserializer).map(Self)
    }
}

/// From 1 to a million.
#[derive(Clone, Copy, Debug)]
pub(super) struct Count(pub(super) usize);

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let count = usize::deserialize(deserializer)?;
        within(count, 1, 1_000_000).map(Self)
    }
}

pub(super) fn part<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    within(f64::deserialize(deserializer)?, 0.0, 1.0)
}

/// The least and the largest.
pub(super) fn parts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[f64; 2], D::Error> {
    let [Part(least), Part(largest)] = <[Part; 2]>::deserialize(deserializer)?;
    if least > largest {
        return Err(de::Error::custom(format!("{least} is more than {largest}")));
    }
    Ok([least, largest])
}

/// What a uid can count.
pub(super) fn miners<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    within(usize::deserialize(deserializer)?, 1, 1 << 16)
}

/// What is compared with each other.
pub(super) fn seats<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    within(usize::deserialize(deserializer)?, 1, 64)
}

/// Of things that an epoch keeps in memory.
pub(super) fn size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    within(usize::deserialize(deserializer)?, 1, 10_000)
}

/// Answers with many more are refused.
pub(super) fn homes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    within(usize::deserialize(deserializer)?, 1, 400)
}

pub(super) fn tools<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    within(usize::deserialize(deserializer)?, 0, 1_000)
}

pub(super) fn epochs<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    within(u32::deserialize(deserializer)?, 1, 10_000)
}

pub(super) fn epochs_or_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    within(u32::deserialize(deserializer)?, 0, 10_000)
}

fn within<T: PartialOrd + std::fmt::Display, E: de::Error>(
    value: T,
    least: T,
    largest: T,
) -> Result<T, E> {
    if value >= least && value <= largest {
        Ok(value)
    } else {
        Err(E::custom(format!("{value} is not from {least} to {largest}")))
    }
}

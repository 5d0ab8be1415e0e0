use resi_protocol::{Source, Zipcode};

use super::rng::Rng;
use super::scenario::{MOST_ZIPCODES, World};
use crate::consensus::{Catalog, FIELDS, Field, PropertyId};

pub(super) const TYPES: usize = 5;

/// What the page shows of one home during a window.
#[derive(Clone, Copy, Debug)]
pub(super) struct TrueHome {
    pub(super) property: PropertyId,
    pub(super) values: [u32; FIELDS],
    /// When in the window, from 0 to 1, the price becomes which.
    pub(super) change: Option<(f64, u32)>,
    pub(super) hard: bool,
}

impl TrueHome {
    /// Whether the page showed this at some moment; rounding within 1.5 % is no lie.
    pub(super) fn showed(&self, field: usize, value: u32) -> bool {
        let near = |shown: u32| {
            if Field::ALL[field].is_measured() {
                u64::from(value.abs_diff(shown)) * 1000 <= u64::from(value.min(shown)) * 15
            } else {
                value == shown
            }
        };
        near(self.values[field])
            || (field == 0 && self.change.is_some_and(|(_, price)| near(price)))
    }
}

/// The homes and zipcodes of a world, whose keys stay from epoch to epoch.
#[derive(Debug)]
pub(super) struct Town {
    pub(super) catalog: Catalog,
    /// By batch.
    pub(super) zipcodes: Vec<Vec<Zipcode>>,
    /// By batch: position of the zipcode, home, address.
    homes: Vec<Vec<(PropertyId, u32)>>,
    types: [u32; TYPES],
}

impl Town {
    pub(super) fn new(world: &World, seed: u64) -> Self {
        let mut catalog = Catalog::new();
        let mut rng = Rng::of(&[seed, 1]);
        let types = ["single_family", "condo", "townhouse", "multi_family", "lot"]
            .map(|name| catalog.text(name).0);
        let (mut zipcodes, mut homes) = (Vec::new(), Vec::new());
        for batch in 0..world.batches {
            let codes: Vec<Zipcode> = (0..world.zipcodes)
                .map(|position| zipcode(batch * world.zipcodes + position))
                .collect();
            let mut of_batch = Vec::new();
            for code in &codes {
                let count = world.homes * 4 / 5 + rng.below(world.homes * 2 / 5 + 1);
                for number in 0..count {
                    let key = format!("zillow:{code}{number:03}");
                    let address = catalog.text(&format!("{number} main st, {code}"));
                    of_batch.push((catalog.property(&key, Source::ZillowSold, *code), address.0));
                }
            }
            zipcodes.push(codes);
            homes.push(of_batch);
        }
        Self { catalog, zipcodes, homes, types }
    }

    /// The homes of an epoch with fresh values, by batch.
    pub(super) fn epoch(&self, world: &World, seed: u64, epoch: u64) -> Vec<Vec<TrueHome>> {
        let of_batch = |(batch, homes): (usize, &Vec<(PropertyId, u32)>)| {
            let mut rng = Rng::of(&[seed, 2, epoch, batch as u64]);
            homes
                .iter()
                .map(|&(property, address)| self.home(world, property, address, &mut rng))
                .collect()
        };
        self.homes.iter().enumerate().map(of_batch).collect()
    }

    fn home(&self, world: &World, property: PropertyId, address: u32, rng: &mut Rng) -> TrueHome {
        // A product of two uniform factors: most homes are cheap, a few cost ten times as much.
        let price =
            (80_000.0 * (1.0 + 3.0 * rng.unit()) * (1.0 + 4.0 * rng.unit() * rng.unit())) as u32;
        let changed = (f64::from(price) * rng.between(0.85, 0.97)) as u32;
        let change = rng.chance(world.changing_prices).then(|| (rng.unit(), changed));
        TrueHome {
            property,
            values: [
                price,
                1 + rng.below(6) as u32,
                100 + 50 * rng.below(7) as u32,
                600 + rng.below(4000) as u32,
                address,
                self.types[rng.below(TYPES)],
            ],
            change,
            hard: rng.chance(world.hard),
        }
    }

    /// A home that does not exist: the same for the same numbers.
    pub(super) fn invented(&mut self, batch: usize, inventor: usize, number: usize) -> PropertyId {
        let codes = &self.zipcodes[batch];
        let code = codes[number % codes.len()];
        self.catalog.property(
            &format!("zillow:9{inventor}x{number}x{code}"),
            Source::ZillowSold,
            code,
        )
    }

    /// A value of this field that is not `value`, as a careless reader or a liar would have it.
    pub(super) fn wrong(&self, field: Field, value: u32, rng: &mut Rng) -> u32 {
        match field {
            Field::Price | Field::LivingArea => {
                let factor =
                    if rng.chance(0.5) { rng.between(0.55, 0.95) } else { rng.between(1.05, 1.6) };
                (f64::from(value) * factor) as u32
            }
            Field::Bedrooms => {
                if rng.chance(0.5) || value <= 1 {
                    value + 1
                } else {
                    value - 1
                }
            }
            Field::Bathrooms => {
                if rng.chance(0.5) || value <= 100 {
                    value + 50
                } else {
                    value - 50
                }
            }
            Field::Address => value.wrapping_add(1 + rng.below(40) as u32),
            Field::PropertyType => {
                let own = self.types.iter().position(|&kind| kind == value).unwrap_or(0);
                self.types[(own + 1 + rng.below(TYPES - 1)) % TYPES]
            }
        }
    }
}

fn zipcode(number: usize) -> Zipcode {
    format!("{:05}", 10_000 + number % MOST_ZIPCODES)
        .parse()
        .unwrap_or_else(|_| unreachable!("five digits are a zipcode"))
}

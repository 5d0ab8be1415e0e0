use serde::Serialize;

use crate::messages::{FieldName, PropertyReport};

/// How far apart two numbers may be and still agree, in percent of the own one. Texts must be equal in their normal
/// forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tolerance {
    percent: u32,
}

impl Tolerance {
    /// For spot checks: 10 %.
    pub const SPOT_CHECK: Self = Self::percent(10);
    /// For the comparison of a whole answer with an own scrape: 5 %.
    pub const OWN_SCRAPE: Self = Self::percent(5);

    /// So many percent.
    pub const fn percent(percent: u32) -> Self {
        Self { percent }
    }

    /// Whether `reported` agrees with `own`.
    ///
    /// ```
    /// use resi_validation::spot_check::Tolerance;
    ///
    /// assert!(Tolerance::OWN_SCRAPE.agrees(472_500, 450_000));
    /// assert!(!Tolerance::OWN_SCRAPE.agrees(472_501, 450_000));
    /// ```
    pub fn agrees(self, reported: u64, own: u64) -> bool {
        u128::from(reported.abs_diff(own)) * 100 <= u128::from(own) * u128::from(self.percent)
    }
}

/// Whether a field agrees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct FieldCheck {
    /// Which field.
    pub field: FieldName,
    /// Whether what was reported holds; `None` where nothing was reported.
    pub holds: Option<bool>,
}

/// A home beside an own scrape of it: the fields that the own scrape has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Comparison {
    /// The fields, in a fixed order.
    pub fields: Vec<FieldCheck>,
}

impl Comparison {
    /// Compares what was reported with the own scrape.
    pub fn of(reported: &PropertyReport, own: &PropertyReport, tolerance: Tolerance) -> Self {
        let number = |field, reported: Option<u64>, own: Option<u64>| {
            let holds = |own| reported.map(|reported| tolerance.agrees(reported, own));
            own.map(|own| FieldCheck { field, holds: holds(own) })
        };
        let bathrooms = |report: &PropertyReport| {
            report.bathrooms.map(|bathrooms| u64::from(bathrooms.hundredths()))
        };
        let checks = [
            number(FieldName::Price, reported.price, own.price),
            number(
                FieldName::Bedrooms,
                reported.bedrooms.map(u64::from),
                own.bedrooms.map(u64::from),
            ),
            number(FieldName::Bathrooms, bathrooms(reported), bathrooms(own)),
            number(
                FieldName::LivingArea,
                reported.living_area.map(u64::from),
                own.living_area.map(u64::from),
            ),
            text(FieldName::Address, reported.address.as_ref(), own.address.as_ref()),
            text(
                FieldName::PropertyType,
                reported.property_type.as_ref(),
                own.property_type.as_ref(),
            ),
        ];
        Self { fields: checks.into_iter().flatten().collect() }
    }

    /// How many fields hold.
    pub fn held(&self) -> usize {
        self.fields.iter().filter(|check| check.holds == Some(true)).count()
    }

    /// How many fields were reported that the own scrape has too.
    pub fn reported(&self) -> usize {
        self.fields.iter().filter(|check| check.holds.is_some()).count()
    }
}

fn text<T: PartialEq>(
    field: FieldName,
    reported: Option<&T>,
    own: Option<&T>,
) -> Option<FieldCheck> {
    own.map(|own| FieldCheck { field, holds: reported.map(|reported| reported == own) })
}

use serde::{Deserialize, Serialize};

/// How many fields of a home are judged.
pub const FIELDS: usize = Field::ALL.len();

/// A field of a home that is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    /// US dollars.
    Price,
    /// A count.
    Bedrooms,
    /// Hundredths of a bathroom: 250 is two and a half.
    Bathrooms,
    /// Square feet.
    LivingArea,
    /// A normalised address, as a [`TextId`](super::TextId) of the catalog.
    Address,
    /// A kind of home, as a [`TextId`](super::TextId) of the catalog.
    PropertyType,
}

impl Field {
    /// All of them, in the order of [`Report::values`](super::Report::values).
    pub const ALL: [Self; 6] = [
        Self::Price,
        Self::Bedrooms,
        Self::Bathrooms,
        Self::LivingArea,
        Self::Address,
        Self::PropertyType,
    ];

    /// Its name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Price => "price",
            Self::Bedrooms => "bedrooms",
            Self::Bathrooms => "bathrooms",
            Self::LivingArea => "living_area",
            Self::Address => "address",
            Self::PropertyType => "property_type",
        }
    }

    /// Whether values within a tolerance agree; others must be equal.
    pub const fn is_measured(self) -> bool {
        matches!(self, Self::Price | Self::LivingArea)
    }

    /// Whether its values are texts of the catalog.
    pub const fn is_text(self) -> bool {
        matches!(self, Self::Address | Self::PropertyType)
    }
}

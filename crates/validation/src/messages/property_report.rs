use resi_protocol::{Source, Zipcode};
use serde::Serialize;

use super::{Address, Bathrooms, PropertyKey, PropertyType};

/// What one miner says of one home, as far as it holds: every value is finite, in range and in its normal form. A field
/// that was not sent, or was refused, is `None`: an abstention.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PropertyReport {
    /// By what the home is known.
    pub key: PropertyKey,
    /// Where it was seen.
    pub source: Source,
    /// The zipcode it is reported for; none only where the assignment is by property ids.
    pub zipcode: Option<Zipcode>,
    /// In whole US dollars, 1 to 10,000,000,000.
    pub price: Option<u64>,
    /// 0 (a studio) to 200.
    pub bedrooms: Option<u16>,
    /// 0 to 200.
    pub bathrooms: Option<Bathrooms>,
    /// In whole square feet, 1 to 10,000,000.
    pub living_area: Option<u32>,
    /// In its normal form.
    pub address: Option<Address>,
    /// In its normal form.
    pub property_type: Option<PropertyType>,
}

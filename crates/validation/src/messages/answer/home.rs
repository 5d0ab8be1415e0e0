use std::fmt;

use resi_protocol::Zipcode;
use serde::Deserializer;
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, Visitor};

use super::non_finite;
use super::raw::{Key, Known, Raw, UpTo};
use super::refusal::{FieldName, Reason};
use crate::messages::{Address, Bathrooms, PropertyType};

/// The fields of a home that count, as they were sent.
#[derive(Debug, Default)]
pub(super) struct RawHome {
    price: Raw,
    bedrooms: Raw,
    bathrooms: Raw,
    living_area: Raw,
    address: Raw,
    property_type: Raw,
    zipcode: Raw,
}

/// The same, as far as they hold.
#[derive(Debug, Default)]
pub(super) struct Home {
    pub(super) price: Option<u64>,
    pub(super) bedrooms: Option<u16>,
    pub(super) bathrooms: Option<Bathrooms>,
    pub(super) living_area: Option<u32>,
    pub(super) address: Option<Address>,
    pub(super) property_type: Option<PropertyType>,
    pub(super) zipcode: Option<Zipcode>,
}

impl Known for FieldName {
    fn of_name(name: &str) -> Option<Self> {
        match name {
            "price" => Some(Self::Price),
            "bedrooms" => Some(Self::Bedrooms),
            "bathrooms" => Some(Self::Bathrooms),
            // The second is Redfin's.
            "living_area" | "square_feet" => Some(Self::LivingArea),
            "address" => Some(Self::Address),
            "property_type" => Some(Self::PropertyType),
            "zipcode" | "zip_code" => Some(Self::Zipcode),
            _ => None,
        }
    }
}

impl RawHome {
    /// Reads the text of a JSON object.
    pub(super) fn parse(json: &[u8], text_bytes: usize) -> Result<Self, serde_json::Error> {
        let parse = |json: &[u8]| {
            let mut deserializer = serde_json::Deserializer::from_slice(json);
            let home = HomeSeed { text_bytes }.deserialize(&mut deserializer)?;
            deserializer.end().map(|()| home)
        };
        parse(json).or_else(|error| parse(&non_finite::quoted(json).ok_or(error)?))
    }

    fn field(&mut self, name: FieldName) -> Option<&mut Raw> {
        match name {
            FieldName::Price => Some(&mut self.price),
            FieldName::Bedrooms => Some(&mut self.bedrooms),
            FieldName::Bathrooms => Some(&mut self.bathrooms),
            FieldName::LivingArea => Some(&mut self.living_area),
            FieldName::Address => Some(&mut self.address),
            FieldName::PropertyType => Some(&mut self.property_type),
            FieldName::Zipcode => Some(&mut self.zipcode),
            _ => None,
        }
    }

    /// Keeps what holds, and tells `refuse` of the rest.
    pub(super) fn keep(&self, mut refuse: impl FnMut(FieldName, Reason, &Raw)) -> Home {
        let refuse = &mut refuse;
        let price = in_range(&self.price, 1.0, 10_000_000_000.0);
        let bedrooms = whole(&self.bedrooms, 0.0, 200.0);
        let bathrooms = in_range(&self.bathrooms, 0.0, 200.0);
        let area = in_range(&self.living_area, 1.0, 10_000_000.0);
        let address = normal(&self.address, Address::normalise);
        let kind = normal(&self.property_type, PropertyType::normalise);
        Home {
            price: kept(FieldName::Price, &self.price, price, refuse)
                .map(|price| price.round() as u64),
            bedrooms: kept(FieldName::Bedrooms, &self.bedrooms, bedrooms, refuse)
                .map(|bedrooms| bedrooms as u16),
            bathrooms: kept(FieldName::Bathrooms, &self.bathrooms, bathrooms, refuse)
                .map(|bathrooms| Bathrooms::from_hundredths((bathrooms * 100.0).round() as u16)),
            living_area: kept(FieldName::LivingArea, &self.living_area, area, refuse)
                .map(|area| area.round() as u32),
            address: kept(FieldName::Address, &self.address, address, refuse),
            property_type: kept(FieldName::PropertyType, &self.property_type, kind, refuse),
            zipcode: zipcode(&self.zipcode),
        }
    }
}

fn kept<T>(
    field: FieldName,
    raw: &Raw,
    value: Result<Option<T>, Reason>,
    refuse: &mut impl FnMut(FieldName, Reason, &Raw),
) -> Option<T> {
    value.unwrap_or_else(|reason| {
        refuse(field, reason, raw);
        None
    })
}

fn number(raw: &Raw) -> Result<Option<f64>, Reason> {
    match raw {
        Raw::Missing => Ok(None),
        Raw::Number(number) if number.is_finite() => Ok(Some(*number)),
        Raw::Number(_) => Err(Reason::NotFinite),
        Raw::Text(text) if matches!(text.as_str(), "NaN" | "Infinity" | "-Infinity") => {
            Err(Reason::NotFinite)
        }
        Raw::Text(_) | Raw::TooLong | Raw::Other => Err(Reason::NotANumber),
        Raw::Ambiguous => Err(Reason::Ambiguous),
    }
}

fn in_range(raw: &Raw, least: f64, most: f64) -> Result<Option<f64>, Reason> {
    match number(raw)? {
        Some(number) if !(least..=most).contains(&number) => Err(Reason::OutOfRange),
        number => Ok(number),
    }
}

fn whole(raw: &Raw, least: f64, most: f64) -> Result<Option<f64>, Reason> {
    match in_range(raw, least, most)? {
        Some(number) if number.fract() != 0.0 => Err(Reason::NotWhole),
        number => Ok(number),
    }
}

pub(super) fn text(raw: &Raw) -> Result<Option<&str>, Reason> {
    match raw {
        Raw::Missing => Ok(None),
        Raw::Text(text) => Ok(Some(text)),
        Raw::TooLong => Err(Reason::TextTooLong),
        Raw::Number(_) | Raw::Other => Err(Reason::NotAText),
        Raw::Ambiguous => Err(Reason::Ambiguous),
    }
}

fn normal<T>(raw: &Raw, normalise: impl FnOnce(&str) -> Option<T>) -> Result<Option<T>, Reason> {
    text(raw)?.map(|text| normalise(text).ok_or(Reason::NotAText)).transpose()
}

/// Five digits, ZIP+4, or a number that has lost its leading zeros.
fn zipcode(raw: &Raw) -> Option<Zipcode> {
    match raw {
        Raw::Text(text) => text.split('-').next()?.trim().parse().ok(),
        Raw::Number(number) if number.fract() == 0.0 && (0.0..100_000.0).contains(number) => {
            format!("{number:05}").parse().ok()
        }
        _ => None,
    }
}

#[derive(Clone, Copy)]
pub(super) struct HomeSeed {
    pub(super) text_bytes: usize,
}

impl<'de> DeserializeSeed<'de> for HomeSeed {
    type Value = RawHome;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<RawHome, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for HomeSeed {
    type Value = RawHome;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a home as an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawHome, A::Error> {
        let mut home = RawHome::default();
        while let Some(Key(name)) = map.next_key::<Key<FieldName>>()? {
            match name.and_then(|name| home.field(name)) {
                Some(field) => field.put(map.next_value_seed(UpTo(self.text_bytes))?),
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(home)
    }
}

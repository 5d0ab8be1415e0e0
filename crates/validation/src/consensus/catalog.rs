use std::collections::HashMap;

use resi_protocol::{Source, Zipcode};

/// A home of a [`Catalog`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PropertyId(pub u32);

/// A text of a [`Catalog`]: an address or a kind of home.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TextId(pub u32);

/// A home that somebody reported: the same key in two zipcodes is two homes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Property {
    /// `zillow:12345`, `redfin:678`, or a normalised address.
    pub key: String,
    /// Where it was scraped.
    pub source: Source,
    /// Where the report says that it lies.
    pub zipcode: Zipcode,
}

/// Every home and text of an epoch once, so that reports are small numbers.
///
/// The numbers depend on the order in which things were met; nothing that is concluded does.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    properties: Vec<Property>,
    homonyms: HashMap<String, Vec<PropertyId>>,
    texts: Vec<String>,
    text_ids: HashMap<String, TextId>,
}

impl Catalog {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// The number of this home, new or known.
    pub fn property(&mut self, key: &str, source: Source, zipcode: Zipcode) -> PropertyId {
        let id = PropertyId(position(self.properties.len()));
        if let Some(homonyms) = self.homonyms.get_mut(key) {
            let known = homonyms.iter().copied().find(|known| {
                let known = &self.properties[known.0 as usize];
                known.source == source && known.zipcode == zipcode
            });
            if let Some(known) = known {
                return known;
            }
            homonyms.push(id);
        } else {
            self.homonyms.insert(key.to_owned(), vec![id]);
        }
        self.properties.push(Property { key: key.to_owned(), source, zipcode });
        id
    }

    /// The number of this text, new or known. Normalise it first: equal meaning must be equal text.
    pub fn text(&mut self, text: &str) -> TextId {
        if let Some(&known) = self.text_ids.get(text) {
            return known;
        }
        let id = TextId(position(self.texts.len()));
        self.texts.push(text.to_owned());
        self.text_ids.insert(text.to_owned(), id);
        id
    }

    /// The home with this number, if it is of this catalog.
    pub fn property_of(&self, id: PropertyId) -> Option<&Property> {
        self.properties.get(id.0 as usize)
    }

    /// The text with this number, if it is of this catalog.
    pub fn text_of(&self, id: TextId) -> Option<&str> {
        self.texts.get(id.0 as usize).map(String::as_str)
    }

    /// How many homes there are.
    pub fn properties(&self) -> usize {
        self.properties.len()
    }
}

fn position(length: usize) -> u32 {
    u32::try_from(length)
        .unwrap_or_else(|_| unreachable!("four billion texts do not fit in memory"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_key_in_another_zipcode_is_another_home() -> Result<(), resi_protocol::ZipcodeError>
    {
        let mut catalog = Catalog::new();
        let here = catalog.property("zillow:1", Source::ZillowSold, "77494".parse()?);
        let there = catalog.property("zillow:1", Source::ZillowSold, "08701".parse()?);
        assert_ne!(here, there);
        assert_eq!(catalog.property("zillow:1", Source::ZillowSold, "77494".parse()?), here);
        assert_eq!(catalog.properties(), 2);
        assert_eq!(catalog.text("1 main st"), catalog.text("1 main st"));
        assert_eq!(catalog.text_of(TextId(7)), None);
        Ok(())
    }
}

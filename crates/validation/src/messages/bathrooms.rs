use std::fmt;

use serde::{Serialize, Serializer};

/// A number of bathrooms, which may be 2.5 or 1.75: kept in hundredths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bathrooms(u16);

impl Bathrooms {
    /// From hundredths: 250 is 2.5 bathrooms.
    pub const fn from_hundredths(hundredths: u16) -> Self {
        Self(hundredths)
    }

    /// In hundredths.
    pub const fn hundredths(self) -> u16 {
        self.0
    }
}

impl fmt::Display for Bathrooms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f64::from(*self).fmt(f)
    }
}

impl From<Bathrooms> for f64 {
    fn from(bathrooms: Bathrooms) -> Self {
        Self::from(bathrooms.0) / 100.0
    }
}

impl Serialize for Bathrooms {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.is_multiple_of(100) {
            serializer.serialize_u16(self.0 / 100)
        } else {
            serializer.serialize_f64(f64::from(*self))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn are_written_as_people_do() {
        let json = |hundredths| serde_json::to_string(&Bathrooms::from_hundredths(hundredths)).ok();
        assert_eq!(json(200).as_deref(), Some("2"));
        assert_eq!(json(250).as_deref(), Some("2.5"));
        assert_eq!(Bathrooms::from_hundredths(175).to_string(), "1.75");
    }
}

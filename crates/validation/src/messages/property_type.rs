use std::fmt;

use serde::Serialize;

/// A kind of home in the one form in which kinds are compared: upper case, words joined by `_`. `Single Family`,
/// `single-family` and `SingleFamily` are all `SINGLE_FAMILY`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct PropertyType(Box<str>);

impl PropertyType {
    /// The kind in `text`; `None` where it has neither a letter nor a digit.
    pub fn normalise(text: &str) -> Option<Self> {
        let mut normal = String::with_capacity(text.len() + 2);
        let mut after_lower = false;
        let mut word_ended = false;
        for character in text.chars() {
            if !character.is_alphanumeric() {
                word_ended = true;
                continue;
            }
            let new_word = word_ended || (after_lower && character.is_uppercase());
            if new_word && !normal.is_empty() {
                normal.push('_');
            }
            if character.is_ascii() {
                normal.push(character.to_ascii_uppercase());
            } else {
                normal.extend(character.to_uppercase());
            }
            after_lower = character.is_lowercase();
            word_ended = false;
        }
        if normal.is_empty() { None } else { Some(Self(normal.into())) }
    }

    /// The normal form.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PropertyType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn normal(text: &str) -> String {
        PropertyType::normalise(text).map_or_else(String::new, |kind| kind.to_string())
    }

    #[test]
    fn ways_to_write_one_kind_are_one() {
        for text in ["SINGLE_FAMILY", "Single Family", " single-family ", "SingleFamily"] {
            assert_eq!(normal(text), "SINGLE_FAMILY");
        }
        assert_eq!(normal("CONDO"), "CONDO");
        assert_eq!(normal("--"), "");
    }

    proptest! {
        #[test]
        fn a_normal_form_is_its_own(text in "[ a-zA-Z0-9_-]{0,30}") {
            let once = normal(&text);
            prop_assert_eq!(normal(&once), once.clone());
        }
    }
}

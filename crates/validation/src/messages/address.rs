use std::fmt;

use serde::Serialize;

/// The words of street addresses that are written in more than one way, each with the form that is kept: the
/// abbreviations of the postal service, and the designators of units as one.
const ABBREVIATIONS: [(&str, &str); 58] = [
    ("alley", "aly"),
    ("apartment", "unit"),
    ("apt", "unit"),
    ("av", "ave"),
    ("avenue", "ave"),
    ("boulevard", "blvd"),
    ("bridge", "brg"),
    ("center", "ctr"),
    ("centre", "ctr"),
    ("circle", "cir"),
    ("court", "ct"),
    ("cove", "cv"),
    ("creek", "crk"),
    ("crescent", "cres"),
    ("crossing", "xing"),
    ("drive", "dr"),
    ("drv", "dr"),
    ("east", "e"),
    ("expressway", "expy"),
    ("fort", "ft"),
    ("freeway", "fwy"),
    ("garden", "gdn"),
    ("gardens", "gdns"),
    ("glen", "gln"),
    ("grove", "grv"),
    ("heights", "hts"),
    ("highway", "hwy"),
    ("hill", "hl"),
    ("hills", "hls"),
    ("junction", "jct"),
    ("lake", "lk"),
    ("lane", "ln"),
    ("meadows", "mdws"),
    ("mount", "mt"),
    ("mountain", "mtn"),
    ("north", "n"),
    ("northeast", "ne"),
    ("northwest", "nw"),
    ("parkway", "pkwy"),
    ("pky", "pkwy"),
    ("place", "pl"),
    ("plaza", "plz"),
    ("point", "pt"),
    ("ridge", "rdg"),
    ("road", "rd"),
    ("route", "rte"),
    ("south", "s"),
    ("southeast", "se"),
    ("southwest", "sw"),
    ("springs", "spgs"),
    ("square", "sq"),
    ("station", "sta"),
    ("ste", "unit"),
    ("street", "st"),
    ("suite", "unit"),
    ("terrace", "ter"),
    ("trail", "trl"),
    ("west", "w"),
];

/// A street address in the one form in which addresses are compared: lower case, single blanks, no punctuation, street
/// words abbreviated, `Apt`, `Suite`, `#` and the like as `unit`, `ZIP+4` without its last four digits.
///
/// Names of states and cities stay as they are written.
///
/// ```
/// use resi_validation::messages::Address;
///
/// let address = Address::normalise("123 North Main Street, Apt. 4,  Katy, TX 77494-1234");
/// assert_eq!(address, Address::normalise("123 N MAIN ST #4 KATY TX 77494"));
/// assert_eq!(address.map(|address| address.to_string()), Some("123 n main st unit 4 katy tx 77494".into()));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Address(Box<str>);

impl Address {
    /// The address in `text`; `None` where it has neither a letter nor a digit.
    pub fn normalise(text: &str) -> Option<Self> {
        let mut normal = String::with_capacity(text.len());
        let mut word = String::new();
        // The end of the last word that was the five digits of a zipcode and is followed by a hyphen.
        let mut zip_before_hyphen = None;
        for character in text.chars().chain([' ']) {
            if character.is_ascii_alphanumeric() {
                word.push(character.to_ascii_lowercase());
                continue;
            }
            if character.is_alphanumeric() {
                // Some letters become a letter and a mark.
                word.extend(character.to_lowercase().filter(|lower| lower.is_alphanumeric()));
                continue;
            }
            // 4's and O'Hara are one word.
            if matches!(character, '\'' | '\u{2019}') {
                continue;
            }
            let ends_zip = character == '-' && is_digits(&word, 5);
            if zip_before_hyphen != Some(normal.len()) || !is_digits(&word, 4) {
                push_word(&mut normal, &word);
            }
            word.clear();
            zip_before_hyphen = ends_zip.then_some(normal.len());
            if character == '#' {
                push_word(&mut normal, "unit");
            }
        }
        if normal.is_empty() { None } else { Some(Self(normal.into())) }
    }

    /// The normal form.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last word, where it is five digits: the zipcode of a whole address.
    pub(crate) fn last_five_digits(&self) -> Option<&str> {
        let (_, last) = self.0.rsplit_once(' ')?;
        is_digits(last, 5).then_some(last)
    }
}

fn is_digits(word: &str, count: usize) -> bool {
    word.len() == count && word.bytes().all(|byte| byte.is_ascii_digit())
}

fn push_word(normal: &mut String, word: &str) {
    let word = match ABBREVIATIONS.binary_search_by_key(&word, |entry| entry.0) {
        Ok(at) => ABBREVIATIONS[at].1,
        Err(_) => word,
    };
    // "Apt #4" is one designator, not two.
    let repeated = word == "unit" && (normal == "unit" || normal.ends_with(" unit"));
    if word.is_empty() || repeated {
        return;
    }
    if !normal.is_empty() {
        normal.push(' ');
    }
    normal.push_str(word);
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn normal(text: &str) -> String {
        Address::normalise(text).map_or_else(String::new, |address| address.to_string())
    }

    #[test]
    fn ways_to_write_one_address_are_one() {
        for text in [
            "1 West Oak Avenue, Suite 200, St. Louis, MO 63101",
            "1  WEST OAK AVE.  STE 200  st louis mo 63101-0001",
            "1 W Oak Av #200, St Louis, MO, 63101",
            "1 w. oak ave Apt #200,\tSt Louis MO 63101",
        ] {
            assert_eq!(normal(text), "1 w oak ave unit 200 st louis mo 63101");
        }
        assert_eq!(normal("12 O'Hara Lane"), "12 ohara ln");
        assert_eq!(normal("Calle Ñ 5"), "calle ñ 5");
    }

    #[test]
    fn different_addresses_stay_different() {
        assert_ne!(normal("1 Oak St Apt 4"), normal("1 Oak St Apt 5"));
        assert_ne!(normal("1 Oak St"), normal("1 Oak Ave"));
        assert_eq!(normal("12345-6789"), "12345");
        assert_eq!(normal("12345-678"), "12345 678");
        assert_eq!(normal("12345 6789"), "12345 6789");
        assert_eq!(normal(" ,.- "), "");
    }

    #[test]
    fn the_table_is_sorted_and_its_forms_are_final() {
        assert!(ABBREVIATIONS.is_sorted_by_key(|(long, _)| *long));
        for (_, short) in ABBREVIATIONS {
            assert!(ABBREVIATIONS.iter().all(|(long, _)| *long != short), "{short}");
        }
    }

    proptest! {
        #[test]
        fn a_normal_form_is_its_own(text in "[ a-zA-Z0-9#.,'-]{0,60}|.{0,60}") {
            let once = normal(&text);
            prop_assert_eq!(normal(&once), once.clone());
        }

        #[test]
        fn case_and_blanks_do_not_matter(text in "[a-z0-9]{1,8}( [a-z0-9]{1,8}){0,6}") {
            let spread = text.replace(' ', "  ,");
            prop_assert_eq!(normal(&text.to_uppercase()), normal(&text));
            prop_assert_eq!(normal(&spread), normal(&text));
        }
    }
}

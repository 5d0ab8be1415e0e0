use std::fmt::{self, Write as _};

/// How many characters of a text are shown where nothing else is said.
const SHOWN: usize = 200;

/// Text that somebody else chose (a service, a miner, a file), made fit for a terminal, a log or an error: what does not
/// print is escaped as Rust does, so that it can neither move the cursor nor begin a line, and what is too long is cut.
///
/// ```
/// use resi_protocol::Foreign;
///
/// assert_eq!(Foreign::new("all is well").to_string(), "all is well");
/// assert_eq!(Foreign::new("\u{1b}[2Jok\n").to_string(), r"\u{1b}[2Jok\n");
/// assert_eq!(Foreign::new("zipcodes").at_most(3).to_string(), "zip…");
/// ```
#[derive(Clone, Copy)]
pub struct Foreign<'a> {
    text: &'a str,
    at_most: usize,
}

impl<'a> Foreign<'a> {
    /// Shows at most 200 characters.
    pub const fn new(text: &'a str) -> Self {
        Self { text, at_most: SHOWN }
    }

    /// Shows at most so many characters of the text; an escape is longer than the character it stands for.
    #[must_use]
    pub const fn at_most(self, characters: usize) -> Self {
        Self { at_most: characters, ..self }
    }
}

impl fmt::Display for Foreign<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut characters = self.text.chars();
        for character in characters.by_ref().take(self.at_most) {
            match character {
                '\'' | '"' => f.write_char(character)?,
                other => write!(f, "{}", other.escape_debug())?,
            }
        }
        if characters.next().is_some() { f.write_char('…') } else { Ok(()) }
    }
}

impl fmt::Debug for Foreign<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nothing_that_moves_a_cursor_or_begins_a_line_is_shown_as_it_is() {
        for hostile in
            ["\r", "\u{7f}", "\u{9b}", "\u{202e}", "\u{2028}", "\u{200b}", "\u{feff}", "\0", "\t"]
        {
            let shown = Foreign::new(hostile).to_string();
            assert!(shown.is_ascii() && shown.starts_with('\\'), "{shown}");
        }
        assert_eq!(Foreign::new("Cañon's \"5\"").to_string(), "Cañon's \"5\"");
    }

    proptest! {
        #[test]
        fn what_is_shown_is_bounded_and_prints(text: String, at_most in 0_usize..50) {
            let shown = Foreign::new(&text).at_most(at_most).to_string();
            prop_assert!(!shown.chars().any(char::is_control));
            prop_assert!(shown.chars().count() <= at_most * 10 + 1);
            prop_assert!(shown.ends_with('…') || text.chars().count() <= at_most);
        }
    }
}

//! Lines for terminals and logs that may hold text of others, escaped already or not: whatever was passed on, no line
//! can move a cursor, begin another one, or be read in another order than it is written.

use std::borrow::Cow;
use std::fmt::{self, Write};

/// How many characters of a text are shown; errors of a database can be long.
const SHOWN: usize = 4_000;

/// Whether a character is shown as it is.
pub fn prints(character: char) -> bool {
    matches!(character, '\'' | '"' | '\\') || character.escape_debug().len() == 1
}

/// A text as part of a line: what does not print is escaped, and what is very long is cut.
#[derive(Clone, Copy, Debug)]
pub struct Printable<'a>(pub &'a str);

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut characters = self.0.chars();
        for character in characters.by_ref().take(SHOWN) {
            if prints(character) {
                f.write_char(character)?;
            } else {
                write!(f, "{}", character.escape_debug())?;
            }
        }
        if characters.next().is_some() { f.write_char('…') } else { Ok(()) }
    }
}

/// A text of several lines as one.
pub fn one_line(text: &str) -> String {
    Printable(&text.split_whitespace().collect::<Vec<_>>().join(" ")).to_string()
}

/// A line of JSON whose strings hold nothing that does not print; it says the same.
pub fn json(line: &str) -> Cow<'_, str> {
    let fine = |character: char| character == '\n' || prints(character);
    if line.chars().all(fine) {
        return Cow::Borrowed(line);
    }
    let mut escaped = String::with_capacity(line.len() + 64);
    for character in line.chars() {
        // JSON itself is ASCII that prints: whatever else there is stands within a string.
        if fine(character) {
            escaped.push(character);
        } else {
            push_json_escape(&mut escaped, character);
        }
    }
    Cow::Owned(escaped)
}

/// Writes a character as an escape of JSON.
pub fn push_json_escape(text: &mut String, character: char) {
    for unit in character.encode_utf16(&mut [0; 2]) {
        // Writing to a `String` cannot fail.
        let _ = write!(text, "\\u{unit:04x}");
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_does_not_print_is_escaped_and_escapes_stay() {
        let hostile = "a\u{1b}[2J\u{9b}\n\u{202e}\u{feff}\u{7f}";
        assert_eq!(Printable(hostile).to_string(), r"a\u{1b}[2J\u{9b}\n\u{202e}\u{feff}\u{7f}");
        let said = r#"Cañon's "5" of C:\x \u{1b}"#;
        assert_eq!(Printable(said).to_string(), said);
        assert_eq!(Printable(&"x".repeat(9_000)).to_string().chars().count(), SHOWN + 1);
        assert_eq!(one_line("at line 1\n  |\n1 | \u{1b}"), r"at line 1 | 1 | \u{1b}");
    }

    proptest! {
        #[test]
        fn json_says_the_same_and_prints(text: String) {
            let written = serde_json::to_string(&[&text]).expect("JSON");
            let escaped = json(&written);
            prop_assert!(escaped.chars().all(prints), "{escaped:?}");
            prop_assert_eq!(serde_json::from_str::<Vec<String>>(&escaped).expect("JSON"), [text]);
        }
    }
}

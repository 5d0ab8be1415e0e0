use std::fmt::Write as _;
use std::io::{self, ErrorKind, IsTerminal as _, Write as _};

use anyhow::Result;
use clap::Args;
use comfy_table::{Table, presets};
use resi_protocol::Foreign;
use serde::Serialize;

/// How many characters of a value are shown.
const LONGEST_VALUE: usize = 1_000;

/// How results are shown.
#[derive(Clone, Copy, Debug, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct StyleArgs {
    /// JSON, also on a terminal
    #[arg(long, global = true, conflicts_with = "table")]
    json: bool,
    /// Text, also in a pipe
    #[arg(long, global = true)]
    table: bool,
}

impl StyleArgs {
    pub(crate) fn is_json(self) -> bool {
        self.json || (!self.table && !io::stdout().is_terminal())
    }

    /// `value` as JSON, or what `text` makes of it with [`pairs`], [`table`] and [`Foreign`].
    pub(crate) fn show<T: Serialize>(
        self,
        value: &T,
        text: impl FnOnce(&T) -> String,
    ) -> Result<()> {
        if !self.is_json() {
            return print(&text(value));
        }
        let json = if io::stdout().is_terminal() {
            serde_json::to_string_pretty(value)?
        } else {
            serde_json::to_string(value)?
        };
        print(&format!("{}\n", escaped_json(&json)))
    }
}

/// JSON may hold what a terminal acts upon: the format escapes less than that. All of it stands within strings.
fn escaped_json(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    for character in json.chars() {
        let prints = character == '\n'
            || (' '..='~').contains(&character)
            || (!character.is_ascii() && character.escape_debug().len() == 1);
        if prints {
            escaped.push(character);
            continue;
        }
        for unit in character.encode_utf16(&mut [0; 2]) {
            let _ = write!(escaped, "\\u{unit:04x}");
        }
    }
    escaped
}

/// Writes to standard output; whoever reads there may stop when it has enough.
pub(crate) fn print(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written?),
    }
}

/// A value in one line, whoever chose it.
fn cell(value: &str) -> String {
    Foreign::new(value).at_most(LONGEST_VALUE).to_string()
}

/// Names and values, one a line.
pub(crate) fn pairs<const N: usize>(pairs: [(&str, String); N]) -> String {
    let width = pairs.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    pairs.iter().map(|(name, value)| format!("{name:<width$}  {}\n", cell(value))).collect()
}

pub(crate) fn table<const N: usize>(
    header: [&str; N],
    rows: impl Iterator<Item = [String; N]>,
) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(header);
    for row in rows {
        table.add_row(row.map(|value| cell(&value)));
    }
    let lines = table.trim_fmt();
    format!(
        "{}\n",
        lines
            .lines()
            .map(|line| line.strip_prefix(' ').unwrap_or(line))
            .collect::<Vec<_>>()
            .join("\n")
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const HOSTILE: &str = "a\u{1b}[2J\u{7f}\u{9b}1m\u{202e}\u{2028}\u{feff}\u{e0001}\r\nb";

    fn acts(text: &str) -> bool {
        text.chars().any(|c| {
            (c.is_control() && c != '\n') || "\u{202e}\u{2028}\u{feff}\u{e0001}".contains(c)
        })
    }

    #[test]
    fn json_is_the_same_and_moves_no_cursor() {
        let value = json!({ HOSTILE: [HOSTILE, "Cañon 雪 \u{1f600}", 1.5], "plain": "\\\"/" });
        let compact = serde_json::to_string(&value).expect("JSON");
        let pretty = serde_json::to_string_pretty(&value).expect("JSON");
        assert!(acts(&compact) && acts(&pretty));
        for json in [compact, pretty] {
            let shown = escaped_json(&json);
            assert!(!acts(&shown), "{shown}");
            assert_eq!(shown.lines().count(), json.lines().filter(|line| !line.is_empty()).count());
            assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).expect("JSON"), value);
            assert!(shown.contains("Cañon 雪 \u{1f600}"), "{shown}");
        }
    }

    #[test]
    fn a_value_stays_in_its_line() {
        let pairs = pairs([("one", HOSTILE.into()), ("two", "x".repeat(5_000))]);
        assert!(pairs.lines().count() == 2 && !acts(&pairs) && pairs.len() < 1_200, "{pairs}");
        let table = table(["one", "two"], [[HOSTILE.into(), "x".into()]].into_iter());
        assert!(table.lines().count() == 2 && !acts(&table), "{table}");
    }
}

use std::io::Write;
use std::time::Duration;

use anyhow::{Context, Result};
use resi_protocol::{Foreign, Hotkey, Timestamp};
use resi_store::{AuditEvent, AuditQuery};
use serde::Serialize;

use super::opening;
use crate::cli::AuditArgs;
use crate::printable;
use crate::settings::Settings;

const PAGE: u32 = 1_000;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

#[derive(Serialize)]
struct Line<'a> {
    at: Timestamp,
    kind: &'static str,
    code: &'a str,
    hotkey: Option<Hotkey>,
    proved: bool,
    subject: Option<&'a str>,
    request_id: Option<&'a str>,
    address: Option<String>,
    times: u64,
}

impl<'a> Line<'a> {
    fn of(event: &'a AuditEvent) -> Self {
        let origin = event.origin.as_ref();
        Self {
            at: event.at,
            kind: event.kind.name(),
            code: &event.code,
            hotkey: event.hotkey,
            proved: event.proved,
            subject: event.subject.as_deref(),
            request_id: origin.map(|origin| &*origin.request_id),
            address: origin.and_then(|origin| origin.address).map(|address| address.to_string()),
            times: event.times,
        }
    }

    fn row(&self) -> String {
        let hotkey = self.hotkey.map_or("-".into(), |hotkey| {
            format!("{hotkey}{}", if self.proved { "" } else { " (claimed)" })
        });
        format!(
            "{:<20}  {:<7}  {:<22}  {:>6}  {:<58}  {:<15}  {:<26}  {}",
            self.at.to_string(),
            self.kind,
            shown(self.code),
            self.times,
            hotkey,
            self.address.as_deref().unwrap_or("-"),
            self.request_id.map_or("-".into(), shown),
            self.subject.map_or("-".into(), shown),
        )
    }
}

/// What clients chose, and whoever writes to the database.
fn shown(text: &str) -> String {
    Foreign::new(text).to_string()
}

/// Prints the audit, oldest first.
///
/// # Errors
/// When the arguments are not understood, the store cannot be read, or nobody reads what is printed.
pub async fn run(
    args: &AuditArgs,
    settings: &Settings,
    now: Timestamp,
    out: &mut (dyn Write + Send),
) -> Result<()> {
    let hotkey = args.hotkey.as_deref().map(str::parse).transpose().context("--hotkey")?;
    let since = args.since.as_deref().map_or(Ok(now.minus(DAY)), |text| since(text, now))?;
    let store = opening::existing_store(settings).await?;
    if !args.json {
        writeln!(
            out,
            "{:<20}  {:<7}  {:<22}  {:>6}  {:<58}  {:<15}  {:<26}  SUBJECT",
            "TIME", "KIND", "CODE", "TIMES", "HOTKEY", "ADDRESS", "REQUEST"
        )?;
    }
    let mut query = AuditQuery { hotkey, since, after: None, limit: PAGE };
    loop {
        let page = store.audit(query).await?;
        for event in page.iter().map(|entry| &entry.event) {
            let line = Line::of(event);
            if args.json {
                writeln!(out, "{}", printable::json(&serde_json::to_string(&line)?))?;
            } else {
                writeln!(out, "{}", line.row())?;
            }
        }
        match page.last() {
            Some(last) if page.len() == PAGE as usize => {
                query.after = Some((last.event.at, last.position));
            }
            _ => break,
        }
    }
    store.close().await;
    Ok(())
}

/// A moment, or how long ago it was: `90s`, `30m`, `24h`, `7d`.
fn since(text: &str, now: Timestamp) -> Result<Timestamp> {
    let unit = match text.chars().last() {
        Some('s') => 1,
        Some('m') => 60,
        Some('h') => 60 * 60,
        Some('d') => DAY.as_secs(),
        _ => 0,
    };
    let number =
        text.get(..text.len().saturating_sub(1)).and_then(|digits| digits.parse::<u64>().ok());
    if let Some(seconds) = number.filter(|_| unit > 0).and_then(|number| number.checked_mul(unit)) {
        return Ok(now.minus(Duration::from_secs(seconds)));
    }
    text.parse().context("--since: a time such as 2025-01-15T10:30:00Z, or 90s, 30m, 24h, 7d")
}

#[cfg(test)]
mod tests {
    use resi_store::{AuditKind, Origin};

    use super::*;

    #[test]
    fn what_is_printed_prints_whatever_is_in_the_database() {
        const HOSTILE: &str = "a\u{1b}[2J\u{9b}\r\nb\u{202e}\u{7f}";
        let event = AuditEvent {
            at: Timestamp::UNIX_EPOCH,
            kind: AuditKind::Status,
            code: HOSTILE.into(),
            hotkey: None,
            proved: false,
            subject: Some(HOSTILE.into()),
            origin: Some(Origin { request_id: HOSTILE.into(), address: None }),
            times: 1,
        };
        let line = Line::of(&event);
        let row = line.row();
        assert_eq!(row.matches(r"a\u{1b}[2J\u{9b}\r\nb\u{202e}\u{7f}").count(), 3, "{row}");
        let json = serde_json::to_string(&line).expect("JSON");
        let json = printable::json(&json);
        for text in [&*row, &*json] {
            assert!(text.chars().all(printable::prints), "{text}");
        }
        let read: serde_json::Value = serde_json::from_str(&json).expect("JSON");
        assert_eq!(read["subject"], HOSTILE);
    }

    #[test]
    fn since_is_a_time_or_how_long_ago() {
        let now = Timestamp::from_seconds(1_736_933_400);
        for (text, expected) in [
            ("2025-01-15T09:00:00Z", Some(1_736_931_600)),
            ("90s", Some(1_736_933_310)),
            ("30m", Some(1_736_931_600)),
            ("24h", Some(1_736_847_000)),
            ("7d", Some(1_736_328_600)),
            ("7", None),
            ("d", None),
            ("-7d", None),
            ("99999999999999999999d", None),
            ("é", None),
            ("", None),
        ] {
            assert_eq!(since(text, now).ok().map(Timestamp::seconds), expected, "{text}");
        }
    }
}

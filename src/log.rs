//! Structured logs: one line an event, for people on a terminal, as JSON otherwise. Lines of requests are made by hand,
//! since they are written for every request; both kinds share one buffered writer.

mod events;

use std::cell::RefCell;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use resi_protocol::Timestamp;

pub use self::events::{init, log_panics};
use crate::printable;

/// How lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Pretty,
    /// One JSON object a line.
    Json,
}

/// When that much waits, it is written without waiting for more.
const MUCH: usize = 128 * 1024;
/// When that much waits, who adds to it writes it: memory stays bounded when the reader of the log is slow.
const MAX_WAITING: usize = 1024 * 1024;
/// How long a line may wait for others.
const LINGER: Duration = Duration::from_millis(50);

/// The end of all log lines: standard error, in larger pieces.
#[derive(Clone, Debug)]
pub struct LogSink(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    waiting: Mutex<Vec<u8>>,
    arrived: Condvar,
    /// What is being written. Held while lines are taken and written, so that they stay in order.
    writing: Mutex<Vec<u8>>,
}

impl LogSink {
    /// Starts the thread that writes.
    pub fn start() -> Self {
        let shared = Arc::new(Shared::default());
        let flusher = Self(Arc::clone(&shared));
        thread::Builder::new()
            .name("log".into())
            .spawn(move || flusher.run())
            .unwrap_or_else(|error| unreachable!("a thread can be started: {error}"));
        Self(shared)
    }

    fn run(&self) {
        loop {
            let waiting = self.waiting();
            let waiting = self.0.arrived.wait_while(waiting, |waiting| waiting.is_empty());
            let waiting = waiting.unwrap_or_else(PoisonError::into_inner);
            let lingered =
                self.0.arrived.wait_timeout_while(waiting, LINGER, |waiting| waiting.len() < MUCH);
            drop(lingered);
            self.flush();
        }
    }

    /// Adds whole lines.
    pub fn append(&self, lines: &[u8]) {
        let mut waiting = self.waiting();
        let before = waiting.len();
        waiting.extend_from_slice(lines);
        let after = waiting.len();
        drop(waiting);
        if before == 0 || (before < MUCH && after >= MUCH) {
            self.0.arrived.notify_one();
        } else if after > MAX_WAITING {
            self.flush();
        }
    }

    /// Writes what waits.
    pub fn flush(&self) {
        let mut writing = self.0.writing.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::swap(&mut *writing, &mut *self.waiting());
        // Where the log cannot be written there is nowhere to say so.
        let _ = io::stderr().lock().write_all(&writing);
        writing.clear();
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Write for LogSink {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.append(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What is said of a request once it is answered.
#[derive(Clone, Copy, Debug)]
pub struct RequestLine<'a> {
    /// When it was answered.
    pub at: Timestamp,
    /// Its id.
    pub request_id: &'a str,
    /// Its method.
    pub method: &'a str,
    /// The route it matched.
    pub route: Option<&'a str>,
    /// Its path, where it matched none.
    pub path: &'a str,
    /// The status of the answer.
    pub status: u16,
    /// The code, where the answer is an error.
    pub error_code: Option<&'static str>,
    /// From its head to the head of the answer.
    pub duration: Duration,
    /// Who asked, where that was proved.
    pub hotkey: Option<&'a str>,
}

/// Writes the lines of requests.
#[derive(Clone, Debug)]
pub struct RequestLog(Option<(LogSink, LogFormat)>);

impl RequestLog {
    /// A log to `sink`.
    pub fn new(sink: LogSink, format: LogFormat) -> Self {
        Self(Some((sink, format)))
    }

    /// A log to nowhere.
    pub fn off() -> Self {
        Self(None)
    }

    /// Writes the line of a request.
    pub fn write(&self, line: &RequestLine<'_>) {
        if let Some((sink, format)) = &self.0 {
            let mut text = String::with_capacity(320);
            match format {
                LogFormat::Json => json_line(&mut text, line),
                LogFormat::Pretty => pretty_line(&mut text, line),
            }
            sink.append(text.as_bytes());
        }
    }
}

/// By hand and mostly without `fmt`: it is on the path of every request.
fn json_line(text: &mut String, line: &RequestLine<'_>) {
    text.push_str(r#"{"timestamp":""#);
    push_moment(text, line.at);
    text.push_str(r#"","level":"INFO","message":"request","request_id":""#);
    push_escaped(text, line.request_id);
    text.push_str(r#"","method":""#);
    push_escaped(text, line.method);
    match line.route {
        Some(route) => {
            text.push_str(r#"","route":""#);
            push_escaped(text, route);
        }
        None => {
            text.push_str(r#"","path":""#);
            push_escaped(text, cut(line.path));
        }
    }
    text.push_str(r#"","status":"#);
    push_number(text, u64::from(line.status));
    text.push_str(r#","duration_us":"#);
    push_number(text, micros(line.duration));
    if let Some(code) = line.error_code {
        text.push_str(r#","error_code":""#);
        text.push_str(code);
        text.push('"');
    }
    if let Some(hotkey) = line.hotkey {
        text.push_str(r#","hotkey":""#);
        push_escaped(text, hotkey);
        text.push('"');
    }
    text.push_str("}\n");
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

fn pretty_line(text: &mut String, line: &RequestLine<'_>) {
    push_moment(text, line.at);
    text.push_str("  INFO ");
    push_escaped(text, line.method);
    text.push(' ');
    push_escaped(text, line.route.unwrap_or_else(|| cut(line.path)));
    text.push(' ');
    push_number(text, u64::from(line.status));
    // Writing to a `String` cannot fail.
    let _ = write!(text, " in {:.1} ms", line.duration.as_secs_f64() * 1_000.0);
    for (name, value) in
        [(" ", line.error_code), (" hotkey=", line.hotkey), (" request_id=", Some(line.request_id))]
    {
        if let Some(value) = value {
            text.push_str(name);
            push_escaped(text, value);
        }
    }
    text.push('\n');
}

/// RFC 3339 with microseconds.
fn push_moment(text: &mut String, at: Timestamp) {
    thread_local! {
        /// The second that was written last, since most lines are of the same one.
        static SECOND: RefCell<(i64, String)> = const { RefCell::new((i64::MIN, String::new())) };
    }
    SECOND.with_borrow_mut(|(second, written)| {
        if *second != at.seconds() {
            *second = at.seconds();
            *written = at.to_string();
            written.pop();
        }
        text.push_str(written);
    });
    let mut fraction = at.micros().rem_euclid(1_000_000);
    let mut digits = [b'0'; 6];
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (fraction % 10) as u8;
        fraction /= 10;
    }
    text.push('.');
    text.extend(digits.map(char::from));
    text.push('Z');
}

fn push_number(text: &mut String, mut number: u64) {
    let mut digits = [0; 20];
    let mut start = digits.len();
    loop {
        start -= 1;
        digits[start] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    text.extend(digits[start..].iter().map(|digit| char::from(*digit)));
}

/// A path of a stranger can be long.
fn cut(path: &str) -> &str {
    let mut end = path.len().min(200);
    while !path.is_char_boundary(end) {
        end -= 1;
    }
    &path[..end]
}

/// As in a JSON string; also keeps off a terminal what does not print.
fn push_escaped(text: &mut String, raw: &str) {
    if raw.bytes().all(|byte| (b' '..=b'~').contains(&byte) && byte != b'"' && byte != b'\\') {
        text.push_str(raw);
        return;
    }
    for character in raw.chars() {
        match character {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            plain if printable::prints(plain) => text.push(plain),
            other => printable::push_json_escape(text, other),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn line<'a>(request_id: &'a str, path: &'a str) -> RequestLine<'a> {
        RequestLine {
            at: Timestamp::from_micros(1_736_937_000_250_000),
            request_id,
            method: "GET",
            route: None,
            path,
            status: 404,
            error_code: Some("NOT_FOUND"),
            duration: Duration::from_micros(150),
            hotkey: None,
        }
    }

    #[test]
    fn a_line_of_each_format() {
        let (mut json, mut pretty) = (String::new(), String::new());
        json_line(&mut json, &line("01J", "/x"));
        pretty_line(&mut pretty, &line("01J", "/x"));
        assert_eq!(
            json,
            "{\"timestamp\":\"2025-01-15T10:30:00.250000Z\",\"level\":\"INFO\",\"message\":\"request\",\
             \"request_id\":\"01J\",\"method\":\"GET\",\"path\":\"/x\",\"status\":404,\"duration_us\":150,\
             \"error_code\":\"NOT_FOUND\"}\n"
        );
        assert_eq!(
            pretty,
            "2025-01-15T10:30:00.250000Z  INFO GET /x 404 in 0.1 ms NOT_FOUND request_id=01J\n"
        );
    }

    proptest! {
        #[test]
        fn a_line_is_one_line_of_json_whatever_the_path(path in any::<String>()) {
            let mut text = String::new();
            json_line(&mut text, &line("01J", &path));
            let value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
            prop_assert!(path.starts_with(value["path"].as_str().expect("a path")));
            let mut pretty = String::new();
            pretty_line(&mut pretty, &line("01J", &path));
            for written in [text, pretty] {
                let written = written.strip_suffix('\n').expect("a line");
                prop_assert!(written.chars().all(printable::prints));
            }
        }
    }
}

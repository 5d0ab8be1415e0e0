//! Events of `tracing` as lines of the log.

use std::fmt;
use std::io::{self, IsTerminal as _, Write};

use tracing::field::Field;
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::field::MakeExt as _;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::{self, Writer};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use super::{LogFormat, LogSink};
use crate::printable::{self, Printable};

impl<'a> MakeWriter<'a> for LogSink {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// The same for lines of JSON, in whose strings nothing is left that does not print.
#[derive(Clone, Debug)]
struct JsonSink(LogSink);

impl Write for JsonSink {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.append(printable::json(&String::from_utf8_lossy(line)).as_bytes());
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for JsonSink {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// Writes a field of an event for people: what it says may be the words of a client, a node or a file.
fn write_field(writer: &mut Writer<'_>, field: &Field, value: &dyn fmt::Debug) -> fmt::Result {
    let text = format!("{value:?}");
    match field.name() {
        "message" => write!(writer, "{}", Printable(&text)),
        name => write!(writer, "{name}={}", Printable(&text)),
    }
}

/// Panics are lines of the log like others: what went wrong may quote a client.
pub fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let location = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(
            location,
            "panic: {}",
            panic.payload_as_str().unwrap_or("without a message")
        );
    }));
}

/// Sends `tracing` events to `sink`: those of this service as `filter` says, of what the service is built of only warnings
/// and errors. A library does not know which of the values that it logs for those who debug it are secret.
///
/// # Errors
/// When the filter cannot be read.
pub fn init(sink: &LogSink, format: LogFormat, filter: &str) -> anyhow::Result<()> {
    let filter = EnvFilter::builder().parse(filter)?;
    subscriber(sink, format, filter, io::stderr().is_terminal()).try_init()?;
    Ok(())
}

fn subscriber(
    sink: &LogSink,
    format: LogFormat,
    filter: EnvFilter,
    in_colour: bool,
) -> Box<dyn Subscriber + Send + Sync> {
    let registry = tracing_subscriber::registry().with(filter).with(filter_fn(is_fit_to_log));
    match format {
        LogFormat::Pretty => {
            let layer = tracing_subscriber::fmt::layer().with_writer(sink.clone());
            let fields = format::debug_fn(write_field).delimited(" ");
            let layer = layer.fmt_fields(fields).with_target(false).with_ansi(in_colour);
            Box::new(registry.with(layer))
        }
        LogFormat::Json => {
            let layer = tracing_subscriber::fmt::layer().with_writer(JsonSink(sink.clone())).json();
            let layer = layer.flatten_event(true).with_current_span(false).with_span_list(false);
            Box::new(registry.with(layer))
        }
    }
}

fn is_fit_to_log(event: &Metadata<'_>) -> bool {
    event.target().starts_with("resi_") || *event.level() <= Level::WARN
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn what_others_say_neither_begins_a_line_nor_moves_a_cursor() {
        const HOSTILE: &str = "a\u{1b}[2J\u{9b}\r\n{\"level\":\"ERROR\"}\u{202e}\u{2028}\u{7f}";
        let written = |format, in_colour| {
            let sink = LogSink(Arc::default());
            let subscriber = subscriber(&sink, format, EnvFilter::new("info"), in_colour);
            tracing::subscriber::with_default(subscriber, || {
                tracing::error!(node = HOSTILE, shown = %HOSTILE, "{HOSTILE}");
            });
            let written = sink.waiting().clone();
            String::from_utf8(written).expect("text")
        };
        let json = written(LogFormat::Json, false);
        let line: serde_json::Value = serde_json::from_str(&json).expect("one line of JSON");
        for field in ["node", "shown", "message"] {
            assert_eq!(line[field], HOSTILE);
        }
        let pretty = written(LogFormat::Pretty, false);
        for text in [json, pretty] {
            let line = text.strip_suffix('\n').expect("a line");
            assert!(line.chars().all(printable::prints), "{line:?}");
        }
        let coloured = written(LogFormat::Pretty, true);
        assert!(!coloured.contains("[2J") || coloured.contains(r"\u{1b}[2J"), "{coloured:?}");
        assert_eq!(coloured.matches('\n').count(), 1);
    }
}

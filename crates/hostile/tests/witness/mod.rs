use std::fmt::{self, Write as _};
use std::panic;
use std::sync::{Arc, Mutex};

use peak_alloc::PeakAlloc;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

/// Sees what is logged, what panics, and how much memory is held at most, while it looks.
#[derive(Debug)]
pub(crate) struct Witness {
    memory: &'static PeakAlloc,
    before: Mutex<usize>,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Debug, Default)]
struct Seen {
    looks: bool,
    log: String,
    panics: Vec<String>,
}

impl Witness {
    /// The only one of the process.
    pub(crate) fn new(memory: &'static PeakAlloc) -> Self {
        let seen = Arc::<Mutex<Seen>>::default();
        let log = tracing_subscriber::registry().with(Log(Arc::clone(&seen)));
        tracing::subscriber::set_global_default(log).unwrap();
        let (of_panics, usual) = (Arc::clone(&seen), panic::take_hook());
        panic::set_hook(Box::new(move |panic| {
            let mut seen = of_panics.lock().unwrap();
            if seen.looks {
                seen.panics.push(panic.to_string().chars().take(500).collect());
            } else {
                drop(seen);
                usual(panic);
            }
        }));
        Self { memory, before: Mutex::default(), seen }
    }

    pub(crate) fn begin(&self) {
        *self.seen.lock().unwrap() = Seen { looks: true, ..Seen::default() };
        *self.before.lock().unwrap() = self.memory.current_usage();
        self.memory.reset_peak_usage();
    }

    /// Bytes at most since it began, beyond what there was before.
    pub(crate) fn more_memory(&self) -> usize {
        self.memory.peak_usage().saturating_sub(*self.before.lock().unwrap())
    }

    /// What was logged, and what panicked.
    pub(crate) fn end(&self) -> (String, Vec<String>) {
        let seen = std::mem::take(&mut *self.seen.lock().unwrap());
        (seen.log, seen.panics)
    }
}

/// Keeps what our own code logs as it was given, before anybody makes it fit for a terminal.
struct Log(Arc<Mutex<Seen>>);

impl<S: Subscriber> Layer<S> for Log {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if event.metadata().target().starts_with("resi") {
            let mut line = Line(String::new());
            event.record(&mut line);
            let log = &mut self.0.lock().unwrap().log;
            log.push_str(&line.0);
            log.push('\n');
        }
    }
}

struct Line(String);

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        let _ = write!(self.0, "{field}={value} ");
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let _ = write!(self.0, "{field}={value:?} ");
    }
}

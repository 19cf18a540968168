//! A stream of events as it goes: bars on a terminal, one line per event elsewhere, JSON lines for machines.

use std::fs::File;
use std::io::{IsTerminal, Write};
use std::sync::{Arc, Mutex, PoisonError};

use indicatif::ProgressStyle;
use jiff::Timestamp;
use serde::Serialize;

use super::output::Output;

/// What shows a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// For people: bars on a terminal, else lines, on stderr.
    Text,
    /// JSON lines on stdout, nothing on stderr.
    Json,
}

/// Where a stream goes.
pub struct Sink {
    /// The streams of the command.
    pub output: Output,
    /// How it is shown.
    pub view: View,
    /// The JSON lines go there as well.
    pub file: Option<File>,
}

/// How the events of one kind of run look to people.
pub trait Show<E>: Send {
    /// The event as a line of a log; `None` where a log need not tell it.
    fn line(event: &E) -> Option<String>;

    /// Shows it on a terminal.
    fn show(&mut self, event: &E);
}

/// Receives events, with the time at which each happened; never blocks.
pub type Reporter<E> = Arc<dyn Fn(Timestamp, E) + Send + Sync>;

/// What shows one event.
type Shown<E> = Box<dyn Fn(Timestamp, &E) + Send + Sync>;

/// An event as a JSON line.
#[derive(Serialize)]
struct Line<'event, E> {
    at: Timestamp,
    event: &'event E,
}

/// A reporter into this sink; `bars` is asked for on a terminal only.
#[must_use]
pub fn reporter<E: Serialize + 'static, S: Show<E> + 'static>(sink: Sink, bars: impl FnOnce() -> S) -> Reporter<E> {
    let Sink { output, view, file } = sink;
    let shown: Shown<E> = match view {
        View::Json => Box::new(move |at, event| {
            // A reader that went away must not stop a run half-way: the run is in the journal.
            let _unread = output.data(&json_line(at, event));
        }),
        View::Text if std::io::stderr().is_terminal() => {
            let bars = Mutex::new(bars());
            Box::new(move |_, event| bars.lock().unwrap_or_else(PoisonError::into_inner).show(event))
        }
        View::Text => Box::new(move |at, event| {
            if let Some(line) = S::line(event) {
                output.message(&format!("{}  {line}", at.strftime("%H:%M:%S")));
            }
        }),
    };
    let file = file.map(Mutex::new);
    Arc::new(move |at, event| {
        shown(at, &event);
        if let Some(file) = &file {
            let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
            if let Err(error) = file.write_all(json_line(at, &event).as_bytes()) {
                output.message(&format!("warning: the file of --json-into cannot be written: {error}"));
            }
        }
    })
}

/// The event as one line of JSON, with its time.
#[must_use]
pub fn json_line<E: Serialize>(at: Timestamp, event: &E) -> String {
    // Events are made of strings and numbers, so they serialize.
    serde_json::to_string(&Line { at, event }).map_or_else(|_| String::new(), |line| line + "\n")
}

/// At most five of them.
#[must_use]
pub fn shortened(items: &[String]) -> String {
    const SHOWN: usize = 5;
    match items {
        [] => String::from("nothing"),
        few if few.len() <= SHOWN => few.join(", "),
        many => format!("{} and {} more", many[..SHOWN].join(", "), many.len() - SHOWN),
    }
}

/// A template that is written here is valid; the fallback keeps a mistake in one from being a panic.
#[must_use]
pub fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

//! A roll as it goes: one bar for the machines, one for each that is in work and says what it waits for; elsewhere lines.

mod outlook;
mod summary;

use std::collections::BTreeMap;

use indicatif::{MultiProgress, ProgressBar};

pub use outlook::{Outlook, outlook, outlook_json, said};
pub use summary::summary;

use super::output::Output;
use super::stream::{self, Show, Sink, shortened, style};
use crate::duration;
use crate::roll::{Action, Event, Replace, Reporter, name};

/// A reporter into this sink.
#[must_use]
pub fn reporter(sink: Sink) -> Reporter {
    let output = sink.output;
    stream::reporter(sink, move || Bars::new(output))
}

/// The event as a line of a log; `None` where a log need not tell it.
fn text_line(event: &Event) -> Option<String> {
    Some(match event {
        Event::RollStarted { cluster, roll, resumed, machines, estimate_seconds, .. } => {
            let verb = if *resumed { "goes on with" } else { "begins" };
            let about = duration::seconds(*estimate_seconds);
            format!("roll of {cluster} {verb} {roll}: {machines} machines to replace, about {about}")
        }
        // Hundreds of evictions are told by the machines that they empty.
        Event::Did { action: Action::Evict { .. } | Action::Protect { .. } } => return None,
        Event::Did { action: action @ Action::Terminate { replace, .. } } => match replace {
            Replace::Launch => format!("{}; the group launches another", name(action)),
            Replace::Shrink => format!("{}; the group shrinks by it", name(action)),
        },
        Event::Did { action } => name(action),
        Event::Failed { action, error } => format!("{} failed, and is tried again: {error}", name(action)),
        // What is refused is told by what is waited for.
        Event::Refused { .. } | Event::Settled { .. } => return None,
        Event::NoCapacity { failure } => {
            let place: Vec<&str> =
                [failure.machine_type.as_deref(), failure.zone.as_deref()].into_iter().flatten().collect();
            let option = match failure.spot {
                Some(true) => " on spot",
                Some(false) => " on demand",
                None => "",
            };
            format!(
                "{}: a launch failed ({}{option}): {}",
                failure.auto_scaling_group,
                place.join(" in "),
                failure.message
            )
        }
        Event::Waiting { about, what } => format!("{about}: {what}"),
        Event::Heartbeat { seconds, left, waiting } => {
            format!(
                "still rolling after {}, {left} left; waits for {}",
                duration::seconds(*seconds),
                shortened(waiting)
            )
        }
        Event::Notice { message } => message.clone(),
        Event::RollFinished { result, done, seconds } => {
            format!("{result}: {} machines replaced, {}", done.replaced, duration::seconds(*seconds))
        }
    })
}

/// One bar for the whole roll, and one for each machine or group in work.
struct Bars {
    output: Output,
    all: MultiProgress,
    total: Option<ProgressBar>,
    working: BTreeMap<String, ProgressBar>,
}

/// More bars than this scroll a terminal: the rest is in the total's message.
const MOST_BARS: usize = 12;

impl Bars {
    fn new(output: Output) -> Self {
        Self { output, all: MultiProgress::new(), total: None, working: BTreeMap::new() }
    }

    /// Prints above the bars.
    fn print(&self, event: &Event) {
        if let Some(line) = text_line(event) {
            self.all.suspend(|| self.output.message(&line));
        }
    }

    fn remove(&mut self, about: &str) {
        if let Some(bar) = self.working.remove(about) {
            bar.finish_and_clear();
            self.all.remove(&bar);
        }
    }
}

impl Show<Event> for Bars {
    fn line(event: &Event) -> Option<String> {
        text_line(event)
    }

    fn show(&mut self, event: &Event) {
        match event {
            Event::RollStarted { machines, .. } => {
                self.print(event);
                let total = self.all.add(ProgressBar::new(u64::try_from(*machines).unwrap_or(u64::MAX)));
                total.set_style(style("{bar:30} {pos}/{len}  {msg}"));
                self.total = Some(total);
            }
            Event::Waiting { about, what } => {
                if self.working.len() < MOST_BARS || self.working.contains_key(about) {
                    let bar = self.working.entry(about.clone()).or_insert_with(|| {
                        let bar = self.all.add(ProgressBar::new_spinner());
                        bar.set_style(style("  {spinner} {prefix}  {wide_msg}"));
                        bar.set_prefix(about.clone());
                        bar
                    });
                    bar.set_message(what.clone());
                    bar.tick();
                }
            }
            Event::Settled { about } => self.remove(about),
            Event::Heartbeat { left, waiting, .. } => {
                if let Some(total) = &self.total {
                    let length = total.length().unwrap_or(0);
                    total.set_position(length.saturating_sub(u64::try_from(*left).unwrap_or(0)));
                    total.set_message(format!("{} in work", waiting.len()));
                }
                for bar in self.working.values() {
                    bar.tick();
                }
            }
            Event::RollFinished { .. } => {
                for about in self.working.keys().cloned().collect::<Vec<_>>() {
                    self.remove(&about);
                }
                if let Some(total) = self.total.take() {
                    total.finish_and_clear();
                }
                self.print(event);
            }
            // The bars show them.
            Event::Did { action: Action::Cordon { .. } | Action::DeleteNode { .. } } => {}
            Event::Did { .. }
            | Event::Failed { .. }
            | Event::Refused { .. }
            | Event::NoCapacity { .. }
            | Event::Notice { .. } => self.print(event),
        }
    }
}

//! A run as it goes: bars on a terminal, one line per event elsewhere, JSON lines for machines.

use std::collections::BTreeMap;

use indicatif::{MultiProgress, ProgressBar};

use super::output::Output;
use super::stream::{self, Show, Sink, shortened, style};
use crate::apply::{ActName, Event, Reporter};
use crate::duration;
use crate::install;
use crate::plan::Action;
use crate::resource::Address;

/// A reporter into this sink.
#[must_use]
pub fn reporter(sink: Sink) -> Reporter {
    let output = sink.output;
    stream::reporter(sink, move || Bars::new(output))
}

/// The event as a line of a log; `None` where a log need not tell it.
fn text_line(event: &Event) -> Option<String> {
    Some(match event {
        Event::RunStarted { cluster, operation, run, operations, waves, .. } => {
            format!("{operation} {cluster}: {operations} operations in {waves} waves (run {run})")
        }
        Event::WaveStarted { wave, of, operations } => format!("wave {wave}/{of}: {operations} operations"),
        Event::Started { .. } => return None,
        Event::Waiting { address, waits_for } => format!("{address}: waits for {waits_for}"),
        Event::Done { address, act, id, milliseconds } => {
            let seconds = u64::try_from(milliseconds / 1000).unwrap_or(u64::MAX);
            match act {
                ActName::Settle => format!("{address}: ready after {} more", duration::seconds(seconds)),
                act => format!("{address}: {} done after {} [{id}]", act.as_str(), duration::seconds(seconds)),
            }
        }
        Event::Failed { address, act, error } => format!("{address}: {} failed: {error}", act.as_str()),
        Event::Heartbeat { seconds, waiting } => {
            format!("still running after {}; waits for {}", duration::seconds(*seconds), shortened(waiting))
        }
        Event::Notice { message } => message.clone(),
        Event::AddOns { event } => add_ons_line(event),
        Event::RunFinished { result, done, operations, seconds } => {
            format!("{result}: {done} of {operations} operations in {}", duration::seconds(*seconds))
        }
    })
}

fn add_ons_line(event: &install::Event) -> String {
    match event {
        install::Event::AddOnsStarted { changes, .. } => {
            format!("add-ons: {changes} objects to make, change or delete")
        }
        install::Event::AddOnWaiting { add_on: Some(add_on), waits_for } => format!("{add_on}: waits for {waits_for}"),
        install::Event::AddOnWaiting { add_on: None, waits_for } => format!("waits for {waits_for}"),
        install::Event::AddOnDid { add_on, object, action } => {
            let done = match action {
                Action::Create => "made",
                Action::Delete => "deleted",
                _ => "changed",
            };
            format!("{add_on}: {object} {done}")
        }
        install::Event::AddOnHealthy { add_on, seconds } => {
            format!("{add_on}: healthy after {}", duration::seconds(*seconds))
        }
        install::Event::AddOnFailed { add_on, error } => {
            format!("{add_on}: failed: {}", error.lines().next().unwrap_or_default())
        }
        install::Event::AddOnsFinished { done, failed, seconds } => {
            format!("add-ons: {done} objects done, {failed} add-ons failed, {}", duration::seconds(*seconds))
        }
    }
}

/// One bar for the whole run, and one for each operation under way that says what it waits for.
struct Bars {
    output: Output,
    all: MultiProgress,
    total: Option<ProgressBar>,
    running: BTreeMap<Address, ProgressBar>,
}

impl Bars {
    fn new(output: Output) -> Self {
        Self { output, all: MultiProgress::new(), total: None, running: BTreeMap::new() }
    }

    /// Prints above the bars.
    fn print(&self, event: &Event) {
        if let Some(line) = text_line(event) {
            self.all.suspend(|| self.output.message(&line));
        }
    }
}

impl Show<Event> for Bars {
    fn line(event: &Event) -> Option<String> {
        text_line(event)
    }

    fn show(&mut self, event: &Event) {
        match event {
            Event::RunStarted { operations, .. } => {
                self.print(event);
                let total = self.all.add(ProgressBar::new(u64::try_from(*operations).unwrap_or(u64::MAX)));
                total.set_style(style("{bar:30} {pos}/{len}  {msg}"));
                self.total = Some(total);
            }
            Event::WaveStarted { wave, of, .. } => {
                if let Some(total) = &self.total {
                    total.set_message(format!("wave {wave}/{of}"));
                }
            }
            Event::Started { address, act } => {
                let bar = self.all.add(ProgressBar::new_spinner());
                bar.set_style(style("  {spinner} {prefix}  {wide_msg}"));
                bar.set_prefix(address.to_string());
                bar.set_message(act.as_str());
                self.running.insert(address.clone(), bar);
            }
            Event::Waiting { address, waits_for } => {
                if let Some(bar) = self.running.get(address) {
                    bar.set_message(format!("waits for {waits_for}"));
                    bar.tick();
                }
            }
            Event::Done { address, act, .. } | Event::Failed { address, act, .. } => {
                if let Some(bar) = self.running.remove(address) {
                    bar.finish_and_clear();
                    self.all.remove(&bar);
                }
                // What is waited for at the end was counted when it was made.
                if let (Some(total), true) = (&self.total, *act != ActName::Settle) {
                    total.inc(1);
                }
                self.print(event);
            }
            Event::Heartbeat { .. } => {
                for bar in self.running.values() {
                    bar.tick();
                }
            }
            Event::Notice { .. } | Event::AddOns { .. } => self.print(event),
            Event::RunFinished { .. } => {
                for bar in std::mem::take(&mut self.running).into_values() {
                    bar.finish_and_clear();
                }
                if let Some(total) = self.total.take() {
                    total.finish_and_clear();
                }
                self.print(event);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::Kind;

    #[test]
    fn a_log_line_names_address_time_and_id() {
        let event = Event::Done {
            address: Address::new(Kind::NatGateway, "a"),
            act: ActName::Create,
            id: String::from("nat-1"),
            milliseconds: 97_400,
        };
        assert_eq!(text_line(&event).as_deref(), Some("nat-gateway/a: create done after 1 min 37 s [nat-1]"));
    }

    #[test]
    fn json_lines_carry_time_and_event() {
        let line = stream::json_line(jiff::Timestamp::UNIX_EPOCH, &Event::Notice { message: String::from("hello") });
        assert_eq!(line, "{\"at\":\"1970-01-01T00:00:00Z\",\"event\":{\"type\":\"notice\",\"message\":\"hello\"}}\n");
    }

    #[test]
    fn a_heartbeat_stays_on_one_line() {
        let waiting = (1..=7).map(|number| format!("subnet/{number}")).collect();
        let line = text_line(&Event::Heartbeat { seconds: 70, waiting }).expect("a heartbeat is shown");
        assert!(line.ends_with("subnet/5 and 2 more"), "{line}");
    }
}

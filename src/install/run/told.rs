//! What is waited for, told when it is news.

use std::time::Duration;

use super::Event;
use super::install::Means;

/// How soon something else that is waited for is told.
const NEWS: Duration = Duration::from_secs(10);
/// How often the same is told again: a log shows that somebody is still at it.
const AGAIN: Duration = Duration::from_secs(60);

/// What was told last, and when.
pub struct Told {
    at: Option<Duration>,
    what: String,
}

impl Told {
    /// Nothing: whatever comes is news.
    pub const fn never() -> Self {
        Self { at: None, what: String::new() }
    }

    /// What takes no longer than a moment from `began` on need not be told.
    pub const fn since(began: Duration) -> Self {
        Self { at: Some(began), what: String::new() }
    }

    /// Tells it, unless it was told a moment ago.
    pub fn tell(&mut self, means: &Means<'_>, add_on: Option<&str>, waits_for: String) {
        let now = means.clock.since_boot();
        let patience = if self.what == waits_for { AGAIN } else { NEWS };
        if self.at.is_some_and(|at| now < at + patience) {
            return;
        }
        (self.at, self.what) = (Some(now), waits_for.clone());
        (means.tell)(Event::AddOnWaiting { add_on: add_on.map(str::to_owned), waits_for });
    }
}

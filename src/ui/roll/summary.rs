//! What is said at the end of a roll.

use jiff::Timestamp;

use crate::duration;
use crate::roll::Record;

/// The lines of a summary; what did not happen is not mentioned.
#[must_use]
pub fn summary(record: &Record, now: Timestamp) -> Vec<String> {
    let done = &record.done;
    let seconds = u64::try_from(now.as_second().saturating_sub(record.started.as_second())).unwrap_or(0);
    let mut lines = vec![
        format!("{} replaced in {}", machines(done.replaced), duration::seconds(seconds)),
        format!("{} evicted", counted(done.evicted, "pod")),
    ];
    if done.blocked > 0 {
        lines.push(format!("{} held by a budget for the whole drain timeout", counted(done.blocked, "drain")));
    }
    if done.gone_otherwise > 0 {
        lines.push(format!(
            "{} gone without the roll: reclaimed, scaled in or terminated",
            machines(done.gone_otherwise)
        ));
    }
    if done.fallbacks > 0 {
        lines.push(format!("fallbacks raised {}", counted(done.fallbacks, "time")));
    }
    if record.ignore_budgets {
        lines.push("budgets were overridden after the drain timeout, as asked for".to_owned());
    }
    lines
}

fn machines(count: u32) -> String {
    counted(count, "machine")
}

fn counted(count: u32, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::roll::tests::{World, at};

    #[test]
    fn a_summary_says_what_happened_and_nothing_else() {
        let mut record = World::new(1).record();
        (record.done.replaced, record.done.evicted, record.done.fallbacks) = (34, 1, 2);
        assert_eq!(
            summary(&record, at(185)),
            ["34 machines replaced in 3 min 5 s", "1 pod evicted", "fallbacks raised 2 times"]
        );
        (record.done.fallbacks, record.done.gone_otherwise) = (0, 1);
        assert!(summary(&record, at(185))[2].starts_with("1 machine gone without the roll"));
    }
}

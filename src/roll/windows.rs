//! When nodes may be replaced: the maintenance windows of a manifest as moments.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::policy::Window;
use crate::cron::Cron;
use crate::spec::MaintenanceWindow;

/// How far ahead windows are worked out: a roll that waits for longer is started again.
const AHEAD: SignedDuration = SignedDuration::from_hours(8 * 24);

/// More openings than this in eight days are a window that is always open.
const MOST: usize = 12_000;

/// The windows that are open at `now` or open within eight days, in order, those that meet made one; `None` without any
/// in the manifest: nodes may be replaced at any time.
#[must_use]
pub fn windows(configured: &[MaintenanceWindow], now: Timestamp) -> Option<Vec<Window>> {
    if configured.is_empty() {
        return None;
    }
    let until = now.saturating_add(AHEAD).unwrap_or(Timestamp::MAX);
    let mut all: Vec<Window> = configured.iter().flat_map(|window| openings(window, now, until)).collect();
    all.sort_by_key(|window| window.opens);
    let mut merged: Vec<Window> = Vec::new();
    for window in all {
        match merged.last_mut() {
            Some(last) if window.opens <= last.closes => last.closes = last.closes.max(window.closes),
            _ => merged.push(window),
        }
    }
    Some(merged)
}

fn openings(window: &MaintenanceWindow, now: Timestamp, until: Timestamp) -> Vec<Window> {
    let length = SignedDuration::from_secs(i64::try_from(window.duration.as_seconds()).unwrap_or(i64::MAX));
    // The manifest's own checks have read both.
    let Some(cron) = Cron::parse(&window.start.to_string()) else { return Vec::new() };
    let zone = TimeZone::get(&window.time_zone.to_string()).unwrap_or(TimeZone::UTC);
    // One that opened before now may still be open.
    let mut after = now.saturating_sub(length).unwrap_or(Timestamp::MIN);
    let mut openings = Vec::new();
    while openings.len() < MOST
        && let Some(opens) = cron.next_after(after, &zone).filter(|opens| *opens < until)
    {
        openings.push(Window { opens, closes: opens.saturating_add(length).unwrap_or(Timestamp::MAX) });
        after = opens;
    }
    openings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn configured(start: &str, duration: &str, zone: &str) -> MaintenanceWindow {
        let text = format!("{{start: \"{start}\", duration: {duration}, timeZone: {zone}}}");
        serde_saphyr::from_str(&text).expect("a window")
    }

    fn shown(windows: Option<Vec<Window>>) -> Vec<String> {
        let windows = windows.expect("some are configured");
        windows.iter().take(2).map(|window| format!("{}/{}", window.opens, window.closes)).collect()
    }

    fn now() -> Timestamp {
        // A Friday.
        "2026-11-20T02:30:00Z".parse().expect("a date")
    }

    #[test]
    fn without_windows_any_time_will_do() {
        assert_eq!(windows(&[], now()), None);
    }

    #[test]
    fn a_window_that_is_open_counts_and_the_next_one_follows() {
        let nights = configured("0 1 * * MON-FRI", "2h", "UTC");
        assert_eq!(
            shown(windows(&[nights], now())),
            ["2026-11-20T01:00:00Z/2026-11-20T03:00:00Z", "2026-11-23T01:00:00Z/2026-11-23T03:00:00Z"]
        );
    }

    #[test]
    fn windows_that_meet_are_one_and_time_zones_count() {
        let first = configured("0 4 * * *", "2h", "Europe/Paris");
        let second = configured("0 5 * * *", "1h", "UTC");
        assert_eq!(
            shown(windows(&[second, first], now())),
            ["2026-11-20T03:00:00Z/2026-11-20T06:00:00Z", "2026-11-21T03:00:00Z/2026-11-21T06:00:00Z"]
        );
    }

    #[test]
    fn one_that_opens_every_minute_is_always_open() {
        let always = windows(&[configured("* * * * *", "5m", "UTC")], now()).expect("some");
        assert_eq!(always.len(), 1);
    }
}

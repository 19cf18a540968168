//! Ends of certificates as a calendar (iCalendar, RFC 5545): one event per certificate, with alarms before it.

use std::fmt::Write as _;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::Row;

/// A line may have 75 octets without its end (RFC 5545, section 3.1).
const LONGEST_LINE: usize = 75;

const DAY: u64 = 24 * 3600;

/// The calendar: an event at the last moment of each certificate.
#[must_use]
pub fn calendar(rows: &[Row], now: Timestamp) -> String {
    let mut rows: Vec<&Row> = rows.iter().collect();
    rows.sort_by_key(|row| (row.ends.not_after, uid(row)));
    // A certificate that is at several places ends only once.
    rows.dedup_by(|one, other| uid(one) == uid(other));
    let mut lines = Lines::default();
    lines.add("BEGIN:VCALENDAR");
    lines.add("VERSION:2.0");
    lines.add("PRODID:-//windlass//certificates//EN");
    lines.add("CALSCALE:GREGORIAN");
    for row in rows {
        let summary = format!("Certificate {} of {} ends", row.name, row.cluster);
        lines.add("BEGIN:VEVENT");
        lines.add(&format!("UID:{}", text(&uid(row))));
        lines.add(&format!("DTSTAMP:{}", moment(now)));
        lines.add(&format!("DTSTART:{}", moment(row.ends.not_after)));
        lines.add(&format!("SUMMARY:{}", text(&summary)));
        lines.add(&format!("DESCRIPTION:{}", text(&description(row))));
        // It does not make anybody busy.
        lines.add("TRANSP:TRANSPARENT");
        for days in row.thresholds.iter().map(|seconds| seconds / DAY).filter(|&days| days > 0) {
            lines.add("BEGIN:VALARM");
            lines.add("ACTION:DISPLAY");
            lines.add(&format!("DESCRIPTION:{}", text(&format!("{summary} in {days} days"))));
            lines.add(&format!("TRIGGER:-P{days}D"));
            lines.add("END:VALARM");
        }
        lines.add("END:VEVENT");
    }
    lines.add("END:VCALENDAR");
    lines.0
}

/// The same certificate always has the same, so that importing again changes events and does not double them.
fn uid(row: &Row) -> String {
    format!("{}.{}@{}", row.serial, row.authority, row.cluster)
}

fn description(row: &Row) -> String {
    let mut text = format!("{}\nSigned by: {}\nSerial: {}\nWhere: {}", row.subject, row.issuer, row.serial, row.place);
    if !row.path.is_empty() {
        let _ = write!(text, " ({})", row.path);
    }
    text
}

fn moment(timestamp: Timestamp) -> String {
    timestamp.to_zoned(TimeZone::UTC).strftime("%Y%m%dT%H%M%SZ").to_string()
}

/// A value of type TEXT (RFC 5545, section 3.3.11); control characters are not possible in it.
fn text(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    for character in value.chars() {
        match character {
            '\\' | ';' | ',' => escaped.extend(['\\', character]),
            '\n' => escaped.push_str("\\n"),
            _ if character.is_control() => {}
            _ => escaped.push(character),
        }
    }
    escaped
}

/// Content lines, folded: a line that is too long goes on after a line end and a space, never inside of a character.
#[derive(Default)]
struct Lines(String);

impl Lines {
    fn add(&mut self, line: &str) {
        let mut width = 0;
        for character in line.chars() {
            if width + character.len_utf8() > LONGEST_LINE {
                self.0.push_str("\r\n ");
                width = 1;
            }
            self.0.push(character);
            width += character.len_utf8();
        }
        self.0.push_str("\r\n");
    }
}

//! Cron expressions of five fields in a time zone: when scaling by schedule happens, and when maintenance windows open.
//! It never looks at a clock.
//!
//! Source: Auto Scaling user guide, "Recurring schedules overview": `minute hour day-of-month month day-of-week`,
//! with lists, ranges, steps and English names; a day matches if either of the two day fields does when both are given.

use jiff::Timestamp;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;

/// How far ahead an occurrence is searched: a 29 February is at most eight years away.
const HORIZON_DAYS: u32 = 8 * 366;

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// A parsed expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cron {
    minutes: Vec<i8>,
    hours: Vec<i8>,
    days: Field,
    months: Vec<i8>,
    weekdays: Field,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Field {
    values: Vec<i8>,
    any: bool,
}

impl Cron {
    /// Reads five fields; `None` when the text is no cron expression.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut fields = text.split_whitespace();
        let cron = Self {
            minutes: field(fields.next()?, 0, 59, &[])?.values,
            hours: field(fields.next()?, 0, 23, &[])?.values,
            days: field(fields.next()?, 1, 31, &[])?,
            months: field(fields.next()?, 1, 12, &MONTHS)?.values,
            weekdays: field(fields.next()?, 0, 7, &DAYS)?,
        };
        fields.next().is_none().then_some(cron)
    }

    /// The first occurrence strictly after `after`; `None` when there is none (30 February).
    #[must_use]
    pub fn next_after(&self, after: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let start = zone.to_datetime(after).date();
        let mut day = start;
        for _ in 0..HORIZON_DAYS {
            if self.matches_day(day) {
                for &hour in &self.hours {
                    for &minute in &self.minutes {
                        let time = Time::new(hour, minute, 0, 0).ok()?;
                        let at = day.to_datetime(time).to_zoned(zone.clone()).ok()?.timestamp();
                        if at > after {
                            return Some(at);
                        }
                    }
                }
            }
            day = day.tomorrow().ok()?;
        }
        None
    }

    fn matches_day(&self, date: Date) -> bool {
        if !self.months.contains(&date.month()) {
            return false;
        }
        let sunday_first = date.weekday().to_sunday_zero_offset();
        let day = self.days.values.contains(&date.day());
        let weekday = self.weekdays.values.iter().any(|value| value % 7 == sunday_first);
        match (self.days.any, self.weekdays.any) {
            (true, _) | (_, true) => day && weekday,
            (false, false) => day || weekday,
        }
    }
}

fn field(text: &str, low: i8, high: i8, names: &[&str]) -> Option<Field> {
    let mut values = Vec::new();
    for part in text.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, step.parse::<usize>().ok().filter(|step| *step > 0)?),
            None => (part, 1),
        };
        let (first, last) = match range.split_once('-') {
            _ if range == "*" => (low, high),
            Some((first, last)) => (value(first, low, high, names)?, value(last, low, high, names)?),
            None if step > 1 => (value(range, low, high, names)?, high),
            None => {
                let only = value(range, low, high, names)?;
                (only, only)
            }
        };
        if first > last {
            return None;
        }
        values.extend((first..=last).step_by(step));
    }
    values.sort_unstable();
    values.dedup();
    Some(Field { values, any: text == "*" })
}

fn value(text: &str, low: i8, high: i8, names: &[&str]) -> Option<i8> {
    let lower = text.to_ascii_lowercase();
    let number = match names.iter().position(|name| *name == lower) {
        // Months count from 1, weekdays from 0: the same as the lowest value of the field.
        Some(index) => i8::try_from(index).ok()? + low,
        None => text.parse().ok()?,
    };
    (low..=high).contains(&number).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(expression: &str, zone: &TimeZone, after: &str) -> String {
        let after: Timestamp = after.parse().expect("a timestamp");
        let cron = Cron::parse(expression).expect("a cron expression");
        cron.next_after(after, zone).map_or_else(|| "never".to_owned(), |at| at.to_string())
    }

    #[test]
    fn weekday_mornings_skip_the_week_end() {
        assert_eq!(next("30 7 * * MON-FRI", &TimeZone::UTC, "2026-11-20T07:30:00Z"), "2026-11-23T07:30:00Z");
    }

    #[test]
    fn the_time_zone_decides_what_seven_o_clock_is() {
        let plus_two = TimeZone::fixed(jiff::tz::offset(2));
        assert_eq!(next("0 7 * * *", &plus_two, "2026-11-20T00:00:00Z"), "2026-11-20T05:00:00Z");
    }

    #[test]
    fn steps_lists_and_sunday_as_seven_are_read() {
        assert_eq!(next("*/20 8,9 * * 7", &TimeZone::UTC, "2026-11-20T00:00:00Z"), "2026-11-22T08:00:00Z");
        assert_eq!(next("*/20 8,9 * * 7", &TimeZone::UTC, "2026-11-22T08:40:00Z"), "2026-11-22T09:00:00Z");
    }

    #[test]
    fn two_given_day_fields_match_when_either_does() {
        assert_eq!(next("0 0 1 * MON", &TimeZone::UTC, "2026-11-24T00:00:00Z"), "2026-11-30T00:00:00Z");
        assert_eq!(next("0 0 1 * MON", &TimeZone::UTC, "2026-11-30T00:00:00Z"), "2026-12-01T00:00:00Z");
    }

    #[test]
    fn a_day_that_does_not_exist_never_comes() {
        assert_eq!(next("0 0 30 2 *", &TimeZone::UTC, "2026-11-24T00:00:00Z"), "never");
    }

    #[test]
    fn nonsense_is_no_expression() {
        for text in ["", "* * * *", "* * * * * *", "60 * * * *", "5-1 * * * *", "*/0 * * * *", "x * * * *"] {
            assert_eq!(Cron::parse(text), None, "{text:?}");
        }
    }
}

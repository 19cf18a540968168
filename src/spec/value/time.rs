//! Lengths of time, times of the week, time zones.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{text, text_schema};
use crate::name::InvalidName;

/// A length of time in whole seconds, written with units: `30m`, `1h30m`, `90d`, `10y` (a day is 24 hours, a year 365
/// days). Kubernetes' own way of writing, `30m0s`, is read as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Duration(u64);

text_schema!(
    Duration,
    r"^([0-9]+(y|d|h|m|s))+$",
    "1h30m",
    ["A length of time with units y (365 days), d, h, m, s: `30m`, `1h30m`, `90d`, `10y`."]
);

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
const YEAR: u64 = 365 * DAY;

impl Duration {
    /// So many seconds.
    #[must_use]
    pub const fn seconds(seconds: u64) -> Self {
        Self(seconds)
    }

    /// So many minutes.
    #[must_use]
    pub const fn minutes(minutes: u64) -> Self {
        Self(minutes * MINUTE)
    }

    /// So many hours.
    #[must_use]
    pub const fn hours(hours: u64) -> Self {
        Self(hours * HOUR)
    }

    /// So many days of 24 hours.
    #[must_use]
    pub const fn days(days: u64) -> Self {
        Self(days * DAY)
    }

    /// So many years of 365 days.
    #[must_use]
    pub const fn years(years: u64) -> Self {
        Self(years * YEAR)
    }

    /// Whole seconds.
    #[must_use]
    pub const fn as_seconds(self) -> u64 {
        self.0
    }

    /// As Go, and so Kubernetes' flags and files, write it: hours, minutes and seconds only, `720h0m0s`.
    #[must_use]
    pub fn as_go(self) -> String {
        let (hours, minutes, seconds) = (self.0 / HOUR, self.0 % HOUR / MINUTE, self.0 % MINUTE);
        match (hours, minutes) {
            (0, 0) => format!("{seconds}s"),
            (0, _) => format!("{minutes}m{seconds}s"),
            _ => format!("{hours}h{minutes}m{seconds}s"),
        }
    }
}

impl FromStr for Duration {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let wrong = || InvalidName(format!("{text:?} is no length of time: expected such as 30m, 1h30m, 90d or 10y"));
        let mut rest = text;
        let mut total: u64 = 0;
        let mut previous = u64::MAX;
        while !rest.is_empty() {
            let digits = rest.find(|letter: char| !letter.is_ascii_digit()).ok_or_else(wrong)?;
            let (number, behind) = rest.split_at(digits);
            let number: u64 = number.parse().map_err(|_| wrong())?;
            let unit = match behind.chars().next() {
                Some('y') => YEAR,
                Some('d') => DAY,
                Some('h') => HOUR,
                Some('m') => MINUTE,
                Some('s') => 1,
                _ => return Err(wrong()),
            };
            // Units go from large to small, each at most once; so "ms" is not read as minutes and seconds.
            if unit >= previous {
                return Err(wrong());
            }
            previous = unit;
            total = number.checked_mul(unit).and_then(|part| total.checked_add(part)).ok_or_else(wrong)?;
            rest = &behind[1..];
        }
        if previous == u64::MAX {
            return Err(wrong());
        }
        Ok(Self(total))
    }
}

impl TryFrom<String> for Duration {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, InvalidName> {
        text.parse()
    }
}

impl From<Duration> for String {
    fn from(duration: Duration) -> Self {
        duration.to_string()
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return formatter.write_str("0s");
        }
        let mut rest = self.0;
        for (unit, letter) in [(YEAR, 'y'), (DAY, 'd'), (HOUR, 'h'), (MINUTE, 'm'), (1, 's')] {
            if rest >= unit {
                write!(formatter, "{}{letter}", rest / unit)?;
                rest %= unit;
            }
        }
        Ok(())
    }
}

text!(
    /// A Unix cron expression of five fields: minute, hour, day of the month, month, day of the week, as Auto Scaling
    /// takes it (Auto Scaling user guide, "Recurring schedules").
    Cron, cron, r"^\S+ \S+ \S+ \S+ \S+$", "0 20 * * MON-FRI"
);

/// Name, least and greatest number, and the words of each field of a cron expression.
const CRON_FIELDS: [(&str, u32, u32, &[&str]); 5] = [
    ("minute", 0, 59, &[]),
    ("hour", 0, 23, &[]),
    ("day of the month", 1, 31, &[]),
    ("month", 1, 12, &["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]),
    ("day of the week", 0, 7, &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]),
];

fn cron(text: &str) -> Result<(), String> {
    let fields: Vec<&str> = text.split_ascii_whitespace().collect();
    if fields.len() != CRON_FIELDS.len() {
        return Err(format!(
            "{text:?} is no cron expression: it has {} fields, and 5 are needed (minute hour day month weekday)",
            fields.len()
        ));
    }
    for (field, (name, least, greatest, words)) in fields.iter().zip(CRON_FIELDS) {
        if !field.split(',').all(|item| is_cron_item(item, least, greatest, words)) {
            return Err(format!("{text:?} is no cron expression: {field:?} is no {name} ({least}-{greatest})"));
        }
    }
    Ok(())
}

/// `*`, `5`, `1-5`, `MON-FRI`, each with an optional step: `*/15`.
fn is_cron_item(item: &str, least: u32, greatest: u32, words: &[&str]) -> bool {
    let (range, step) = item.split_once('/').map_or((item, None), |(range, step)| (range, Some(step)));
    if step.is_some_and(|step| !step.parse::<u32>().is_ok_and(|step| (1..=greatest).contains(&step))) {
        return false;
    }
    let number = |text: &str| -> Option<u32> {
        let word = words.iter().position(|word| word.eq_ignore_ascii_case(text));
        let number = match word {
            Some(index) => u32::try_from(index).ok()? + least,
            None => text.parse().ok()?,
        };
        (least..=greatest).contains(&number).then_some(number)
    };
    match range.split_once('-') {
        _ if range == "*" => true,
        Some((from, to)) => matches!((number(from), number(to)), (Some(from), Some(to)) if from <= to),
        None => number(range).is_some(),
    }
}

text!(
    /// The name of a time zone in the IANA database, such as `Europe/Paris`.
    TimeZoneName, time_zone, r"^[A-Za-z]+([_/+-][A-Za-z0-9]+)*$", "Europe/Paris"
);

fn time_zone(text: &str) -> Result<(), String> {
    match jiff::tz::TimeZone::get(text) {
        Ok(zone) if zone.iana_name() == Some(text) => Ok(()),
        Ok(zone) => match zone.iana_name() {
            Some(right) => Err(format!("{text:?} is no time zone: did you mean {right}")),
            None => Err(format!("{text:?} is no time zone of the IANA database, such as Europe/Paris")),
        },
        Err(_) => Err(format!("{text:?} is no time zone of the IANA database, such as Europe/Paris")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_units_from_large_to_small() {
        let seconds = |text: &str| text.parse::<Duration>().map(Duration::as_seconds).ok();
        assert_eq!(seconds("30m0s"), Some(1800));
        assert_eq!(seconds("1h30m"), Some(5400));
        assert_eq!(seconds("10y"), Some(315_360_000));
        for wrong in ["", "5", "m", "5m5m", "5s1h", "100ms", "-1h", "1.5h", "99999999999999999999y"] {
            assert_eq!(seconds(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn durations_print_shortly_and_as_go_does() {
        let duration: Duration = "8784h5m".parse().expect("a duration");
        assert_eq!(duration.to_string(), "1y1d5m");
        assert_eq!(duration.as_go(), "8784h5m0s");
        assert_eq!(Duration::minutes(30).as_go(), "30m0s");
        assert_eq!(Duration::seconds(0).to_string(), "0s");
    }

    #[test]
    fn cron_expressions_have_five_fields_within_their_bounds() {
        for good in ["0 20 * * MON-FRI", "*/15 0-5 1,15 * *", "0 6 * JAN-MAR 1"] {
            assert!(good.parse::<Cron>().is_ok(), "{good}");
        }
        let message = |text: &str| text.parse::<Cron>().expect_err("wrong").to_string();
        assert_eq!(
            message("0 20 * *"),
            r#""0 20 * *" is no cron expression: it has 4 fields, and 5 are needed (minute hour day month weekday)"#
        );
        assert_eq!(message("0 24 * * *"), r#""0 24 * * *" is no cron expression: "24" is no hour (0-23)"#);
        assert!("0 20 * * FRI-MON".parse::<Cron>().is_err());
        assert!("*/0 20 * * *".parse::<Cron>().is_err());
    }

    #[test]
    fn time_zones_are_those_of_the_iana_database() {
        assert!("Europe/Paris".parse::<TimeZoneName>().is_ok());
        assert!("UTC".parse::<TimeZoneName>().is_ok());
        let error = "Europe/Pari".parse::<TimeZoneName>().expect_err("no such zone");
        assert!(error.to_string().contains("is no time zone"), "{error}");
    }
}

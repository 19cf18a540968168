//! The table of certificates: what ends first stands first.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{Row, Seen};
use crate::pki::Standing;
use crate::ui::table::Table;

/// A serial number this long tells certificates apart at a glance; `-o json` has all of it.
const SERIAL_SHOWN: usize = 8;

/// The table, sorted by the end, with a column for the cluster when there are several.
#[must_use]
pub fn table(rows: &[Row], now: Timestamp) -> String {
    let mut rows: Vec<&Row> = rows.iter().collect();
    rows.sort_by(|one, other| key(one).cmp(&key(other)));
    let several = rows.windows(2).any(|pair| pair[0].cluster != pair[1].cluster);
    let mut table = if several {
        Table::new(["CLUSTER", "CERTIFICATE", "AUTHORITY", "WHERE", "SERIAL", "EXPIRES", "LEFT", "STANDING", "IN USE"])
    } else {
        Table::new(["CERTIFICATE", "AUTHORITY", "WHERE", "SERIAL", "EXPIRES", "LEFT", "STANDING", "IN USE"])
    };
    for row in rows {
        let cells = [
            row.name.clone(),
            row.authority.to_string(),
            row.place.clone(),
            row.serial.chars().take(SERIAL_SHOWN).collect(),
            row.ends.not_after.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M").to_string(),
            left(row.ends.not_after, now),
            standing(row),
            in_use(row),
        ];
        table.row(several.then(|| row.cluster.clone()).into_iter().chain(cells));
    }
    table.to_text()
}

fn key(row: &Row) -> (Timestamp, &str, &str, &str, &str) {
    (row.ends.not_after, &row.cluster, &row.name, &row.place, &row.serial)
}

/// `3 y 20 d`, `43 d`, `7 h`, `-2 d`.
#[must_use]
pub fn left(end: Timestamp, now: Timestamp) -> String {
    let seconds = end.as_second() - now.as_second();
    let sign = if seconds < 0 { "-" } else { "" };
    let (days, hours) = (seconds.abs() / 86_400, seconds.abs() / 3600);
    match (days, hours) {
        // Years of 365 days, as durations in manifests have them.
        (730.., _) => format!("{sign}{} y {} d", days / 365, days % 365),
        (2.., _) => format!("{sign}{days} d"),
        (_, 1..) => format!("{sign}{hours} h"),
        _ => format!("{sign}{} min", seconds.abs() / 60),
    }
}

fn standing(row: &Row) -> String {
    let said = match row.standing {
        Standing::Good => String::from("good"),
        Standing::Warn(1) => String::from("soon"),
        Standing::Warn(2) => String::from("very soon"),
        Standing::Warn(_) => String::from("urgent"),
        Standing::Expired => String::from("EXPIRED"),
    };
    match row.requested_end {
        Some(end) if end.as_second() != row.ends.not_after.as_second() => {
            format!("{said}, NOT AS REQUESTED ({})", end.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M"))
        }
        _ => said,
    }
}

fn in_use(row: &Row) -> String {
    let parts = [("member", &row.reported), ("live", &row.live)];
    let said: Vec<String> = parts.into_iter().filter_map(|(who, seen)| one(who, seen)).collect();
    if said.is_empty() { String::from("-") } else { said.join(", ") }
}

fn one(who: &str, seen: &Seen) -> Option<String> {
    Some(match seen {
        Seen::NotAsked => return None,
        Seen::Same => format!("{who}: yes"),
        Seen::Other { serial, .. } => {
            format!("{who}: OTHER ({})", serial.chars().take(SERIAL_SHOWN).collect::<String>())
        }
        Seen::Missing => format!("{who}: MISSING"),
        Seen::Unreachable(why) => format!("{who}: no answer ({why})"),
    })
}

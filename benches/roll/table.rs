//! The tables, in Markdown.

use std::fmt::Write as _;
use std::path::Path;

use crate::measure::{Measured, hours};
use crate::{Expected, Row};

/// What the table of all worlds begins with.
pub fn head() -> String {
    "| world | policy | duration | budgets broken | lowest ready | worst group | extra node-hours | pods moved |\n\
     |---|---|--:|--:|--:|--:|--:|--:|\n"
        .to_owned()
}

/// A world's lines.
pub fn row(row: &Row) -> String {
    let mut text = String::new();
    for (at, (policy, it)) in row.results.iter().enumerate() {
        let world = if at == 0 { row.world.as_str() } else { "" };
        let Measured { violations, extra_hours, moved, .. } = it;
        let (lowest, lowest_group) = (percent(it.lowest), percent(it.lowest_group));
        // Writing to a string never fails.
        let _ = writeln!(
            text,
            "| {world} | {policy} | {} | {violations} | {lowest} | {lowest_group} | {extra_hours:.1} | {moved} |",
            ending(it)
        );
    }
    text
}

fn percent(permille: u32) -> String {
    format!("{}.{} %", permille / 10, permille % 10)
}

fn ending(it: &Measured) -> String {
    match &it.stopped {
        None => duration(it.seconds),
        Some((_, left)) => format!("gives up at {}, {left} left", duration(it.seconds)),
    }
}

/// Kops' algorithm against what it should take.
pub fn expected(all: &[Expected]) -> String {
    let mut text = "| world | expected | here |\n|---|--:|--:|\n".to_owned();
    for Expected { world, expected, seconds } in all {
        let _ = writeln!(text, "| {world} | {} | {} |", duration(expected * 60), duration(*seconds));
    }
    text
}

/// Minutes below two hours, hours from there on.
pub fn duration(seconds: i64) -> String {
    if seconds < 2 * 3600 { format!("{} min", (seconds + 30) / 60) } else { format!("{:.1} h", hours(seconds)) }
}

/// Puts tables between their marks in a document: `<!-- begin NAME -->`, `<!-- end NAME -->`.
pub fn write(document: &Path, tables: &[(&str, String)]) {
    let mut text = std::fs::read_to_string(document).expect("the document is in the repository");
    for (name, table) in tables {
        let (begin, end) = (format!("<!-- begin {name} -->\n"), format!("<!-- end {name} -->"));
        let (before, rest) = text.split_once(&begin).expect("the document has the marks");
        let (_, after) = rest.split_once(&end).expect("the document has the marks");
        text = format!("{before}{begin}{table}{end}{after}");
    }
    std::fs::write(document, text).expect("docs/design can be written");
}

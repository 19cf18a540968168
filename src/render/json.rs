//! JSON files into types, each mistake with its place.

use serde::de::DeserializeOwned;

use crate::problem::Problem;
use crate::render::source::{Source, Span};

/// Reads a file that holds one value.
///
/// # Errors
/// The first mistake, with its place.
pub fn read<T: DeserializeOwned>(source: &Source) -> Result<T, Problem> {
    serde_json::from_str(source.text()).map_err(|error| problem(source, &error))
}

fn problem(source: &Source, error: &serde_json::Error) -> Problem {
    // Its column counts bytes, and is 0 at a line's end.
    let line = error.line().max(1);
    let start = source.line_start(line);
    let behind = start.saturating_add(error.column());
    let span = match error.column() {
        0 => Span::new(line, 1, 1),
        _ => source.span(behind - 1..behind),
    };
    let text = error.to_string();
    let what = text.rsplit_once(" at line ").map_or(text.as_str(), |(what, _)| what);
    Problem::error(what).at(source.place(span, ""))
}

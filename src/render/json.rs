//! JSON files into types, each mistake with its place.

use serde::de::DeserializeOwned;

use crate::problem::Problem;
use crate::render::source::Source;

/// Reads a file that holds one value.
///
/// # Errors
/// The first mistake, with its place.
pub fn read<T: DeserializeOwned>(source: &Source) -> Result<T, Problem> {
    serde_json::from_str(source.text()).map_err(|error| problem(source, &error))
}

fn problem(source: &Source, error: &serde_json::Error) -> Problem {
    // Its column counts bytes, the last of what it has read; a line's end is column 0 of the next line.
    let read = source.line_start(error.line().max(1)).saturating_add(error.column());
    let last = read.min(source.text().len()).saturating_sub(1);
    let span = source.span(last..read);
    let text = error.to_string();
    let what = text.rsplit_once(" at line ").map_or(text.as_str(), |(what, _)| what);
    // The user may have named any file: what stands in it is not ours to show.
    Problem::error(what).at(source.hidden_place(span, ""))
}

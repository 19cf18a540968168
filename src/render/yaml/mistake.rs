//! Turns the parser's errors into problems that say what to do.

use serde_saphyr::Error;

use super::{Raw, RawNode, Source, Span, place};
use crate::problem::Problem;

/// The problem of a file that could not be read. `lenient` reads the file again taking the first of duplicate keys,
/// so that the place of the first one can be shown.
pub(super) fn problem(source: &Source, error: &Error, lenient: impl FnOnce() -> Option<Vec<RawNode>>) -> Problem {
    let mut error = error.without_snippet();
    let span = error.location().map_or(Span::new(1, 1, 1), |location| place(source, location));
    while let Error::AliasError { error: inner, .. } = error {
        error = inner.without_snippet();
    }
    match error {
        Error::DuplicateMappingKey { key, .. } => {
            let name = key.clone().unwrap_or_default();
            let span = Span { length: name.chars().count().max(1), ..span };
            let mut problem = Problem::error(format!("key {name:?} is set twice")).at(source.place(span, "again here"));
            if let Some(first) = lenient().and_then(|nodes| first_of(source, &nodes, &name, span)) {
                problem = problem.at(source.place(first, "first set here"));
            }
            problem.hint("keep one of them; the other would be lost")
        }
        Error::Budget { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => {
            Problem::error(format!("the file is larger than windlass reads: {}", message(error)))
                .at(source.place(span, "stopped here"))
                .hint("split the file, or use fewer aliases")
        }
        Error::UnknownAnchor { .. } => Problem::error("an alias without an anchor")
            .at(source.place(span, "no `&name` before it has this name"))
            .hint("quote a value that starts with `*`"),
        Error::NonFiniteFloat { value, .. } => Problem::error(format!("{value} is not a number that can be used"))
            .at(source.place(span, "infinite, or not a number"))
            .hint("quote it if it is meant as text"),
        _ => {
            let text = message(error);
            if text == "recursion limit exceeded" {
                return Problem::error("nested too deeply").at(source.place(span, "stopped here"));
            }
            let (span, label) = most_telling(source, span, &text);
            let (text, problem) = if text == "expected string scalar" {
                (text, Problem::error("a key must be a word, not a list or a mapping"))
            } else {
                let problem = Problem::error(format!("this is not valid YAML: {text}"));
                (text, problem)
            };
            let problem = problem.at(source.place(span, label));
            match hint(source.line(span.line), &text, label) {
                Some(hint) => problem.hint(hint),
                None => problem,
            }
        }
    }
}

/// The parser's own words without the place that it repeats behind them.
fn message(error: &Error) -> String {
    let text = error.to_string();
    let first = text.lines().next().unwrap_or_default();
    let cut = [" at line ", ", line ", " (line "].iter().filter_map(|mark| first.find(mark)).min();
    let first = cut.map_or(first, |at| &first[..at]).trim();
    let first = match first.strip_prefix("error: line ") {
        Some(rest) => rest.split_once(": ").map_or(rest, |(_, text)| text),
        None => first,
    };
    let mut characters = first.chars();
    characters.next().map_or_else(String::new, |head| head.to_lowercase().chain(characters).collect())
}

/// The parser stops where it can no longer go on, often a line behind the mistake.
fn most_telling(source: &Source, span: Span, message: &str) -> (Span, &'static str) {
    let tab = |line: usize| {
        let text = source.line(line);
        let at = text.find('\t')?;
        text[..at].trim().is_empty().then(|| Span::new(line, text[..at].chars().count() + 1, 1))
    };
    if message.contains("tab")
        && let Some(span) = tab(span.line).or_else(|| tab(span.line + 1))
    {
        return (span, "a tab");
    }
    if span.line > source.line_count() {
        let line = (1..=source.line_count()).rev().find(|&line| !source.line(line).trim().is_empty()).unwrap_or(1);
        let text = source.line(line);
        let start = text.chars().take_while(|character| character.is_whitespace()).count();
        return (Span::new(line, start + 1, text.trim().chars().count()), "the file ends behind this");
    }
    (span, "here")
}

fn hint(line: &str, message: &str, label: &str) -> Option<&'static str> {
    let value = line.split_once(": ").map_or(line, |(_, value)| value).trim_start();
    if label == "a tab" {
        Some("indent with spaces: YAML allows no tabs there")
    } else if message.contains("escape") {
        Some("in double quotes a backslash begins an escape: write two of them, or use single quotes")
    } else if value.starts_with(['@', '`', '%']) {
        Some("quote a value that starts with @, ` or %")
    } else if value.starts_with("{{") || value.starts_with("{%") {
        Some("this file is plain YAML, not a template: an expression has no meaning here")
    } else if value.contains(": ") && !value.starts_with(['"', '\'', '{', '[']) {
        Some("quote a value that has `: ` in it")
    } else if value.starts_with('"') || value.starts_with('\'') || message.contains("quot") {
        Some("close the quote, and put nothing behind it")
    } else if value.starts_with('[') || value.starts_with('{') {
        Some("close the bracket, and put a comma between the items")
    } else if message.contains("illegal placement of ':'") {
        Some("close the bracket that a line above opens")
    } else if ["indent", "mapping", "block", "document start"].iter().any(|word| message.contains(word)) {
        Some("check the indentation of this line against the lines above it, and the space behind `:` and `-`")
    } else {
        None
    }
}

/// Where a key that stands twice in one mapping stands first: the nearest one above with the same name in the mapping
/// that has no other at this depth; in a flow mapping, the same line.
fn first_of(source: &Source, nodes: &[RawNode], name: &str, again: Span) -> Option<Span> {
    let mut found: Vec<Span> = Vec::new();
    let mut pending: Vec<&RawNode> = nodes.iter().collect();
    while let Some(node) = pending.pop() {
        match &node.value {
            Raw::Sequence(items) => pending.extend(items),
            Raw::Mapping(entries) => {
                for (key, location, value) in entries {
                    if key == name {
                        found.push(place(source, *location));
                    }
                    pending.push(value);
                }
            }
            _ => {}
        }
    }
    found
        .into_iter()
        .filter(|span| (span.line, span.column) < (again.line, again.column))
        .filter(|span| span.line == again.line || span.column == again.column)
        .max()
}

//! Says what is wrong in words.

use serde_json::Value as Json;

use super::document::{Document, Dotted, Locate, Step, with_places};
use super::fault::{Fault, FaultKind};
use super::{nearest, repair};
use crate::problem::Problem;
use crate::render::yaml::{Node, Value};

/// The problem of a fault, with its places.
pub(super) fn explain(text: &impl Locate, document: &Document, schema: Option<&Json>, fault: &Fault) -> Problem {
    let path = fault.path();
    let name = full_name(document, &path);
    let (parent, last) = match path.split_last() {
        Some((Step::Key(last), parent)) => (full_name(document, parent), last.as_str()),
        _ => (name.clone(), ""),
    };
    let found = document.node(&path).map_or_else(|| String::from("nothing"), describe);
    match &fault.kind {
        FaultKind::UnknownField { valid } => with_places(
            Problem::error(format!("unknown field {last:?} in {parent}")),
            document.locate_key(text, &path, "unknown field"),
        )
        .hint(suggestion(last, valid, "fields")),
        FaultKind::MissingField { field } => with_places(
            Problem::error(format!("missing field {field:?} in {name}")),
            document.locate_key(text, &path, &format!("{field:?} is needed here")),
        ),
        FaultKind::UnknownVariant { valid } => {
            let places = document.locate(text, &path, "");
            if schema.is_some_and(|schema| repair::is_choice_of_keys(schema, &path)) {
                let message = format!("{name}: expected a mapping with one of {}, found {found}", valid.join(", "));
                return with_places(Problem::error(message), places);
            }
            let word = document.node(&path).and_then(Node::as_str).unwrap_or_default();
            let message = format!("{name}: expected one of {}, found {found}", valid.join(", "));
            let problem = with_places(Problem::error(message), places);
            match nearest(word, valid) {
                Some(near) => problem.hint(format!("did you mean {near:?}?")),
                None => problem,
            }
        }
        FaultKind::NotOne { valid } => {
            let keys: Vec<&str> =
                document.node(&path).and_then(Node::as_mapping).map(|it| it.names().collect()).unwrap_or_default();
            let found = if keys.is_empty() { String::from("none") } else { keys.join(", ") };
            let message = format!("{name}: expected exactly one of {}, found {found}", valid.join(", "));
            with_places(Problem::error(message), document.locate_key(text, &path, ""))
        }
        FaultKind::WrongType { expected } => {
            let problem = with_places(
                Problem::error(format!("{name}: expected {expected}, found {found}")),
                document.locate(text, &path, &format!("expected {expected}")),
            );
            let node = document.node(&path).map(|node| &node.value);
            match (expected.as_str(), node) {
                ("a string", Some(Value::Bool(_) | Value::Integer(_) | Value::Float(..))) => {
                    problem.hint("put it in quotes")
                }
                (wanted, Some(Value::String(text)))
                    if wanted.starts_with("a whole number") && text.parse::<i64>().is_ok()
                        || wanted == "a boolean" && matches!(text.as_str(), "true" | "false") =>
                {
                    problem.hint("write it without quotes")
                }
                ("a boolean", Some(Value::String(text))) if matches!(text.as_str(), "yes" | "no" | "on" | "off") => {
                    problem.hint("write true or false")
                }
                _ => problem,
            }
        }
        FaultKind::WrongKey { why } => {
            with_places(Problem::error(format!("{parent}: {why}")), document.locate_key(text, &path, "this key"))
        }
        FaultKind::WrongValue { why } => {
            with_places(Problem::error(format!("{name}: {why}")), document.locate(text, &path, ""))
        }
    }
}

/// More names than these are not listed behind the nearest one: nobody would read them.
const MOST_LISTED: usize = 30;

/// `did you mean …? valid fields: …`
pub(super) fn suggestion(wrong: &str, valid: &[&str], what: &str) -> String {
    let near = match nearest(wrong, valid) {
        Some(near) if valid.len() > MOST_LISTED => return format!("did you mean {near:?}?"),
        near => near.map(|near| format!("did you mean {near:?}? ")).unwrap_or_default(),
    };
    format!("{near}valid {what}: {}", valid.join(", "))
}

/// `NodeGroup.spec.taints[0]`.
fn full_name(document: &Document, path: &[Step]) -> String {
    let kind = &document.kind;
    match path.first() {
        None => kind.to_string(),
        Some(Step::Key(_)) => format!("{kind}.{}", Dotted(path)),
        Some(Step::Index(_)) => format!("{kind}{}", Dotted(path)),
    }
}

/// What stands there: `the string "one"`.
fn describe(node: &Node) -> String {
    match &node.value {
        Value::Bool(value) => format!("the boolean {value}"),
        Value::Integer(value) => format!("the number {value}"),
        Value::Float(_, written) => format!("the number {written}"),
        Value::String(text) if text.chars().count() > 60 => String::from("a long string"),
        Value::String(text) => format!("the string {text:?}"),
        Value::Null => String::from("nothing"),
        Value::Sequence(_) => String::from("a list"),
        Value::Mapping(_) => String::from("a mapping"),
    }
}

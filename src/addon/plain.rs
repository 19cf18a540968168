//! Plain words that the clients of Kubernetes read in the older way, YAML 1.1, and that are text otherwise: `0644` is a
//! number of eight's, as in a file's mode; and in what charts print, which nobody here can change, `yes` is `true`.
//!
//! Source: the library sigs.k8s.io/yaml, which kubectl and helm read YAML with.

use super::load::Origin;
use crate::render::source::{Source, Span};
use crate::render::yaml::{Entry, Mapping, Node, Value};

/// Reads the plain words of a document anew.
pub(super) fn read(node: Node, source: &Source, origin: Origin) -> Node {
    let Node { value, span } = node;
    let value = match value {
        Value::String(text) if is_plain(source, span, &text) => word(text, origin),
        Value::Sequence(items) => Value::Sequence(items.into_iter().map(|item| read(item, source, origin)).collect()),
        Value::Mapping(mapping) => {
            let entries = mapping.entries().iter().cloned();
            let read = entries.map(|entry| Entry { value: read(entry.value, source, origin), ..entry });
            Value::Mapping(Mapping::from(read.collect::<Vec<_>>()))
        }
        other => other,
    };
    Node { value, span }
}

/// Whether a text stands in the document without quotes.
fn is_plain(source: &Source, span: Span, text: &str) -> bool {
    let written = source.line(span.line);
    let start = written.char_indices().nth(span.column - 1).map(|(at, _)| at);
    start.is_some_and(|at| written[at..].starts_with(text))
}

fn word(text: String, origin: Origin) -> Value {
    if let Some(digits) = text.strip_prefix('0')
        && !digits.is_empty()
        && digits.bytes().all(|byte| matches!(byte, b'0'..=b'7'))
        && let Ok(number) = i64::from_str_radix(digits, 8)
    {
        return Value::Integer(number);
    }
    match (origin, text.as_str()) {
        (Origin::Chart, "yes" | "Yes" | "YES" | "on" | "On" | "ON") => Value::Bool(true),
        (Origin::Chart, "no" | "No" | "NO" | "off" | "Off" | "OFF") => Value::Bool(false),
        _ => Value::String(text),
    }
}

//! Takes a mistake out of a document, so that the next one can be found: the schema says what could stand there.

use serde_json::{Map, Value as Json};

use super::document::{Document, Step};
use super::fault::{Fault, FaultKind};
use crate::render::yaml::{Entry, Key, Node, Span, Value};

/// What the repair means for the checks that follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Harm {
    /// None: everything else in the document is what the user wrote.
    None,
    /// Names may be lost, so that references to them would look wrong.
    Names,
}

/// How the document was repaired: `None` if it could not be.
pub(super) fn repair(document: &mut Document, schema: &Json, fault: &Fault) -> Option<Harm> {
    let path = fault.path();
    let (last, parent) = path.split_last().map_or((None, path.as_slice()), |(last, parent)| (Some(last), parent));
    match &fault.kind {
        FaultKind::UnknownField { valid } => {
            let Some(Step::Key(wrong)) = last else { return None };
            let right = super::nearest(wrong, valid)
                .filter(|right| document.node(parent).is_some_and(|node| node.get(right).is_none()));
            document.edit(parent, |node| rename(node, wrong, right));
            // What the unknown field was meant to say is unknown.
            if right.is_none() {
                document.replaced.push(path);
            }
            Some(Harm::None)
        }
        FaultKind::MissingField { field } => {
            let sample = sample(schema, property(schema, at(schema, &path)?, field)?)?;
            document.edit(&path, |node| insert(node, field, sample));
            let harm = if *field == "name" { Harm::Names } else { Harm::None };
            document.replaced.push(path.iter().cloned().chain([Step::from(*field)]).collect());
            Some(harm)
        }
        FaultKind::WrongKey { .. } => {
            let Some(Step::Key(wrong)) = last else { return None };
            document.edit(parent, |node| rename(node, wrong, None));
            document.replaced.push(path);
            Some(Harm::Names)
        }
        FaultKind::UnknownVariant { .. }
        | FaultKind::NotOne { .. }
        | FaultKind::WrongType { .. }
        | FaultKind::WrongValue { .. } => {
            let sample = sample(schema, at(schema, &path)?)?;
            let was_container =
                document.node(&path).is_some_and(|node| matches!(node.value, Value::Mapping(_) | Value::Sequence(_)));
            let is_container = matches!(sample, Value::Mapping(_) | Value::Sequence(_));
            let is_name = matches!(last, Some(Step::Key(key)) if key == "name");
            // The same sample twice would go on for ever.
            if document.replaced.contains(&path) {
                return None;
            }
            document.edit(&path, |node| node.value = sample);
            document.replaced.push(path);
            Some(if was_container || is_container || is_name { Harm::Names } else { Harm::None })
        }
    }
}

fn rename(node: &mut Node, wrong: &str, right: Option<&str>) {
    let Value::Mapping(mapping) = &mut node.value else { return };
    let entries: Vec<Entry> = mapping
        .entries()
        .iter()
        .filter_map(|entry| {
            let mut entry = entry.clone();
            if entry.key.name == wrong {
                right?.clone_into(&mut entry.key.name);
            }
            Some(entry)
        })
        .collect();
    *mapping = entries.into();
}

fn insert(node: &mut Node, field: &str, value: Value) {
    let span = node.span;
    let Value::Mapping(mapping) = &mut node.value else { return };
    let mut entries: Vec<Entry> = mapping.entries().iter().filter(|entry| entry.key.name != field).cloned().collect();
    entries.push(Entry { key: Key { name: field.to_owned(), span }, value: Node { value, span } });
    *mapping = entries.into();
}

/// The schema without `$ref`, and without the `null` of optional fields.
fn resolve<'a>(root: &'a Json, schema: &'a Json) -> &'a Json {
    if let Some(name) = schema.get("$ref").and_then(Json::as_str).and_then(|path| path.strip_prefix("#/$defs/")) {
        return root.get("$defs").and_then(|definitions| definitions.get(name)).map_or(schema, |it| resolve(root, it));
    }
    let is_null = |schema: &&Json| schema.get("type").and_then(Json::as_str) != Some("null");
    match schema.get("anyOf").and_then(Json::as_array).and_then(|choices| choices.iter().find(is_null)) {
        Some(choice) => resolve(root, choice),
        None => schema,
    }
}

/// The schema of the part at `path`.
fn at<'a>(root: &'a Json, path: &[Step]) -> Option<&'a Json> {
    path.iter().try_fold(root, |schema, step| match step {
        Step::Index(_) => resolve(root, schema).get("items"),
        Step::Key(key) => property(root, schema, key),
    })
}

/// The schema of a key, in an object or in one of the choices of an enum.
fn property<'a>(root: &'a Json, schema: &'a Json, key: &str) -> Option<&'a Json> {
    let schema = resolve(root, schema);
    let own = schema.get("properties").and_then(|properties| properties.get(key));
    let chosen = || {
        let choices = schema.get("oneOf")?.as_array()?;
        choices.iter().find_map(|choice| choice.get("properties")?.get(key))
    };
    let any = || schema.get("additionalProperties").filter(|any| any.is_object());
    own.or_else(chosen).or_else(any)
}

/// Whether a choice of several words or keys is a choice of keys.
pub(super) fn is_choice_of_keys(root: &Json, path: &[Step]) -> bool {
    let choices = at(root, path).and_then(|schema| resolve(root, schema).get("oneOf")).and_then(Json::as_array);
    choices.is_some_and(|choices| choices.iter().any(|choice| choice.get("properties").is_some()))
}

/// The smallest value that the schema allows.
fn sample(root: &Json, schema: &Json) -> Option<Value> {
    let schema = resolve(root, schema);
    if let Some(word) = schema.get("const").or_else(|| schema.get("enum")?.get(0)).and_then(Json::as_str) {
        return Some(Value::String(word.to_owned()));
    }
    if let Some(first) = schema.get("oneOf").and_then(|choices| choices.get(0)) {
        return sample(root, first);
    }
    let kind = match schema.get("type") {
        Some(Json::Array(kinds)) => kinds.iter().filter_map(Json::as_str).find(|kind| *kind != "null"),
        kind => kind.and_then(Json::as_str),
    };
    match kind? {
        "string" => {
            let example = schema.get("examples").and_then(|examples| examples.get(0)).and_then(Json::as_str);
            let address = schema.get("format").and_then(Json::as_str) == Some("ipv4");
            let text = example.unwrap_or(if address { "10.0.0.1" } else { "sample" });
            Some(Value::String(text.to_owned()))
        }
        "integer" | "number" => Some(Value::Integer(schema.get("minimum").and_then(Json::as_i64).unwrap_or(1))),
        "boolean" => Some(Value::Bool(false)),
        "array" => Some(Value::Sequence(Vec::new())),
        "object" => {
            let nothing = Map::new();
            let properties = schema.get("properties").and_then(Json::as_object).unwrap_or(&nothing);
            let required = schema.get("required").and_then(Json::as_array).map_or(&[][..], Vec::as_slice);
            let mut entries = Vec::new();
            for name in required.iter().filter_map(Json::as_str) {
                let span = Span::new(1, 1, 1);
                let value = Node { value: sample(root, properties.get(name)?)?, span };
                entries.push(Entry { key: Key { name: name.to_owned(), span }, value });
            }
            Some(Value::Mapping(entries.into()))
        }
        _ => None,
    }
}

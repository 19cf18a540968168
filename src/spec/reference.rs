//! The reference of all fields as Markdown, made from the same JSON Schemas that editors use.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::schema;

/// One page for each schema: file name → text, for `docs/reference/fields`.
#[must_use]
pub fn pages() -> BTreeMap<String, String> {
    schema::files()
        .iter()
        .filter_map(|(name, text)| {
            let root: Value = serde_json::from_str(text).ok()?;
            Some((name.replace(".schema.json", ".md"), page(&root)))
        })
        .collect()
}

fn page(root: &Value) -> String {
    let mut text = format!(
        "# {}\n\n{}\n\nGenerated from the types; `windlass schema` prints the same for editors.\n",
        root["title"].as_str().unwrap_or("Fields"),
        words(root)
    );
    section(&mut text, root);
    let definitions = root["$defs"].as_object();
    // In the order in which a reader meets them, not in that of the alphabet.
    for name in met(root, definitions) {
        let Some(definition) = definitions.and_then(|definitions| definitions.get(&name)) else { continue };
        // Writing to a String cannot fail.
        let _written = write!(text, "\n## {name}\n\n{}\n", words(definition));
        section(&mut text, definition);
    }
    text
}

/// The names of the definitions that the root refers to, breadth first.
fn met(root: &Value, definitions: Option<&Map<String, Value>>) -> Vec<String> {
    let mut order: Vec<String> = Vec::new();
    let mut seen = BTreeSet::new();
    let mut next = vec![root.get("properties").unwrap_or(root)];
    while !next.is_empty() {
        let mut names = Vec::new();
        next.iter().for_each(|value| references(value, &mut names));
        next.clear();
        for name in names.into_iter().filter(|name| seen.insert(name.clone())) {
            next.extend(definitions.and_then(|definitions| definitions.get(&name)));
            order.push(name);
        }
    }
    order
}

fn references(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            if let Some(name) = fields.get("$ref").and_then(Value::as_str) {
                into.push(name.trim_start_matches("#/$defs/").to_owned());
            }
            fields.iter().filter(|(key, _)| *key != "$defs").for_each(|(_, value)| references(value, into));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, into)),
        _ => {}
    }
}

/// The fields of an object, the choices of an enumeration, or the rule of a text.
fn section(text: &mut String, of: &Value) {
    if let Some(fields) = of["properties"].as_object() {
        let required: BTreeSet<&str> =
            of["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        text.push_str("\n| field | type | |\n|---|---|---|\n");
        for (name, field) in fields {
            let must = if required.contains(name.as_str()) { "**Required.** " } else { "" };
            let _written = writeln!(text, "| `{name}` | {} | {must}{} |", type_of(field), cell(&words(field)));
        }
    }
    let choices = of["oneOf"].as_array().or_else(|| of["anyOf"].as_array());
    for choice in choices.into_iter().flatten() {
        let values = choice["const"].as_str().map(|value| format!("`{value}`"));
        let values = values.or_else(|| {
            let names = choice["properties"].as_object()?;
            Some(
                names
                    .iter()
                    .map(|(name, value)| format!("`{name}`: {}", type_of(value)))
                    .collect::<Vec<_>>()
                    .join(", "),
            )
        });
        let _written = writeln!(text, "- {}: {}", values.unwrap_or_else(|| type_of(choice)), words(choice));
    }
    if let Some(pattern) = of["pattern"].as_str() {
        let _written = writeln!(text, "\nPattern: `{pattern}`");
    }
}

/// `list of [Taint](#taint)`, `text`, `integer`.
fn type_of(field: &Value) -> String {
    if let Some(reference) = field["$ref"].as_str() {
        let name = reference.trim_start_matches("#/$defs/");
        return format!("[{name}](#{})", name.to_lowercase());
    }
    if let Some(any) = field["anyOf"].as_array() {
        let parts: Vec<String> = any.iter().filter(|part| part["type"] != "null").map(type_of).collect();
        return parts.join(" or ");
    }
    let word = |name: &str| match name {
        "string" => String::from("text"),
        "array" => format!("list of {}", type_of(&field["items"])),
        "object" if field["additionalProperties"].is_object() => {
            format!("map of {}", type_of(&field["additionalProperties"]))
        }
        other => other.to_owned(),
    };
    match &field["type"] {
        Value::String(name) => word(name),
        Value::Array(names) => {
            let names: Vec<String> =
                names.iter().filter_map(Value::as_str).filter(|name| *name != "null").map(word).collect();
            names.join(" or ")
        }
        _ => String::from("any"),
    }
}

/// The description as one paragraph.
fn words(of: &Value) -> String {
    of["description"].as_str().unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Inside a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_of_every_schema_is_described() {
        for (name, page) in pages() {
            assert!(page.starts_with("# "), "{name}");
            let silent: Vec<&str> =
                page.lines().filter(|line| line.starts_with("| `") && line.ends_with("|  |")).collect();
            assert!(silent.is_empty(), "{name} has fields without a word: {silent:#?}");
        }
    }

    #[test]
    fn a_field_says_type_and_whether_it_is_required() {
        let page = &pages()["node-group.md"];
        assert!(page.contains("| `taints` | list of [Taint](#taint) |"), "{page}");
        assert!(page.contains("| `minSize` | integer | **Required.** Fewest instances. |"), "{page}");
    }
}

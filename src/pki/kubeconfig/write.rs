//! A document as YAML, in the plain way that kubectl writes it.

use serde_json::Value;

use crate::secret::Secret;

/// Block style; text is only left without quotes where no reader of any YAML version takes it for something else.
pub(super) fn yaml(document: &Value) -> Secret {
    let mut text = String::new();
    block(document, 0, &mut text);
    Secret::from(text)
}

fn block(value: &Value, indent: usize, text: &mut String) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (index, (key, value)) in fields.iter().enumerate() {
                // The first field of a list's item stands behind the dash.
                if index > 0 || !text.ends_with("- ") {
                    text.push_str(&" ".repeat(indent));
                }
                text.push_str(&scalar(key));
                text.push(':');
                follow(value, indent, text);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for item in items {
                text.push_str(&" ".repeat(indent));
                text.push_str("- ");
                match item {
                    Value::Object(fields) if !fields.is_empty() => block(item, indent + 2, text),
                    _ => flow_line(item, text),
                }
            }
        }
        other => flow_line(other, text),
    }
}

/// What stands behind a key.
fn follow(value: &Value, indent: usize, text: &mut String) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            text.push('\n');
            block(value, indent + 2, text);
        }
        // Lists are not indented, as kubectl has it.
        Value::Array(items) if !items.is_empty() => {
            text.push('\n');
            block(value, indent, text);
        }
        other => {
            text.push(' ');
            flow_line(other, text);
        }
    }
}

/// On one line; JSON is YAML.
fn flow_line(value: &Value, text: &mut String) {
    match value {
        Value::String(it) => text.push_str(&scalar(it)),
        other => text.push_str(&other.to_string()),
    }
    text.push('\n');
}

fn scalar(it: &str) -> String {
    let plain = |character: char| character.is_ascii_alphanumeric() || "-_./@:+=".contains(character);
    let starts = it.starts_with(|character: char| character.is_ascii_alphabetic());
    // A colon is only harmless inside of a word.
    if starts && it.chars().all(plain) && !it.ends_with(':') && !is_word(it) {
        it.to_owned()
    } else {
        Value::from(it).to_string()
    }
}

/// Words that some reader takes for true, false, nothing or a number.
fn is_word(it: &str) -> bool {
    let words = ["true", "false", "yes", "no", "on", "off", "y", "n", "null", "nan", "inf", "infinity"];
    words.contains(&it.to_ascii_lowercase().as_str())
}

//! Values as YAML text: what the filters `to_yaml` and `quote` print.

use std::sync::Arc;

use minijinja::value::{Value, ValueKind};
use minijinja::{Error, ErrorKind};

use super::functions::{DEEPEST, printed};
use super::mark;
use super::session::Session;
use super::values::{self, Tracked};
use crate::render::layers::{Var, VarValue};

/// A text in double quotes, with the escapes that JSON and YAML share; what YAML does not call printable (YAML 1.2,
/// production 1) and what ends lines is escaped too.
pub(super) fn quoted(text: &str) -> String {
    let json = serde_json::Value::from(text).to_string();
    let mut quoted = String::with_capacity(json.len());
    for character in json.chars() {
        match character {
            '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => {
                quoted.push_str(&format!("\\u{:04x}", u32::from(character)));
            }
            other => quoted.push(other),
        }
    }
    quoted
}

/// A value in YAML's block style, without a line end behind it. With a session, scalars carry marks.
pub(super) fn write(value: &Value, session: Option<&Arc<Session>>) -> Result<String, Error> {
    let tree = tree(value, session, 0)?;
    let mut text = String::new();
    tree.write(&mut text, 0);
    Ok(text)
}

/// A value taken apart.
enum Tree {
    Text(String, Option<usize>),
    Plain(String, Option<usize>),
    List(Vec<Self>),
    Map(Vec<(String, Self)>),
}

fn tree(value: &Value, session: Option<&Arc<Session>>, depth: usize) -> Result<Tree, Error> {
    if depth > DEEPEST {
        return Err(Error::new(ErrorKind::BadSerialization, "the value is nested too deeply for to_yaml"));
    }
    if let Some(tracked) = value.downcast_object_ref::<Tracked>() {
        return Ok(of_var(tracked.var(), session));
    }
    if let Some(text) = value.as_str() {
        return Ok(Tree::Text(text.to_owned(), None));
    }
    Ok(match value.kind() {
        ValueKind::Undefined => return Err(Error::from(ErrorKind::UndefinedError)),
        ValueKind::Seq | ValueKind::Iterable => {
            Tree::List(value.try_iter()?.map(|item| tree(&item, session, depth + 1)).collect::<Result<_, _>>()?)
        }
        ValueKind::Map => {
            let mut entries = Vec::new();
            for key in value.try_iter()? {
                let item = value.get_item(&key)?;
                entries.push((printed(&key)?, tree(&item, session, depth + 1)?));
            }
            Tree::Map(entries)
        }
        _ => Tree::Plain(printed(value)?, None),
    })
}

fn of_var(var: &Arc<Var>, session: Option<&Arc<Session>>) -> Tree {
    let number = || session.map(|session| session.leaf(Arc::clone(var)));
    match &var.value {
        VarValue::String(text) => Tree::Text(text.to_string(), number()),
        VarValue::Sequence(items) => Tree::List(items.iter().map(|item| of_var(item, session)).collect()),
        VarValue::Mapping { entries, .. } => {
            Tree::Map(entries.iter().map(|(key, item)| (key.clone(), of_var(item, session))).collect())
        }
        _ => Tree::Plain(values::text(var).unwrap_or_default(), number()),
    }
}

impl Tree {
    /// Writes at the place where a value may stand at the start of a line that is indented by `indent`.
    fn write(&self, text: &mut String, indent: usize) {
        match self {
            Self::Text(value, number) => marked(text, *number, &scalar(value, indent)),
            Self::Plain(value, number) => marked(text, *number, value),
            Self::List(items) if items.is_empty() => text.push_str("[]"),
            Self::Map(entries) if entries.is_empty() => text.push_str("{}"),
            Self::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        new_line(text, indent);
                    }
                    text.push_str("- ");
                    item.write(text, indent + 2);
                }
            }
            Self::Map(entries) => {
                for (index, (key, item)) in entries.iter().enumerate() {
                    if index > 0 {
                        new_line(text, indent);
                    }
                    text.push_str(&if is_plain(key) { key.clone() } else { quoted(key) });
                    text.push(':');
                    match item {
                        Self::List(items) if !items.is_empty() => new_line(text, indent + 2),
                        Self::Map(entries) if !entries.is_empty() => new_line(text, indent + 2),
                        _ => text.push(' '),
                    }
                    item.write(text, indent + 2);
                }
            }
        }
    }
}

fn marked(text: &mut String, number: Option<usize>, value: &str) {
    match number {
        Some(number) => text.push_str(&mark::value(number, value)),
        None => text.push_str(value),
    }
}

fn new_line(text: &mut String, indent: usize) {
    text.push('\n');
    text.extend(std::iter::repeat_n(' ', indent));
}

/// Text as it is where YAML reads the same back, as a block where it has lines, else in quotes.
fn scalar(text: &str, indent: usize) -> String {
    let bare = mark::strip(text);
    if is_plain(&bare) {
        text.to_owned()
    } else if is_block(&bare) {
        let (body, header) = match text.strip_suffix('\n') {
            Some(body) => (body, "|"),
            None => (text, "|-"),
        };
        // At the top of a document a block may stand at column 0; indented it may stand anywhere.
        let indent = indent.max(2);
        let mut block = String::from(header);
        for line in body.split('\n') {
            if line.is_empty() {
                block.push('\n');
            } else {
                new_line(&mut block, indent);
                block.push_str(line);
            }
        }
        block
    } else {
        quoted(text)
    }
}

/// Whether YAML reads the bare word as this very text.
fn is_plain(text: &str) -> bool {
    let first_is_good = text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_' || first == '/');
    let good = |character: char| {
        character.is_ascii_alphanumeric()
            || matches!(character, '-' | '_' | '.' | '/' | '@' | '+' | '=' | ' ' | '(' | ')' | ':')
    };
    let word = text.to_ascii_lowercase();
    first_is_good
        && text.chars().all(good)
        && !text.ends_with([' ', ':'])
        && !text.contains(": ")
        && text.len() <= 120
        && !matches!(word.as_str(), "true" | "false" | "null" | "yes" | "no" | "on" | "off" | "y" | "n")
        && word.parse::<f64>().is_err()
}

/// Whether a literal block keeps this very text.
fn is_block(text: &str) -> bool {
    let printable = |character: char| character == '\n' || !character.is_control();
    text.contains('\n')
        && !text.ends_with("\n\n")
        && !text.starts_with([' ', '\n'])
        && text.chars().all(printable)
        && !text.contains(['\u{85}', '\u{2028}', '\u{2029}', '\u{feff}'])
        && text.lines().all(|line| !line.trim().is_empty() || line.is_empty())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::render::source::Source;
    use crate::render::yaml;

    /// Reads back what was written beneath a key, at some indentation.
    fn read_back(written: &str) -> Option<yaml::Node> {
        let nested = written.replace('\n', "\n      ");
        let source = Source::new("a", format!("top:\n  - key:\n      {nested}\n"));
        yaml::mapping(&source).ok()?.get("top")?.as_sequence()?[0].get("key").cloned()
    }

    proptest! {
        #[test]
        fn every_text_reads_back_as_itself(text in "[ -~é\u{85}\u{2028}\n\t]{0,24}|[a-z: #\n-]{0,12}|true|no|1e3|0x1|~|null|-|- a|1.30") {
            let value = Value::from(vec![Value::from(text.as_str())]);
            let written = write(&value, None).expect("written");
            let read = read_back(&written).expect("valid YAML");
            prop_assert_eq!(read.as_sequence().expect("a list")[0].as_str(), Some(text.as_str()), "{}", written);
        }

        #[test]
        fn every_key_reads_back_as_itself(key in "[ -~é]{1,12}", number in any::<i64>()) {
            let value = Value::from(std::collections::BTreeMap::from([(key.clone(), Value::from(number))]));
            let written = write(&value, None).expect("written");
            let read = read_back(&written).expect("valid YAML");
            prop_assert_eq!(read.get(&key).map(|value| &value.value), Some(&yaml::Value::Integer(number)), "{}", written);
        }

        #[test]
        fn every_quoted_text_reads_back_as_itself(text in any::<String>()) {
            let read = read_back(&quoted(&text)).expect("valid YAML");
            prop_assert_eq!(read.as_str(), Some(text.as_str()));
        }
    }
}

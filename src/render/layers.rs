//! The vars of one cluster: its layers merged deeply, every value knowing which line set it and what it overrode.
//!
//! Mappings merge key by key; scalars and lists are replaced; `key: null` removes the key. It reads no files.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::problem::{Place, Problem, Problems};
use crate::render::source::{Source, Span};
use crate::render::yaml::{Node, Value};

/// A merged value.
#[derive(Debug)]
pub struct Var {
    /// Its keys from the top, as a person writes them: `spot.max`, `zones[0]`; empty for the top itself.
    pub path: String,
    /// What it is.
    pub value: VarValue,
    /// Every layer that had a say, first to last; the last one set the value. Of a mapping: all that added to it.
    pub settings: Vec<Setting>,
}

/// The kinds of merged value.
#[derive(Debug)]
pub enum VarValue {
    /// `null` inside a list; elsewhere it removes.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// A number with a fraction.
    Float(f64),
    /// Text.
    String(Arc<str>),
    /// A list.
    Sequence(Vec<Arc<Var>>),
    /// Keys and values: those of the first layer in its order, then what later layers add. And keys that a layer
    /// removed, so that a message can say so.
    Mapping {
        /// Keys and values.
        entries: Vec<(String, Arc<Var>)>,
        /// The keys that were removed and are not set again, with what was said of them.
        removed: Vec<(String, Vec<Setting>)>,
    },
}

/// One layer's word on one value.
#[derive(Clone, Debug)]
pub struct Setting {
    /// The file.
    pub source: Source,
    /// Where its key stands; of an item of a list, the item.
    pub key: Span,
    /// Where its value stands.
    pub span: Span,
    /// What this layer did.
    pub action: Action,
    /// The value on one short line, as it was written: `100`, `[a, b]`, `{…}`.
    pub shown: String,
}

/// What a layer did with a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Set it first, or again after it was removed.
    Set,
    /// Replaced what an earlier layer said.
    Overrode,
    /// Added keys to a mapping.
    Merged,
    /// Removed it with `null`.
    Removed,
}

impl Setting {
    /// The place of the value.
    #[must_use]
    pub fn place(&self, label: &str) -> Place {
        self.source.place(self.span, label)
    }
}

impl Var {
    /// The value of a key, when this is a mapping that has it.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Arc<Self>> {
        match &self.value {
            VarValue::Mapping { entries, .. } => entries.iter().find(|(key, _)| key == name).map(|(_, var)| var),
            _ => None,
        }
    }

    /// The item of a list at a position, from 0.
    #[must_use]
    pub fn item(&self, index: usize) -> Option<&Arc<Self>> {
        match &self.value {
            VarValue::Sequence(items) => items.get(index),
            _ => None,
        }
    }

    /// The keys of a mapping; nothing for all else.
    pub fn keys(&self) -> impl Iterator<Item = &str> + Clone {
        let entries = match &self.value {
            VarValue::Mapping { entries, .. } => entries.as_slice(),
            _ => &[],
        };
        entries.iter().map(|(key, _)| key.as_str())
    }

    /// The keys of this mapping and those of another one, which has none of them.
    pub(super) fn beside(&self, other: &Self) -> Self {
        let (mut all, mut gone) = (Vec::new(), Vec::new());
        for var in [self, other] {
            if let VarValue::Mapping { entries, removed } = &var.value {
                all.extend(entries.iter().cloned());
                gone.extend(removed.iter().cloned());
            }
        }
        let value = VarValue::Mapping { entries: all, removed: gone };
        Self { path: self.path.clone(), value, settings: self.settings.clone() }
    }

    /// What was said of a key that a layer removed.
    #[must_use]
    pub fn removed(&self, name: &str) -> Option<&[Setting]> {
        match &self.value {
            VarValue::Mapping { removed, .. } => {
                removed.iter().find(|(key, _)| key == name).map(|(_, settings)| settings.as_slice())
            }
            _ => None,
        }
    }

    /// The setting that counts.
    #[must_use]
    pub fn set_by(&self) -> Option<&Setting> {
        self.settings.last()
    }
}

/// Merges layers, first to last; later ones win.
///
/// # Errors
/// A number that would not be printed as it was written (`1.30`).
pub fn merge(layers: &[(Source, Node)]) -> Result<Arc<Var>, Problems> {
    let mut problems = Vec::new();
    let mut top = Draft::Mapping(Vec::new(), Vec::new());
    for (source, node) in layers {
        check_numbers(source, node, &mut problems);
        if let Value::Mapping(_) = &node.value {
            top.add(source, node);
        }
    }
    if problems.is_empty() { Ok(Arc::new(top.finish(String::new(), Vec::new()))) } else { Err(Problems(problems)) }
}

/// A value while layers are being merged.
enum Draft {
    Leaf(Node),
    Mapping(Vec<DraftEntry>, Vec<(String, Vec<Setting>)>),
}

struct DraftEntry {
    key: String,
    value: Draft,
    settings: Vec<Setting>,
}

impl Draft {
    fn new(source: &Source, node: &Node) -> Self {
        if matches!(node.value, Value::Mapping(_)) {
            let mut draft = Self::Mapping(Vec::new(), Vec::new());
            draft.add(source, node);
            draft
        } else {
            Self::Leaf(node.clone())
        }
    }

    /// Adds the keys of a later layer to a mapping.
    fn add(&mut self, source: &Source, node: &Node) {
        let (Self::Mapping(entries, removed), Value::Mapping(mapping)) = (self, &node.value) else { return };
        for entry in mapping.entries() {
            let name = &entry.key.name;
            let known = entries.iter().position(|known| known.key == *name);
            let setting = |action| Setting {
                source: source.clone(),
                key: entry.key.span,
                span: entry.value.span,
                action,
                shown: shown(&entry.value),
            };
            match (known, &entry.value.value) {
                (Some(at), Value::Null) => {
                    let mut gone = entries.remove(at);
                    gone.settings.push(setting(Action::Removed));
                    removed.push((gone.key, gone.settings));
                }
                // Nothing to remove; a later layer may still set it.
                (None, Value::Null) => {}
                (Some(at), Value::Mapping(_)) if matches!(entries[at].value, Self::Mapping(..)) => {
                    entries[at].settings.push(setting(Action::Merged));
                    entries[at].value.add(source, &entry.value);
                }
                (Some(at), _) => {
                    entries[at].settings.push(setting(Action::Overrode));
                    entries[at].value = Self::new(source, &entry.value);
                }
                (None, _) => {
                    let before = removed.iter().position(|(key, _)| key == name);
                    let mut settings = before.map(|at| removed.remove(at).1).unwrap_or_default();
                    settings.push(setting(Action::Set));
                    entries.push(DraftEntry { key: name.clone(), value: Self::new(source, &entry.value), settings });
                }
            }
        }
    }

    fn finish(self, path: String, settings: Vec<Setting>) -> Var {
        let value = match self {
            Self::Leaf(node) => leaf(&node, &path, &settings),
            Self::Mapping(entries, removed) => VarValue::Mapping {
                entries: entries
                    .into_iter()
                    .map(|entry| {
                        let path = if path.is_empty() { entry.key.clone() } else { format!("{path}.{}", entry.key) };
                        (entry.key, Arc::new(entry.value.finish(path, entry.settings)))
                    })
                    .collect(),
                removed,
            },
        };
        Var { path, value, settings }
    }
}

fn leaf(node: &Node, path: &str, settings: &[Setting]) -> VarValue {
    match &node.value {
        Value::Null => VarValue::Null,
        Value::Bool(value) => VarValue::Bool(*value),
        Value::Integer(value) => VarValue::Integer(*value),
        Value::Float(value, _) => VarValue::Float(*value),
        Value::String(text) => VarValue::String(text.as_str().into()),
        Value::Sequence(items) => VarValue::Sequence(
            items
                .iter()
                .enumerate()
                .map(|(index, item)| Arc::new(inside(item, format!("{path}[{index}]"), item.span, settings)))
                .collect(),
        ),
        Value::Mapping(mapping) => VarValue::Mapping {
            entries: mapping
                .entries()
                .iter()
                .map(|entry| {
                    let path = format!("{path}.{}", entry.key.name);
                    (entry.key.name.clone(), Arc::new(inside(&entry.value, path, entry.key.span, settings)))
                })
                .collect(),
            removed: Vec::new(),
        },
    }
}

/// A value within a list, which one layer set as a whole.
fn inside(node: &Node, path: String, key: Span, settings: &[Setting]) -> Var {
    let own: Vec<Setting> = settings
        .last()
        .map(|setting| Setting {
            source: setting.source.clone(),
            key,
            span: node.span,
            action: Action::Set,
            shown: shown(node),
        })
        .into_iter()
        .collect();
    let value = leaf(node, &path, &own);
    Var { path, value, settings: own }
}

/// How long a value is shown on one line, in characters.
const SHOWN: usize = 60;

fn shown(node: &Node) -> String {
    let text = match &node.value {
        Value::Null => String::from("null"),
        Value::Bool(value) => value.to_string(),
        Value::Integer(value) => value.to_string(),
        Value::Float(_, written) => written.clone(),
        Value::String(text) if text.contains('\n') => {
            format!("{} … ({} lines)", text.lines().next().unwrap_or_default(), text.lines().count())
        }
        Value::String(text) => format!("{text:?}"),
        Value::Sequence(items) => {
            format!("[{}]", items.iter().map(shown).collect::<Vec<_>>().join(", "))
        }
        Value::Mapping(mapping) => format!("{{{}}}", mapping.names().collect::<Vec<_>>().join(", ")),
    };
    if text.chars().count() > SHOWN { text.chars().take(SHOWN - 1).chain("…".chars()).collect() } else { text }
}

/// A version that was written `1.30` without quotes is the number 1.3, and would be printed so.
fn check_numbers(source: &Source, node: &Node, problems: &mut Vec<Problem>) {
    match &node.value {
        Value::Float(value, written) if written.parse::<f64>().is_ok() && *written != printed(*value) => problems.push(
            Problem::error(format!("the number {written} would be printed as {}", printed(*value)))
                .at(source.place(node.span, "a number, not text"))
                .hint(format!("quote it: \"{written}\"")),
        ),
        Value::Sequence(items) => items.iter().for_each(|item| check_numbers(source, item, problems)),
        Value::Mapping(mapping) => {
            mapping.entries().iter().for_each(|entry| check_numbers(source, &entry.value, problems));
        }
        _ => {}
    }
}

/// A number as templates print it: as JSON does.
pub(super) fn printed(value: f64) -> String {
    serde_json::Number::from_f64(value).map_or_else(|| value.to_string(), |number| number.to_string())
}

//! Any text as a template, and any text as layers of vars.

use std::collections::BTreeMap;

use super::engine::Engine;
use super::layers::{self, Var, VarValue};
use super::source::Source;
use super::yaml::{self, Node, Value};
use crate::fuzzing::{has_places, parts};

/// A template, vars and a snippet. The same comes out twice, and it is known where each character comes from.
pub(crate) fn render(data: &[u8]) {
    let Some([template, vars, snippet]) = parts(data) else { return };
    let source = Source::new("vars/common.yaml", vars);
    let Ok(node) = yaml::mapping(&source) else { return };
    let Ok(vars) = layers::merge(&[(source.clone(), node)]) else { return };
    let template = Source::new("templates/1.yaml.j2", template);
    let snippet = Source::new("snippets/s.yaml", snippet);
    let files = [&template, &snippet, &source];
    let engine = Engine::new(vec![template.clone()], Vec::new(), vec![snippet.clone()]);
    let rendered = engine.and_then(|engine| {
        let first = engine.render(&vars, engine.templates())?;
        let second = engine.render(&vars, engine.templates())?;
        assert_eq!(first, second, "the same template gives another text");
        let provenance = engine.provenance(&vars, template.name(), &first[0]);
        assert!(provenance.is_some_and(|it| it.is_exact()), "marks changed the text");
        Ok(())
    });
    if let Err(problems) = rendered {
        problems.0.iter().for_each(|problem| has_places(problem, &files));
    }
}

/// Up to three layers. Mistakes are within their file; what is merged is what a merge of plain values gives.
pub(crate) fn vars(data: &[u8]) {
    let Some(texts) = parts::<3>(data) else {
        if let Err(problem) = Source::from_bytes("vars/common.yaml", data.to_vec()) {
            assert_eq!(problem.places.len(), 1, "{problem:?}");
        }
        return;
    };
    let mut layers = Vec::new();
    for (index, text) in texts.into_iter().enumerate() {
        let source = Source::new(format!("vars/{index}.yaml"), text);
        // Whatever the one reader says, the other must end as well.
        let _ = yaml::foreign::<serde_json::Value>(&source);
        match yaml::mapping(&source) {
            Ok(node) => layers.push((source, node)),
            Err(problem) => has_places(&problem, &[&source]),
        }
    }
    let files: Vec<&Source> = layers.iter().map(|(source, _)| source).collect();
    match layers::merge(&layers) {
        Ok(merged) => {
            let mut expected = Plain::Mapping(BTreeMap::new());
            layers.iter().for_each(|(_, node)| expected.merge(node));
            assert_eq!(Plain::of_var(&merged), expected);
        }
        Err(problems) => problems.0.iter().for_each(|problem| has_places(problem, &files)),
    }
}

/// A merged value without its history.
#[derive(Clone, Debug, PartialEq)]
enum Plain {
    Null,
    Scalar(String),
    Sequence(Vec<Self>),
    Mapping(BTreeMap<String, Self>),
}

impl Plain {
    fn of_var(var: &Var) -> Self {
        match &var.value {
            VarValue::Null => Self::Null,
            VarValue::Bool(value) => Self::Scalar(value.to_string()),
            VarValue::Integer(value) => Self::Scalar(value.to_string()),
            VarValue::Float(value) => Self::Scalar(format!("{value:?}")),
            VarValue::String(value) => Self::Scalar(format!("{value:?}")),
            VarValue::Sequence(items) => Self::Sequence(items.iter().map(|item| Self::of_var(item)).collect()),
            VarValue::Mapping { entries, .. } => {
                Self::Mapping(entries.iter().map(|(key, var)| (key.clone(), Self::of_var(var))).collect())
            }
        }
    }

    /// What one layer says of a key that no layer before it has.
    fn of_node(node: &Node) -> Self {
        if node.as_mapping().is_none() {
            return Self::whole(node);
        }
        let mut mapping = Self::Mapping(BTreeMap::new());
        mapping.merge(node);
        mapping
    }

    /// Of a list nothing is merged, and so nothing in it is removed.
    fn whole(node: &Node) -> Self {
        match &node.value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Scalar(value.to_string()),
            Value::Integer(value) => Self::Scalar(value.to_string()),
            Value::Float(value, _) => Self::Scalar(format!("{value:?}")),
            Value::String(value) => Self::Scalar(format!("{value:?}")),
            Value::Sequence(items) => Self::Sequence(items.iter().map(Self::whole).collect()),
            Value::Mapping(mapping) => {
                let entries = mapping.entries().iter();
                Self::Mapping(entries.map(|entry| (entry.key.name.clone(), Self::whole(&entry.value))).collect())
            }
        }
    }

    /// Keys are added, removed by null, and go into mappings of both sides; everything else is replaced.
    fn merge(&mut self, node: &Node) {
        let (Self::Mapping(entries), Value::Mapping(mapping)) = (self, &node.value) else { return };
        for entry in mapping.entries() {
            match (entries.get_mut(&entry.key.name), &entry.value.value) {
                (_, Value::Null) => drop(entries.remove(&entry.key.name)),
                (Some(before @ Self::Mapping(_)), Value::Mapping(_)) => before.merge(&entry.value),
                _ => drop(entries.insert(entry.key.name.clone(), Self::of_node(&entry.value))),
            }
        }
    }
}

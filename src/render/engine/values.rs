//! The vars as templates see them: mappings and lists that note what is read and what is missing.

use std::sync::Arc;

use minijinja::value::{Enumerator, Object, ObjectRepr, Value, ValueKind};

use super::session::{Read, Session};
use crate::render::layers::{Var, VarValue, printed};

/// A mapping or a list of vars in a rendering.
#[derive(Debug)]
pub(super) struct Tracked {
    var: Arc<Var>,
    session: Arc<Session>,
}

impl Tracked {
    pub(super) fn new(var: Arc<Var>, session: Arc<Session>) -> Self {
        Self { var, session }
    }

    pub(super) fn var(&self) -> &Arc<Var> {
        &self.var
    }

    fn give(&self, var: &Arc<Var>) -> Value {
        self.session.read(Read::Value(Arc::clone(var)));
        match &var.value {
            VarValue::Null => Value::from(()),
            VarValue::Bool(value) => Value::from(*value),
            VarValue::Integer(value) => Value::from(*value),
            VarValue::Float(value) => Value::from(*value),
            VarValue::String(text) => Value::from(Arc::clone(text)),
            VarValue::Sequence(_) | VarValue::Mapping { .. } => {
                Value::from_object(Self::new(Arc::clone(var), Arc::clone(&self.session)))
            }
        }
    }
}

impl Object for Tracked {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        if matches!(self.var.value, VarValue::Sequence(_)) { ObjectRepr::Seq } else { ObjectRepr::Map }
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        match &self.var.value {
            VarValue::Sequence(items) => {
                let found = key.as_usize().and_then(|index| items.get(index)).map(|item| self.give(item));
                if found.is_none() && key.kind() == ValueKind::Number {
                    self.session.missed(&self.var, &key.to_string());
                }
                found
            }
            _ => match key.as_str() {
                Some(name) => self.get_value_by_str(name),
                None => self.get_value_by_str(&key.to_string()),
            },
        }
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        let found = self.var.get(key).map(|var| self.give(var));
        if found.is_none() && matches!(self.var.value, VarValue::Mapping { .. }) {
            self.session.missed(&self.var, key);
        }
        found
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        match &self.var.value {
            VarValue::Sequence(items) => Enumerator::Seq(items.len()),
            VarValue::Mapping { entries, .. } => {
                for (_, var) in entries {
                    self.session.read(Read::Key(Arc::clone(var)));
                }
                Enumerator::Values(entries.iter().map(|(key, _)| Value::from(key.as_str())).collect())
            }
            _ => Enumerator::Empty,
        }
    }

    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        match &self.var.value {
            VarValue::Sequence(items) => Some(items.len()),
            VarValue::Mapping { entries, .. } => Some(entries.len()),
            _ => Some(0),
        }
    }
}

/// How a scalar prints; `None` for mappings and lists.
pub(super) fn text(var: &Var) -> Option<String> {
    Some(match &var.value {
        VarValue::Null => String::from("null"),
        VarValue::Bool(value) => value.to_string(),
        VarValue::Integer(value) => value.to_string(),
        VarValue::Float(value) => printed(*value),
        VarValue::String(text) => text.to_string(),
        VarValue::Sequence(_) | VarValue::Mapping { .. } => return None,
    })
}

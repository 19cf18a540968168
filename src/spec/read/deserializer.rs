//! Reads a positioned YAML tree into a type; an error knows the path of the part that did not fit.

use serde::de::value::StrDeserializer;
use serde::de::{self, DeserializeSeed, Deserializer, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor};
use serde::forward_to_deserialize_any;

use super::document::Step;
use super::fault::{Fault, FaultKind};
use crate::render::yaml::{Entry, Node, Value};

/// How a tree is read.
#[derive(Clone, Copy)]
pub(crate) struct Reading<'de> {
    /// Parts that are passed over, because what is wrong with them is known.
    pub(crate) skipped: &'de [&'de Node],
    /// Whether the type itself would ignore fields that it does not have, so that they have to be refused here.
    pub(crate) refuse_unknown: bool,
    /// What is wrong with the text of a newtype (its name comes first) that takes any text.
    pub(crate) newtype: fn(&'static str, &Node) -> Result<(), String>,
}

/// Types of ours refuse by themselves what they do not know.
const OWN: Reading<'_> = Reading { skipped: &[], refuse_unknown: false, newtype: |_, _| Ok(()) };

impl Reading<'_> {
    fn skips(&self, node: &Node) -> bool {
        self.skipped.iter().any(|skipped| std::ptr::eq(*skipped, node))
    }
}

/// Reads a type out of a tree.
pub(super) fn from_node<'de, T: de::Deserialize<'de>>(node: &'de Node) -> Result<T, Fault> {
    read_node(node, OWN)
}

/// Reads a type that is not ours out of a tree.
pub(crate) fn read_node<'de, T: de::Deserialize<'de>>(node: &'de Node, how: Reading<'de>) -> Result<T, Fault> {
    T::deserialize(NodeDeserializer { node, how })
}

#[derive(Clone, Copy)]
struct NodeDeserializer<'de> {
    node: &'de Node,
    how: Reading<'de>,
}

impl NodeDeserializer<'_> {
    fn expected<T>(expected: &str) -> Result<T, Fault> {
        Err(Fault::new(FaultKind::WrongType { expected: expected.to_owned() }))
    }
}

impl<'de> Deserializer<'de> for NodeDeserializer<'de> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.node.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Integer(value) => visitor.visit_i64(*value),
            Value::Float(value, _) => visitor.visit_f64(*value),
            Value::String(value) => visitor.visit_borrowed_str(value),
            Value::Sequence(items) => visitor.visit_seq(Items { items: items.iter().enumerate(), how: self.how }),
            Value::Mapping(mapping) => visitor.visit_map(Entries::of(mapping.entries(), &[], self.how)),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.node.value {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Fault> {
        (self.how.newtype)(name, self.node).map_err(|why| Fault::new(FaultKind::WrongValue { why }))?;
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match &self.node.value {
            Value::Mapping(mapping) => visitor.visit_map(Entries::of(mapping.entries(), fields, self.how)),
            _ => Self::expected("a mapping"),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        valid: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match &self.node.value {
            Value::String(word) => visitor.visit_enum(StrDeserializer::new(word)),
            Value::Mapping(mapping) => match mapping.entries() {
                [only] => visitor.visit_enum(Choice { entry: only, how: self.how }),
                _ => Err(Fault::new(FaultKind::NotOne { valid })),
            },
            _ => Err(Fault::new(FaultKind::UnknownVariant { valid })),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.node.value {
            Value::String(text) => visitor.visit_borrowed_str(text),
            _ => Self::expected("a string"),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_str(visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_str(visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf unit unit_struct seq tuple
        tuple_struct map ignored_any
    }
}

struct Items<'de> {
    items: std::iter::Enumerate<std::slice::Iter<'de, Node>>,
    how: Reading<'de>,
}

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = Fault;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Fault> {
        let how = self.how;
        let Some((index, node)) = self.items.find(|(_, node)| !how.skips(node)) else { return Ok(None) };
        seed.deserialize(NodeDeserializer { node, how }).map(Some).map_err(|fault| fault.within(Step::Index(index)))
    }
}

struct Entries<'de> {
    entries: std::slice::Iter<'de, Entry>,
    fields: &'static [&'static str],
    current: Option<&'de Entry>,
    how: Reading<'de>,
}

impl<'de> Entries<'de> {
    /// Of a struct with its fields, or of any mapping with none.
    fn of(entries: &'de [Entry], fields: &'static [&'static str], how: Reading<'de>) -> Self {
        Self { entries: entries.iter(), fields, current: None, how }
    }
}

impl<'de> MapAccess<'de> for Entries<'de> {
    type Error = Fault;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Fault> {
        let (fields, how) = (self.fields, self.how);
        // A field without a value is as good as no field: `taints:` with nothing in the loop below it.
        let empty = |entry: &Entry| entry.value.value == Value::Null && fields.contains(&entry.key.name.as_str());
        let Some(entry) = self.entries.find(|entry| !empty(entry) && !how.skips(&entry.value)) else {
            return Ok(None);
        };
        self.current = Some(entry);
        let name = entry.key.name.as_str();
        if how.refuse_unknown && !fields.is_empty() && !fields.contains(&name) {
            return Err(Fault::new(FaultKind::UnknownField { valid: fields }).within(Step::from(name)));
        }
        seed.deserialize(StrDeserializer::new(name)).map(Some).map_err(|fault: Fault| fault.of_key(name))
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Fault> {
        let entry = self.current.take().expect("serde asks for a value only behind a key");
        seed.deserialize(NodeDeserializer { node: &entry.value, how: self.how })
            .map_err(|fault| fault.within(Step::from(&entry.key.name)))
    }
}

/// `{ cidr: 10.0.0.0/16 }`: one of several keys.
struct Choice<'de> {
    entry: &'de Entry,
    how: Reading<'de>,
}

impl<'de> EnumAccess<'de> for Choice<'de> {
    type Error = Fault;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), Fault> {
        let name = self.entry.key.name.as_str();
        match seed.deserialize(StrDeserializer::new(name)) {
            Ok(variant) => Ok((variant, self)),
            Err(Fault { kind: FaultKind::UnknownVariant { valid }, .. }) => {
                Err(Fault::new(FaultKind::UnknownField { valid }).within(Step::from(name)))
            }
            Err(fault) => Err(fault.within(Step::from(name))),
        }
    }
}

impl<'de> VariantAccess<'de> for Choice<'de> {
    type Error = Fault;

    fn unit_variant(self) -> Result<(), Fault> {
        NodeDeserializer::expected("a word, not a mapping")
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Fault> {
        seed.deserialize(NodeDeserializer { node: &self.entry.value, how: self.how })
            .map_err(|fault| fault.within(Step::from(&self.entry.key.name)))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Fault> {
        NodeDeserializer { node: &self.entry.value, how: self.how }
            .deserialize_any(visitor)
            .map_err(|fault| fault.within(Step::from(&self.entry.key.name)))
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], visitor: V) -> Result<V::Value, Fault> {
        self.tuple_variant(0, visitor)
    }
}

//! Reads a positioned YAML tree into a type; an error knows the path of the part that did not fit.

use serde::de::value::StrDeserializer;
use serde::de::{self, DeserializeSeed, Deserializer, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor};
use serde::forward_to_deserialize_any;

use super::document::Step;
use super::fault::{Fault, FaultKind};
use crate::render::yaml::{Entry, Node, Value};

/// Reads a type out of a tree.
pub(super) fn from_node<'de, T: de::Deserialize<'de>>(node: &'de Node) -> Result<T, Fault> {
    T::deserialize(NodeDeserializer { node })
}

#[derive(Clone, Copy)]
struct NodeDeserializer<'de> {
    node: &'de Node,
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
            Value::Sequence(items) => visitor.visit_seq(Items { items: items.iter().enumerate() }),
            Value::Mapping(mapping) => visitor.visit_map(Entries::all(mapping.entries())),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.node.value {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match &self.node.value {
            Value::Mapping(mapping) => visitor.visit_map(Entries::of_struct(mapping.entries(), fields)),
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
                [only] => visitor.visit_enum(Choice { entry: only }),
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
}

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = Fault;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Fault> {
        let Some((index, node)) = self.items.next() else { return Ok(None) };
        seed.deserialize(NodeDeserializer { node }).map(Some).map_err(|fault| fault.within(Step::Index(index)))
    }
}

struct Entries<'de> {
    entries: std::slice::Iter<'de, Entry>,
    fields: &'static [&'static str],
    current: Option<&'de Entry>,
}

impl<'de> Entries<'de> {
    fn all(entries: &'de [Entry]) -> Self {
        Self { entries: entries.iter(), fields: &[], current: None }
    }

    fn of_struct(entries: &'de [Entry], fields: &'static [&'static str]) -> Self {
        Self { fields, ..Self::all(entries) }
    }
}

impl<'de> MapAccess<'de> for Entries<'de> {
    type Error = Fault;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Fault> {
        let fields = self.fields;
        // A field without a value is as good as no field: `taints:` with nothing in the loop below it.
        let empty = |entry: &Entry| entry.value.value == Value::Null && fields.contains(&entry.key.name.as_str());
        let Some(entry) = self.entries.find(|entry| !empty(entry)) else { return Ok(None) };
        self.current = Some(entry);
        let name = entry.key.name.as_str();
        seed.deserialize(StrDeserializer::new(name)).map(Some).map_err(|fault: Fault| fault.of_key(name))
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Fault> {
        let entry = self.current.take().expect("serde asks for a value only behind a key");
        seed.deserialize(NodeDeserializer { node: &entry.value })
            .map_err(|fault| fault.within(Step::from(&entry.key.name)))
    }
}

/// `{ cidr: 10.0.0.0/16 }`: one of several keys.
struct Choice<'de> {
    entry: &'de Entry,
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
        seed.deserialize(NodeDeserializer { node: &self.entry.value })
            .map_err(|fault| fault.within(Step::from(&self.entry.key.name)))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Fault> {
        NodeDeserializer { node: &self.entry.value }
            .deserialize_any(visitor)
            .map_err(|fault| fault.within(Step::from(&self.entry.key.name)))
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], visitor: V) -> Result<V::Value, Fault> {
        self.tuple_variant(0, visitor)
    }
}

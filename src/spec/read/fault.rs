//! Why a document could not be read into its type: the error of [`super::deserializer`].

use std::fmt;

use serde::de::{self, Expected, Unexpected};

use super::document::Step;

/// The first thing that did not fit, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// From the part to the root: reversed.
    steps: Vec<Step>,
    /// What did not fit.
    pub(crate) kind: FaultKind,
}

/// What did not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FaultKind {
    /// A key that the type does not have; it is the path's last step.
    UnknownField {
        /// The fields that it has.
        valid: &'static [&'static str],
    },
    /// A required key is not there.
    MissingField {
        /// Its name.
        field: &'static str,
    },
    /// A word that is none of the possible ones.
    UnknownVariant {
        /// The possible ones.
        valid: &'static [&'static str],
    },
    /// Not exactly one key of a choice.
    NotOne {
        /// The possible keys.
        valid: &'static [&'static str],
    },
    /// A value of another kind.
    WrongType {
        /// What was expected, in words.
        expected: String,
    },
    /// A key whose text is not possible.
    WrongKey {
        /// Why.
        why: String,
    },
    /// A value that breaks its type's rule.
    WrongValue {
        /// Why.
        why: String,
    },
}

impl Fault {
    pub(super) const fn new(kind: FaultKind) -> Self {
        Self { steps: Vec::new(), kind }
    }

    /// The same, seen from one step further out.
    pub(super) fn within(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    /// The same, seen from further out.
    pub(crate) fn inside(mut self, path: &[Step]) -> Self {
        self.steps.extend(path.iter().rev().cloned());
        self
    }

    /// The same, raised by the text of a key.
    pub(super) fn of_key(mut self, key: &str) -> Self {
        if let FaultKind::WrongValue { why } = self.kind {
            self.kind = FaultKind::WrongKey { why };
        }
        self.within(Step::from(key))
    }

    /// From the root to the part.
    pub(crate) fn path(&self) -> Vec<Step> {
        self.steps.iter().rev().cloned().collect()
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?}", self.kind)
    }
}

impl std::error::Error for Fault {}

impl de::Error for Fault {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(FaultKind::WrongValue { why: message.to_string() })
    }

    fn invalid_type(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(FaultKind::WrongType { expected: words(&expected.to_string()) })
    }

    fn invalid_value(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(FaultKind::WrongType { expected: words(&expected.to_string()) })
    }

    fn unknown_variant(_: &str, valid: &'static [&'static str]) -> Self {
        Self::new(FaultKind::UnknownVariant { valid })
    }

    fn unknown_field(_: &str, valid: &'static [&'static str]) -> Self {
        Self::new(FaultKind::UnknownField { valid })
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(FaultKind::MissingField { field })
    }
}

/// What serde's visitors expect, in the words of YAML.
fn words(expected: &str) -> String {
    let words = match expected {
        "u8" => "a whole number from 0 to 255",
        "u16" => "a whole number from 0 to 65535",
        "u32" | "u64" => "a whole number, at least 0",
        "i32" | "i64" => "a whole number",
        "f64" => "a number",
        "IntOrString" => "a whole number or a string",
        "JSONSchemaPropsOrBool" => "a mapping or a boolean",
        "Quantity" => "a quantity",
        "a map" => "a mapping",
        "a sequence" => "a list",
        "IPv4 address" => "an IPv4 address",
        other if other.starts_with("struct ") => "a mapping",
        other => other,
    };
    words.to_owned()
}

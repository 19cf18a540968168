//! Flags of a component: windlass' own, and those of the manifest, which win.

use std::collections::BTreeMap;

use serde::Serialize;

/// A flag as kubeadm's v1beta4 lists it.
#[derive(Serialize)]
pub(super) struct Argument {
    name: String,
    value: String,
}

/// Flags by name.
#[derive(Default)]
pub(super) struct Arguments(BTreeMap<String, String>);

impl Arguments {
    /// A flag. A later one of the same name wins.
    pub(super) fn set(&mut self, name: &str, value: impl Into<String>) -> &mut Self {
        self.0.insert(name.to_owned(), value.into());
        self
    }

    /// Flags with constant values.
    pub(super) fn all(&mut self, flags: &[(&str, &str)]) -> &mut Self {
        for (name, value) in flags {
            self.set(name, *value);
        }
        self
    }

    /// A list joined with commas; nothing where it is empty.
    pub(super) fn list(&mut self, name: &str, values: &[String]) -> &mut Self {
        if !values.is_empty() {
            self.set(name, values.join(","));
        }
        self
    }

    /// `feature-gates=A=true,B=false`; nothing where there are none.
    pub(super) fn feature_gates(&mut self, gates: &BTreeMap<String, bool>) -> &mut Self {
        let gates: Vec<String> = gates.iter().map(|(name, on)| format!("{name}={on}")).collect();
        self.list("feature-gates", &gates)
    }

    /// With the manifest's own flags over them, sorted.
    pub(super) fn finish(&mut self, extra: &BTreeMap<String, String>) -> Vec<Argument> {
        for (name, value) in extra {
            self.set(name, value);
        }
        std::mem::take(&mut self.0).into_iter().map(|(name, value)| Argument { name, value }).collect()
    }
}

//! JSON Schemas of the manifests, made from the types: for editors, and for [`super::read()`], which learns from them
//! what a part could have been.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde_json::Value;

use super::{Cluster, NodeGroup};

/// Schemas by the manifests' `kind`; made once.
static SCHEMAS: LazyLock<BTreeMap<&'static str, Schema>> =
    LazyLock::new(|| BTreeMap::from([("Cluster", of::<Cluster>()), ("NodeGroup", of::<NodeGroup>())]));

fn of<T: JsonSchema>() -> Schema {
    SchemaSettings::draft2020_12().for_deserialize().into_generator().into_root_schema_for::<T>()
}

/// The schema of a kind of manifest, if there is such a kind.
pub(in crate::spec) fn of_kind(kind: &str) -> Option<&'static Value> {
    SCHEMAS.get(kind).map(Schema::as_value)
}

/// All schemas as files: name → text, for `windlass schema` and `docs/reference/schema`. Beside the manifests', those of
/// `windlass.yaml` and of the sandbox's seed.
#[must_use]
pub fn files() -> BTreeMap<String, String> {
    let named = |name: &str, schema: &Schema| {
        let mut text = serde_json::to_string_pretty(schema.as_value()).unwrap_or_default();
        text.push('\n');
        (format!("{name}.schema.json"), text)
    };
    let mut files: BTreeMap<String, String> = SCHEMAS
        .iter()
        .map(|(kind, schema)| named(if *kind == "Cluster" { "cluster" } else { "node-group" }, schema))
        .collect();
    files.extend([
        named("windlass", &of::<crate::render::Settings>()),
        named("sandbox-seed", &of::<crate::sandbox::seed::Seed>()),
    ]);
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/reference/schema");

    #[test]
    fn the_files_in_the_documentation_are_up_to_date() {
        for (name, text) in files() {
            let path = std::path::Path::new(FOLDER).join(&name);
            let stored = std::fs::read_to_string(&path).unwrap_or_default();
            assert!(
                stored == text,
                "docs/reference/schema/{name} is out of date: run `windlass schema --write docs/reference/schema`"
            );
        }
    }

    #[test]
    fn every_field_of_the_manifests_is_described() {
        fn visit(value: &Value, path: &str, missing: &mut Vec<String>) {
            if let Some(properties) = value.get("properties").and_then(Value::as_object) {
                for (name, schema) in properties {
                    if schema.get("description").is_none() {
                        missing.push(format!("{path}.{name}"));
                    }
                }
            }
            if let Some(definitions) = value.get("$defs").and_then(Value::as_object) {
                for (name, schema) in definitions {
                    visit(schema, name, missing);
                }
            }
        }
        let mut missing = Vec::new();
        for (kind, schema) in SCHEMAS.iter() {
            visit(schema.as_value(), kind, &mut missing);
        }
        assert_eq!(missing, Vec::<String>::new());
    }
}

//! Whether an object has the form of its kind, and what becomes of it if it has not.

use serde_json::Value;

use super::super::Cluster;
use super::super::objects::Key;
use super::kind::{Kind, Origin};
use super::problem::{Cause, Problem};
use super::typed::{self, Misfit};
use super::write::Writing;
use super::{fields, schema};

/// The parameter `fieldValidation`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strictness {
    /// Unknown fields are taken as they come. A real server drops those of built-in kinds.
    Lenient,
    /// They are refused.
    Strict,
}

impl Strictness {
    /// Reads the parameter.
    ///
    /// # Errors
    /// 422 for what is none of its values.
    pub fn read(text: Option<&str>) -> Result<Self, Problem> {
        match text {
            None | Some("Warn" | "Ignore") => Ok(Self::Lenient),
            Some("Strict") => Ok(Self::Strict),
            Some(other) => {
                let message = format!(
                    "PatchOptions.meta.k8s.io \"\" is invalid: fieldValidation: Unsupported value: {other:?}: supported \
                     values: \"Ignore\", \"Strict\", \"Warn\""
                );
                Err(Problem::new(422, "Invalid", message))
            }
        }
    }
}

impl Writing<'_> {
    /// Brings a custom resource into the form of its schema.
    pub(super) fn shape(&self, cluster: &Cluster, name: &str, object: &mut Value) -> Result<(), Problem> {
        if self.kind.origin != Origin::Custom {
            return Ok(());
        }
        let Some(schema) = schema::of(cluster, self.kind) else { return Ok(()) };
        schema::prune(&schema, object);
        schema::fill(&schema, object);
        let causes = schema::check(&schema, object);
        if causes.is_empty() { Ok(()) } else { Err(Problem::invalid(self.kind, name, &causes)) }
    }

    /// What of an object its kind does not have.
    fn unknown(&self, cluster: &Cluster, object: &Value) -> Option<Misfit> {
        if self.kind.origin == Origin::BuiltIn {
            return typed::check(self.kind, object).err();
        }
        let dropped = schema::prune(&schema::of(cluster, self.kind)?, &mut object.clone());
        (!dropped.is_empty()).then_some(Misfit::Unknown(dropped))
    }

    /// `fieldValidation=Strict` of whole objects.
    pub(super) fn check_fields(&self, cluster: &Cluster, object: &Value) -> Result<(), Problem> {
        if self.strictness == Strictness::Lenient {
            return Ok(());
        }
        let why = match self.unknown(cluster, object) {
            None => return Ok(()),
            Some(Misfit::Unknown(paths)) => strict(&paths),
            Some(Misfit::Type(why)) => format!("json: {why}"),
        };
        let Kind { kind, version, .. } = self.kind;
        Err(Problem::bad_request(format!("{kind} in version {version:?} cannot be handled as a {kind}: {why}")))
    }

    /// An apply is always held against the schema. A real server has neither a reason nor a better status for it
    /// (kubernetes/kubernetes issue 122480).
    pub(super) fn check_applied(&self, cluster: &Cluster, body: &Value, key: &Key) -> Result<(), Problem> {
        let why = match self.unknown(cluster, body) {
            None => match fields::duplicate(body).filter(|_| self.kind.origin == Origin::BuiltIn) {
                None => return Ok(()),
                Some(why) => why,
            },
            Some(Misfit::Unknown(paths)) => {
                let texts: Vec<String> =
                    paths.iter().map(|path| format!(".{path}: field not declared in schema")).collect();
                if let [one] = texts.as_slice() { one.clone() } else { format!("errors:\n  {}", texts.join("\n  ")) }
            }
            Some(Misfit::Type(why)) => why,
        };
        let Kind { group, version, kind, .. } = self.kind;
        let which = format!("{}/{}; {group}/{version}, Kind={kind}", key.namespace, key.name);
        Err(Problem::new(500, "", format!("failed to create typed patch object ({which}): {why}")))
    }

    /// `fieldValidation=Strict` of patches: what a patch brings in.
    pub(super) fn check_patched(
        &self,
        cluster: &Cluster,
        (before, after): (&Value, &Value),
        patch: &Value,
    ) -> Result<(), Problem> {
        if self.strictness == Strictness::Lenient {
            return Ok(());
        }
        let Some(Misfit::Unknown(new)) = self.unknown(cluster, after) else { return Ok(()) };
        let old = if let Some(Misfit::Unknown(old)) = self.unknown(cluster, before) { old } else { Vec::new() };
        let added: Vec<String> = new.into_iter().filter(|path| !old.contains(path)).collect();
        if added.is_empty() {
            return Ok(());
        }
        let message = format!("Invalid value: {:?}: {}", patch.to_string(), strict(&added));
        let cause = Cause { reason: "FieldValueInvalid", field: "patch".to_owned(), message };
        Err(Problem::invalid(self.kind, self.target.name.as_deref().unwrap_or_default(), &[cause]))
    }
}

/// As the server words it.
fn strict(paths: &[String]) -> String {
    let texts: Vec<String> = paths.iter().map(|path| format!("unknown field {path:?}")).collect();
    format!("strict decoding error: {}", texts.join(", "))
}

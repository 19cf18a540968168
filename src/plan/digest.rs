//! Digests of what a plan is made from and of the plan itself: SHA-256 of JSON with sorted keys, in hexadecimal.

use data_encoding::HEXLOWER;
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{Act, Operation, Plan};
use crate::resource::{Found, Observed, Readiness};

/// The digest of anything that serializes.
pub(super) fn digest<T: Serialize + ?Sized>(value: &T) -> String {
    // Everything digested is plain data with string keys, so it serializes; Null would only make digests equal.
    let mut value = serde_json::to_value(value).unwrap_or(Value::Null);
    // Policy documents come back from AWS with their keys in another order.
    value.sort_all_objects();
    HEXLOWER.encode(&Sha256::digest(value.to_string()))
}

/// The digest of what matters to a plan: not the instances, which come and go, nor how far a resource has come up.
pub(super) fn observed(observed: &Observed) -> String {
    let found: Vec<Value> = observed.found.iter().map(essence).collect();
    digest(&json!({"found": found, "clashes": observed.clashes}))
}

fn essence(found: &Found) -> Value {
    json!({
        "address": found.address,
        "id": found.id,
        "uid": found.uid,
        "generation": found.generation,
        "fields": found.resource.fields(),
        "failed": matches!(found.readiness, Readiness::Failed(_)),
    })
}

impl Plan {
    /// The digest of what the plan does: equal for two plans that do the same, whenever they were made.
    #[must_use]
    pub fn digest(&self) -> String {
        let waves: Vec<Vec<Value>> = self.waves.iter().map(|wave| wave.iter().map(operation).collect()).collect();
        digest(&json!({
            "cluster": self.cluster,
            "account": self.account,
            "region": self.region,
            "purpose": self.purpose,
            "waves": waves,
        }))
    }
}

fn operation(operation: &Operation) -> Value {
    let (what, found, resource, generation) = match &operation.act {
        Act::Create { resource, generation } => ("create", None, Some(resource), Some(generation)),
        Act::Update { found, resource } => ("update", Some(found), Some(resource), None),
        Act::Delete { found } => ("delete", Some(found), None, None),
        Act::Discard { found } => ("discard", Some(found), None, None),
        Act::Adopt { found, resource } => ("adopt", Some(found), Some(resource), None),
        Act::Forget => ("forget", None, None, None),
    };
    json!({
        "address": operation.address,
        "what": what,
        "found": found.map(|found| essence(found)),
        "resource": resource,
        "generation": generation,
    })
}

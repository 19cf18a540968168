//! The audit policy (`audit.k8s.io/v1`).

use serde_json::{Value, json};

use crate::spec::{Audit, AuditLevel};

/// What must never be written with its content, unless a manifest says so by name.
const SENSITIVE: [&str; 3] = ["secrets", "configmaps", "tokenreviews.authentication.k8s.io"];

/// The policy: the manifest's own levels, sensitive resources without bodies, then the default.
pub(super) fn policy(audit: &Audit) -> Value {
    let mut rules: Vec<Value> = audit.levels.iter().map(|(resource, level)| rule(resource, *level)).collect();
    if matches!(audit.default_level, AuditLevel::Request | AuditLevel::RequestResponse) {
        let quiet = SENSITIVE.iter().filter(|resource| !audit.levels.contains_key(**resource));
        rules.extend(quiet.map(|resource| rule(resource, AuditLevel::Metadata)));
    }
    rules.push(json!({"level": word(audit.default_level)}));
    json!({
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        // Each request once, when it is done.
        "omitStages": ["RequestReceived"],
        "rules": rules,
    })
}

/// `deployments.apps` is the resource `deployments` of the group `apps`.
fn rule(resource: &str, level: AuditLevel) -> Value {
    let (name, group) = resource.split_once('.').unwrap_or((resource, ""));
    json!({"level": word(level), "resources": [{"group": group, "resources": [name]}]})
}

const fn word(level: AuditLevel) -> &'static str {
    match level {
        AuditLevel::None => "None",
        AuditLevel::Metadata => "Metadata",
        AuditLevel::Request => "Request",
        AuditLevel::RequestResponse => "RequestResponse",
    }
}

//! Fields: every object is read into the type that Kubernetes has for it.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::Findings;
use crate::addon::kinds::{self, Read};
use crate::kubernetes::quantity;
use crate::problem::Problem;
use crate::render::yaml::{Node, Value};
use crate::spec::{Reading, Step, explain_fault, steps};

/// Mistakes of one object before reading stops: more would not be read by anybody.
const MOST_FAULTS: usize = 50;

/// Reads the object as often as there are mistakes in it, each time without those that are known.
pub(super) fn check(findings: &mut Findings<'_>) {
    match findings.checked.kind {
        Some(kind) => faults(findings, &[], kind.read),
        // Of what a CustomResourceDefinition defines, the metadata are Kubernetes' own.
        None => faults(findings, &steps!["metadata"], kinds::read::<ObjectMeta>),
    }
    required(findings);
}

fn faults(findings: &mut Findings<'_>, part: &[Step], read: Read) {
    let document = findings.document();
    let Some(root) = document.node(part) else { return };
    let mut skipped: Vec<&Node> = Vec::new();
    for _ in 0..MOST_FAULTS {
        let how = Reading { skipped: &skipped, refuse_unknown: true, newtype };
        let Err(fault) = read(root, how) else { return };
        let fault = fault.inside(part);
        let problem = explain_fault(findings.rendered, document, &fault);
        findings.problems.push(problem);
        match document.node(&fault.path()) {
            Some(node) if !skipped.iter().any(|known| std::ptr::eq(*known, node)) => skipped.push(node),
            _ => return,
        }
    }
}

/// Texts whose grammar the types do not check.
fn newtype(name: &'static str, node: &Node) -> Result<(), String> {
    let text = match (name, &node.value) {
        ("Quantity", Value::String(text)) => text,
        _ => return Ok(()),
    };
    match quantity::bytes(text) {
        Some(_) => Ok(()),
        None => Err(format!("{text:?} is no quantity: expected such as 100m, 2 or 512Mi")),
    }
}

/// Fields that the API server wants and that the types read as empty: by kind, and those that it wants in each item of
/// a list. Source: the API reference, fields marked as required.
const REQUIRED: [(&str, &[&[&str]]); 14] = [
    ("Deployment", &[&["spec", "selector"], &["spec", "template"]]),
    ("DaemonSet", &[&["spec", "selector"], &["spec", "template"]]),
    ("StatefulSet", &[&["spec", "selector"], &["spec", "template"]]),
    ("ReplicaSet", &[&["spec", "selector"]]),
    ("Job", &[&["spec", "template"]]),
    ("CronJob", &[&["spec", "schedule"], &["spec", "jobTemplate", "spec", "template"]]),
    ("ClusterRoleBinding", &[&["roleRef", "apiGroup"], &["roleRef", "kind"], &["roleRef", "name"]]),
    ("RoleBinding", &[&["roleRef", "apiGroup"], &["roleRef", "kind"], &["roleRef", "name"]]),
    ("StorageClass", &[&["provisioner"]]),
    ("PriorityClass", &[&["value"]]),
    ("CSIDriver", &[&["spec"]]),
    ("HorizontalPodAutoscaler", &[&["spec", "maxReplicas"], &["spec", "scaleTargetRef", "name"]]),
    (
        "APIService",
        &[&["spec", "group"], &["spec", "version"], &["spec", "groupPriorityMinimum"], &["spec", "versionPriority"]],
    ),
    (
        "CustomResourceDefinition",
        &[
            &["spec", "group"],
            &["spec", "scope"],
            &["spec", "names", "kind"],
            &["spec", "names", "plural"],
            &["spec", "versions"],
        ],
    ),
];

fn required(findings: &mut Findings<'_>) {
    let Some(kind) = findings.checked.kind else { return };
    let Some((_, paths)) = REQUIRED.iter().find(|(name, _)| *name == kind.kind) else { return };
    for path in *paths {
        let path: Vec<Step> = path.iter().map(|key| Step::from(*key)).collect();
        if findings.document().node(&path).is_some_and(|node| node.value != Value::Null) {
            continue;
        }
        let dotted: Vec<String> = path
            .iter()
            .map(|step| match step {
                Step::Key(key) => key.clone(),
                Step::Index(index) => index.to_string(),
            })
            .collect();
        let problem = Problem::error(format!("missing field {:?} in {}", dotted.join("."), findings.name()));
        findings.push(problem, &path, "is needed here");
    }
}

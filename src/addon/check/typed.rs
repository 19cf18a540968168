//! Fields: every object is read into the type that Kubernetes has for it.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::Findings;
use crate::addon::kinds::{self, Read};
use crate::kubernetes::quantity;
use crate::problem::Problem;
use crate::render::yaml::{Node, Value};
use crate::spec::{Fault, FaultKind, Reading, Step, explain_fault, steps};

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
        let fault = readable(fault.inside(part));
        let path = fault.path();
        if let (FaultKind::UnknownField { .. }, Some((_, of))) = (&fault.kind, path.split_last()) {
            findings.misnamed.push(of.to_vec());
        }
        let problem = explain_fault(findings.rendered, document, &fault);
        findings.problems.push(problem);
        match document.node(&path) {
            Some(node) if !skipped.iter().any(|known| std::ptr::eq(*known, node)) => skipped.push(node),
            _ => return,
        }
    }
}

/// Texts whose grammar the types do not check, or in words of their own.
fn newtype(name: &'static str, node: &Node) -> Result<(), String> {
    let Value::String(text) = &node.value else { return Ok(()) };
    match name {
        "Quantity" if quantity::bytes(text).is_none() => {
            Err(format!("{text:?} is no quantity: expected such as 100m, 2 or 512Mi"))
        }
        "Time" | "MicroTime" if text.parse::<jiff::Timestamp>().is_err() => {
            Err(format!("{text:?} is no time: expected such as 2026-11-20T12:00:00Z"))
        }
        _ => Ok(()),
    }
}

/// The types' only other complaint about a text is that it is no base64, in words about symbols and offsets.
fn readable(mut fault: Fault) -> Fault {
    if let FaultKind::WrongValue { why } = &mut fault.kind
        && why.starts_with("Invalid ")
    {
        *why = String::from("this is no base64");
    }
    fault
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
        findings.missing(problem, &path, "is needed here");
    }
}

//! Names, labels, annotations, size; and secrets, which have no place in git.

use super::Findings;
use crate::name::dns_label;
use crate::problem::Problem;
use crate::render::yaml::{Node, Value};
use crate::spec::value::{label_key, label_value};
use crate::spec::{Step, steps};

/// Longest name of most objects (Kubernetes documentation, "Object names and IDs": DNS subdomain names).
const LONGEST_NAME: usize = 253;
/// Longest name of a CronJob: its Jobs append 11 characters to it (Kubernetes documentation, "CronJob").
const LONGEST_CRON_JOB: usize = 52;
/// Bytes of all annotations of an object together (Kubernetes, `TotalAnnotationSizeLimitB`).
const LARGEST_ANNOTATIONS: usize = 256 * 1024;
/// What to do instead.
const SECRETS: &str = "let an operator write them (External Secrets, a CSI driver), or put them into the cluster by hand \
                       and only name them here";
/// Bytes of an object. etcd takes requests of 1.5 MiB (its documentation, `--max-request-bytes`); the API server adds
/// fields of its own, so that a third is left to it.
const LARGEST_OBJECT: usize = 1024 * 1024;

pub(super) fn check(findings: &mut Findings<'_>) {
    name(findings);
    labels(findings, &steps!["metadata"]);
    size(findings);
    secret(findings);
}

fn name(findings: &mut Findings<'_>) {
    let object = &findings.checked.object;
    let name = object.name.as_str();
    let length = name.chars().count();
    if name.is_empty() {
        let problem = Problem::error(format!("{} has no name: metadata.name has to be a text", object.kind));
        findings.missing(problem, &steps!["metadata", "name"], "");
        return;
    }
    let wrong = match (object.group(), object.kind.as_str()) {
        ("rbac.authorization.k8s.io", _) => {
            let good = !matches!(name, "." | "..") && !name.contains(['/', '%']);
            (!good).then(|| format!("{name:?} has '/' or '%', which a path cannot have"))
        }
        ("", "Namespace") => dns_label(name).err().map(|why| why.to_string()),
        ("", "Service") if name.starts_with(|first: char| first.is_ascii_digit()) => {
            Some(format!("{name:?} begins with a digit, and a service with a letter"))
        }
        ("", "Service") => dns_label(name).err().map(|why| why.to_string()),
        ("batch", "CronJob") if length > LONGEST_CRON_JOB => {
            Some(format!("{name:?} has {length} characters, and a CronJob at most {LONGEST_CRON_JOB}"))
        }
        _ => subdomain(name),
    };
    if let Some(why) = wrong {
        let problem = Problem::error(format!("name of {}: {why}", object.kind));
        findings.push(problem, &steps!["metadata", "name"], "");
    }
    if let Some(namespace) = object.namespace.clone()
        && let Err(why) = dns_label(&namespace)
    {
        let problem = Problem::error(format!("namespace of {}: {why}", findings.name()));
        findings.push(problem, &steps!["metadata", "namespace"], "");
    }
}

/// A DNS name of lowercase labels; unlike a host's, a label may be of any length.
fn subdomain(name: &str) -> Option<String> {
    if name.chars().count() > LONGEST_NAME {
        return Some(format!("it has {} characters, and at most {LONGEST_NAME} are allowed", name.chars().count()));
    }
    let good = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
    let bad = name
        .split('.')
        .find(|label| label.is_empty() || label.starts_with('-') || label.ends_with('-') || !label.chars().all(good));
    bad.map(|_| format!("{name:?} is no name: a-z, 0-9, - and . are allowed, at the ends a letter or digit"))
}

/// What is wrong, and where.
type Wrong = (String, Vec<Step>);

/// Labels and annotations of an object or of a pod template, whose metadata stand at a path.
pub(super) fn labels(findings: &mut Findings<'_>, metadata: &[Step]) {
    let at = |more: &[&str]| -> Vec<Step> {
        metadata.iter().cloned().chain(more.iter().map(|key| Step::from(*key))).collect()
    };
    let (mut wrong, mut keys): (Vec<Wrong>, Vec<Wrong>) = (Vec::new(), Vec::new());
    let document = findings.document();
    for (key, value) in entries(document.node(&at(&["labels"]))) {
        let text = value.as_str().unwrap_or_default();
        keys.extend(label_key(key).err().map(|why| (why, at(&["labels", key]))));
        wrong.extend(label_value(text).err().map(|why| (why, at(&["labels", key]))));
    }
    let mut bytes = 0;
    for (key, value) in entries(document.node(&at(&["annotations"]))) {
        bytes += key.len() + value.as_str().map_or(0, str::len);
        // Annotations take prefixes in capitals as well (Kubernetes, `ValidateAnnotations`).
        if label_key(&key.to_lowercase()).is_err() {
            keys.push((
                format!("{key:?} is no key of an annotation: expected such as example.com/name"),
                at(&["annotations", key]),
            ));
        }
    }
    if bytes > LARGEST_ANNOTATIONS {
        let why = format!("the annotations have {bytes} bytes, and may have {LARGEST_ANNOTATIONS}");
        wrong.push((why, at(&["annotations"])));
    }
    for (why, path) in keys {
        findings.push_key(Problem::error(why), &path);
    }
    for (why, path) in wrong {
        findings.push(Problem::error(why), &path, "");
    }
}

/// The entries of a mapping; none of anything else.
pub(super) fn entries(node: Option<&Node>) -> impl Iterator<Item = (&str, &Node)> {
    let mapping = node.and_then(Node::as_mapping);
    mapping.into_iter().flat_map(|mapping| mapping.entries()).map(|entry| (entry.key.name.as_str(), &entry.value))
}

fn size(findings: &mut Findings<'_>) {
    let bytes = findings.checked.object.value.to_string().len();
    if bytes > LARGEST_OBJECT {
        let problem = Problem::error(format!("{} has {bytes} bytes, and may have {LARGEST_OBJECT}", findings.name()))
            .hint("split it: etcd takes no larger ones");
        findings.push(problem, &steps!["kind"], "");
    }
}

fn secret(findings: &mut Findings<'_>) {
    let object = &findings.checked.object;
    if object.kind != "Secret" || !object.group().is_empty() {
        return;
    }
    for field in ["data", "stringData"] {
        let filled = findings
            .document()
            .root
            .get(field)
            .and_then(Node::as_mapping)
            .is_some_and(|data| data.entries().iter().any(|entry| !matches!(&entry.value.value, Value::Null)));
        if filled {
            let problem = Problem::error(format!("{} has its secrets in git", findings.name())).hint(SECRETS);
            findings.policy(problem, &steps![field], "");
        }
    }
}

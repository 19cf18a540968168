//! Label and field selectors: parsing, and whether an object fits.

use serde_json::Value;

use super::kind::{Kind, Origin};
use super::problem::Problem;
use crate::kubernetes::{read_selector, read_texts};

/// One requirement of a label selector.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Requirement {
    In(String, Vec<String>),
    NotIn(String, Vec<String>),
    Exists(String),
    Missing(String),
}

/// A field and its value; whether it must or must not be that.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Field {
    path: String,
    value: String,
    equal: bool,
}

/// What a list or a watch is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selector {
    labels: Vec<Requirement>,
    fields: Vec<Field>,
}

impl Selector {
    /// Reads both selectors of a request.
    ///
    /// # Errors
    /// 400 for what cannot be read, and for fields that the resource does not support.
    pub fn read(kind: &Kind, labels: Option<&str>, fields: Option<&str>) -> Result<Self, Problem> {
        let labels = labels.map_or_else(|| Ok(Vec::new()), requirements)?;
        let mut selected = Vec::new();
        for term in fields.unwrap_or_default().split(',').filter(|term| !term.is_empty()) {
            let (path, value, equal) = if let Some((path, value)) = term.split_once("!=") {
                (path, value, false)
            } else if let Some((path, value)) = term.split_once("==").or_else(|| term.split_once('=')) {
                (path, value, true)
            } else {
                return Err(Problem::bad_request(format!("invalid selector: '{term}'; can't understand '{term}'")));
            };
            if !supported(kind, path) {
                return Err(Problem::bad_request(format!("field label not supported: {path}")));
            }
            selected.push(Field { path: path.to_owned(), value: value.to_owned(), equal });
        }
        Ok(Self { labels, fields: selected })
    }

    /// Whether everything fits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty()
    }

    /// Whether an object fits.
    #[must_use]
    pub fn fits(&self, object: &Value) -> bool {
        let label = |key: &String| object["metadata"]["labels"][key].as_str();
        let labels = self.labels.iter().all(|requirement| match requirement {
            Requirement::In(key, values) => label(key).is_some_and(|value| values.iter().any(|it| it == value)),
            Requirement::NotIn(key, values) => label(key).is_none_or(|value| values.iter().all(|it| it != value)),
            Requirement::Exists(key) => label(key).is_some(),
            Requirement::Missing(key) => label(key).is_none(),
        });
        labels && self.fields.iter().all(|field| (read(object, &field.path) == field.value) == field.equal)
    }
}

/// Fields that selectors of a resource may name (Kubernetes documentation, "Field Selectors").
fn supported(kind: &Kind, path: &str) -> bool {
    if path == "metadata.name" || (path == "metadata.namespace") {
        return true;
    }
    if kind.origin == Origin::Custom {
        return false;
    }
    let more: &[&str] = match kind.plural.as_str() {
        "pods" => &[
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "spec.hostNetwork",
            "status.phase",
            "status.podIP",
            "status.nominatedNodeName",
        ],
        "nodes" => &["spec.unschedulable"],
        "namespaces" => &["status.phase"],
        "secrets" => &["type"],
        "events" => &[
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.resourceVersion",
            "involvedObject.fieldPath",
            "reason",
            "reportingComponent",
            "source",
            "type",
        ],
        "replicationcontrollers" | "replicasets" => &["status.replicas"],
        "jobs" => &["status.successful"],
        "certificatesigningrequests" => &["spec.signerName"],
        "services" => &["spec.clusterIP", "spec.type"],
        _ => &[],
    };
    more.contains(&path)
}

fn read(object: &Value, path: &str) -> String {
    match path.split('.').fold(object, |value, part| &value[part]) {
        Value::String(text) => text.clone(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => number.to_string(),
        // A flag that is not there is false.
        _ if matches!(path, "spec.unschedulable" | "spec.hostNetwork") => "false".to_owned(),
        _ => String::new(),
    }
}

fn requirements(text: &str) -> Result<Vec<Requirement>, Problem> {
    split(text).into_iter().filter(|term| !term.is_empty()).map(requirement).collect()
}

/// Commas between parentheses are no ends.
fn split(text: &str) -> Vec<&str> {
    let (mut terms, mut depth, mut start) = (Vec::new(), 0_i32, 0);
    for (index, letter) in text.char_indices() {
        match letter {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                terms.push(text[start..index].trim());
                start = index + 1;
            }
            _ => {}
        }
    }
    terms.push(text[start..].trim());
    terms
}

fn requirement(term: &str) -> Result<Requirement, Problem> {
    let owned = |text: &str| text.trim().to_owned();
    let wrong = || Problem::bad_request(format!("unable to parse requirement: found '{term}'"));
    let set = |rest: &str| -> Result<Vec<String>, Problem> {
        let inner = rest.trim().strip_prefix('(').and_then(|rest| rest.strip_suffix(')')).ok_or_else(wrong)?;
        Ok(inner.split(',').map(owned).collect())
    };
    if let Some((key, rest)) =
        term.split_once(" notin ").or_else(|| term.split_once(" notin(").map(|(key, _)| (key, &term[key.len() + 6..])))
    {
        return Ok(Requirement::NotIn(owned(key), set(rest)?));
    }
    if let Some((key, rest)) =
        term.split_once(" in ").or_else(|| term.split_once(" in(").map(|(key, _)| (key, &term[key.len() + 3..])))
    {
        return Ok(Requirement::In(owned(key), set(rest)?));
    }
    if let Some((key, value)) = term.split_once("!=") {
        return Ok(Requirement::NotIn(owned(key), vec![owned(value)]));
    }
    if let Some((key, value)) = term.split_once("==").or_else(|| term.split_once('=')) {
        return Ok(Requirement::In(owned(key), vec![owned(value)]));
    }
    let (negated, key) = term.strip_prefix('!').map_or((false, term), |key| (true, key));
    if key.trim().is_empty() || key.contains([' ', '(', ')', '!', '<', '>']) {
        return Err(wrong());
    }
    Ok(if negated { Requirement::Missing(owned(key)) } else { Requirement::Exists(owned(key)) })
}

/// Whether labels fit a `LabelSelector` object (`matchLabels`, `matchExpressions`); an empty one fits all.
#[must_use]
pub fn matches(selector: &Value, labels: &Value) -> bool {
    read_selector(selector).selects(&read_texts(labels))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::sandbox::kubernetes::{Cluster, Objects};

    fn pods() -> Kind {
        let cluster = Cluster { objects: Objects::new(1), version: "v1.34.0".into() };
        super::super::kind::find(&cluster, "", "v1", "pods").expect("pods are known")
    }

    #[test]
    fn labels_are_selected_by_all_forms() {
        let object = json!({"metadata": {"labels": {"app": "x", "tier": "front"}}});
        for (selector, fits) in [
            ("app=x", true),
            ("app==x,tier!=back", true),
            ("app in (y, x),tier", true),
            ("app notin (x)", false),
            ("app notin(y)", true),
            ("!app", false),
            ("!other", true),
            ("other!=x", true),
            ("app=", false),
        ] {
            let read = Selector::read(&pods(), Some(selector), None).expect(selector);
            assert_eq!(read.fits(&object), fits, "{selector}");
        }
        assert_eq!(Selector::read(&pods(), Some("a b"), None).expect_err("nonsense").code, 400);
    }

    #[test]
    fn only_supported_fields_are_selected() {
        let object = json!({"spec": {"nodeName": "n1"}, "status": {"phase": "Running"}});
        let read = Selector::read(&pods(), None, Some("spec.nodeName=n1,status.phase!=Failed")).expect("supported");
        assert!(read.fits(&object));
        assert_eq!(
            Selector::read(&pods(), None, Some("spec.bogus=n1")).expect_err("unsupported").message,
            "field label not supported: spec.bogus"
        );
    }

    #[test]
    fn a_selector_object_without_anything_fits_all() {
        assert!(matches(&json!({}), &json!({"a": "b"})));
        let not_in = json!({"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["b"]}]});
        assert!(!matches(&not_in, &json!({"a": "b"})) && matches(&not_in, &Value::Null));
    }
}

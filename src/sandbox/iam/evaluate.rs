//! Whether somebody may do something, by policies. Pure.
//!
//! Source: IAM user guide, "Policy evaluation logic" and "IAM JSON policy elements". Identity-based policies only: inline
//! ones, the account's own managed ones, and the AWS managed ones that are written down here. What is not understood, such
//! as an operator of conditions, never allows anything.

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::ec2::matches;
use super::{Role, State};

/// What somebody wants to do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// `ssm:GetParameters`.
    pub action: String,
    /// The resource's ARN.
    pub resource: String,
    /// Keys of conditions in lower case, with their values: `aws:resourcetag/team`.
    pub context: BTreeMap<String, Vec<String>>,
}

impl Request {
    /// A request without more about it.
    #[must_use]
    pub fn new(action: &str, resource: impl Into<String>) -> Self {
        Self { action: action.to_owned(), resource: resource.into(), context: BTreeMap::new() }
    }

    /// With a key of conditions.
    #[must_use]
    pub fn with(mut self, key: &str, values: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.context.insert(key.to_ascii_lowercase(), values.into_iter().map(Into::into).collect());
        self
    }

    /// With the tags of the resource.
    #[must_use]
    pub fn tagged(mut self, tags: &BTreeMap<String, String>) -> Self {
        for (key, value) in tags {
            self = self.with(&format!("aws:ResourceTag/{key}"), [value]);
        }
        self
    }
}

/// AWS managed policies whose statements matter here, after `arn:aws:iam::aws:policy/` (as published; the parts about
/// documents and inventories are left out).
const MANAGED: [(&str, &str); 2] = [
    ("AdministratorAccess", r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#),
    (
        "AmazonSSMManagedInstanceCore",
        r#"{"Statement":{"Effect":"Allow","Resource":"*","Action":["ssm:GetParameter","ssm:GetParameters",
        "ssm:UpdateInstanceInformation","ssmmessages:CreateControlChannel","ssmmessages:CreateDataChannel",
        "ssmmessages:OpenControlChannel","ssmmessages:OpenDataChannel","ec2messages:*"]}}"#,
    ),
];

/// Whether the role's policies allow it: some statement does, and none denies it.
#[must_use]
pub fn allows(iam: &State, role: &Role, request: &Request) -> bool {
    let managed = role.attached.iter().filter_map(|arn| document(iam, arn));
    permitted(role.policies.values().map(String::as_str).chain(managed), request)
}

/// Whether policy documents together allow it.
#[must_use]
pub fn permitted<'a>(documents: impl Iterator<Item = &'a str>, request: &Request) -> bool {
    decide(documents, request) == Decision::Allowed
}

/// What policies say to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// One allows it and none denies it.
    Allowed,
    /// One denies it.
    ExplicitDeny,
    /// None says anything.
    ImplicitDeny,
}

/// What policy documents together say.
pub fn decide<'a>(documents: impl Iterator<Item = &'a str>, request: &Request) -> Decision {
    let mut decision = Decision::ImplicitDeny;
    for document in documents {
        let Ok(document) = serde_json::from_str::<Value>(document) else { continue };
        for statement in each(document.get("Statement")) {
            match applies(statement, request) {
                Some(Effect::Deny) => return Decision::ExplicitDeny,
                Some(Effect::Allow) => decision = Decision::Allowed,
                None => {}
            }
        }
    }
    decision
}

fn document<'a>(iam: &'a State, arn: &str) -> Option<&'a str> {
    match arn.strip_prefix("arn:aws:iam::aws:policy/") {
        Some(name) => MANAGED.iter().find(|(other, _)| *other == name).map(|(_, document)| *document),
        None => iam.policies.get(arn).map(|policy| policy.document.as_str()),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effect {
    Allow,
    Deny,
}

/// One value, or each of a list.
fn each(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    let (list, one) = match value {
        Some(Value::Array(values)) => (values.as_slice(), None),
        other => (&[] as &[Value], other),
    };
    list.iter().chain(one)
}

fn applies(statement: &Value, request: &Request) -> Option<Effect> {
    let effect = match statement.get("Effect").and_then(Value::as_str) {
        Some("Allow") => Effect::Allow,
        Some("Deny") => Effect::Deny,
        _ => return None,
    };
    let action = request.action.to_ascii_lowercase();
    let action = |pattern: &str| matches(&pattern.to_ascii_lowercase(), &action);
    let resource =
        |pattern: &str| substituted(pattern, request).is_some_and(|pattern| matches(&pattern, &request.resource));
    let named = element(statement, "Action", &action) && element(statement, "Resource", &resource);
    if !named {
        return None;
    }
    match conditions(statement.get("Condition"), request) {
        Some(true) => Some(effect),
        // What is not understood must not let anything through.
        None if effect == Effect::Deny => Some(effect),
        Some(false) | None => None,
    }
}

/// Whether an element, or its opposite (`NotAction`), fits.
fn element(statement: &Value, name: &str, fits: &dyn Fn(&str) -> bool) -> bool {
    let any = |value: &Value| each(Some(value)).filter_map(Value::as_str).any(fits);
    match (statement.get(name), statement.get(format!("Not{name}"))) {
        (Some(value), _) => any(value),
        (None, Some(value)) => !any(value),
        (None, None) => false,
    }
}

/// All conditions must hold; `None`: one of them is not understood.
fn conditions(condition: Option<&Value>, request: &Request) -> Option<bool> {
    let Some(condition) = condition else { return Some(true) };
    let mut all = true;
    for (operator, keys) in condition.as_object()? {
        for (key, expected) in keys.as_object()? {
            let given = request.context.get(&key.to_ascii_lowercase());
            let expected: Option<Vec<String>> = each(Some(expected))
                .map(|value| match value {
                    Value::String(text) => substituted(text, request),
                    Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
                    _ => None,
                })
                .collect();
            all &= holds(operator, given.map(Vec::as_slice), &expected?)?;
        }
    }
    Some(all)
}

/// One condition; `None`: the operator is not known here.
fn holds(operator: &str, given: Option<&[String]>, expected: &[String]) -> Option<bool> {
    let (set, operator) = match operator.split_once(':') {
        Some((set @ ("ForAllValues" | "ForAnyValue"), rest)) => (Some(set), rest),
        Some(_) => return None,
        None => (None, operator),
    };
    if operator == "Null" {
        let absent = given.is_none_or(<[String]>::is_empty);
        return Some(expected.iter().any(|value| value == if absent { "true" } else { "false" }));
    }
    let (operator, optional) = match operator.strip_suffix("IfExists") {
        Some(operator) => (operator, true),
        None => (operator, false),
    };
    let (compare, negated): (fn(&str, &str) -> bool, bool) = match operator {
        "StringEquals" => (|pattern, value| pattern == value, false),
        "StringNotEquals" => (|pattern, value| pattern == value, true),
        "StringEqualsIgnoreCase" | "Bool" => (|pattern, value| pattern.eq_ignore_ascii_case(value), false),
        "StringLike" | "ArnEquals" | "ArnLike" => (|pattern, value| matches(pattern, value), false),
        "StringNotLike" | "ArnNotEquals" | "ArnNotLike" => (|pattern, value| matches(pattern, value), true),
        _ => return None,
    };
    let Some(given) = given.filter(|given| !given.is_empty()) else {
        return Some(optional || negated || set == Some("ForAllValues"));
    };
    let one = |value: &String| expected.iter().any(|pattern| compare(pattern, value)) != negated;
    Some(match set {
        Some("ForAllValues") => given.iter().all(one),
        _ => given.iter().any(one),
    })
}

/// With `${key}` replaced; `None`: a key is not in the request.
fn substituted(text: &str, request: &Request) -> Option<String> {
    let mut rest = text;
    let mut out = String::new();
    while let Some((before, after)) = rest.split_once("${") {
        let (key, after) = after.split_once('}')?;
        out.push_str(before);
        match key {
            // How a policy writes the characters themselves.
            "*" | "?" | "$" => out.push_str(key),
            key => out.push_str(request.context.get(&key.to_ascii_lowercase())?.first()?),
        }
        rest = after;
    }
    out.push_str(rest);
    Some(out)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;

    fn allowed(statements: Value, request: &Request) -> bool {
        let role = Role {
            name: String::from("r"),
            id: String::from("AROA"),
            arn: String::from("arn:aws:iam::1:role/r"),
            path: String::from("/"),
            trust: String::new(),
            description: None,
            max_session: 3600,
            created: jiff::Timestamp::UNIX_EPOCH,
            policies: BTreeMap::from([(String::from("p"), json!({ "Statement": statements }).to_string())]),
            attached: BTreeSet::new(),
            tags: BTreeMap::new(),
        };
        allows(&State::default(), &role, request)
    }

    fn read(name: &str) -> Request {
        Request::new("ssm:GetParameters", format!("arn:aws:ssm:eu-west-3:1:parameter{name}"))
    }

    #[test]
    fn a_path_opens_what_lies_beneath_it_and_nothing_else() {
        let own = json!([{"Effect": "Allow", "Action": ["ssm:Get*"],
            "Resource": "arn:aws:ssm:eu-west-3:1:parameter/windlass/a/*"}]);
        assert!(allowed(own.clone(), &read("/windlass/a/pki/cluster.key")));
        assert!(!allowed(own.clone(), &read("/windlass/ab/pki/cluster.key")));
        let write = Request::new("ssm:PutParameter", "arn:aws:ssm:eu-west-3:1:parameter/windlass/a/join");
        assert!(!allowed(own.clone(), &write));
        let mut denied = own;
        denied.as_array_mut().expect("a list").push(json!({"Effect": "Deny", "NotAction": "s3:*", "Resource": "*"}));
        assert!(!allowed(denied, &read("/windlass/a/pki/cluster.key")), "a denial wins");
    }

    #[test]
    fn conditions_hold_for_every_key_and_unknown_ones_never_allow() {
        let tag = |condition: Value| json!({"Effect": "Allow", "Action": "ec2:CreateTags", "Resource": "*", "Condition": condition});
        let request = Request::new("ec2:CreateTags", "arn:aws:ec2:eu-west-3:1:volume/vol-1")
            .tagged(&BTreeMap::from([(String::from("kubernetes.io/cluster/a"), String::from("owned"))]))
            .with("aws:TagKeys", ["etcd-initialized"]);
        let ours = json!({
            "StringEquals": {"aws:ResourceTag/kubernetes.io/cluster/a": "owned"},
            "ForAllValues:StringEquals": {"aws:TagKeys": ["etcd-initialized"]},
        });
        assert!(allowed(tag(ours.clone()), &request));
        assert!(!allowed(tag(ours.clone()), &request.clone().with("aws:TagKeys", ["etcd-initialized", "Name"])));
        let others = Request { context: BTreeMap::new(), ..request.clone() };
        assert!(!allowed(tag(ours), &others), "a key that is not there is not equal");
        assert!(!allowed(tag(json!({"DateLessThan": {"aws:CurrentTime": "2030-01-01"}})), &request));
        let deny = json!([
            {"Effect": "Allow", "Action": "*", "Resource": "*"},
            {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"NoSuchOperator": {"a": "b"}}},
        ]);
        assert!(!allowed(deny, &request), "a denial that is not understood stays one");
        assert!(allowed(tag(json!({"Null": {"aws:TagKeys": "false"}})), &request));
        assert!(allowed(tag(json!({"StringNotEqualsIfExists": {"aws:Via": "x"}})), &request));
    }

    #[test]
    fn variables_come_from_the_request() {
        let own = json!({"Effect": "Allow", "Action": "ssm:PutParameter",
            "Resource": "arn:aws:ssm:eu-west-3:1:parameter/status/${aws:PrincipalTag/member}"});
        let request = Request::new("ssm:PutParameter", "arn:aws:ssm:eu-west-3:1:parameter/status/a");
        assert!(allowed(own.clone(), &request.clone().with("aws:PrincipalTag/member", ["a"])));
        assert!(!allowed(own.clone(), &request.clone().with("aws:PrincipalTag/member", ["b"])));
        assert!(!allowed(own, &request));
    }
}

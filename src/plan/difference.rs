//! Field by field: how two resources of one address differ, and whose doing that is. Knows nothing about kinds.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{Cause, DriftedField, FieldChange};

/// The fields of a resource, as [`crate::resource::Resource::fields`] gives them.
pub type Fields = Map<String, Value>;

/// Object keys by which the elements of a list are the same thing: routes by destination, disks by device; of Kubernetes'
/// lists mounts by path, and most others by name (its API reference, "list map key"). The first that every element has,
/// and no two share, counts.
const ELEMENT_KEYS: [&str; 4] = ["destination", "device", "mountPath", "name"];

/// What leads from `observed` to `desired`.
///
/// `bases` are what was last applied, and behind it what a run that died may have applied. An observed value that is
/// in none of them is drift; without any base every difference is pending.
pub fn changes(observed: &Fields, desired: &Fields, bases: &[&Fields]) -> Vec<FieldChange> {
    let mut found = Vec::new();
    let mut keys: Vec<&String> = observed.keys().chain(desired.keys()).collect();
    keys.sort();
    keys.dedup();
    for key in keys {
        let bases = bases.iter().map(|base| present(base.get(key))).collect();
        let sides = Sides { before: present(observed.get(key)), after: present(desired.get(key)), bases };
        walk(key.clone(), &sides, &mut found);
    }
    found
}

/// What somebody changed: where `observed` is neither what was last applied (the first base) nor any other base.
pub(super) fn drifted(observed: &Fields, bases: &[&Fields]) -> Vec<DriftedField> {
    let Some(applied) = bases.first() else { return Vec::new() };
    changes(observed, applied, bases)
        .into_iter()
        .filter(|change| change.cause != Cause::Pending)
        .map(|change| DriftedField { path: change.path, applied: change.after, observed: change.before })
        .collect()
}

struct Sides<'a> {
    before: Option<&'a Value>,
    after: Option<&'a Value>,
    bases: Vec<Option<&'a Value>>,
}

/// Null and absent are the same.
fn present(value: Option<&Value>) -> Option<&Value> {
    value.filter(|value| !value.is_null())
}

fn walk(path: String, sides: &Sides<'_>, found: &mut Vec<FieldChange>) {
    if sides.before == sides.after {
        return;
    }
    let known = found.len();
    match (sides.before, sides.after) {
        (Some(Value::Object(before)), Some(Value::Object(after))) => objects(&path, before, after, sides, found),
        (Some(Value::Array(before)), Some(Value::Array(after))) => lists(&path, before, after, sides, found),
        _ => {}
    }
    // Scalars, one side absent, lists of scalars, and lists that differ in nothing but their order.
    if found.len() == known {
        leaf(path, sides, found);
    }
}

fn objects(path: &str, before: &Fields, after: &Fields, sides: &Sides<'_>, found: &mut Vec<FieldChange>) {
    let mut keys: Vec<&String> = before.keys().chain(after.keys()).collect();
    keys.sort();
    keys.dedup();
    for key in keys {
        let bases = sides.bases.iter().map(|base| present(base.and_then(|base| base.get(key)))).collect();
        let inner = Sides { before: present(before.get(key)), after: present(after.get(key)), bases };
        walk(member(path, key), &inner, found);
    }
}

fn lists(path: &str, before: &[Value], after: &[Value], sides: &Sides<'_>, found: &mut Vec<FieldChange>) {
    if before.iter().chain(after).any(|element| !element.is_object()) {
        return;
    }
    let keyed = ELEMENT_KEYS.into_iter().find_map(|by| Some((by, values_of(before, by)?, values_of(after, by)?)));
    if let Some((by, old, new)) = keyed {
        let mut keys: Vec<&str> = old.into_iter().chain(new).collect();
        keys.sort_unstable();
        keys.dedup();
        for key in keys {
            let inner = Sides {
                before: element(before, by, key),
                after: element(after, by, key),
                bases: sides
                    .bases
                    .iter()
                    .map(|base| base.and_then(Value::as_array).and_then(|it| element(it, by, key)))
                    .collect(),
            };
            walk(format!("{path}[{key}]"), &inner, found);
        }
        return;
    }
    let only_in = |list: &'_ [Value], other: &[Value]| -> Vec<usize> {
        (0..list.len()).filter(|&index| !other.contains(&list[index])).collect()
    };
    let in_base = |element: &Value| -> Vec<Option<Value>> {
        sides
            .bases
            .iter()
            .map(|base| base.and_then(Value::as_array).is_some_and(|list| list.contains(element)))
            .map(|contained| contained.then(|| element.clone()))
            .collect()
    };
    for index in only_in(before, after) {
        let bases = in_base(&before[index]);
        let inner =
            Sides { before: Some(&before[index]), after: None, bases: bases.iter().map(Option::as_ref).collect() };
        leaf(format!("{path}[{index}]"), &inner, found);
    }
    for index in only_in(after, before) {
        let bases = in_base(&after[index]);
        let inner =
            Sides { before: None, after: Some(&after[index]), bases: bases.iter().map(Option::as_ref).collect() };
        leaf(format!("{path}[{index}]"), &inner, found);
    }
}

fn element<'a>(list: &'a [Value], by: &str, key: &str) -> Option<&'a Value> {
    list.iter().find(|element| element[by] == key)
}

/// What all elements have under a key; `None` if one has nothing there, or two have the same.
fn values_of<'a>(list: &'a [Value], by: &str) -> Option<Vec<&'a str>> {
    let values: Vec<&str> = list.iter().map(|element| element[by].as_str()).collect::<Option<_>>()?;
    let distinct: BTreeSet<&str> = values.iter().copied().collect();
    (distinct.len() == values.len()).then_some(values)
}

fn leaf(path: String, sides: &Sides<'_>, found: &mut Vec<FieldChange>) {
    let drift = !sides.bases.is_empty() && !sides.bases.contains(&sides.before);
    let moved = sides.bases.first().is_some_and(|applied| *applied != sides.after);
    let cause = match (drift, moved) {
        (false, _) => Cause::Pending,
        (true, false) => Cause::Drift,
        (true, true) => Cause::Both,
    };
    found.push(FieldChange {
        path,
        before: sides.before.cloned(),
        after: sides.after.cloned(),
        forces_replacement: false,
        cause,
    });
}

/// `tags.Name`, but `tags["kubernetes.io/role/elb"]`.
fn member(path: &str, key: &str) -> String {
    let plain = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    if plain { format!("{path}.{key}") } else { format!("{path}[{key:?}]") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fields(value: Value) -> Fields {
        match value {
            Value::Object(fields) => fields,
            other => panic!("{other} is no object"),
        }
    }

    fn paths(changes: &[FieldChange]) -> Vec<&str> {
        changes.iter().map(|change| change.path.as_str()).collect()
    }

    #[test]
    fn equal_fields_have_no_difference_and_null_is_absent() {
        let one = fields(json!({"a": 1, "b": null, "tags": {"x": "y"}}));
        let two = fields(json!({"a": 1, "tags": {"x": "y"}}));
        assert_eq!(changes(&one, &two, &[]), vec![]);
    }

    #[test]
    fn paths_name_the_innermost_field() {
        let one = fields(json!({"check": {"port": 1, "path": "/a"}, "tags": {"kubernetes.io/x": "1"}}));
        let two = fields(json!({"check": {"port": 1, "path": "/b"}, "tags": {"Name": "n"}}));
        assert_eq!(paths(&changes(&one, &two, &[])), ["check.path", "tags.Name", "tags[\"kubernetes.io/x\"]"]);
    }

    #[test]
    fn routes_are_compared_by_destination_wherever_they_stand() {
        let one = fields(json!({"routes": [{"destination": "0.0.0.0/0", "target": "a"}]}));
        let two = fields(json!({"routes": [
            {"destination": "10.0.0.0/8", "target": "c"}, {"destination": "0.0.0.0/0", "target": "b"}]}));
        assert_eq!(paths(&changes(&one, &two, &[])), ["routes[0.0.0.0/0].target", "routes[10.0.0.0/8]"]);
    }

    #[test]
    fn elements_without_a_key_are_added_and_removed_as_a_whole() {
        let one = fields(json!({"ingress": [{"port": 1}, {"port": 2}]}));
        let two = fields(json!({"ingress": [{"port": 2}, {"port": 3}]}));
        let found = changes(&one, &two, &[]);
        assert_eq!(paths(&found), ["ingress[0]", "ingress[1]"]);
        assert_eq!((&found[0].before, &found[0].after), (&Some(json!({"port": 1})), &None));
        assert_eq!((&found[1].before, &found[1].after), (&None, &Some(json!({"port": 3}))));
    }

    #[test]
    fn another_order_is_a_difference_of_the_whole_list() {
        let one = fields(json!({"disks": [{"device": "a"}, {"device": "b"}], "types": ["x", "y"]}));
        let two = fields(json!({"disks": [{"device": "b"}, {"device": "a"}], "types": ["y", "x"]}));
        assert_eq!(paths(&changes(&one, &two, &[])), ["disks", "types"]);
    }

    #[test]
    fn the_cause_tells_who_moved() {
        let applied = fields(json!({"a": 1, "b": 1, "c": 1}));
        let observed = fields(json!({"a": 1, "b": 2, "c": 2}));
        let desired = fields(json!({"a": 3, "b": 1, "c": 3}));
        let causes: Vec<Cause> = changes(&observed, &desired, &[&applied]).iter().map(|change| change.cause).collect();
        assert_eq!(causes, [Cause::Pending, Cause::Drift, Cause::Both]);
        let drift = drifted(&observed, &[&applied]);
        assert_eq!(drift.iter().map(|field| field.path.as_str()).collect::<Vec<_>>(), ["b", "c"]);
    }

    #[test]
    fn what_a_dead_run_may_have_applied_is_no_drift() {
        let applied = fields(json!({"a": 1}));
        let begun = fields(json!({"a": 2}));
        let observed = fields(json!({"a": 2}));
        assert_eq!(drifted(&observed, &[&applied, &begun]), vec![]);
        assert_eq!(changes(&observed, &applied, &[&applied, &begun])[0].cause, Cause::Pending);
    }

    #[test]
    fn an_element_that_somebody_added_is_drift_and_one_that_git_removed_is_pending() {
        let applied = fields(json!({"ingress": [{"port": 1}, {"port": 2}]}));
        let observed = fields(json!({"ingress": [{"port": 1}, {"port": 2}, {"port": 9}]}));
        let desired = fields(json!({"ingress": [{"port": 1}]}));
        let causes: Vec<Cause> = changes(&observed, &desired, &[&applied]).iter().map(|change| change.cause).collect();
        assert_eq!(causes, [Cause::Pending, Cause::Drift]);
    }
}

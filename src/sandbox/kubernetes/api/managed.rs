//! Managers: who set which fields of an object, and server-side apply.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::super::objects::{metadata, time};
use super::fields::{self, Fields};
use super::lists;
use super::problem::Problem;

/// Who changes something, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manager {
    /// Its name.
    pub name: String,
    /// `Apply` or `Update`.
    pub operation: &'static str,
    /// The version in which it names the fields.
    pub api_version: String,
    /// `status`, or empty.
    pub subresource: String,
}

/// What happens to fields that somebody else set to other values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnConflict {
    /// The apply is refused.
    Refuse,
    /// They are taken over.
    Force,
}

struct Entry {
    manager: Manager,
    time: String,
    fields: Fields,
}

fn entries(object: &Value) -> Vec<Entry> {
    let stored = object["metadata"]["managedFields"].as_array().into_iter().flatten();
    stored
        .map(|entry| Entry {
            manager: Manager {
                name: entry["manager"].as_str().unwrap_or_default().to_owned(),
                operation: if entry["operation"] == "Apply" { "Apply" } else { "Update" },
                api_version: entry["apiVersion"].as_str().unwrap_or_default().to_owned(),
                subresource: entry["subresource"].as_str().unwrap_or_default().to_owned(),
            },
            time: entry["time"].as_str().unwrap_or_default().to_owned(),
            fields: fields::read(&entry["fieldsV1"]),
        })
        .collect()
}

/// Who has the fields of an object that has been applied never, and changed before anybody noted by whom.
const BEFORE: &str = "before-first-apply";

/// As [`entries`]; what nobody is known to have set is somebody's, too.
fn entries_before(live: &Value, api_version: &str) -> Vec<Entry> {
    let found = entries(live);
    if !found.is_empty() || !live.is_object() {
        return found;
    }
    let manager = Manager {
        name: BEFORE.to_owned(),
        operation: "Update",
        api_version: api_version.to_owned(),
        subresource: String::new(),
    };
    let mut fields = fields::of(live);
    fields.retain(|path| path.first().is_none_or(|part| part != "f:status"));
    let time = live["metadata"]["creationTimestamp"].as_str().unwrap_or_default().to_owned();
    vec![Entry { manager, time, fields }]
}

fn store(object: &mut Value, mut entries: Vec<Entry>) {
    entries.retain(|entry| !entry.fields.is_empty());
    // The server's order: applies first, then by time.
    entries.sort_by(|one, other| (one.manager.operation, &one.time).cmp(&(other.manager.operation, &other.time)));
    let written: Vec<Value> = entries
        .iter()
        .map(|entry| {
            let mut value = json!({
                "manager": entry.manager.name, "operation": entry.manager.operation,
                "apiVersion": entry.manager.api_version, "time": entry.time,
                "fieldsType": "FieldsV1",
                "fieldsV1": fields::write(&entry.fields, entry.manager.operation == "Update"),
            });
            if !entry.manager.subresource.is_empty() {
                value["subresource"] = json!(entry.manager.subresource);
            }
            value
        })
        .collect();
    let metadata = metadata(object);
    if written.is_empty() {
        metadata.remove("managedFields");
    } else {
        metadata.insert("managedFields".to_owned(), Value::Array(written));
    }
}

/// Whether they share an entry.
fn same(one: &Manager, other: &Manager) -> bool {
    one.name == other.name && one.operation == other.operation && one.subresource == other.subresource
}

/// Gives the fields that differ between two forms of an object to whoever made the change.
pub fn note_update(before: &Value, after: &mut Value, manager: &Manager, now: Timestamp) {
    // Most changes are of a status alone: the rest of the object need not be walked through.
    let both = [before, &*after].into_iter().filter_map(Value::as_object).flat_map(Map::keys);
    let differing: BTreeSet<String> =
        both.filter(|field| before.get(*field) != after.get(*field)).map(|field| format!("f:{field}")).collect();
    let is_touched = |path: &fields::Path| path.first().is_some_and(|part| differing.contains(part));
    let part = after.as_object().into_iter().flatten().filter(|(field, _)| differing.contains(&format!("f:{field}")));
    let part: Map<String, Value> = part.map(|(field, value)| (field.clone(), value.clone())).collect();
    let changed = |path: &fields::Path| fields::get(before, path) != fields::get(after, path);
    // An item belongs to whoever put it there; a change within it is one of its fields.
    let is_item = |path: &fields::Path| path.last().is_some_and(|part| part.starts_with("k:"));
    let taken: Fields = fields::of(&Value::Object(part))
        .into_iter()
        .filter(|path| if is_item(path) { fields::get(before, path).is_none() } else { changed(path) })
        .collect();
    let mut entries = entries(before);
    for entry in &mut entries {
        let own = same(&entry.manager, manager);
        let stays = |path: &fields::Path| fields::get(after, path).is_some() && (own || !taken.contains(path));
        entry.fields.retain(|path| !is_touched(path) || stays(path));
    }
    if !taken.is_empty() {
        give(&mut entries, manager, taken, now);
    }
    store(after, entries);
}

fn give(entries: &mut Vec<Entry>, manager: &Manager, fields: Fields, now: Timestamp) {
    if let Some(entry) = entries.iter_mut().find(|entry| same(&entry.manager, manager)) {
        entry.fields.extend(fields);
        entry.manager = manager.clone();
        entry.time = time(now);
    } else {
        entries.push(Entry { manager: manager.clone(), time: time(now), fields });
    }
}

/// Applies a configuration to a live object (`null` if there is none yet): what it names is set, what its manager
/// named before and does not any more is removed unless others have it too.
///
/// # Errors
/// 409 with a cause for every field that another manager set to another value.
pub fn apply(
    live: &Value,
    configuration: &Value,
    manager: &Manager,
    (on_conflict, now): (OnConflict, Timestamp),
) -> Result<Value, Problem> {
    let wanted = fields::of(configuration);
    let mut entries = entries_before(live, &manager.api_version);
    let mut conflicts: Vec<(String, String)> = Vec::new();
    for entry in entries.iter_mut().filter(|entry| !same(&entry.manager, manager)) {
        let differ: Fields = entry
            .fields
            .iter()
            .filter(|path| wanted.contains(*path) && !path.last().is_some_and(|part| part.starts_with("k:")))
            .filter(|path| fields::get(live, path) != fields::get(configuration, path))
            .cloned()
            .collect();
        match on_conflict {
            OnConflict::Force => entry.fields.retain(|path| !differ.contains(path)),
            OnConflict::Refuse => {
                let who = describe(&entry.manager);
                conflicts.extend(differ.iter().map(|path| (who.clone(), fields::text(path))));
            }
        }
    }
    if !conflicts.is_empty() {
        return Err(conflict(&conflicts));
    }
    let mut object = if live.is_object() { live.clone() } else { json!({}) };
    let before = entries.iter().find(|entry| same(&entry.manager, manager)).map(|entry| entry.fields.clone());
    let others: Fields =
        entries.iter().filter(|entry| !same(&entry.manager, manager)).flat_map(|entry| entry.fields.clone()).collect();
    // Items first: they go as a whole, with what the server filled in, unless others have something in them.
    let before = before.unwrap_or_default();
    let mut gone: Vec<&fields::Path> = before.difference(&wanted).collect();
    gone.sort_by_key(|path| path.len());
    let mut removed: Vec<&fields::Path> = Vec::new();
    for path in gone {
        let with_its_item = removed.iter().any(|item| path.starts_with(item));
        let kept = others.iter().any(|other| other.starts_with(path)) || fields::is_key(path);
        if with_its_item || kept {
            continue;
        }
        let owned = |parent: &[String]| wanted.contains(parent) || others.contains(parent);
        fields::remove_with_parents(&mut object, path, owned);
        removed.push(path);
    }
    overlay(&mut object, configuration);
    entries.retain(|entry| !same(&entry.manager, manager));
    let unchanged = before == wanted && strip(live) == strip(&object);
    let kept = live["metadata"]["managedFields"].as_array().into_iter().flatten().find(|entry| {
        entry["manager"] == manager.name.as_str()
            && entry["operation"] == "Apply"
            && entry["subresource"].as_str().unwrap_or_default() == manager.subresource
    });
    // An apply that changes nothing keeps its time, and so makes no revision.
    let at =
        kept.filter(|_| unchanged).and_then(|entry| entry["time"].as_str()).map_or_else(|| time(now), str::to_owned);
    entries.insert(0, Entry { manager: manager.clone(), time: at, fields: wanted });
    for entry in &mut entries {
        entry.fields.retain(|path| fields::get(&object, path).is_some());
    }
    store(&mut object, entries);
    Ok(object)
}

fn strip(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(metadata) = object["metadata"].as_object_mut() {
        metadata.remove("managedFields");
    }
    object
}

/// Lays the configuration over the object: maps and lists with keys are merged, everything else is replaced.
fn overlay(target: &mut Value, configuration: &Value) {
    let Value::Object(wanted) = configuration else {
        *target = configuration.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    for (field, value) in wanted {
        let slot = &mut target[field.as_str()];
        match value {
            Value::Null => {}
            Value::Object(_) if !lists::is_atomic(field) => overlay(slot, value),
            Value::Array(items) => match (lists::owned_keys(field, items), slot.as_array_mut()) {
                (Some(keys), Some(present)) => {
                    for item in items {
                        match present.iter_mut().find(|it| lists::same_owned(keys, it, item)) {
                            Some(found) => overlay(found, item),
                            None => present.push(item.clone()),
                        }
                    }
                }
                (None, Some(present)) if lists::is_set(field) => {
                    let new: Vec<Value> = items.iter().filter(|item| !present.contains(item)).cloned().collect();
                    present.extend(new);
                }
                _ => *slot = value.clone(),
            },
            _ => *slot = value.clone(),
        }
    }
}

fn describe(manager: &Manager) -> String {
    let via = if manager.subresource.is_empty() {
        String::new()
    } else {
        format!(" with subresource {:?}", manager.subresource)
    };
    // The server forgets in which version somebody applied.
    if manager.operation == "Apply" {
        return format!("{:?}{via}", manager.name);
    }
    format!("{:?}{via} using {}", manager.name, manager.api_version)
}

fn conflict(conflicts: &[(String, String)]) -> Problem {
    let first = &conflicts[0];
    let message = if conflicts.len() == 1 {
        format!("Apply failed with 1 conflict: conflict with {}: {}", first.0, first.1)
    } else {
        let mut by_manager: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (who, field) in conflicts {
            by_manager.entry(who).or_default().push(field);
        }
        let lines = by_manager.iter().map(|(who, fields)| {
            let fields: String = fields.iter().map(|field| format!("\n- {field}")).collect();
            format!("conflicts with {who}:{fields}")
        });
        let lines: Vec<String> = lines.collect();
        format!("Apply failed with {} conflicts: {}", conflicts.len(), lines.join("\n"))
    };
    let causes: Vec<Value> = conflicts
        .iter()
        .map(|(who, field)| {
            json!({"reason": "FieldManagerConflict", "message": format!("conflict with {who}"), "field": field})
        })
        .collect();
    let mut problem = Problem::new(409, "Conflict", message);
    problem.details = Some(Box::new(json!({"causes": causes})));
    problem
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manager(name: &str, operation: &'static str) -> Manager {
        Manager { name: name.to_owned(), operation, api_version: "v1".to_owned(), subresource: String::new() }
    }

    fn applied(live: &Value, configuration: &Value, name: &str) -> Result<Value, Problem> {
        apply(live, configuration, &manager(name, "Apply"), (OnConflict::Refuse, Timestamp::UNIX_EPOCH))
    }

    #[test]
    fn a_field_that_is_not_sent_any_more_goes() {
        let one = applied(&Value::Null, &json!({"data": {"a": "1", "b": "2"}}), "one").expect("new");
        let two = applied(&one, &json!({"data": {"a": "1"}}), "one").expect("no conflict");
        assert_eq!(two["data"], json!({"a": "1"}));
    }

    #[test]
    fn a_field_of_two_managers_goes_when_both_let_go() {
        let one = applied(&Value::Null, &json!({"data": {"a": "1", "b": "2"}}), "one").expect("new");
        let both = applied(&one, &json!({"data": {"a": "1"}}), "two").expect("the same value is no conflict");
        let left = applied(&both, &json!({"data": {"b": "2"}}), "one").expect("no conflict");
        assert_eq!(left["data"], json!({"a": "1", "b": "2"}));
        let gone = applied(&left, &json!({}), "two").expect("no conflict");
        assert_eq!(gone["data"], json!({"b": "2"}));
    }

    #[test]
    fn another_value_is_a_conflict_unless_forced() {
        let one = applied(&Value::Null, &json!({"spec": {"replicas": 1, "x": 1}}), "one").expect("new");
        let wanted = json!({"spec": {"replicas": 2}});
        let problem = applied(&one, &wanted, "two").expect_err("a conflict");
        assert_eq!(problem.message, r#"Apply failed with 1 conflict: conflict with "one": .spec.replicas"#);
        assert_eq!(problem.details.expect("causes")["causes"][0]["field"], ".spec.replicas");
        let forced =
            apply(&one, &wanted, &manager("two", "Apply"), (OnConflict::Force, Timestamp::UNIX_EPOCH)).expect("forced");
        assert_eq!(forced["spec"], json!({"replicas": 2, "x": 1}));
        assert!(applied(&forced, &json!({"spec": {"replicas": 1, "x": 1}}), "one").is_err(), "it changed hands");
    }

    #[test]
    fn an_update_takes_fields_over() {
        let one = applied(&Value::Null, &json!({"spec": {"replicas": 1}}), "one").expect("new");
        let mut scaled = one.clone();
        scaled["spec"]["replicas"] = json!(3);
        note_update(&one, &mut scaled, &manager("kubectl-scale", "Update"), Timestamp::UNIX_EPOCH);
        let problem = applied(&scaled, &json!({"spec": {"replicas": 1}}), "one").expect_err("a conflict");
        assert!(problem.message.contains("kubectl-scale"), "{}", problem.message);
        assert!(problem.message.contains(r#""kubectl-scale" using v1"#), "{}", problem.message);
        let left = applied(&scaled, &json!({}), "one").expect("it lets go");
        assert_eq!(left["spec"]["replicas"], 3, "the field has another owner");
    }

    #[test]
    fn items_of_lists_with_keys_are_owned_one_by_one() {
        let configuration = |name: &str| json!({"spec": {"containers": [{"name": name, "image": "i"}]}});
        let one = applied(&Value::Null, &configuration("a"), "one").expect("new");
        let two = applied(&one, &configuration("b"), "two").expect("another item");
        assert_eq!(two["spec"]["containers"].as_array().map(Vec::len), Some(2));
        let renamed = applied(&two, &configuration("c"), "one").expect("no conflict");
        let names: Vec<&str> = renamed["spec"]["containers"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|item| item["name"].as_str().unwrap_or("nameless"))
            .collect();
        assert_eq!(names, ["b", "c"]);
    }

    #[test]
    fn many_conflicts_are_told_by_manager() {
        let one = applied(&Value::Null, &json!({"data": {"a": "1", "b": "1"}}), "one").expect("new");
        let mut both = one.clone();
        both["data"]["c"] = json!("1");
        note_update(&one, &mut both, &manager("two", "Update"), Timestamp::UNIX_EPOCH);
        let wanted = json!({"data": {"a": "2", "b": "2", "c": "2"}});
        let problem = applied(&both, &wanted, "three").expect_err("conflicts");
        assert_eq!(
            problem.message,
            "Apply failed with 3 conflicts: conflicts with \"one\":\n- .data.a\n- .data.b\nconflicts with \"two\" using \
             v1:\n- .data.c"
        );
        let causes = &problem.details.expect("causes")["causes"];
        assert_eq!(causes.as_array().map(Vec::len), Some(3), "{causes}");
        assert_eq!(causes[2]["message"], "conflict with \"two\" using v1");
    }

    #[test]
    fn what_nobody_is_known_to_have_set_is_somebody_s() {
        let live = json!({"data": {"a": "1"}, "status": {"x": 1}});
        let problem = applied(&live, &json!({"data": {"a": "2"}}), "one").expect_err("a conflict");
        assert!(problem.message.contains("\"before-first-apply\" using v1"), "{}", problem.message);
        let same = applied(&live, &json!({"data": {"a": "1", "b": "2"}}), "one").expect("the same value");
        assert_eq!(same["metadata"]["managedFields"].as_array().map(Vec::len), Some(2));
    }

    #[test]
    fn ports_are_told_apart_by_protocol_too() {
        let ports = |ports: Value| json!({"spec": {"containers": [{"name": "a", "ports": ports}]}});
        let tcp = ports(json!([{"containerPort": 53, "name": "tcp"}]));
        let one = applied(&Value::Null, &tcp, "one").expect("new");
        let udp = ports(json!([{"containerPort": 53, "protocol": "UDP", "name": "udp"}]));
        let two = applied(&one, &udp, "two").expect("another port");
        assert_eq!(two["spec"]["containers"][0]["ports"].as_array().map(Vec::len), Some(2), "{two}");
        let named = ports(json!([{"containerPort": 53, "protocol": "TCP", "name": "other"}]));
        let problem = applied(&two, &named, "two").expect_err("the same port as that without protocol");
        assert!(problem.message.ends_with(r#".ports[containerPort=53,protocol="TCP"].name"#), "{}", problem.message);
    }

    #[test]
    fn values_of_sets_are_owned_one_by_one() {
        let finalizers = |all: Value| json!({"metadata": {"finalizers": all}});
        let one = applied(&Value::Null, &finalizers(json!(["a/x"])), "one").expect("new");
        let two = applied(&one, &finalizers(json!(["b/y", "a/x"])), "two").expect("no conflict");
        assert_eq!(two["metadata"]["finalizers"], json!(["a/x", "b/y"]));
        let left = applied(&two, &json!({}), "two").expect("it lets go");
        assert_eq!(left["metadata"]["finalizers"], json!(["a/x"]), "only what nobody else has goes");
        let gone = applied(&left, &json!({}), "one").expect("it lets go");
        assert!(gone["metadata"]["finalizers"].is_null(), "{gone}");
    }

    #[test]
    fn applying_the_same_again_changes_nothing() {
        let one = applied(&Value::Null, &json!({"data": {"a": "1"}}), "one").expect("new");
        let later = Timestamp::from_second(1000).expect("a moment");
        let again = apply(&one, &json!({"data": {"a": "1"}}), &manager("one", "Apply"), (OnConflict::Refuse, later));
        assert_eq!(again.expect("no conflict"), one);
    }
}

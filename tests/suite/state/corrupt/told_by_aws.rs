//! Records that read well and are wrong: what AWS says comes first. Whatever is wrong in all of them at once, an apply
//! changes nothing that exists, and either refuses with words or leaves the records as they should be.

use std::path::Path;

use serde_json::{Value, json};

use super::branch::{Change, Tip, commit, repository};
use super::forged;
use crate::support::{Fleet, copy, proof};

const CLUSTER: &str = "staging-customer.k8s.foo.bar";

/// What is changed in a record, given that of another object of the same kind.
type Lie = (&'static str, fn(&mut Value, &Value));

const LIES: [Lie; 11] = [
    ("another id that looks right", |record, _| {
        let id = record["id"].as_str().unwrap_or_default();
        let (start, end) = id.split_at(id.len() - id.len().min(1));
        record["id"] = json!(format!("{start}{}", if end == "0" { "1" } else { "0" }));
    }),
    ("the id of another object", |record, other| record["id"] = other["id"].clone()),
    ("a lower generation", |record, _| record["generation"] = json!(0)),
    ("a higher generation", |record, _| record["generation"] = json!(7)),
    ("another token", |record, _| record["token"] = json!("MFRGGZDFMZTWQ2LK")),
    ("no token", |record, _| record["token"] = Value::Null),
    ("no attributes", |record, _| record["attributes"] = json!({})),
    ("the attributes of another object", |record, other| record["attributes"] = other["attributes"].clone()),
    ("another run", |record, _| record["run"] = json!("20200101t000000z-00000000")),
    ("what was applied to another object", |record, other| record["applied"] = other["applied"].clone()),
    ("another text in what was applied", |record, _| alter(&mut record["applied"])),
];

/// Changes the tags, which every kind may have.
fn alter(applied: &mut Value) {
    let Some(inner) = applied.as_object_mut().and_then(|it| it.values_mut().next()) else { return };
    if let Some(tags) = inner.get_mut("tags").and_then(Value::as_object_mut) {
        tags.insert(String::from("Name"), json!("something else"));
    }
}

fn live(fleet: &Fleet) -> Value {
    let live = fleet.sandboxed(&["sandbox", "list", "--output", "json"]).exits(0);
    serde_json::from_str(&live.stdout).expect("the list is JSON")
}

/// Without the parameters' values: a certificate that nobody has a record of is issued anew.
fn lasting(live: &Value) -> Vec<(String, Value)> {
    let objects = live.as_object().expect("an object").iter();
    objects
        .map(|(name, object)| {
            let value = if name.starts_with("ssm/") { Value::Null } else { object.clone() };
            (name.clone(), value)
        })
        .collect()
}

/// All records of `tip` after a lie.
fn lies(tip: &Tip, lie: fn(&mut Value, &Value)) -> Vec<(String, Change)> {
    let of_kind = |path: &str| path.split('/').nth(1).map(str::to_owned);
    let records: Vec<(&String, Value)> = tip
        .files
        .iter()
        .filter(|(path, _)| path.starts_with("resources/"))
        .map(|(path, content)| (path, serde_json::from_slice(content).expect("JSON")))
        .collect();
    let mut changes = Vec::new();
    for (index, (path, record)) in records.iter().enumerate() {
        // The next of its kind, in a circle: so that each id stays one object's.
        let around = records[index + 1..].iter().chain(&records[..index]);
        let other = around.into_iter().find(|(other, _)| of_kind(other) == of_kind(path));
        let Some((_, other)) = other else { continue };
        let mut changed = record.clone();
        lie(&mut changed, other);
        if changed != *record {
            let text = serde_json::to_vec_pretty(&changed).expect("JSON");
            changes.push(((*path).clone(), Change::Write("100644", text)));
        }
    }
    changes
}

#[test]
fn whatever_a_record_says_an_apply_looks_first_and_changes_nothing_that_is_right() {
    let fleet = Fleet::created(CLUSTER);
    let before = live(&fleet);
    let tip = Tip::read(&repository(&fleet));
    let own = fleet.path().join(".windlass");
    let kept = tempfile::tempdir().expect("a folder");
    copy(&own, &kept.path().join("kept"));
    let mut cases = 0;
    for (name, lie) in LIES {
        restore(&kept.path().join("kept"), &own);
        let changes = lies(&tip, lie);
        cases += changes.len();
        commit(&repository(&fleet), &[&tip.commit], &forged(&tip), &changes);
        let applied = fleet.sandboxed(&["apply", CLUSTER, "--yes"]);
        assert_eq!(lasting(&live(&fleet)), lasting(&before), "{name}: {}{}", applied.stdout, applied.stderr);
        if applied.code == Some(0) {
            fleet.sandboxed(&["plan", CLUSTER, "--detailed-exitcode"]).exits(0);
            fleet.sandboxed(&["state", "fsck", CLUSTER]).exits(0);
        } else {
            applied.exits(11).warns("hint");
        }
    }
    proof::report("row 10, told by AWS", cases, 300);
}

fn restore(from: &Path, to: &Path) {
    std::fs::remove_dir_all(to).expect("it was there");
    copy(from, to);
}

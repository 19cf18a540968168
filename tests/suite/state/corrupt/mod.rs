//! Row 10: a state branch as commands leave it, damaged in every way that a file and a history can be. Nothing acts on
//! it, the message names file, commit and repair, and the repair makes it what it was.
//!
//! What no reader can tell from the truth, such as another id that AWS might have given, is in `told_by_aws`.

mod branch;
mod damage;
mod history;
mod told_by_aws;

use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;
use windlass::state::{Error, Finding, FindingKind, Records};

use self::branch::{Base, Case, Tip, block_on};
use self::damage::Damage;
use super::bench;
use crate::support::dice::Dice;
use crate::support::git::git;
use crate::support::proof;

/// Replays one case: its name, as the failure printed it.
const REPLAY: &str = "WINDLASS_TEST_CORRUPTION";

static BASE: LazyLock<Base> = LazyLock::new(Base::new);

/// A message with an operation of its own, of a commit that anybody may push: only the content is wrong.
fn forged(tip: &Tip) -> String {
    let line = |line: &str| match line.split_once(": ") {
        Some(("Windlass-Op", _)) => String::from("Windlass-Op: 0badc0de0badc0de0badc0de0badc0de\n"),
        Some(("Windlass-Phase", _)) => String::from("Windlass-Phase: request\n"),
        _ => format!("{line}\n"),
    };
    tip.message.lines().map(line).collect()
}

/// How a damage was told from the truth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Told {
    /// By whoever reads.
    Reading,
    /// By `state fsck` alone: no command decides by it.
    Check,
    /// It says the same as before.
    Same,
    /// Not at all.
    Never,
    /// Not as it should be: the panic says how.
    Wrong,
}

#[test]
fn every_damage_of_a_file_is_named_stops_everything_and_is_repaired() {
    let base = &*BASE;
    for kind in ["journal", "runs", "former", "requests", "certs/cluster", "secrets", "addons", "manifests"] {
        assert!(
            base.held.files.keys().any(|path| damage::kind(path) == kind),
            "no {kind} in {:?}",
            base.held.files.keys()
        );
    }
    for name in ["format.json", "cluster.json", "lock.json", "generations.json", "keys.json", "roll.json"] {
        assert!(base.held.files.contains_key(name), "no {name}");
    }
    let mut dice = Dice::new(10);
    let every = proof::size() > 1;
    let mut damages: Vec<(&Tip, Damage)> = Vec::new();
    let (files, count) = if every { (usize::MAX, 15) } else { (1, 3) };
    damages.extend(damage::of_bytes(&base.rest, files, count, &mut dice).into_iter().map(|it| (&base.rest, it)));
    damages.extend(damage::of_fields(&base.rest, every, &mut dice).into_iter().map(|it| (&base.rest, it)));
    damages.extend(damage::foreign().into_iter().map(|it| (&base.rest, it)));
    // The lock, its holder's journal and what is asked of it are there only while it is held.
    let of_holder = ["lock.json", "requests/", "journal/"];
    let held = |damage: &Damage| of_holder.iter().any(|part| damage.path.starts_with(part));
    damages.extend(damage::of_bytes(&base.held, 1, 6, &mut dice).into_iter().filter(held).map(|it| (&base.held, it)));
    damages.extend(damage::of_fields(&base.held, true, &mut dice).into_iter().filter(held).map(|it| (&base.held, it)));
    if let Ok(name) = std::env::var(REPLAY) {
        damages.retain(|(_, damage)| damage.name == name);
    }
    let next = AtomicUsize::new(0);
    let told = std::thread::scope(|scope| {
        // git does most of the work, in processes of its own.
        let workers: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    let mut told: BTreeMap<Told, usize> = BTreeMap::new();
                    loop {
                        let index = next.fetch_add(1, Ordering::Relaxed);
                        let Some((tip, damage)) = damages.get(index) else { break };
                        let checks = if every || index.is_multiple_of(4) { Checks::All } else { Checks::Tree };
                        // One that fails hides no other: all are shown.
                        let examined = std::panic::catch_unwind(|| block_on(examine(base, tip, damage, checks)));
                        *told.entry(examined.unwrap_or(Told::Wrong)).or_default() += 1;
                    }
                    told
                })
            })
            .collect();
        let mut told: BTreeMap<Told, usize> = BTreeMap::new();
        for worker in workers {
            for (how, count) in worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)) {
                *told.entry(how).or_default() += count;
            }
        }
        told
    });
    proof::say(&format!("{told:?}"));
    assert_eq!(told.get(&Told::Wrong), None, "see the messages above");
    if std::env::var_os(REPLAY).is_none() {
        proof::report("row 10", damages.len(), 300);
        assert!(told.get(&Told::Reading).is_some_and(|count| *count >= 200), "{told:?}");
    }
}

/// How much is asked once a damage was found, and repaired: a check reads the whole history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Checks {
    /// `state fsck` too.
    All,
    /// Whether every file is as it was.
    Tree,
}

async fn examine(base: &Base, tip: &Tip, damage: &Damage, checks: Checks) -> Told {
    let case = base.copy(tip);
    let again = format!("\nagain: {REPLAY}='{}'", damage.name);
    let store = case.store().await;
    let commit = case.commit(&[&tip.commit], &forged(tip), &damage.changes);
    match store.read().await {
        Err(Error::Corrupt(findings)) => {
            let finding =
                named(&findings.0, &damage.path).unwrap_or_else(|| panic!("{}: {findings}{again}", damage.name));
            assert_eq!(finding.commit, commit, "{}{again}", damage.name);
            assert!(findings.to_string().contains("windlass state recover"), "{}: {findings}{again}", damage.name);
            assert!(!findings.to_string().contains('\u{1b}'), "{}{again}", damage.name);
            if checks == Checks::All {
                let found = store.fsck().await.expect("a check");
                assert!(found.iter().any(|it| it == finding), "{}: {found:?}{again}", damage.name);
            }
            repaired(&case, tip, damage, Told::Reading, checks).await;
            Told::Reading
        }
        Err(Error::TooNew { .. }) if damage.path == "format.json" => Told::Reading,
        Err(error) => panic!("{}: {error}{again}", damage.name),
        Ok(after) => {
            let found = store.fsck().await.expect("a check");
            if named(&found, &damage.path).is_some() {
                repaired(&case, tip, damage, Told::Check, checks).await;
                return Told::Check;
            }
            assert_eq!(found, [], "{}{again}", damage.name);
            let before = base.copy(tip).store().await.read().await.expect("a good branch");
            let is_same = (Records { tip: before.tip.clone(), ..after }) == before;
            if is_same && is_harmless(tip, damage) {
                return Told::Same;
            }
            assert!(is_plausible(tip, damage), "{}: nobody has told it from the truth{again}", damage.name);
            Told::Never
        }
    }
}

/// The finding that names the file, or the folder that misses it.
fn named<'a>(findings: &'a [Finding], path: &str) -> Option<&'a Finding> {
    let is_named = |finding: &&Finding| {
        let place = finding.path.as_deref().unwrap_or_default();
        place == path || (place.ends_with('/') && path.starts_with(place)) || path.starts_with(&format!("{place}/"))
    };
    findings.iter().find(is_named)
}

/// What `state recover` makes of it: everything is as before, but for what stays in the history. Nothing has acted on it
/// until then.
async fn repaired(case: &Case, tip: &Tip, damage: &Damage, told: Told, checks: Checks) {
    let store = &case.store().await;
    let again = format!("\nagain: {REPLAY}='{}'", damage.name);
    if told == Told::Reading {
        let error = bench::acquire(store, "r9").await;
        let refused = matches!(error, Err(Error::Corrupt(_)));
        assert!(refused, "{}: {:?}{again}", damage.name, error.map(|lease| lease.epoch()));
    }
    let is_held = damage.path != "lock.json" && tip.files.contains_key("lock.json");
    let mut repair = bench::repair();
    if is_held {
        // Under a living holder nothing is repaired.
        let refused = bench::recover(store, repair.clone()).await;
        let Err(Error::Held(held)) = refused else { panic!("{}: {refused:?}{again}", damage.name) };
        repair.dead = Some(held.lock.epoch);
    }
    let recovered = bench::recover(store, repair).await;
    let recovered = recovered.unwrap_or_else(|error| panic!("{}: {error}{again}", damage.name));
    assert!(recovered.commit.is_some(), "{}: {recovered:?}{again}", damage.name);
    assert_eq!(recovered.unlocked.is_some(), is_held, "{}: {recovered:?}{again}", damage.name);
    // The repair is as it was before; whoever breaks the lock then closes the run, its journal and what was asked of it.
    let repaired = git(&case.repository(), &["ls-tree", "-r", recovered.commit.as_deref().expect("a commit")]);
    assert!(repaired == tip.tree, "{}: {}\n{recovered:?}{again}", damage.name, difference(&repaired, &tip.tree));
    if checks == Checks::Tree {
        let read = store.read().await;
        assert!(read.is_ok(), "{}: {read:?}{again}", damage.name);
        return;
    }
    let left: Vec<Finding> = store.fsck().await.expect("a check");
    let history = [FindingKind::Secret, FindingKind::NotEncrypted, FindingKind::Identity, FindingKind::Result];
    assert!(left.iter().all(|it| history.contains(&it.kind)), "{}: {left:?}{again}", damage.name);
}

/// Lines that only one of two trees has.
fn difference(one: &str, other: &str) -> String {
    let only = |one: &str, other: &str| {
        one.lines().filter(|line| !other.contains(line)).map(|line| format!("\n  {line}")).collect::<String>()
    };
    format!("is{}\nand was{}", only(one, other), only(other, one))
}

/// Only how the file is written has changed, or nobody reads it.
fn is_harmless(tip: &Tip, damage: &Damage) -> bool {
    damage.changes.iter().all(|(path, change)| {
        let branch::Change::Write("100644", content) = change else { return path.starts_with("manifests/") };
        let value = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).ok();
        let lines = |bytes: &[u8]| -> Option<Vec<Value>> {
            std::str::from_utf8(bytes).ok()?.lines().map(|line| serde_json::from_str(line).ok()).collect()
        };
        let before = tip.files.get(path).map(Vec::as_slice).unwrap_or_default();
        path.starts_with("manifests/")
            || (value(content).is_some() && value(content) == value(before))
            || (path.ends_with(".jsonl") && lines(content).is_some() && lines(content) == lines(before))
    })
}

/// What no reader can tell from the truth, and what finds it out before anything is changed.
fn is_plausible(tip: &Tip, damage: &Damage) -> bool {
    damage.changes.iter().all(|(path, change)| {
        let is_removed = matches!(change, branch::Change::Remove);
        let content = match change {
            branch::Change::Write(_, content) => serde_json::from_slice(content).unwrap_or(Value::Null),
            branch::Change::Submodule | branch::Change::Remove => Value::Null,
        };
        let before = tip.files.get(path).and_then(|it| serde_json::from_slice(it).ok()).unwrap_or(Value::Null);
        let changed = |field: &str| content.get(field) != before.get(field);
        let only = |fields: &[&str]| match (&content, &before) {
            (Value::Object(now), Value::Object(was)) => {
                now.keys().chain(was.keys()).all(|field| !changed(field) || fields.contains(&field.as_str()))
            }
            _ => false,
        };
        match damage::kind(path).as_str() {
            // The cluster is asked before anything is changed in it.
            "addons" => is_removed || only(&["objects"]),
            // Machines and nodes are asked before any of them is replaced.
            "roll.json" | "requests" => true,
            // Tokens of deleted objects live a day, and what lives says its generation by its tag.
            "generations.json" => true,
            // AWS is asked what became of it.
            "journal" => true,
            // Shown, and nothing else.
            "cluster.json" => only(&["config", "plan"]),
            "former" => only(&["config", "plan", "account", "region"]),
            "lock.json" => is_removed || only(&["holder", "operation", "started", "ttl", "beat"]),
            "runs" => only(&[
                "operation",
                "actor",
                "started",
                "ended",
                "config",
                "plan",
                "result",
                "counts",
                "error",
                "epoch",
            ]),
            // What they say of the certificate itself is compared with it.
            kind if kind.starts_with("certs/") => is_removed || only(&["run", "role"]),
            // Age refuses to open what was changed, and a key is compared with its public half.
            "secrets" => true,
            "keys.json" => only(&["sealed", "serviceAccount"]),
            // `told_by_aws`.
            kind if kind.starts_with("resources/") => true,
            _ => false,
        }
    })
}

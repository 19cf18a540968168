//! Row 8: whole commands that race in one account. Each changing call is made while its run holds the lock, in the order of
//! the epochs, and what is left is one of everything.

use std::collections::BTreeMap;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use windlass::sandbox::journal::{Line, VARIABLE};

use crate::support::{Fleet, Ran, proof};

const CLUSTER: &str = "staging-customer.k8s.foo.bar";

/// Seconds of a lease: who waits looks thirty times in one.
const LEASE: &str = "60";

/// A fleet whose commands note their calls.
fn fleet() -> Fleet {
    let fleet = Fleet::new();
    let calls = fleet.path().parent().expect("a folder").join("calls.jsonl");
    fleet.with_env(VARIABLE, &calls.to_string_lossy()).with_env("WINDLASS_SANDBOX_LEASE", LEASE)
}

fn calls(fleet: &Fleet) -> Vec<Line> {
    let file = fleet.path().parent().expect("a folder").join("calls.jsonl");
    let text = std::fs::read_to_string(file).expect("calls were noted");
    text.lines().map(|line| serde_json::from_str(line).expect("a line")).collect()
}

fn start(fleet: &Fleet, arguments: &[&str], variables: &[(&str, &str)]) -> Child {
    let mut all = vec!["--sandbox"];
    all.extend(arguments);
    let mut command = fleet.command(&all);
    command.envs(variables.iter().copied()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("windlass runs")
}

fn end(child: Child) -> Ran {
    Ran::of(child.wait_with_output().expect("windlass ends"))
}

fn live(fleet: &Fleet) -> Value {
    let live = fleet.sandboxed(&["sandbox", "list", "--output", "json"]).exits(0);
    serde_json::from_str(&live.stdout).expect("the list is JSON")
}

/// Process → the epochs that it held, from the commits that took the lock.
fn epochs(fleet: &Fleet) -> BTreeMap<u64, u32> {
    let repository = fleet.path().join(".windlass/sandbox-state.git");
    let repository = repository.to_string_lossy();
    let branch = format!("windlass-state/{CLUSTER}");
    let commits = fleet.git(&[
        "--git-dir",
        &repository,
        "log",
        "--format=%H",
        "--grep=Windlass-Phase: \\(acquire\\|steal\\)",
        &branch,
    ]);
    let mut holders = BTreeMap::new();
    for commit in commits.lines() {
        let listed = fleet.git(&["--git-dir", &repository, "ls-tree", "--name-only", commit, "lock.json"]);
        if listed.is_empty() {
            // An unlock: it takes the lock from somebody, and holds none.
            continue;
        }
        let lock = fleet.git(&["--git-dir", &repository, "show", &format!("{commit}:lock.json")]);
        let lock: Value = serde_json::from_str(&lock).expect("a lock");
        let process = lock["holder"].as_str().and_then(|it| it.rsplit(' ').next()?.parse().ok()).expect("a process");
        let before = holders.insert(lock["epoch"].as_u64().expect("an epoch"), process);
        assert_eq!(before, None, "two holders of one epoch");
    }
    holders
}

/// Every changing call was made by a holder, and all of one epoch before all of the next.
fn in_order(fleet: &Fleet) -> usize {
    let epochs = epochs(fleet);
    let of = |process: u32| -> Vec<u64> {
        epochs.iter().filter(|(_, it)| **it == process).map(|(epoch, _)| *epoch).collect()
    };
    let mut latest = 0;
    let mut changes = 0;
    for call in calls(fleet).iter().filter(|call| call.changes) {
        let held = of(call.process);
        let [epoch] = held.as_slice() else { panic!("{call:?} without the lock: {held:?}") };
        assert!(*epoch >= latest, "{call:?} of epoch {epoch} after calls of epoch {latest}");
        latest = *epoch;
        changes += 1;
    }
    changes
}

fn is_sound(fleet: &Fleet) {
    fleet.sandboxed(&["plan", CLUSTER, "--detailed-exitcode"]).exits(0);
    fleet.sandboxed(&["state", "fsck", CLUSTER]).exits(0);
}

#[test]
fn of_two_or_eight_applies_one_makes_the_cluster_and_the_others_find_it() {
    let expected = Fleet::created(CLUSTER).kinds();
    let sizes: &[usize] = if proof::size() > 1 { &[2, 2, 4, 8, 8] } else { &[2, 8] };
    for &contenders in sizes {
        let fleet = fleet();
        let apply = ["apply", CLUSTER, "--yes", "--lock-timeout", "10m"];
        let children: Vec<Child> = (0..contenders).map(|_| start(&fleet, &apply, &[])).collect();
        for child in children {
            end(child).exits(0);
        }
        assert!(in_order(&fleet) > 60);
        assert_eq!(fleet.kinds(), expected, "{contenders} at once");
        is_sound(&fleet);
    }
    proof::report("row 8, commands that race", sizes.iter().sum(), 10);
}

#[test]
fn an_apply_against_a_destroy_ends_as_if_one_had_come_first() {
    let fleet = fleet();
    let empty = live(&fleet);
    let rounds = 2 * proof::size();
    for round in 0..rounds {
        fleet.sandboxed(&["apply", CLUSTER, "--yes"]).exits(0);
        let destroy = ["destroy", CLUSTER, "--yes", "--lock-timeout", "10m"];
        let apply = ["apply", CLUSTER, "--yes", "--lock-timeout", "10m"];
        // Something to apply, whoever is first.
        let vars = format!("vars/{CLUSTER}.yaml");
        let text = fleet.read(&vars);
        fleet.write(&vars, &format!("{text}\ntags:\n  round: \"{round}\"\n"));
        fleet.commit("other tags");
        let (one, other) = if round % 2 == 0 { (&apply, &destroy) } else { (&destroy, &apply) };
        let (one, other) = (start(&fleet, one, &[]), start(&fleet, other, &[]));
        end(one).exits(0);
        end(other).exits(0);
        in_order(&fleet);
        fleet.sandboxed(&["state", "fsck", CLUSTER]).exits(0);
        fleet.write(&vars, &text);
        fleet.commit("the old tags");
        fleet.sandboxed(&["apply", CLUSTER, "--yes"]).exits(0);
        is_sound(&fleet);
        fleet.sandboxed(&["destroy", CLUSTER, "--yes"]).exits(0);
        assert_eq!(live(&fleet), empty);
    }
    proof::report("row 8, apply against destroy", rounds, 2);
}

/// An apply that stands still after its `change`th change, stopped by itself.
fn standing(fleet: &Fleet, change: u64, lease: &str) -> Child {
    let fault = format!(r#"{{"rules":[{{"at":{{"change":{change}}},"kind":"suspendAfter"}}]}}"#);
    let apply = ["apply", CLUSTER, "--yes"];
    let child = start(fleet, &apply, &[("WINDLASS_SANDBOX_FAULT", &fault), ("WINDLASS_SANDBOX_LEASE", lease)]);
    let status = format!("/proc/{}/stat", child.id());
    let began = Instant::now();
    // The state stands behind the name, in parentheses (proc(5)).
    while !std::fs::read_to_string(&status)
        .is_ok_and(|it| it.rsplit(')').next().is_some_and(|it| it.trim().starts_with('T')))
    {
        assert!(began.elapsed() < Duration::from_secs(120), "it does not come to its change {change}");
        std::thread::sleep(Duration::from_millis(20));
    }
    child
}

fn wake(child: &Child) {
    let status = std::process::Command::new("kill").args(["-CONT", &child.id().to_string()]).status();
    assert!(status.expect("kill runs").success());
}

/// What it did after it was woken.
fn after(fleet: &Fleet, zombie: Child, before: usize) -> Ran {
    let process = zombie.id();
    wake(&zombie);
    let ended = end(zombie);
    let calls = calls(fleet);
    let late: Vec<&Line> = calls[before..].iter().filter(|call| call.process == process && call.changes).collect();
    assert!(late.is_empty(), "the zombie changed something: {late:?}");
    ended
}

#[test]
fn who_stood_still_while_its_lock_was_broken_changes_nothing_more() {
    let changes: &[u64] = if proof::size() > 1 { &[5, 20, 40, 60, 80, 100, 120] } else { &[20, 60] };
    for &change in changes {
        let fleet = fleet();
        let zombie = standing(&fleet, change, "300");
        // Longer than any load of a machine holds a process up.
        std::thread::sleep(Duration::from_secs(7));
        fleet.unlock(CLUSTER, &["apply", CLUSTER, "--yes"]);
        fleet.sandboxed(&["apply", CLUSTER, "--yes"]).exits(0);
        let (tip, before) = (live(&fleet), calls(&fleet).len());
        let history = fleet.sandboxed(&["history", CLUSTER, "--output", "json"]).exits(0).stdout;
        after(&fleet, zombie, before).exits(17).warns("hint");
        assert_eq!(live(&fleet), tip);
        assert_eq!(fleet.sandboxed(&["history", CLUSTER, "--output", "json"]).exits(0).stdout, history, "it wrote");
        in_order(&fleet);
        is_sound(&fleet);
    }
    proof::report("row 8, zombies whose lock was broken", changes.len(), 2);
}

#[test]
fn who_stood_still_for_a_whole_lease_is_robbed_and_changes_nothing_more() {
    let fleet = fleet();
    let zombie = standing(&fleet, 40, "45");
    let variables = [("WINDLASS_SANDBOX_LEASE", "45")];
    end(start(&fleet, &["apply", CLUSTER, "--yes", "--lock-timeout", "10m"], &variables)).exits(0).warns("waiting");
    let before = calls(&fleet).len();
    after(&fleet, zombie, before).exits(17);
    in_order(&fleet);
    is_sound(&fleet);
    proof::report("row 8, zombies that were robbed", 1, 1);
}

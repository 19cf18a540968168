//! Commands that change something, as processes that a SIGKILL ends at calls all over the run: the same command, once
//! more, finishes, and nothing is there twice, left over or missing. `src/cli/tests/kills.rs` plays more kills within one
//! process; here nothing of a process is left but its files.

use crate::support::{Fleet, Ran, SMALL, proof};

/// A cluster of the example fleet: three members, several groups.
const STAGING: &str = "staging-customer.k8s.foo.bar";

/// A command, what was done before it, and one of how many calls it is killed at, every other time after the call's effect.
struct Story {
    before: fn() -> Fleet,
    command: &'static [&'static str],
    every: usize,
}

/// In CI one of so many calls of the small cluster's commands; nightly at each.
const SMALL_EVERY: usize = 12;
/// One of so many calls of the larger cluster's, always.
const LARGE_EVERY: usize = 120;

const CREATE: Story = small(Fleet::small, &["apply", SMALL, "--yes"]);
const UPDATE: Story = small(merged, &["apply", SMALL, "--yes"]);
const RENEW: Story = small(Fleet::small_created, &["certs", "renew", SMALL, "--all", "--yes"]);
const PREPARE: Story = small(Fleet::small_created, &["certs", "rotate-ca", SMALL, "--authority", "cluster", "--yes"]);
const SWITCH: Story = small(prepared, &["certs", "rotate-ca", SMALL, "--authority", "cluster", "--yes"]);
const DROP: Story = small(switched, &["certs", "rotate-ca", SMALL, "--authority", "cluster", "--yes", "--verified"]);
const ROLL: Story = small(stale, &["roll", SMALL, "--yes"]);
const DESTROY: Story = small(Fleet::small_created, &["destroy", SMALL, "--yes"]);
const LARGE_CREATE: Story = Story { before: Fleet::new, command: &["apply", STAGING, "--yes"], every: LARGE_EVERY };
const LARGE_ROLL: Story =
    Story { before: || Fleet::outdated(STAGING), command: &["roll", STAGING, "--yes"], every: LARGE_EVERY };

const fn small(before: fn() -> Fleet, command: &'static [&'static str]) -> Story {
    Story { before, command, every: SMALL_EVERY }
}

/// Something of most kinds is to be made, changed, replaced and deleted.
fn merged() -> Fleet {
    let fleet = Fleet::small_created();
    let template = "templates/cluster.yaml.j2";
    fleet.edit(template, "machineTypes: [m6i.xlarge]", "machineTypes: [m6i.xlarge, m6a.xlarge]");
    fleet.edit(template, "name: nodes\n", "name: workers\n");
    fleet.edit(
        template,
        "dns: { zone: k8s.foo.bar }",
        "dns: { zone: k8s.foo.bar, ttl: 30 }\n  api: { allow: [10.8.0.0/16] }",
    );
    fleet.commit("other machines");
    fleet
}

/// The nodes' template has changed since they were launched.
fn stale() -> Fleet {
    let fleet = Fleet::small_created();
    let labels = "machineTypes: [m6i.xlarge]\n  nodeLabels: { foo.bar/tier: web }";
    fleet.edit("templates/cluster.yaml.j2", "machineTypes: [m6i.xlarge]", labels);
    fleet.commit("a label");
    fleet.sandboxed(&["apply", SMALL, "--yes"]).exits(0);
    fleet
}

/// Everybody trusts both authorities.
fn prepared() -> Fleet {
    step_of_rotation(Fleet::small_created())
}

/// The new authority has signed everything.
fn switched() -> Fleet {
    step_of_rotation(prepared())
}

/// Members fetch what changed every half an hour, and tell; workers and people have a day.
fn step_of_rotation(fleet: Fleet) -> Fleet {
    fleet.sandboxed(PREPARE.command).exits(0);
    fleet.sandboxed(&["sandbox", "advance", "25h"]).exits(0);
    fleet
}

impl Story {
    fn survives(&self, name: &str) {
        let cluster = self.command.iter().find(|word| word.contains(".k8s.")).expect("a cluster");
        let before = (self.before)();
        let undisturbed = before.fork();
        undisturbed.sandboxed(self.command).exits(0);
        let expected = undisturbed.kinds();
        let every = if proof::size() > 1 && self.every == SMALL_EVERY { 1 } else { self.every };
        let mut cases = 0;
        for (call, when) in (0..).step_by(every).zip(["killBefore", "killAfter"].into_iter().cycle()) {
            let fleet = before.fork();
            let killed = fleet.disturbed(self.command, &format!(r#"{{"call":{call}}}"#), when);
            if killed.code == Some(0) {
                // It has no more calls.
                break;
            }
            assert_eq!(killed.code, None, "{name}, {when} call {call}: not killed\n{}", killed.stderr);
            let ran = self.goes_on(&fleet, cluster);
            assert_eq!(ran.code, Some(0), "{name}, {when} call {call}\n{}\n{}", ran.stdout, ran.stderr);
            assert_eq!(fleet.kinds(), expected, "{name}, {when} call {call}");
            fleet.sandboxed(&["state", "fsck", cluster]).exits(0);
            if self.command[0] != "destroy" {
                fleet.sandboxed(&["plan", cluster, "--detailed-exitcode"]).exits(0);
            }
            cases += 1;
        }
        proof::report(&format!("killed processes, {name}"), cases, 3);
    }

    /// The same command once more. A step of a rotation that was recorded before the kill is finished by the next apply, and
    /// the step after it has to wait.
    fn goes_on(&self, fleet: &Fleet, cluster: &str) -> Ran {
        let ran = fleet.sandboxed(self.command);
        let is_recorded = self.command.contains(&"rotate-ca") && ran.stderr.contains("has to wait");
        if is_recorded { fleet.sandboxed(&["apply", cluster, "--yes"]) } else { ran }
    }
}

#[test]
fn a_create_goes_on() {
    CREATE.survives("create");
}

#[test]
fn an_update_goes_on() {
    UPDATE.survives("update");
}

#[test]
fn a_renewal_goes_on() {
    RENEW.survives("renewal");
}

#[test]
fn each_step_of_a_rotation_goes_on() {
    for (story, name) in [(PREPARE, "prepare"), (SWITCH, "switch"), (DROP, "drop")] {
        story.survives(name);
    }
}

#[test]
fn a_roll_goes_on() {
    ROLL.survives("roll");
}

#[test]
fn a_destroy_goes_on() {
    DESTROY.survives("destroy");
}

#[test]
fn a_create_of_a_larger_cluster_goes_on() {
    LARGE_CREATE.survives("create of a larger cluster");
}

#[test]
fn a_roll_of_a_larger_cluster_goes_on() {
    LARGE_ROLL.survives("roll of a larger cluster");
}

//! Commands that change something, as processes that a SIGKILL ends at calls all over the run: the same command, once
//! more, finishes, and nothing is there twice, left over or missing. `src/cli/tests/kills.rs` plays many more kills
//! within one process; here nothing of a process is left but its files.

use crate::support::{Fleet, proof};

const CLUSTER: &str = "staging-customer.k8s.foo.bar";

/// A command, what was done before it, and one of how many calls it is killed at; at each of them nightly.
struct Story {
    before: fn(&str) -> Fleet,
    command: &'static [&'static str],
    every: usize,
}

const CREATE: Story = Story { before: |_| Fleet::new(), command: &["apply", CLUSTER, "--yes"], every: 60 };
const UPDATE: Story = Story { before: Fleet::to_update, command: &["apply", CLUSTER, "--yes"], every: 60 };
const RENEW: Story =
    Story { before: Fleet::created, command: &["certs", "renew", CLUSTER, "--all", "--yes"], every: 20 };
const ROTATE: Story = Story {
    before: Fleet::created,
    command: &["certs", "rotate-ca", CLUSTER, "--authority", "etcd", "--yes"],
    every: 20,
};
const ROLL: Story = Story { before: Fleet::outdated, command: &["roll", CLUSTER, "--yes"], every: 120 };
const DESTROY: Story = Story { before: Fleet::created, command: &["destroy", CLUSTER, "--yes"], every: 60 };

impl Story {
    fn survives(&self, name: &str) {
        let before = (self.before)(CLUSTER);
        let undisturbed = before.fork();
        undisturbed.sandboxed(self.command).exits(0);
        let expected = undisturbed.kinds();
        let every = if proof::size() > 1 { 1 } else { self.every };
        let mut cases = 0;
        for (call, when) in (0..).step_by(every).zip(["killBefore", "killAfter"].into_iter().cycle()) {
            let fleet = before.fork();
            let killed = fleet.disturbed(self.command, &format!(r#"{{"call":{call}}}"#), when);
            if killed.code == Some(0) {
                // It has no more calls.
                break;
            }
            assert_eq!(killed.code, None, "{name}, {when} call {call}: not killed\n{}", killed.stderr);
            let ran = fleet.sandboxed(self.command);
            assert_eq!(ran.code, Some(0), "{name}, {when} call {call}\n{}\n{}", ran.stdout, ran.stderr);
            assert_eq!(fleet.kinds(), expected, "{name}, {when} call {call}");
            fleet.sandboxed(&["state", "fsck", CLUSTER]).exits(0);
            if self.command[0] != "destroy" {
                fleet.sandboxed(&["plan", CLUSTER, "--detailed-exitcode"]).exits(0);
            }
            cases += 1;
        }
        proof::report(&format!("killed processes, {name}"), cases, 3);
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
fn a_rotation_goes_on() {
    ROTATE.survives("rotation");
}

#[test]
fn a_roll_goes_on() {
    ROLL.survives("roll");
}

#[test]
fn a_destroy_goes_on() {
    DESTROY.survives("destroy");
}

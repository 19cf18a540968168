//! Commands that change something, as processes that a SIGKILL ends all over the run: the same command, once more, finishes,
//! and nothing is there twice, left over or missing. `src/cli/tests/kills.rs` plays more kills within one process; here
//! nothing of a process is left but its files.

use crate::support::small_cluster::{MERGED, NAME as SMALL, RELABELLED};
use crate::support::{Fleet, Ran, proof};

/// A cluster of the example fleet: three members, several groups.
const STAGING: &str = "staging-customer.k8s.foo.bar";

/// A command, what was done before it, and where it is killed.
struct Story {
    before: fn() -> Fleet,
    command: &'static [&'static str],
    places: Places,
}

/// Between two calls that change something, what a process leaves in AWS is the same.
#[derive(Clone, Copy)]
enum Places {
    /// Before and after the effect of each change.
    Changes,
    /// The same of a long command: before the first one, after the second one, and so on.
    ChangesInTurn,
    /// One of so many calls, reading ones as well, before and after their effect in turn.
    Calls(usize),
}

const CREATE: Story = long(Fleet::small, &["apply", SMALL, "--yes"]);
const UPDATE: Story = small(merged, &["apply", SMALL, "--yes"]);
const RENEW: Story = small(Fleet::small_created, &["certs", "renew", SMALL, "--all", "--yes"]);
const PREPARE: Story = small(Fleet::small_created, &["certs", "rotate-ca", SMALL, "--authority", "cluster", "--yes"]);
const SWITCH: Story = small(prepared, &["certs", "rotate-ca", SMALL, "--authority", "cluster", "--yes"]);
const DROP: Story = small(switched, &["certs", "rotate-ca", SMALL, "--authority", "cluster", "--yes", "--verified"]);
const ROLL: Story = long(stale, &["roll", SMALL, "--yes"]);
const DESTROY: Story = long(Fleet::small_created, &["destroy", SMALL, "--yes"]);
const LARGE_CREATE: Story = large(Fleet::new, &["apply", STAGING, "--yes"]);
const LARGE_ROLL: Story = large(|| Fleet::outdated(STAGING), &["roll", STAGING, "--yes"]);

const fn small(before: fn() -> Fleet, command: &'static [&'static str]) -> Story {
    Story { before, command, places: Places::Changes }
}

const fn long(before: fn() -> Fleet, command: &'static [&'static str]) -> Story {
    Story { before, command, places: Places::ChangesInTurn }
}

const fn large(before: fn() -> Fleet, command: &'static [&'static str]) -> Story {
    Story { before, command, places: Places::Calls(240) }
}

/// A pull request was merged.
fn merged() -> Fleet {
    let fleet = Fleet::small_created();
    fleet.edit_small(MERGED);
    fleet
}

/// The nodes' template has changed since they were launched.
fn stale() -> Fleet {
    let fleet = Fleet::small_created();
    fleet.edit_small(RELABELLED);
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

impl Places {
    /// Nightly at every call of what is not too large for that.
    fn of_this_size(self) -> Self {
        match self {
            Self::Changes | Self::ChangesInTurn if proof::size() > 1 => Self::Calls(1),
            _ => self,
        }
    }

    /// Where and when, as a plan of faults says it; there is no end.
    fn all(self) -> impl Iterator<Item = (String, &'static str)> {
        let (counted, every, times) = match self {
            Self::Changes => ("change", 1, 2),
            Self::ChangesInTurn => ("change", 1, 1),
            Self::Calls(every) => ("call", every, 1),
        };
        let indices = (0_u64..).step_by(every).flat_map(move |index| std::iter::repeat_n(index, times));
        indices
            .map(move |index| format!(r#"{{"{counted}":{index}}}"#))
            .zip(["killBefore", "killAfter"].into_iter().cycle())
    }
}

impl Story {
    fn survives(&self, name: &str) {
        let cluster = self.command.iter().find(|word| word.contains(".k8s.")).expect("a cluster");
        let before = (self.before)();
        let undisturbed = before.fork();
        undisturbed.sandboxed(self.command).exits(0);
        let expected = undisturbed.kinds();
        let mut cases = 0;
        for (place, when) in self.places.of_this_size().all() {
            let fleet = before.fork();
            let killed = fleet.disturbed(self.command, &place, when);
            if killed.code == Some(0) {
                // It has no more of them.
                break;
            }
            assert_eq!(killed.code, None, "{name}, {when} {place}: not killed\n{}", killed.stderr);
            let ran = self.goes_on(&fleet, cluster);
            assert_eq!(ran.code, Some(0), "{name}, {when} {place}\n{}\n{}", ran.stdout, ran.stderr);
            assert_eq!(fleet.kinds(), expected, "{name}, {when} {place}");
            fleet.sandboxed(&["state", "fsck", cluster]).exits(0);
            if self.command[0] != "destroy" {
                fleet.sandboxed(&["plan", cluster, "--detailed-exitcode"]).exits(0);
            }
            cases += 1;
        }
        proof::report(&format!("killed processes, {name}"), cases, 2);
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

//! Commands that change something, each in an account that was prepared for it, and how one goes on after a fault.

use std::sync::LazyLock;

use super::account::{Account, Git, Ran};
use super::oracle::{self, Depth, Expected};
use super::sample::Sample;
use crate::exit::Exit;
use crate::fault::FaultPlan;

/// A command that is disturbed.
pub struct Story {
    pub name: &'static str,
    /// The command.
    pub line: &'static str,
    before: Account,
    expected: Expected,
    /// The undisturbed run: where faults can strike.
    pub undisturbed: Ran,
}

/// What a fault does to a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is killed; the same command, once more, finishes.
    Killed,
    /// It notices, and comes to its end all the same.
    SatOut,
    /// It gives up in order, or comes to its end; the same command, once more, finishes.
    GivesUp,
}

/// What a case showed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Seen {
    /// Virtual seconds of the run that recovered, from when it had the lock.
    pub recovery: u64,
    /// Calls of the disturbed run.
    pub calls: usize,
}

macro_rules! story {
    ($name:ident, $before:expr, $line:expr) => {
        pub static $name: LazyLock<Story> = LazyLock::new(|| Story::new(stringify!($name), $before, $line, Git::Imitated));
    };
}

story!(CREATE, fresh, "apply CLUSTER --yes");
story!(UPDATE, merged, "apply CLUSTER --yes");
story!(RENEW, created, "certs renew CLUSTER --all --yes");
story!(ROLL, stale, "roll CLUSTER --yes");
story!(DESTROY, created, "destroy CLUSTER --yes");

/// The commands by name, to play a case once more.
pub fn named(name: &str) -> &'static Story {
    let all: [&'static LazyLock<Story>; 5] = [&CREATE, &UPDATE, &RENEW, &ROLL, &DESTROY];
    let found = all.into_iter().find(|story| story.name == name);
    found.unwrap_or_else(|| panic!("there is no command {name}"))
}

fn fresh(git: Git) -> Account {
    Account::new(&Sample::small(), git)
}

fn created(git: Git) -> Account {
    let mut account = fresh(git);
    account.exits("apply CLUSTER --yes", Exit::Done);
    account
}

/// Something of most kinds is to be made, changed, replaced and deleted.
fn merged(git: Git) -> Account {
    let account = created(git);
    account.put(&Sample::small().merged());
    account
}

/// The nodes' template has changed since they were launched.
fn stale(git: Git) -> Account {
    let mut account = created(git);
    account.put(&Sample::small().relabelled());
    account.exits("apply CLUSTER --yes", Exit::Done);
    account
}

impl Story {
    fn new(name: &'static str, before: fn(Git) -> Account, line: &'static str, git: Git) -> Self {
        let empty = oracle::everything(&fresh(git));
        let before = before(git);
        let mut undisturbed = before.fork();
        let ran = undisturbed.exits(line, Exit::Done);
        assert!(ran.changes() > 0 || ran.kubernetes_calls > 0, "{name} does nothing:\n{}", ran.text);
        let expected = Expected { empty, inventory: oracle::inventory(&undisturbed) };
        if let Err(wrong) = oracle::check(&mut undisturbed, &expected, Depth::Whole) {
            panic!("{name} without any fault: {wrong}");
        }
        Self { name, line, before, expected, undisturbed: ran }
    }

    /// Runs the command with the faults, goes on as a user would, and checks what has come of it.
    ///
    /// # Errors
    /// What is wrong.
    pub fn survives(&self, plan: &FaultPlan, fate: Fate, depth: Depth) -> Result<Seen, String> {
        let mut account = self.before.fork();
        let first = account.run_with(self.line, plan.clone());
        oracle::tells_no_secret(&first)?;
        if !first.struck {
            return Err(String::from("the fault was never met: the case proves nothing"));
        }
        let mut seen = Seen { calls: first.calls.len(), ..Seen::default() };
        match (first.exit, fate) {
            (None, Fate::Killed) => {}
            (Some(Exit::Done), Fate::SatOut | Fate::GivesUp) => {}
            (Some(Exit::Resumable | Exit::Provider | Exit::Locked), Fate::GivesUp) => {}
            (exit, _) => return Err(format!("{fate:?} was expected, and it ended with {exit:?}:\n{}", first.text)),
        }
        if first.exit != Some(Exit::Done) {
            let again = account.run(&format!("{} --lock-timeout 10m", self.line));
            oracle::must_end(&again, Exit::Done)?;
            seen.recovery = again.took.as_secs();
        }
        oracle::check(&mut account, &self.expected, depth).map(|()| seen)
    }
}

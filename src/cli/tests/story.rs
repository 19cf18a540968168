//! Commands that change something, each in an account that was prepared for it, and how one goes on after a fault.

use std::sync::LazyLock;

use super::account::{Account, Git, Ran};
use super::oracle::{self, Expected};
use super::sample::Sample;
use crate::exit::Exit;
use crate::fault::{At, FaultPlan, Kind};

/// A command that is disturbed.
pub struct Story {
    pub name: &'static str,
    /// The command.
    pub line: &'static str,
    before: Account,
    expected: Expected,
    /// The account behind it.
    after: Account,
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
    /// It may not: it says so, naming the action; the same command, once more, finishes.
    Refused,
}

/// What a case showed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Seen {
    /// Virtual seconds of the run that recovered, from when it had the lock.
    pub recovery: u64,
    /// Calls of the disturbed run.
    pub calls: usize,
    /// Those of them that a fault has met.
    pub strikes: usize,
    /// Those of them that were not refused.
    pub answered: usize,
    /// Those of them that change something.
    pub changes: usize,
    /// Those of these that were not refused.
    pub changed: usize,
}

macro_rules! story {
    ($name:ident, $git:expr, $before:expr, $line:expr) => {
        pub static $name: LazyLock<Story> = LazyLock::new(|| Story::new(stringify!($name), $before, $line, $git));
    };
}

story!(CREATE, Git::Imitated, fresh, "apply CLUSTER --yes");
story!(UPDATE, Git::Imitated, merged, "apply CLUSTER --yes");
story!(RENEW, Git::Imitated, created, "certs renew CLUSTER --all --yes");
story!(ROLL, Git::Imitated, stale, "roll CLUSTER --yes");
story!(DESTROY, Git::Imitated, created, "destroy CLUSTER --yes");
story!(PREPARE, Git::Imitated, created, "certs rotate-ca CLUSTER --authority cluster --yes");
story!(SWITCH, Git::Imitated, prepared, "certs rotate-ca CLUSTER --authority cluster --yes");
story!(DROP, Git::Imitated, switched, "certs rotate-ca CLUSTER --authority cluster --yes --verified");
story!(CREATE_WITH_GIT, Git::Real, fresh, "apply CLUSTER --yes");
story!(DESTROY_WITH_GIT, Git::Real, created, "destroy CLUSTER --yes");

/// The steps of a rotation.
pub fn rotation() -> [&'static Story; 3] {
    [&PREPARE, &SWITCH, &DROP]
}

/// The commands by name, to play a case once more.
pub fn named(name: &str) -> &'static Story {
    let all: [&'static LazyLock<Story>; 10] =
        [&CREATE, &UPDATE, &RENEW, &ROLL, &DESTROY, &PREPARE, &SWITCH, &DROP, &CREATE_WITH_GIT, &DESTROY_WITH_GIT];
    let found = all.into_iter().find(|story| story.name == name);
    found.unwrap_or_else(|| panic!("there is no command {name}"))
}

fn fresh(git: Git) -> Account {
    Account::new(&Sample::small(), git)
}

pub fn created(git: Git) -> Account {
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

/// Everybody trusts both authorities.
fn prepared(git: Git) -> Account {
    let mut account = created(git);
    account.exits("certs rotate-ca CLUSTER --authority cluster --yes", Exit::Done);
    account.later(FETCHED);
    account
}

/// The new authority has signed everything.
fn switched(git: Git) -> Account {
    let mut account = prepared(git);
    account.exits("certs rotate-ca CLUSTER --authority cluster --yes", Exit::Done);
    account.later(FETCHED);
    account
}

/// Members fetch what changed every half an hour, and tell; workers and people have a day.
const FETCHED: i64 = 25 * 3600;

/// How many seconds longer than an undisturbed run a recovery may take: what was begun is looked for during one minute.
const RECOVERY: u64 = 90;

/// How long the lease of a dead run lasts, in seconds, for who cannot know that it is dead: see `state::Timing`.
pub const LEASE: u64 = 300;

impl Story {
    fn new(name: &'static str, before: fn(Git) -> Account, line: &'static str, git: Git) -> Self {
        let empty = fresh(git).live();
        let before = before(git);
        let mut undisturbed = before.fork();
        let ran = undisturbed.exits(line, Exit::Done);
        assert!(ran.changes() > 0 || ran.kubernetes_calls > 0, "{name} does nothing:\n{}", ran.text);
        let expected = Expected { empty, inventory: oracle::inventory(&undisturbed) };
        let after = undisturbed.fork();
        if let Err(wrong) = oracle::check(&mut undisturbed, &expected) {
            panic!("{name} without any fault: {wrong}");
        }
        Self { name, line, before, expected, after, undisturbed: ran }
    }

    /// An account in which the command was killed before a call.
    pub fn killed_before(&self, call: u64) -> Account {
        let mut account = self.before.fork();
        let ran = account.run_with(self.line, FaultPlan::one(At::Call(call), Kind::StopBefore));
        assert_eq!(ran.exit, None, "{}", ran.text);
        account
    }

    /// Kills the command before a call, breaks its lock at once instead of waiting for the end of its lease, and goes on.
    ///
    /// # Errors
    /// What is wrong.
    pub fn survives_unlocked(&self, call: u64) -> Result<(), String> {
        let mut account = self.killed_before(call);
        account.elsewhere();
        let held = account.exits(self.line, Exit::Locked).text;
        let (_, rest) = held.split_once("--epoch ").expect("the refusal names the epoch");
        let epoch: String = rest.chars().take_while(char::is_ascii_digit).collect();
        account.exits(&format!("unlock CLUSTER --epoch {epoch}"), Exit::Done);
        oracle::must_end(&account.run(self.line), Exit::Done)?;
        oracle::check(&mut account, &self.expected)
    }

    /// Kills the command before a call, does something else first, and goes on.
    ///
    /// # Errors
    /// What is wrong.
    pub fn survives_between(&self, call: u64, line: &str) -> Result<(), String> {
        let mut account = self.killed_before(call);
        oracle::must_end(&account.run(line), Exit::Done)?;
        oracle::must_end(&account.run(self.line), Exit::Done)?;
        oracle::check(&mut account, &self.expected)
    }

    /// What its commits say, oldest last.
    pub fn subjects(&self) -> Vec<String> {
        self.after.subjects()
    }

    /// Runs the command with the faults, goes on as a user would, and checks what has come of it.
    ///
    /// # Errors
    /// What is wrong.
    pub fn survives(&self, plan: &FaultPlan, fate: Fate) -> Result<Seen, String> {
        let mut account = self.before.fork();
        let first = account.run_with(self.line, plan.clone());
        oracle::tells_no_secret(&first)?;
        // What may not be done is found out before it is tried.
        if first.strikes == 0 && fate != Fate::Refused {
            return Err(String::from("the fault was never met: the case proves nothing"));
        }
        let (calls, strikes) = (first.calls.len(), usize::try_from(first.strikes).expect("few"));
        let (answered, changes, changed) = (first.answered(), first.changes(), first.changed());
        let mut seen = Seen { calls, strikes, answered, changes, changed, recovery: 0 };
        match (first.exit, fate) {
            (None, Fate::Killed) => {}
            (Some(Exit::Done), Fate::SatOut | Fate::GivesUp) => {}
            (Some(Exit::Resumable | Exit::Provider | Exit::Locked), Fate::GivesUp) => {}
            (Some(Exit::Unexpected), Fate::GivesUp) if has_only_looked(&first) => {}
            (Some(Exit::Provider | Exit::Refused), Fate::Refused) if names_the_action(&first, plan) => {}
            (exit, _) => return Err(format!("{fate:?} was expected, and it ended with {exit:?}:\n{}", first.text)),
        }
        if first.exit != Some(Exit::Done) {
            let waits = goes_on_elsewhere(plan);
            if waits {
                account.elsewhere();
            }
            let again = account.run(&format!("{} --lock-timeout 10m", self.line));
            // A step of a rotation that was recorded before the kill is finished, and the next one has to wait.
            if self.line.contains("rotate-ca") && again.text.contains("has to wait") {
                // It took no lock, so that the dead run's may still be there.
                oracle::must_end(&account.run("apply CLUSTER --yes --lock-timeout 10m"), Exit::Done)?;
            } else {
                oracle::must_end(&again, Exit::Done)?;
            }
            seen.recovery = again.took.as_secs();
            let limit = self.undisturbed.took.as_secs() + RECOVERY + if waits { LEASE } else { 0 };
            if fate == Fate::Killed && seen.recovery > limit {
                return Err(format!("it took {} s to recover, more than {limit} s", seen.recovery));
            }
        }
        oracle::check(&mut account, &self.expected).map(|()| seen)
    }
}

/// Whether whoever comes after the dead run is on another machine, and has to wait for its lease: so it is after kills
/// before a git command, to have both.
fn goes_on_elsewhere(plan: &FaultPlan) -> bool {
    plan.rules.iter().any(|rule| matches!(rule.at, At::Git(_)) && rule.kind == Kind::StopBefore)
}

/// Whether a run has changed nothing. Members are asked how they are by a command that they run.
fn has_only_looked(ran: &Ran) -> bool {
    ran.calls.iter().all(|call| call.operation == "SendCommand" || crate::sandbox::is_read(&call.operation))
}

/// Whether a run says which action it may not do.
fn names_the_action(ran: &Ran, plan: &FaultPlan) -> bool {
    plan.rules.iter().all(|rule| match &rule.at {
        At::Operation(operation) => ran.text.contains(operation.as_str()),
        _ => false,
    })
}

/// An account in which the command was killed half-way: its lock is held by a dead run.
pub fn killed_amid(story: &Story) -> Account {
    story.killed_before(u64::try_from(story.undisturbed.calls.len() / 2).expect("small"))
}

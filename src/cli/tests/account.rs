//! Plays whole processes of windlass in this one: real command lines, real git, the sandbox's account in memory, and
//! virtual time. What a process leaves is what the next one finds.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use clap::Parser;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Builder;

use super::super::options::Stage;
use super::super::{Cli, failure};
use super::sample::Sample;
use crate::clock::{Clock, Skew};
use crate::exit::Exit;
use crate::fault::{FaultPlan, Faults};
use crate::sandbox::seed::Seed;
use crate::sandbox::world::NetworkPlugin;
use crate::sandbox::{CallRecord, Sandbox, World};
use crate::state::Imitation;
use crate::ui::output::Output;

/// What the main thread of a process has on Linux; threads of tests have less.
const STACK: usize = 8 << 20;

/// A project, its state branch, and the account that it works in.
pub struct Account {
    folder: TempDir,
    git: Option<Imitation>,
    pub world: World,
    pub cluster: &'static str,
}

/// Which git a process has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Git {
    /// The command.
    Real,
    /// The imitation in memory.
    Imitated,
}

/// What came of a process.
#[derive(Debug)]
pub struct Ran {
    /// `None`: a fault killed it.
    pub exit: Option<Exit>,
    /// Data and messages.
    pub text: String,
    /// The calls to AWS, in order.
    pub calls: Vec<CallRecord>,
    /// Requests to API servers.
    pub kubernetes_calls: usize,
    /// How many git commands there were.
    pub git_commands: u64,
    /// How many effects a fault of the plan has met.
    pub strikes: u64,
    /// How long it took, in virtual time.
    pub took: Duration,
}

impl Account {
    /// The account of the example's seed, whose machine images bring a network, with a project in it.
    pub fn new(sample: &Sample, git: Git) -> Self {
        let seed = Seed { network_plugin: NetworkPlugin::BuiltIn, workloads: BTreeMap::new(), ..Seed::example() };
        let now: Timestamp = "2026-11-20T10:00:00Z".parse().expect("a date");
        let folder = tempfile::tempdir().expect("a folder");
        let git = (git == Git::Imitated).then(Imitation::default);
        let account = Self { folder, git, world: World::from_seed(&seed, now), cluster: sample.cluster };
        account.put(sample);
        account
    }

    /// Writes the project anew: what a merged pull request does.
    pub fn put(&self, sample: &Sample) {
        for (name, text) in sample.files() {
            let path = self.folder.path().join(name);
            fs::create_dir_all(path.parent().expect("a folder")).expect("folders can be made");
            fs::write(path, text).expect("files can be written");
        }
    }

    /// The same project and account once more, to go on from here in another way.
    pub fn fork(&self) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        copy(self.folder.path(), folder.path());
        let git = self.git.as_ref().map(Imitation::fork);
        Self { folder, git, world: self.world.clone(), cluster: self.cluster }
    }

    /// Goes on as another machine would: one that cannot see whether a process of this one is dead.
    pub fn elsewhere(&self) {
        let signs = self.folder.path().join(".windlass/runs");
        if signs.exists() {
            fs::remove_dir_all(signs).expect("folders can be removed");
        }
    }

    /// The subjects of the state branch's commits, newest first.
    pub fn subjects(&self) -> Vec<String> {
        let branch = format!("windlass-state/{}", self.cluster);
        if let Some(git) = &self.git {
            return git.branch(&branch).0;
        }
        let repository = self.folder.path().join(".windlass/sandbox-state.git");
        let mut command = std::process::Command::new("git");
        let output = command.arg("--git-dir").arg(repository).args(["log", "--format=%s", &branch]).output();
        let text = String::from_utf8(output.expect("git runs").stdout).expect("git prints UTF-8");
        text.lines().map(str::to_owned).collect()
    }

    /// The live objects of the account.
    pub fn live(&self) -> BTreeMap<String, Value> {
        self.world.live()
    }

    /// Lets time pass in the account, in seconds.
    pub fn later(&mut self, seconds: i64) {
        let then = self.world.now.saturating_add(SignedDuration::from_secs(seconds)).expect("a date");
        self.world.advance_to(then);
    }

    /// Runs a command without faults; `CLUSTER` stands for the cluster's name.
    pub fn run(&mut self, line: &str) -> Ran {
        self.run_with(line, FaultPlan::default())
    }

    /// Runs a command that must end so.
    #[track_caller]
    pub fn exits(&mut self, line: &str, exit: Exit) -> Ran {
        let ran = self.run(line);
        assert_eq!(ran.exit, Some(exit), "{line}\n{}", ran.text);
        ran
    }

    /// Runs a command with faults, until it ends or is killed by one.
    pub fn run_with(&mut self, line: &str, plan: FaultPlan) -> Ran {
        let play = || {
            let runtime = Builder::new_current_thread().enable_all().start_paused(true).build().expect("a runtime");
            runtime.block_on(self.process(line, plan))
        };
        let (ran, world) = std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, play).expect("a thread");
            thread.join().unwrap_or_else(|panicked| std::panic::resume_unwind(panicked))
        });
        self.world = world;
        ran
    }

    async fn process(&self, line: &str, plan: FaultPlan) -> (Ran, World) {
        let skew = Skew::none();
        let clock = Clock::starting_at(self.world.now);
        let faults = Faults::from(plan).shifting(skew);
        let sandbox = Sandbox::in_memory(clock, self.world.clone()).with_faults(faults.clone());
        let folder = self.folder.path().to_string_lossy().into_owned();
        let line = line.replace("CLUSTER", self.cluster);
        let words = ["windlass", "--sandbox", "-C", &folder].into_iter().chain(line.split_whitespace());
        let mut cli = Cli::try_parse_from(words).unwrap_or_else(|error| panic!("{line}: {error}"));
        let (clock_of_process, git) = (clock.skewed(skew), self.git.clone());
        cli.global.stage =
            Some(Stage { sandbox: sandbox.clone(), clock: clock_of_process, faults: faults.clone(), git });
        let (output, captured) = Output::captured();
        let exit = tokio::select! {
            biased;
            () = faults.stopped() => None,
            done = cli.dispatch_async(output) => Some(done.unwrap_or_else(|error| failure::report(output, &error))),
        };
        let ran = Ran {
            exit,
            text: captured.text(),
            calls: sandbox.calls(),
            kubernetes_calls: sandbox.kubernetes_calls().len(),
            git_commands: faults.git_commands(),
            strikes: faults.strikes(),
            took: clock.since_boot(),
        };
        (ran, sandbox.with_world(|world| world.clone()).expect("a world in memory"))
    }
}

impl Ran {
    /// How many calls would have changed something.
    pub fn changes(&self) -> usize {
        self.changing().count()
    }

    /// How many were not refused.
    pub fn answered(&self) -> usize {
        self.calls.iter().filter(|call| call.error.is_none()).count()
    }

    /// How many changed something. Members are asked how they are by a command that they run.
    pub fn changed(&self) -> usize {
        self.changing().filter(|call| call.error.is_none() && call.operation != "SendCommand").count()
    }

    fn changing(&self) -> impl Iterator<Item = &CallRecord> {
        self.calls.iter().filter(|call| !crate::sandbox::is_read(&call.operation))
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("folders can be made");
    for entry in fs::read_dir(from).expect("a readable folder") {
        let entry = entry.expect("a readable entry");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("files can be copied");
        }
    }
}

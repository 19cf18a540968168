//! One machine, from the start of its instance to the work that it repeats.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::super::ec2::Instance;
use super::super::world::World;
use super::facts::{Facts, Role};
use super::keys::Installed;
use super::{REFRESH, RETRY, later, member, node, user_data};

/// Lines of a console that are kept.
const CONSOLE: usize = 40;

/// What runs on an instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Machine {
    /// The start of the instance's run that this is about: stopping and starting is another one.
    pub since: Timestamp,
    /// What its user data says; `None` before it was read, and for user data that is not windlass'.
    pub facts: Option<Facts>,
    /// How far it has come.
    pub stage: Stage,
    /// When it does something next.
    pub next: Option<Timestamp>,
    /// Tries of the bootstrap.
    pub tries: u32,
    /// What it printed on its console, the latest last.
    pub console: Vec<String>,
    /// What it fetched.
    pub installed: Installed,
    /// When it last wrote the join token.
    pub published: Option<Timestamp>,
}

/// How far a machine has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Its bootstrap has not run yet.
    Starting,
    /// The bootstrap failed, and is tried again.
    Failing(String),
    /// The bootstrap gave up until somebody does something.
    Stopped(String),
    /// Everything of its own is there; others are not.
    Waiting(String),
    /// Its control plane was stopped for a restore.
    Halted,
    /// It does its work since then.
    Serving(Timestamp),
    /// Its user data is none of windlass'.
    Foreign,
}

impl fmt::Display for Stage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Starting => formatter.write_str("starting"),
            Self::Failing(why) => write!(formatter, "does not come up: {why}"),
            Self::Stopped(why) => write!(formatter, "stopped: {why}"),
            Self::Waiting(why) => write!(formatter, "waiting: {why}"),
            Self::Halted => formatter.write_str("stopped for a restore"),
            Self::Serving(since) => write!(formatter, "up since {}", since.strftime("%F %T")),
            Self::Foreign => formatter.write_str("not windlass'"),
        }
    }
}

/// Why a try of the bootstrap failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// It may go away: systemd starts the unit again.
    Passing(String),
    /// It needs somebody (`RestartPreventExitStatus`).
    Lasting(String),
}

impl From<String> for Trouble {
    fn from(why: String) -> Self {
        Self::Passing(why)
    }
}

impl Machine {
    /// Of an instance that began to run.
    pub fn start(instance: &Instance) -> Self {
        Self {
            since: instance.since,
            facts: None,
            stage: Stage::Starting,
            // Its moment has come: this is called then.
            next: Some(instance.since),
            tries: 0,
            console: Vec::new(),
            installed: Installed::default(),
            published: None,
        }
    }

    /// Does what is due, and says when something is due again.
    pub fn step(&mut self, world: &mut World, instance: &str) {
        let now = world.now;
        if self.facts.is_none() && !self.read(world, instance) {
            return;
        }
        let Some(facts) = self.facts.clone() else { return };
        if let Stage::Serving(_) = self.stage {
            self.refresh(world, instance, &facts);
            self.next = Some(later(now, REFRESH));
            return;
        }
        let outcome = match facts.role {
            Role::Member => member::boot(world, instance, &facts, self),
            Role::Node => node::boot(world, instance, &facts, self),
            Role::Bastion => Ok(Stage::Serving(now)),
        };
        self.tries += 1;
        let (stage, next) = match outcome {
            Ok(stage @ Stage::Serving(_)) => (stage, (facts.role != Role::Bastion).then(|| later(now, REFRESH))),
            Ok(stage) => (stage, Some(later(now, RETRY))),
            Err(Trouble::Passing(why)) => (Stage::Failing(why), Some(later(now, RETRY))),
            Err(Trouble::Lasting(why)) => (Stage::Stopped(why), None),
        };
        self.next = next;
        if self.stage != stage {
            self.print(now, &stage.to_string());
            self.stage = stage;
        }
    }

    /// Reads the user data; false: there is nothing to do with it.
    fn read(&mut self, world: &World, instance: &str) -> bool {
        let user_data = world.ec2.instances.get(instance).and_then(|it| it.user_data.clone()).unwrap_or_default();
        let facts = match user_data::read(&user_data) {
            Ok(Some(document)) => Facts::read(&document),
            Ok(None) => Ok(None),
            Err(why) => Err(why),
        };
        self.next = None;
        match facts {
            Ok(Some(facts)) => {
                self.facts = Some(facts);
                true
            }
            Ok(None) => {
                self.stage = Stage::Foreign;
                false
            }
            Err(why) => {
                // What is written at launch stays as it is: trying again does not help.
                self.print(world.now, &why);
                self.stage = Stage::Stopped(why);
                false
            }
        }
    }

    /// What `windlass-refresh` does.
    ///
    /// # Errors
    /// Why it fetched nothing; what it had stays.
    pub fn fetch(&mut self, world: &mut World, instance: &str, facts: &Facts) -> Result<(), String> {
        let done = match facts.role {
            Role::Member => member::refresh(world, instance, facts, self),
            Role::Node => node::refresh(world, instance, facts, self),
            Role::Bastion => Ok(()),
        };
        if let Err(why) = &done {
            self.print(world.now, &format!("windlass-refresh: {why}"));
        }
        done
    }

    fn refresh(&mut self, world: &mut World, instance: &str, facts: &Facts) {
        // It was printed; a machine goes on with what it has.
        let _told = self.fetch(world, instance, facts);
    }

    /// Prints a line on the console.
    pub fn print(&mut self, now: Timestamp, line: &str) {
        self.console.push(format!("{} windlass: {line}", now.strftime("%FT%TZ")));
        if self.console.len() > CONSOLE {
            self.console.remove(0);
        }
    }
}

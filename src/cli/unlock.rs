//! `windlass unlock`: breaks the lock of a run that died.

use clap::Args;

use super::options::{Global, Which};
use super::run::actor;
use super::session::{project, store};
use crate::exit::Exit;
use crate::state::LockRecord;
use crate::ui::output::Output;

/// Break the lock of a run that died. The run that holds it can change nothing more.
///
/// Without it, a dead run's lock is taken over at once by the same checkout on the same machine, and after five minutes by
/// whoever waits elsewhere with --lock-timeout.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    which: Which,
    /// The epoch of the lock, as the message says that tells who holds it.
    #[arg(long, value_name = "N")]
    epoch: u64,
}

impl Arguments {
    /// Breaks it.
    pub async fn run(&self, global: &Global, output: Output) -> anyhow::Result<Exit> {
        let project = project(global)?;
        let store = store(global, &project, &self.which.cluster).await?;
        let unlocked = store.unlock(self.epoch, &actor()).await?;
        output.message(&broken(&unlocked.lock));
        Ok(Exit::Done)
    }
}

/// Says whose lock it was.
pub fn broken(lock: &LockRecord) -> String {
    format!("the lock of {} ({}, run {}) is broken", lock.holder, lock.operation, lock.run)
}

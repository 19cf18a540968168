//! `windlass state recover`: repairs a state branch from its own history, or makes its records anew from AWS.

use clap::Args;

use super::lost;
use crate::cli::failure::Stopped;
use crate::cli::interrupt;
use crate::cli::options::{Global, LockOptions, Which};
use crate::cli::run::actor;
use crate::cli::session::{lease_clock, project, store};
use crate::cli::unlock;
use crate::exit::Exit;
use crate::state::{Finding, Held, Recover};
use crate::ui::output::Output;

/// Put the last good version of damaged files of the state branch back, in a commit of its own.
///
/// A file that never had a good version is removed. Also goes on from a commit that somebody made by hand. The damage
/// stays in the history, where git log shows it. A branch that is gone is put back as it was last seen here. Nothing is
/// repaired under a run that lives: a dead one's lock, as apply knows it or --epoch says, is broken with the repair. With
/// --from-aws, records that are in no history any more are made anew from what AWS knows of the cluster.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    which: Which,
    /// The files, as `state fsck` names them; none: all damaged ones.
    #[arg(value_name = "FILE", conflicts_with = "from_aws")]
    files: Vec<String>,
    /// Write down again what the cluster's tags and parameters in AWS say. Changes nothing in AWS.
    #[arg(long)]
    from_aws: bool,
    /// Do not ask.
    #[arg(short, long, requires = "from_aws")]
    yes: bool,
    /// Show what would be written, and stop.
    #[arg(long, requires = "from_aws")]
    dry_run: bool,
    /// The run that holds the lock with this epoch is dead: repair under it, and break it.
    #[arg(long, value_name = "N", conflicts_with = "from_aws")]
    epoch: Option<u64>,
    #[command(flatten)]
    lock: LockOptions,
}

impl Arguments {
    /// Repairs.
    pub async fn run(&self, global: &Global, output: Output) -> anyhow::Result<Exit> {
        if self.from_aws {
            let options = lost::Options { yes: self.yes, dry_run: self.dry_run, lock: self.lock };
            return lost::recover(global, output, &self.which.cluster, &options).await;
        }
        let project = project(global)?;
        let store = store(global, &project, &self.which.cluster).await?;
        let recover = Recover {
            paths: self.files.clone(),
            actor: actor(),
            dead: self.epoch,
            timeout: self.lock.lock_timeout,
            stop: interrupt::listen(output, lease_clock(global), self.lock.timeout)?,
        };
        let mut waiting = |held: &Held| output.message(&format!("waiting: {held}"));
        let recovered = store.recover(recover, &mut waiting).await?;
        if let Some(tip) = recovered.put_back {
            output.message(&format!(
                "the branch was gone, and is back as it was last seen here, at commit {tip}\n  hint: whoever saw a later one \
                 has it in their own .windlass folder; windlass plan {} says whether AWS is ahead",
                self.which.cluster
            ));
            return Ok(Exit::Done);
        }
        if recovered.commit.is_none() && recovered.left.is_empty() {
            output.message(&format!(
                "nothing is damaged\n  hint: if the branch is lost: windlass state recover {} --from-aws",
                self.which.cluster
            ));
            return Ok(Exit::Done);
        }
        for (path, from) in &recovered.restored {
            match from {
                Some(from) => output.message(&format!("{path}: as in commit {from}")),
                None => output.message(&format!("{path}: no version was good")),
            }
        }
        if let Some(commit) = recovered.commit {
            output.message(&format!("repaired in commit {commit}"));
        }
        if let Some(lock) = recovered.unlocked {
            output.message(&unlock::broken(&lock));
        }
        if !recovered.left.is_empty() {
            return Err(self.beyond_repair(&recovered.left).into());
        }
        Ok(Exit::Done)
    }

    /// No version in the history is good.
    fn beyond_repair(&self, left: &[Finding]) -> Stopped {
        let cluster = &self.which.cluster;
        let left: String = left.iter().map(|finding| format!("\n{finding}")).collect();
        let message = format!(
            "no version in the history of the state branch makes this good:{left}\n  hint: commit a good copy to it by hand, \
             then windlass state recover {cluster}; without one, remove the branch windlass-state/{cluster}, then windlass \
             state recover {cluster} --from-aws"
        );
        Stopped::new(Exit::Refused, message)
    }
}

//! `windlass capacity watch`: raises the declared fallback of a group that gets no capacity, and lowers it again.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use clap::Args;
use jiff::SignedDuration;

use super::super::interrupt;
use super::super::options::{Global, LockOptions, Which};
use super::super::run;
use super::super::session::Session;
use super::{PARALLELISM, wanted};
use crate::aws::{self, Bounds, GroupsWanted, KnownMachines};
use crate::capacity::fallback::{FallbackAction, Raised, decide};
use crate::exit::Exit;
use crate::health::Group;
use crate::ui::output::Output;

/// How often it looks: half of the 30 seconds within which a failure must be answered.
const INTERVAL: Duration = Duration::from_secs(15);
/// How far back activities are read: as long as a failure raises a fallback.
const BACK: SignedDuration = SignedDuration::from_mins(10);
/// `watch` runs until it is stopped; the signals' listener wants an end: a year.
const LONGEST: Duration = Duration::from_secs(365 * 86_400);

/// Watch the launches of a cluster: raise the declared fallback when a group gets no capacity, and lower it again.
///
/// Lowering makes Auto Scaling end machines without asking Kubernetes; it happens only once the first group has all its
/// machines again. What was raised is written on the fallback group, so any later run goes on from there.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    which: Which,
    /// Look once, act, and end: with 16 when a group lacks machines and no fallback is left.
    #[arg(long)]
    once: bool,
    #[command(flatten)]
    lock: LockOptions,
}

impl Arguments {
    /// Watches.
    pub async fn run(&self, global: &Global, output: Output) -> anyhow::Result<Exit> {
        let session = Session::open(global, output, &self.which.cluster, PARALLELISM).await?;
        let wanted = wanted(&session).await?;
        if self.once {
            return Ok(if self.pass(&session, &wanted).await? { Exit::Done } else { Exit::Capacity });
        }
        let stop = interrupt::listen(output, session.clock, LONGEST)?;
        while !stop.is_cancelled() {
            self.pass(&session, &wanted).await?;
            tokio::select! {
                () = session.clock.sleep(INTERVAL) => {}
                () = stop.cancelled() => {}
            }
        }
        Ok(Exit::Done)
    }

    /// Looks once, and acts under the lock if there is something to do. Whether no group is without a way out.
    async fn pass(&self, session: &Session, wanted: &GroupsWanted) -> anyhow::Result<bool> {
        let (groups, actions) = look(session, wanted).await?;
        let exhausted = |action: &&FallbackAction| matches!(action, FallbackAction::Exhausted { .. });
        for action in actions.iter().filter(exhausted) {
            session.output.message(&words(action));
        }
        if actions.iter().all(|action| exhausted(&action)) {
            return Ok(actions.is_empty());
        }
        let healthy = !actions.iter().any(|action| exhausted(&action));
        drop((groups, actions));
        // Each pass that acts listens for itself: with the usual limit it would complain long after it was done.
        let lock = LockOptions { timeout: LONGEST, ..self.lock };
        run::recorded(session, "capacity watch", lock, async |lease| {
            let fence = lease.fence();
            session.aws.hold(aws::Fence::new(move |timeout| {
                fence.permit(timeout).map_err(|ended| aws::LeaseEnded(ended.to_string()))
            }));
            // Somebody may have acted before the lock was ours.
            let (groups, actions) = look(session, wanted).await?;
            for action in &actions {
                act(session, &groups, action).await?;
            }
            Ok(())
        })
        .await?;
        Ok(healthy)
    }
}

async fn look(
    session: &Session,
    wanted: &GroupsWanted,
) -> anyhow::Result<(BTreeMap<String, Group>, Vec<FallbackAction>)> {
    let mut known = KnownMachines::default();
    let groups = aws::groups_view(&session.aws, wanted, &mut known).await?;
    let marks = aws::raised_marks(&session.aws, wanted).await?;
    let mut raised: BTreeMap<String, Raised> = BTreeMap::new();
    for (group, mark) in marks {
        raised.insert(group, mark.parse()?);
    }
    let names: BTreeSet<String> = groups.values().map(|group| group.auto_scaling_group.clone()).collect();
    let now = session.clock.now();
    let activities = aws::activities(&session.aws, &names, now - BACK).await?;
    let actions = decide(&groups, &aws::capacity_failures(&activities), &raised, now);
    Ok((groups, actions))
}

/// The mark is written before a group is raised and taken off after it was lowered: a crash in between leaves a mark, which
/// the next pass reads, and never a raised group that nobody knows of.
async fn act(session: &Session, groups: &BTreeMap<String, Group>, action: &FallbackAction) -> anyhow::Result<()> {
    let (aws, bounds) = (&session.aws, |desired| Bounds { desired: Some(desired), max: None });
    match action {
        FallbackAction::Raise { group, raised, desired } => {
            let Some(target) = groups.get(group) else { return Ok(()) };
            aws::mark(aws, &target.auto_scaling_group, &raised.to_string()).await?;
            aws::resize(aws, &target.auto_scaling_group, bounds(*desired)).await?;
        }
        FallbackAction::Lower { group, desired } => {
            let Some(target) = groups.get(group) else { return Ok(()) };
            aws::resize(aws, &target.auto_scaling_group, bounds(*desired)).await?;
            aws::unmark(aws, &target.auto_scaling_group).await?;
        }
        FallbackAction::Exhausted { .. } => return Ok(()),
    }
    session.output.message(&words(action));
    Ok(())
}

fn words(action: &FallbackAction) -> String {
    match action {
        FallbackAction::Raise { group, raised, desired } => {
            format!("{} gets no capacity: {group} is raised by {} to {desired}", raised.instead_of, raised.count)
        }
        FallbackAction::Lower { group, desired } => format!("{group} is lowered to {desired} again"),
        FallbackAction::Exhausted { group, missing } => {
            format!("{group} lacks {missing} machines, and no fallback is left")
        }
    }
}

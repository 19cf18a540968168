//! `windlass capacity`: where machines can be had, who takes over, and what the cluster-autoscaler is told.

mod check;
mod expander;

use std::num::NonZeroUsize;

use clap::{Args, Subcommand};

use super::options::Global;
use super::picture::guards;
use super::session::Session;
use crate::aws::GroupsWanted;
use crate::desired;
use crate::exit::Exit;
use crate::health::GroupRole;
use crate::spec::Role;
use crate::ui::output::Output;

/// Calls at the same time, where few are made.
const PARALLELISM: NonZeroUsize = NonZeroUsize::new(16).expect("16 is not 0");

/// Look after the capacity of a cluster: check it, print what the cluster-autoscaler needs.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Check(check::Arguments),
    Expander(expander::Arguments),
}

impl Arguments {
    /// Runs the subcommand.
    pub async fn run(&self, global: &Global, output: Output) -> anyhow::Result<Exit> {
        match &self.command {
            Command::Check(arguments) => arguments.run(global, output).await,
            Command::Expander(arguments) => arguments.run(global, output),
        }
    }
}

/// What the groups are looked for by, once it is sure that this is the right account.
async fn wanted(session: &Session) -> anyhow::Result<GroupsWanted> {
    let caller = session.aws.identity().await?;
    guards(session, None).identity(&caller.account, session.aws.region())?;
    let records = session.store.read().await?;
    let specification = session.specification();
    let members = specification.cluster.spec.control_plane.members.iter();
    let members = members.map(|member| (desired::member_group(member), GroupRole::Member(member.name.to_string())));
    let bastions = specification.node_groups.iter().filter(|group| group.spec.role == Role::Bastion);
    let bastions = bastions.map(|group| (group.metadata.name.to_string(), GroupRole::Bastion));
    Ok(GroupsWanted {
        cluster: session.cluster().clone(),
        uid: records.cluster.map(|cluster| cluster.uid),
        roles: members.chain(bastions).collect(),
        fallbacks: crate::capacity::fallbacks(specification),
    })
}

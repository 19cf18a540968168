//! `windlass roll`: replaces the machines whose template has changed.

mod control;
pub mod policy;
mod start;

use std::path::PathBuf;

use clap::Args;
use clap_complete::ArgValueCandidates;

use self::start::{Paused, Wanted};
use super::complete;
use super::options::{Global, RunOptions};
use crate::exit::Exit;
use crate::name::ClusterName;
use crate::ui::output::Output;

/// Replace the machines whose launch template has changed since they were launched, without pods noticing more than their
/// budgets allow.
///
/// The control plane goes first, one member at a time with etcd's quorum checked. Then all groups at the same time: new
/// machines come first, old ones are cordoned, their pods evicted through the API, and each goes when it is empty. Killed
/// at any moment and run again, it goes on where it was.
///
/// A drain that a budget holds for drainTimeout stops the roll and is named; nothing is killed. See
/// docs/runbooks/stuck-roll.md.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct Arguments {
    /// The cluster's DNS name, as in vars/NAME.yaml.
    #[arg(value_name = "CLUSTER", required = true, add = ArgValueCandidates::new(complete::clusters))]
    cluster: Option<ClusterName>,
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    options: RunOptions,
    #[command(subcommand)]
    control: Option<control::Control>,
}

/// What is rolled, and how.
#[derive(Clone, Debug, Args)]
pub struct Selection {
    /// Only groups of this name; may be given again. `*` stands for anything. Members are `control-plane-NAME`.
    #[arg(long, value_name = "GLOB")]
    only: Vec<String>,
    /// All groups but those of this name; may be given again.
    #[arg(long, value_name = "GLOB")]
    except: Vec<String>,
    /// Replace every machine of the chosen groups, also those that are up to date.
    #[arg(long)]
    force: bool,
    /// When a budget has held a drain for drainTimeout, delete the pods it protects. Goes into the audit log.
    #[arg(long)]
    ignore_pdb: bool,
    /// Roll although the look before has found what will block or hurt: impossible budgets, an unhealthy control plane.
    #[arg(long)]
    accept_findings: bool,
    /// Talk to the API with this kubeconfig's current context, instead of a certificate issued for this run.
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
}

impl Arguments {
    /// Rolls, or tells a roll what to do.
    pub async fn run(&self, global: &Global, output: Output) -> anyhow::Result<Exit> {
        match (&self.control, &self.cluster) {
            (Some(control), _) => control.run(global, output).await,
            (None, Some(cluster)) => {
                let (selection, options) = (&self.selection, &self.options);
                start::begin(global, output, Wanted { cluster, selection, options, paused: Paused::Refused }).await
            }
            // clap requires one of the two.
            (None, None) => Ok(Exit::Config),
        }
    }
}

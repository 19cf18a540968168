//! `windlass iam`: the policies that the users of a cluster need, made from the table of operations.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use clap_complete::ArgValueCandidates;
use serde_json::Value;

use super::complete;
use super::manual::write_all;
use super::options::Global;
use super::permissions::territory;
use super::session::Manifests;
use crate::aws::permission::policy::Policy;
use crate::aws::permission::{Backup, OPERATIONS, Territory};
use crate::exit::Exit;
use crate::name::ClusterName;
use crate::ui::output::Output;

/// Print a policy for the users of a cluster, as IAM takes it: exactly what its commands call, on what is the cluster's.
///
/// Everybody has `plan`; whoever changes something has another one beside it. See docs/reference/iam/README.md.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The cluster's DNS name, as in vars/NAME.yaml.
    #[arg(value_name = "CLUSTER", required_unless_present = "write", add = ArgValueCandidates::new(complete::clusters))]
    cluster: Option<ClusterName>,
    /// For what.
    #[arg(long = "for", value_enum, default_value_t, value_name = "WORK")]
    work: Work,
    /// Write the reference into this directory: all policies, with placeholders, and the table of operations.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["cluster", "work"])]
    write: Option<PathBuf>,
}

/// What somebody does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Work {
    /// To look: plan, status, drift, certs list. The others need it as well.
    #[default]
    Plan,
    /// To create and change.
    Apply,
    /// To work on machines: roll, etcd snapshot and restore, certs refresh.
    Roll,
    /// To delete.
    Destroy,
}

impl Arguments {
    /// Prints or writes; calls nothing.
    pub fn run(&self, global: &Global, output: Output) -> anyhow::Result<Exit> {
        if let Some(directory) = &self.write {
            write_all(directory, reference()?)?;
        }
        if let Some(cluster) = &self.cluster {
            let manifests = Manifests::read(global, output, cluster)?;
            output.data(&text(&self.work.policy().document(&territory(&manifests)))?)?;
        }
        Ok(Exit::Done)
    }
}

impl Work {
    const fn policy(self) -> Policy {
        match self {
            Self::Plan => Policy::Plan,
            Self::Apply => Policy::Apply,
            Self::Roll => Policy::Roll,
            Self::Destroy => Policy::Destroy,
        }
    }
}

fn text(document: &Value) -> anyhow::Result<String> {
    Ok(serde_json::to_string_pretty(document)? + "\n")
}

/// The files of the reference.
fn reference() -> anyhow::Result<BTreeMap<String, String>> {
    let placeholders = Territory {
        partition: String::from("aws"),
        account: String::from("ACCOUNT"),
        region: String::from("REGION"),
        cluster: String::from("CLUSTER"),
        records: BTreeSet::from([String::from("RECORD")]),
        image_parameters: BTreeSet::from([String::from("/IMAGE/PARAMETER")]),
        backup: Some(Backup { bucket: String::from("BUCKET"), folder: String::from("CLUSTER") }),
    };
    let mut files = BTreeMap::from([(String::from("operations.md"), operations(&placeholders))]);
    for policy in Policy::ALL {
        files.insert(format!("{}.json", policy.name()), text(&policy.document(&placeholders))?);
    }
    Ok(files)
}

/// The table, for people.
fn operations(of: &Territory) -> String {
    let mut text = String::from(
        "# Operations and permissions\n\nEvery call that windlass makes, what IAM asks for it, and in which policy it is. \
         Generated from the table\nthat the policies are made from: `windlass iam --write`.\n\n\
         | operation | policies | actions | on |\n|---|---|---|---|\n",
    );
    for operation in OPERATIONS {
        let policies =
            Policy::ALL.into_iter().filter(|it| it.operations().contains(&(operation.service, operation.name)));
        let policies = policies.map(Policy::name).collect::<Vec<_>>().join(", ");
        let actions: BTreeSet<&str> = operation.permissions.iter().map(|it| it.action).collect();
        let resources: BTreeSet<String> = operation.permissions.iter().flat_map(|it| it.on.resources(of)).collect();
        let code = |all: Vec<String>| all.iter().map(|it| format!("`{it}`")).collect::<Vec<_>>().join("<br>");
        // Writing to a String cannot fail.
        let _written = writeln!(
            text,
            "| {} | {policies} | {} | {} |",
            operation.name,
            code(actions.into_iter().map(str::to_owned).collect()),
            code(resources.into_iter().collect()),
        );
    }
    text
}

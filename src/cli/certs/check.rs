//! `windlass certs check`: a gate for CI and monitoring, with its own exit code.

use clap::Args;

use super::list::gather;
use crate::cli::failure::Stopped;
use crate::cli::options::Global;
use crate::cli::session::{FEW_CALLS, Session, project};
use crate::exit::Exit;
use crate::name::ClusterName;
use crate::pki::Standing;
use crate::spec::value::Duration;
use crate::ui::certificates::Row;
use crate::ui::certificates::text::left;
use crate::ui::output::Output;

/// Exit with 12 when a certificate has expired, ends soon, is not what was asked for, or is not the one in use.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The cluster's DNS name, as in vars/NAME.yaml.
    #[arg(
        value_name = "CLUSTER",
        required_unless_present = "all",
        conflicts_with = "all",
        add = clap_complete::ArgValueCandidates::new(crate::cli::complete::clusters)
    )]
    cluster: Option<ClusterName>,
    /// All clusters of the project.
    #[arg(long)]
    all: bool,
    /// What is too soon, such as 60d. Default: the last of each threshold in spec.pki.thresholds.
    #[arg(long, value_name = "TIME")]
    fail_under: Option<Duration>,
    /// Look at the state branch only: no AWS, no endpoint.
    #[arg(long)]
    offline: bool,
}

impl Arguments {
    /// Looks at each cluster, names what is wrong.
    pub async fn run(&self, global: &Global, output: Output) -> anyhow::Result<Exit> {
        let clusters = match &self.cluster {
            Some(cluster) => vec![cluster.clone()],
            None => project(global)?.clusters().to_vec(),
        };
        let (mut looked, mut bad) = (0, Vec::new());
        for cluster in &clusters {
            let session = Session::open(global, output, cluster, FEW_CALLS).await?;
            let rows = gather(&session, self.offline).await?;
            looked += rows.len();
            let now = session.clock.now();
            bad.extend(rows.iter().filter_map(|row| self.complaint(row, now)));
        }
        if bad.is_empty() {
            output.message(&format!("{looked} certificates are good"));
            return Ok(Exit::Done);
        }
        for line in &bad {
            output.data(&format!("{line}\n"))?;
        }
        let hint = "hint: windlass certs renew for members' certificates, windlass certs rotate-ca for authorities";
        let message = format!("{} of {looked} certificates are not good\n  {hint}", bad.len());
        Err(Stopped::new(Exit::Certificate, message).into())
    }

    fn complaint(&self, row: &Row, now: jiff::Timestamp) -> Option<String> {
        let what = format!("{}: {} of the {} authority, {}", row.cluster, row.name, row.authority, row.place);
        if row.standing == Standing::Expired {
            return Some(format!("{what}: expired on {}", row.ends.not_after.strftime("%F")));
        }
        if row.is_mismatch() {
            return Some(format!("{}: {}", row.cluster, super::mismatch(row)));
        }
        let remaining = row.ends.not_after.as_second() - now.as_second();
        let least = match self.fail_under {
            Some(duration) => duration.as_seconds(),
            None => row.thresholds.iter().copied().min().unwrap_or(0),
        };
        let is_soon = u64::try_from(remaining).unwrap_or(0) < least;
        is_soon.then(|| format!("{what}: expires in {}", left(row.ends.not_after, now)))
    }
}

//! `windlass lint`: checks clusters without looking at AWS.

use clap::Args;
use clap_complete::ArgValueCandidates;

use super::complete;
use super::helm::Helm;
use super::options::{Format, Global};
use super::session::project;
use crate::addon;
use crate::exit::Exit;
use crate::name::ClusterName;
use crate::problem::{Problem, Problems};
use crate::render::{self, Project};
use crate::spec;
use crate::ui;
use crate::ui::output::Output;

/// Check templates, snippets, vars, manifests and add-ons, of all clusters or of some. Looks at no account.
///
/// Add-ons that are Helm charts are fetched by the command helm. All problems at once, each with the place in the rendered document and the template and vars lines it comes from.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The clusters; all of the project if none is named.
    #[arg(value_name = "CLUSTER", add = ArgValueCandidates::new(complete::clusters))]
    clusters: Vec<ClusterName>,
    /// Warnings fail, too.
    #[arg(long)]
    strict: bool,
    /// How to show the problems.
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: Format,
}

impl Arguments {
    /// Checks, shows, and says whether all is well.
    pub fn run(&self, global: &Global, output: Output) -> anyhow::Result<Exit> {
        let project = project(global)?;
        let clusters = if self.clusters.is_empty() { project.clusters().to_vec() } else { self.clusters.clone() };
        let mut problems = Vec::new();
        let helm = Helm::new();
        for cluster in &clusters {
            problems.extend(check(&project, cluster, &helm));
        }
        problems.dedup();
        let problems = Problems(problems);
        match self.output {
            Format::Json => output.data(&(serde_json::to_string_pretty(&ui::problem::json(&problems))? + "\n"))?,
            Format::Text => {
                if !problems.0.is_empty() {
                    output.data(&ui::problem::text(&problems, output.data_style()))?;
                }
                output.message(&match clusters.len() {
                    1 => String::from("checked 1 cluster"),
                    count => format!("checked {count} clusters"),
                });
            }
        }
        let warned = self.strict && !problems.0.is_empty();
        Ok(match (problems.fatal(), warned) {
            (true, _) => Exit::Config,
            (false, true) => Exit::Refused,
            (false, false) => Exit::Done,
        })
    }
}

/// Everything that is wrong with one cluster.
fn check(project: &Project, cluster: &ClusterName, helm: &Helm) -> Vec<Problem> {
    let checked = project.cluster(cluster.as_str()).and_then(|cluster| {
        let rendered = render::render(project, &cluster)?;
        let specification = spec::read(&rendered)?;
        let addons = addon::render(project, &rendered, &specification, helm);
        let mut warnings = specification.warnings;
        match addons {
            Ok(addons) => warnings.extend(addons.warnings),
            Err(Problems(problems)) => warnings.extend(problems),
        }
        Ok(warnings)
    });
    checked.unwrap_or_else(|Problems(problems)| problems)
}

//! `windlass render`: prints a cluster's manifests and the objects of its add-ons as their templates give them.

use std::collections::BTreeMap;

use clap::Args;

use super::helm::Helm;
use super::options::{Format, Global, Which};
use super::session::{Manifests, project};
use crate::addon;
use crate::exit::Exit;
use crate::problem::{Problem, Problems};
use crate::render::nearest::did_you_mean;
use crate::render::{self, Rendered};
use crate::spec;
use crate::ui::output::Output;

/// Print a cluster's manifests and its add-ons, rendered from templates, snippets and vars.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    which: Which,
    /// Print the manifests as they are understood, with every default written out, and no add-ons.
    #[arg(long)]
    defaults: bool,
    /// Print this add-on only.
    #[arg(long, value_name = "NAME", conflicts_with = "defaults")]
    addon: Option<String>,
    /// YAML documents, or one JSON object from file names to texts.
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: Format,
}

impl Arguments {
    /// Renders and prints; with `--defaults` also checks.
    pub fn run(&self, global: &Global, output: Output) -> anyhow::Result<Exit> {
        let files: Vec<(String, String)> = if self.defaults {
            let manifests = Manifests::read(global, output, &self.which.cluster)?;
            vec![(String::from("manifests.yaml"), spec::with_defaults(&manifests.specification))]
        } else {
            self.rendered(global, output)?
        };
        output.verbatim(&match self.output {
            Format::Text => yaml(&files),
            Format::Json => serde_json::to_string_pretty(&files.into_iter().collect::<BTreeMap<_, _>>())? + "\n",
        })?;
        Ok(Exit::Done)
    }

    fn rendered(&self, global: &Global, output: Output) -> anyhow::Result<Vec<(String, String)>> {
        let project = project(global)?;
        let rendered = render::render(&project, &project.cluster(self.which.cluster.as_str())?)?;
        let files = |rendered: &Rendered| -> Vec<(String, String)> {
            rendered.documents.iter().map(|file| (file.name.clone(), file.text().to_owned())).collect()
        };
        let specification = match (spec::read(&rendered), &self.addon) {
            (Ok(specification), _) => specification,
            (Err(problems), Some(_)) => return Err(problems.into()),
            // Manifests with mistakes are what one wants to look at.
            (Err(_), None) => {
                output
                    .message("the manifests have mistakes, so that no add-ons are printed; `windlass lint` tells them");
                return Ok(files(&rendered));
            }
        };
        let addons = addon::documents(&project, &rendered, &specification, Some(&Helm::new()))?;
        let Some(wanted) = &self.addon else {
            return Ok(std::iter::once(&rendered).chain(addons.iter().map(|(_, it)| it)).flat_map(files).collect());
        };
        match addons.iter().find(|(name, _)| name == wanted) {
            Some((_, rendered)) => Ok(files(rendered)),
            None => {
                let problem = Problem::error(format!("the cluster has no add-on {wanted:?} that is switched on"));
                let hint = did_you_mean(wanted, addons.iter().map(|(name, _)| name.as_str()));
                let hint = hint.unwrap_or_else(|| String::from("its manifest lists none"));
                Err(Problems::from(problem.hint(hint)).into())
            }
        }
    }
}

/// All files as one YAML stream; a comment says where each begins.
fn yaml(files: &[(String, String)]) -> String {
    let mut text = String::new();
    for (name, content) in files {
        if !content.trim_start().starts_with("---") {
            text.push_str("---\n");
        }
        text.push_str(&format!("# {name}\n"));
        text.push_str(content);
        if !content.ends_with('\n') {
            text.push('\n');
        }
    }
    text
}

//! `windlass render`: prints a cluster's manifests as its templates give them.

use std::collections::BTreeMap;

use clap::Args;

use super::options::{Format, Global, Which};
use super::session::{Manifests, project};
use crate::exit::Exit;
use crate::render;
use crate::spec;
use crate::ui::output::Output;

/// Print a cluster's manifests, rendered from templates, snippets and vars.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    which: Which,
    /// Print them as they are understood, with every default written out.
    #[arg(long)]
    defaults: bool,
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
            let project = project(global)?;
            let rendered = render::render(&project, &project.cluster(self.which.cluster.as_str())?)?;
            rendered.documents.iter().map(|file| (file.name.clone(), file.text().to_owned())).collect()
        };
        output.data(&match self.output {
            Format::Text => yaml(&files),
            Format::Json => serde_json::to_string_pretty(&files.into_iter().collect::<BTreeMap<_, _>>())? + "\n",
        })?;
        Ok(Exit::Done)
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

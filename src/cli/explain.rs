//! `windlass explain`: which file and line set a value.

use clap::Args;

use super::options::{Format, Global, Which};
use super::session::project;
use crate::addon;
use crate::exit::Exit;
use crate::problem::{Place, Problems};
use crate::render;
use crate::render::explain::Explanation;
use crate::spec;
use crate::ui::output::Output;

/// Show which file and line set a value, through which template and snippet it came, and what it overrode.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    which: Which,
    /// A key of the vars (spot.max), or a field of a manifest or of an add-on's object (NodeGroup/admin:spec.maxSize, or
    /// spec.maxSize alone).
    #[arg(value_name = "PATH")]
    path: String,
    /// How to show it.
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: Format,
}

impl Arguments {
    /// Renders, and asks where it comes from.
    pub fn run(&self, global: &Global, output: Output) -> anyhow::Result<Exit> {
        let project = project(global)?;
        let rendered = render::render(&project, &project.cluster(self.which.cluster.as_str())?)?;
        // Where the manifests have mistakes, or the add-ons, the rest can still be explained.
        let addons = spec::read(&rendered)
            .and_then(|specification| addon::documents(&project, &rendered, &specification, None))
            .unwrap_or_default();
        let addons = addons.iter().map(|(_, documents)| documents);
        let explanations = addon::explain(&rendered, addons, &self.path).map_err(Problems::from)?;
        output.data(&match self.output {
            Format::Json => serde_json::to_string_pretty(&explanations)? + "\n",
            Format::Text => explanations.iter().map(text).collect::<Vec<_>>().join("\n"),
        })?;
        Ok(Exit::Done)
    }
}

fn text(explanation: &Explanation) -> String {
    let mut lines = vec![format!("{} = {}", explanation.subject, explanation.value)];
    let labelled = |place: &Place| line(if place.label.is_empty() { "printed by" } else { &place.label }, place);
    lines.extend(explanation.printed_by.iter().map(labelled));
    for var in &explanation.vars {
        lines.push(format!("  vars: {}", var.path));
        lines.extend(var.layers.iter().map(|layer| {
            let value = if layer.action == "removed" { String::new() } else { format!(" {}", layer.value) };
            line(&format!("  {}{value}", layer.action), &layer.place)
        }));
    }
    lines.extend(explanation.used_in.iter().map(|place| line("used in", place)));
    lines.join("\n") + "\n"
}

fn line(what: &str, place: &Place) -> String {
    format!("  {what}  {}:{}:{}  {}", place.file, place.line, place.column, place.text.trim())
}

//! `windlass schema`: the JSON Schemas of manifests, for editors.

use std::path::PathBuf;

use clap::Args;

use super::failure::Stopped;
use super::manual::write_all;
use crate::exit::Exit;
use crate::spec::schema;
use crate::ui::output::Output;

/// Print a JSON Schema, for the completion and the checks of an editor.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Which; without a name, the names are listed.
    #[arg(value_name = "NAME")]
    name: Option<String>,
    /// Write all of them into this directory.
    #[arg(long, value_name = "DIR", conflicts_with = "name")]
    write: Option<PathBuf>,
}

impl Arguments {
    /// Prints, lists or writes.
    pub fn run(&self, output: Output) -> anyhow::Result<Exit> {
        let files = schema::files();
        if let Some(directory) = &self.write {
            write_all(directory, files)?;
            return Ok(Exit::Done);
        }
        let names: Vec<&str> = files.keys().map(|name| name.trim_end_matches(".schema.json")).collect();
        let Some(wanted) = &self.name else {
            output.data(&(names.join("\n") + "\n"))?;
            return Ok(Exit::Done);
        };
        let text = files.iter().find(|(name, _)| name.trim_end_matches(".schema.json") == wanted).map(|(_, text)| text);
        let Some(text) = text else {
            let message = format!("error: there is no schema {wanted:?}\n  hint: there are {}", names.join(", "));
            return Err(Stopped::new(Exit::Config, message).into());
        };
        output.data(text)?;
        Ok(Exit::Done)
    }
}

//! `windlass manual`: man pages and the command-line reference, generated from the arguments themselves.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, Command, CommandFactory};

use crate::ui::output::Output;

/// Write the man pages, or print the command-line reference.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Write one man page per command into this directory.
    #[arg(long, value_name = "DIR", required_unless_present_any = ["markdown", "fields"])]
    write: Option<PathBuf>,
    /// Print the reference of all commands as Markdown.
    #[arg(long, conflicts_with = "write")]
    markdown: bool,
    /// Write the reference of all fields as Markdown into this directory.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["write", "markdown"])]
    fields: Option<PathBuf>,
}

impl Arguments {
    /// Writes or prints.
    pub fn run(&self, output: Output) -> anyhow::Result<()> {
        if let Some(directory) = &self.fields {
            return write_all(directory, crate::spec::reference::pages());
        }
        let mut root = super::Cli::command();
        root.build();
        match &self.write {
            Some(directory) => {
                let mut pages = BTreeMap::new();
                for (name, command) in commands(&root) {
                    let mut page = Vec::new();
                    clap_mangen::Man::new(command.clone().name(name.clone())).render(&mut page)?;
                    pages.insert(format!("{}.1", name.replace(' ', "-")), String::from_utf8(page)?);
                }
                write_all(directory, pages)
            }
            None => output.data(&markdown(&root)),
        }
    }
}

/// Writes files into a directory, which is made if it is not there.
pub(super) fn write_all(directory: &Path, files: BTreeMap<String, String>) -> anyhow::Result<()> {
    fs::create_dir_all(directory).with_context(|| format!("cannot create {}", directory.display()))?;
    for (name, text) in files {
        let path = directory.join(name);
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// Every command with its full name, the root first, without the hidden ones and clap's own `help`.
fn commands(root: &Command) -> Vec<(String, &Command)> {
    fn walk<'root>(prefix: &str, command: &'root Command, into: &mut Vec<(String, &'root Command)>) {
        let name =
            if prefix.is_empty() { command.get_name().to_owned() } else { format!("{prefix} {}", command.get_name()) };
        into.push((name.clone(), command));
        for child in command.get_subcommands().filter(|child| !child.is_hide_set() && child.get_name() != "help") {
            walk(&name, child, into);
        }
    }
    let mut all = Vec::new();
    walk("", root, &mut all);
    all
}

fn markdown(root: &Command) -> String {
    let mut text = String::from(
        "# Command line\n\nGenerated from the program's own arguments; `windlass COMMAND --help` prints the same.\n",
    );
    for (name, command) in commands(root) {
        let help = command.clone().term_width(100).render_long_help().to_string();
        let help = help.lines().map(str::trim_end).collect::<Vec<_>>().join("\n");
        // Writing to a String cannot fail.
        let _written = write!(text, "\n## {name}\n\n```text\n{}\n```\n", help.trim());
    }
    text
}

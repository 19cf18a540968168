//! `windlass manual`: man pages and the command-line reference, generated from the arguments themselves.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, Command, CommandFactory};

use crate::ui::output::Output;

/// Write the man pages, or print the command-line reference.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Write one man page per command into this directory.
    #[arg(long, value_name = "DIR", required_unless_present = "markdown")]
    write: Option<PathBuf>,
    /// Print the reference of all commands as Markdown.
    #[arg(long, conflicts_with = "write")]
    markdown: bool,
}

impl Arguments {
    /// Writes or prints.
    pub fn run(&self, output: Output) -> anyhow::Result<()> {
        let mut root = super::Cli::command();
        root.build();
        match &self.write {
            Some(directory) => {
                fs::create_dir_all(directory).with_context(|| format!("cannot create {}", directory.display()))?;
                for (name, command) in commands(&root) {
                    let mut page = Vec::new();
                    clap_mangen::Man::new(command.clone().name(name.clone())).render(&mut page)?;
                    let path = directory.join(format!("{}.1", name.replace(' ', "-")));
                    fs::write(&path, page).with_context(|| format!("cannot write {}", path.display()))?;
                }
                Ok(())
            }
            None => output.data(&markdown(&root)),
        }
    }
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

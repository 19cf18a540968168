//! The command line: one file per command, with its arguments (their doc comments are the help) and the calls it makes,
//! top to bottom.

mod complete;
mod options;

use std::ffi::OsString;

use clap::{CommandFactory, Parser, Subcommand};
use clap_complete::env::CompleteEnv;

use crate::exit::Exit;

/// Manages the whole life of self-managed Kubernetes clusters on AWS.
///
/// A project is a git repository with a windlass.yaml at its root, and templates, snippets and vars beside it. Each
/// cluster is one file of vars. Try any command with --sandbox: it needs no account and costs nothing.
#[derive(Debug, Parser)]
#[command(name = "windlass", version, propagate_version = true, max_term_width = 100)]
pub struct Cli {
    #[command(flatten)]
    global: options::Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {}

/// Runs the command line `arguments` (the program's name first) to its end.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> Exit {
    CompleteEnv::with_factory(Cli::command).complete();
    Exit::Done
}

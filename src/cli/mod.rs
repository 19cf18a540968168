//! The command line: one file per command, with its arguments (their doc comments are the help) and the calls it makes,
//! top to bottom.

mod add_ons;
mod api;
mod apply;
mod capacity;
mod certs;
mod complete;
mod completions;
mod destroy;
mod drift;
mod etcd;
mod explain;
mod failure;
mod files;
mod health;
mod helm;
mod history;
mod iam;
mod interrupt;
mod keys;
mod kubeconfig;
mod lint;
mod manual;
mod options;
mod permissions;
mod picture;
mod plan;
mod render;
mod roll;
mod run;
mod sandbox;
mod schema;
mod secrets;
mod session;
mod state;
mod status;
mod unlock;
mod upgrade;
mod view;
mod work;

#[cfg(test)]
mod tests;

use std::ffi::OsString;

use clap::{CommandFactory, Parser, Subcommand};
use clap_complete::env::CompleteEnv;

use crate::exit::Exit;
use crate::ui::log;
use crate::ui::output::Output;
use options::Global;

/// Manages the whole life of self-managed Kubernetes clusters on AWS.
///
/// A project is a git repository with a windlass.yaml at its root, and templates, snippets and vars beside it. Each
/// cluster is one file of vars. Try any command with --sandbox: it needs no account and costs nothing.
#[derive(Debug, Parser)]
#[command(name = "windlass", version, max_term_width = 100, disable_help_subcommand = true)]
pub struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Render(render::Arguments),
    Explain(explain::Arguments),
    Lint(lint::Arguments),
    Plan(plan::Arguments),
    Apply(apply::Arguments),
    Status(status::Arguments),
    Drift(drift::Arguments),
    Roll(Box<roll::Arguments>),
    Destroy(destroy::Arguments),
    History(history::Arguments),
    State(state::Arguments),
    Unlock(unlock::Arguments),
    Capacity(capacity::Arguments),
    Certs(certs::Arguments),
    Kubeconfig(kubeconfig::Arguments),
    Etcd(etcd::Arguments),
    Secrets(secrets::Arguments),
    Sandbox(sandbox::Arguments),
    Schema(schema::Arguments),
    Iam(iam::Arguments),
    Completions(completions::Arguments),
    #[command(hide = true)]
    Manual(manual::Arguments),
}

/// Runs the command line `arguments` (the program's name first) to its end.
pub fn run(arguments: impl IntoIterator<Item = OsString> + Clone) -> Exit {
    let here = std::env::current_dir().ok();
    let completion = CompleteEnv::with_factory(Cli::command).var(complete::VARIABLE);
    match completion.try_complete(arguments.clone(), here.as_deref()) {
        Ok(true) => return Exit::Done,
        Ok(false) => {}
        Err(error) => return usage(&error),
    }
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    let output = Output::new(cli.global.color);
    log::start(cli.global.verbose, output);
    match cli.dispatch(output) {
        Ok(exit) => exit,
        Err(error) => failure::report(output, &error),
    }
}

/// Help and version go to stdout and are no mistake; a wrong command line is one, with the code of configuration
/// mistakes: 2 would read as "changes pending".
fn usage(error: &clap::Error) -> Exit {
    // A closed stdout is no reason to complain about the help that nobody reads.
    let _unread = error.print();
    if error.use_stderr() { Exit::Config } else { Exit::Done }
}

impl Cli {
    fn dispatch(&self, output: Output) -> anyhow::Result<Exit> {
        let global = &self.global;
        match &self.command {
            Command::Render(arguments) => arguments.run(global, output),
            Command::Explain(arguments) => arguments.run(global, output),
            Command::Lint(arguments) => arguments.run(global, output),
            Command::Schema(arguments) => arguments.run(output),
            Command::Iam(arguments) => arguments.run(global, output),
            Command::Completions(arguments) => arguments.run(output).map(|()| Exit::Done),
            Command::Manual(arguments) => arguments.run(output).map(|()| Exit::Done),
            Command::Plan(_)
            | Command::Apply(_)
            | Command::Status(_)
            | Command::Drift(_)
            | Command::Roll(_)
            | Command::Destroy(_)
            | Command::History(_)
            | Command::State(_)
            | Command::Unlock(_)
            | Command::Capacity(_)
            | Command::Certs(_)
            | Command::Kubeconfig(_)
            | Command::Etcd(_)
            | Command::Secrets(_)
            | Command::Sandbox(_) => self.runtime()?.block_on(self.dispatch_async(output)),
        }
    }

    async fn dispatch_async(&self, output: Output) -> anyhow::Result<Exit> {
        let global = &self.global;
        match &self.command {
            Command::Plan(arguments) => arguments.run(global, output).await,
            Command::Apply(arguments) => arguments.run(global, output).await,
            Command::Status(arguments) => arguments.run(global, output).await,
            Command::Drift(arguments) => arguments.run(global, output).await,
            Command::Roll(arguments) => arguments.run(global, output).await,
            Command::Destroy(arguments) => arguments.run(global, output).await,
            Command::History(arguments) => arguments.run(global, output).await,
            Command::State(arguments) => arguments.run(global, output).await,
            Command::Unlock(arguments) => arguments.run(global, output).await,
            Command::Capacity(arguments) => arguments.run(global, output).await,
            Command::Certs(arguments) => arguments.run(global, output).await,
            Command::Kubeconfig(arguments) => arguments.run(global, output).await,
            Command::Etcd(arguments) => arguments.run(global, output).await,
            Command::Secrets(arguments) => arguments.run(global, output).await,
            Command::Sandbox(arguments) => arguments.run(global, output).await,
            Command::Render(_)
            | Command::Explain(_)
            | Command::Lint(_)
            | Command::Schema(_)
            | Command::Iam(_)
            | Command::Completions(_)
            | Command::Manual(_) => self.dispatch(output),
        }
    }

    /// One thread: the work is waiting. In the sandbox its clock stands still while something is done and jumps while
    /// everything waits.
    fn runtime(&self) -> std::io::Result<tokio::runtime::Runtime> {
        let serves = matches!(&self.command, Command::Sandbox(arguments) if arguments.needs_real_time());
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_all().start_paused(self.global.sandbox && !serves).build()
    }
}

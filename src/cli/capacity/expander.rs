//! `windlass capacity expander`: prints what the cluster-autoscaler needs.

use clap::Args;

use super::super::options::{Global, Which};
use super::super::session::Manifests;
use crate::capacity;
use crate::exit::Exit;
use crate::ui::output::Output;

/// Print the ConfigMap by which the cluster-autoscaler prefers groups that have a fallback. Looks at no account.
///
/// It is JSON, for kubectl apply -f -; the autoscaler's flags are told on stderr.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    which: Which,
}

impl Arguments {
    /// Prints.
    pub fn run(&self, global: &Global, output: Output) -> anyhow::Result<Exit> {
        let manifests = Manifests::read(global, output, &self.which.cluster)?;
        let map = capacity::priority_expander(&manifests.specification)?;
        output.data(&(serde_json::to_string_pretty(&map)? + "\n"))?;
        let flags = capacity::autoscaler_flags(&manifests.specification);
        output.message(&format!("flags of the cluster-autoscaler:\n  {}", flags.join("\n  ")));
        Ok(Exit::Done)
    }
}

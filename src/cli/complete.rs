//! What the shell may offer while a command line is typed. Errors offer nothing: a completion never prints.

use std::env;

use clap_complete::CompletionCandidate;

use crate::render::Project;

/// The environment variable by which a shell asks for completions.
pub const VARIABLE: &str = "WINDLASS_COMPLETE";

/// The clusters of the project that the shell stands in.
pub fn clusters() -> Vec<CompletionCandidate> {
    let Ok(here) = env::current_dir() else { return Vec::new() };
    let Ok(project) = Project::find(&here) else { return Vec::new() };
    project.clusters().iter().map(|name| CompletionCandidate::new(name.to_string())).collect()
}

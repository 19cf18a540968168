//! Templates, snippets and vars → YAML text, with provenance.
//!
//! What comes in is a [`Project`] (read once); what comes out is [`Rendered`]: the files of one cluster, and for each
//! of their characters the template line, the chain of snippets and the vars line that it comes from.
//! Templates are data: they see no environment, no clock, no network, no randomness and no file outside the project;
//! the same project gives the same bytes. It never looks at what the rendered text means: that is [`crate::spec`]'s.

pub mod project;
pub mod rendered;
pub mod source;
pub mod yaml;

pub use project::{Project, Settings};
pub use rendered::{Rendered, RenderedFile};

use crate::name::ClusterName;
use crate::problem::{Problem, Problems};

/// Renders all templates of a project, in the order of their names, for one cluster.
///
/// # Errors
/// All mistakes that were found, with their places: in the vars files, in the templates, in the snippets.
pub fn render(project: &Project, cluster: &ClusterName) -> Result<Rendered, Problems> {
    let _ = project;
    Err(Problem::error(format!("cannot render {cluster}: the engine is not built yet")).into())
}

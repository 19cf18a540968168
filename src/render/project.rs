//! The project: `windlass.yaml` at the root of a git repository, and the files beside it.

use std::path::{Path, PathBuf};

use crate::name::ClusterName;
use crate::problem::{Problem, Problems};

/// A project on disk, read once.
#[derive(Debug)]
pub struct Project {
    /// What `windlass.yaml` says.
    pub settings: Settings,
    root: PathBuf,
    clusters: Vec<ClusterName>,
}

/// What `windlass.yaml` says.
#[derive(Clone, Debug, Default)]
pub struct Settings {}

impl Project {
    /// Walks up from a directory to the first one that has a `windlass.yaml`, and opens it.
    ///
    /// # Errors
    /// There is none, or it has mistakes.
    pub fn find(start: &Path) -> Result<Self, Problems> {
        Err(Problem::error(format!("no windlass.yaml in {} or above it", start.display())).into())
    }

    /// The directory that holds `windlass.yaml`.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// All clusters, sorted: the files of `vars/` whose names are DNS names.
    #[must_use]
    pub fn clusters(&self) -> &[ClusterName] {
        &self.clusters
    }

    /// The cluster of a name that a person typed.
    ///
    /// # Errors
    /// There is no such cluster; the hint names the nearest one.
    pub fn cluster(&self, name: &str) -> Result<ClusterName, Problems> {
        self.clusters
            .iter()
            .find(|cluster| cluster.as_str() == name)
            .cloned()
            .ok_or_else(|| Problem::error(format!("no cluster {name:?}")).into())
    }
}

//! Kubernetes, imitated: per cluster the objects of its API, and the controllers that act on them.
//!
//! A cluster is there as soon as a member of its control plane serves for the first time; it stays until the last of its
//! etcd volumes is deleted.

pub mod api;
mod bootstrap;
pub mod controllers;
mod exchange;
pub mod identity;
mod objects;
mod service;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

pub use bootstrap::bootstrap;
pub use exchange::{Access, KubernetesCall};
pub use objects::{Change, Happened, Key, Objects, TooOld, metadata, time};
pub use service::{Body, Service, serve};

/// The version of a cluster that nobody gave one.
const VERSION: &str = "v1.34.2";

/// Its part of the world: clusters by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct State {
    /// Clusters by name.
    pub clusters: BTreeMap<String, Cluster>,
    /// What controllers know beside the objects.
    pub controllers: controllers::Controllers,
    /// What is still to come of the scenario that the world was made from.
    pub scenario: Option<super::scenario::Running>,
    /// Requests to deprecated versions, by cluster, as labels of the metric that tells of them.
    pub requested: BTreeMap<String, BTreeSet<String>>,
}

/// One cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Cluster {
    /// Its objects.
    pub objects: Objects,
    /// Version of its control plane, `v1.34.2`.
    pub version: String,
}

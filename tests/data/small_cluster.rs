//! A small cluster, and how it changes: the fault matrix (`src/cli/tests/sample.rs`) disturbs its commands within one process,
//! `tests/suite/killed.rs` kills them as real ones.

/// Its name.
pub const NAME: &str = "small.k8s.foo.bar";

/// Its template.
pub const MANIFESTS: &str = include_str!("small-cluster.yaml");

/// What a merged pull request makes of it, as texts and what takes their place: something of most kinds is to be made, changed,
/// replaced and deleted.
pub const MERGED: &[(&str, &str)] = &[
    ("machineTypes: [m6i.xlarge]", "machineTypes: [m6i.xlarge, m6a.xlarge]"),
    ("name: nodes\n", "name: workers\n"),
    ("dns: { zone: k8s.foo.bar }", "dns: { zone: k8s.foo.bar, ttl: 30 }\n  api: { allow: [10.8.0.0/16] }"),
];

/// Only nodes are to be replaced.
pub const RELABELLED: &[(&str, &str)] =
    &[("machineTypes: [m6i.xlarge]", "machineTypes: [m6i.xlarge]\n  nodeLabels: { foo.bar/tier: web }")];

//! The shape of `windlass.yaml`. Its types are the one source of its JSON Schema.

mod read;
#[cfg(test)]
mod tests;

use schemars::JsonSchema;
use serde::Deserialize;

pub use super::pattern::Pattern;
use crate::name::ClusterName;
pub(crate) use read::read;

/// What `windlass.yaml` says: everything about the project that is not about one cluster. An empty file is fine.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct Settings {
    /// Where the state branches are kept.
    pub state: StateSettings,
    /// The age recipients (`age1…`) for whom private keys are encrypted; at least two where there are keys, so that one
    /// lost key does not lose the clusters.
    pub age_recipients: Vec<String>,
    /// Which vars files lie between `common.yaml` (always first) and the cluster's own file (always last). All rules
    /// that fit apply, in this order; a file named twice counts where it stands first.
    pub layers: Vec<LayerRule>,
    /// Limits on what a run may touch. All rules that fit apply; of a field set twice the later one counts.
    pub guards: Vec<GuardRule>,
    /// In which order commands over many clusters go.
    pub waves: Vec<Wave>,
    /// The policies that manifests and plans must pass.
    pub policy: PolicySettings,
    /// The sandbox: an AWS in this process, for trying things out.
    pub sandbox: SandboxSettings,
}

/// Where the state branches are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct StateSettings {
    /// `none` (state stays in this clone, one person works with it), the name of a git remote such as `origin`, or the
    /// URL of a repository. Left out: `none`.
    pub remote: StateRemote,
}

/// The repository that all who work on the clusters share.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(from = "String")]
#[schemars(with = "String")]
pub enum StateRemote {
    /// None: state stays in this clone.
    #[default]
    None,
    /// A git remote of the project's own repository.
    Named(String),
    /// Another repository.
    Url(String),
}

impl From<String> for StateRemote {
    fn from(text: String) -> Self {
        if text == "none" || text.is_empty() {
            Self::None
        } else if text.contains([':', '/', '\\']) {
            Self::Url(text)
        } else {
            Self::Named(text)
        }
    }
}

/// Vars files for the clusters whose names fit.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct LayerRule {
    /// A pattern over the cluster's name: `prod-*`.
    pub r#match: Pattern,
    /// Files beneath `vars/`, in order: later ones win. `env/prod.yaml`.
    pub vars: Vec<String>,
}

/// Limits for the clusters whose names fit.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct GuardRule {
    /// A pattern over the cluster's name. Left out: `*`.
    #[serde(default = "everything")]
    pub r#match: Pattern,
    /// The one AWS account, 12 digits in quotes, in which these clusters may be changed.
    #[serde(default)]
    pub account: Option<String>,
    /// The AWS regions in which they may be changed, such as `eu-west-3`; empty: any.
    #[serde(default)]
    pub regions: Vec<String>,
    /// How many objects one run may delete or replace without `--allow`.
    #[serde(default)]
    pub max_destroys: Option<usize>,
    /// Whether these clusters are protected against `destroy` whatever their manifests say.
    #[serde(default)]
    pub deletion_protection: Option<bool>,
}

fn everything() -> Pattern {
    Pattern::new("*")
}

/// The limits of one cluster, from all rules that fit its name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Guards {
    /// See [`GuardRule::account`]; `None`: any account.
    pub account: Option<String>,
    /// See [`GuardRule::regions`]; empty: any region.
    pub regions: Vec<String>,
    /// See [`GuardRule::max_destroys`]; `None`: no limit.
    pub max_destroys: Option<usize>,
    /// See [`GuardRule::deletion_protection`]; `None`: as the manifest says.
    pub deletion_protection: Option<bool>,
}

/// Clusters that are changed together; the next wave starts when this one is done and healthy.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Wave {
    /// What people call it: `staging`.
    pub name: String,
    /// Patterns over cluster names; a cluster belongs to the first wave that fits it.
    pub r#match: Vec<Pattern>,
    /// How long to watch this wave before the next one starts: `30m`, `1h`. Left out: no wait.
    #[serde(default)]
    pub soak: Option<String>,
}

/// The policies that manifests and plans must pass.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct PolicySettings {
    /// Rego files or directories of them, relative to the project.
    pub files: Vec<String>,
    /// Findings of `lint` that are not wanted, by name.
    pub ignore: Vec<String>,
}

/// The sandbox: an AWS in this process, for trying things out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct SandboxSettings {
    /// The file, relative to the project, that says what the sandbox's world holds at its start: hosted zones, machine
    /// images, an existing VPC.
    pub world: Option<String>,
}

impl Settings {
    /// The vars files of a cluster, relative to `vars/`, first to last: `common.yaml`, those of the rules, its own.
    #[must_use]
    pub fn layers_of(&self, cluster: &ClusterName) -> Vec<String> {
        let own = format!("{cluster}.yaml");
        let mut files = vec![String::from(COMMON)];
        let rules = self.layers.iter().filter(|rule| rule.r#match.fits(cluster.as_str()));
        for file in rules.flat_map(|rule| &rule.vars) {
            if !files.contains(file) && *file != own {
                files.push(file.clone());
            }
        }
        files.push(own);
        files
    }

    /// The limits of a cluster.
    #[must_use]
    pub fn guards_of(&self, cluster: &ClusterName) -> Guards {
        let mut guards = Guards::default();
        for rule in self.guards.iter().filter(|rule| rule.r#match.fits(cluster.as_str())) {
            if rule.account.is_some() {
                guards.account.clone_from(&rule.account);
            }
            if !rule.regions.is_empty() {
                guards.regions.clone_from(&rule.regions);
            }
            guards.max_destroys = rule.max_destroys.or(guards.max_destroys);
            guards.deletion_protection = rule.deletion_protection.or(guards.deletion_protection);
        }
        guards
    }

    /// The position of a cluster's wave in [`Settings::waves`]; `None` when no wave fits: it goes last.
    #[must_use]
    pub fn wave_of(&self, cluster: &ClusterName) -> Option<usize> {
        self.waves.iter().position(|wave| wave.r#match.iter().any(|pattern| pattern.fits(cluster.as_str())))
    }
}

/// The layer of all clusters, beneath `vars/`.
pub(crate) const COMMON: &str = "common.yaml";

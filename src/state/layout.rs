//! Which file of the branch holds what: every path is one of these, or is refused.

use crate::resource::Address;

/// `format.json`
pub(super) const FORMAT: &str = "format.json";
/// `cluster.json`
pub(super) const CLUSTER: &str = "cluster.json";
/// `lock.json`
pub(super) const LOCK: &str = "lock.json";
/// `generations.json`
pub(super) const GENERATIONS: &str = "generations.json";
/// The folder of the manifests, with its slash.
pub(super) const MANIFESTS: &str = "manifests/";
/// The folder of the closed runs, with its slash.
pub(super) const RUNS: &str = "runs/";
/// The folder of the journals, with its slash.
pub(super) const JOURNALS: &str = "journal/";

/// What a path holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum File {
    /// Versions.
    Format,
    /// Identity.
    Cluster,
    /// Who holds the lock.
    Lock,
    /// Highest generations of deleted objects.
    Generations,
    /// A live object.
    Resource(Address),
    /// Intents and results of a run.
    Journal(String),
    /// A closed run.
    Run(String),
    /// Rendered and applied.
    Manifest,
    /// A public certificate.
    Certificate,
    /// Ciphertext.
    Secret,
    /// The identity of a cluster of this name that was destroyed: its uid.
    Former(String),
}

impl File {
    /// What `path` holds; `None`: windlass never writes such a file.
    pub(super) fn of(path: &str) -> Option<Self> {
        let id = |rest: &str, suffix: &str| rest.strip_suffix(suffix).filter(|id| is_id(id)).map(str::to_owned);
        let Some((folder, rest)) = path.split_once('/') else {
            return match path {
                FORMAT => Some(Self::Format),
                CLUSTER => Some(Self::Cluster),
                LOCK => Some(Self::Lock),
                GENERATIONS => Some(Self::Generations),
                _ => None,
            };
        };
        match folder {
            "resources" => rest.strip_suffix(".json")?.parse().ok().map(Self::Resource),
            "journal" => id(rest, ".jsonl").map(Self::Journal),
            "runs" => id(rest, ".json").map(Self::Run),
            "former" => id(rest, ".json").map(Self::Former),
            "manifests" => rest.split('/').all(is_file_name).then_some(Self::Manifest),
            "secrets" => rest.strip_suffix(".age")?.split('/').all(is_file_name).then_some(Self::Secret),
            "certs" => {
                let (authority, serial) = rest.strip_suffix(".json")?.split_once('/')?;
                (is_id(authority) && is_id(serial)).then_some(Self::Certificate)
            }
            _ => None,
        }
    }

    /// Whether every read needs its content. Closed runs and certificates grow without end: only who asks for them
    /// reads them.
    pub(super) const fn is_read_always(&self) -> bool {
        !matches!(self, Self::Run(_) | Self::Certificate)
    }
}

/// `resources/<address>.json`
pub(super) fn resource(address: &Address) -> String {
    format!("resources/{address}.json")
}

/// `journal/<run>.jsonl`
pub(super) fn journal(run: &str) -> String {
    format!("{JOURNALS}{run}.jsonl")
}

/// `runs/<run>.json`
pub(super) fn run(run: &str) -> String {
    format!("{RUNS}{run}.json")
}

/// `former/<uid>.json`
pub(super) fn former(uid: &str) -> String {
    format!("former/{uid}.json")
}

/// Run ids and the like: letters, digits, `-`, `_` and `.`, not beginning with a dot.
pub(super) fn is_id(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    !text.is_empty() && text.len() <= 128 && !text.starts_with('.') && text.chars().all(allowed)
}

/// A name of a file that is the same on every system, and needs no quotes in git's formats.
pub(super) fn is_file_name(text: &str) -> bool {
    is_id(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::Kind;

    #[test]
    fn every_path_that_is_written_is_known() {
        let address = Address::new(Kind::RecordSet, "*.apps.example/a/blue");
        assert_eq!(File::of(&resource(&address)), Some(File::Resource(address)));
        assert_eq!(File::of(&journal("r-1")), Some(File::Journal(String::from("r-1"))));
        assert_eq!(File::of(&run("r-1")), Some(File::Run(String::from("r-1"))));
        assert_eq!(File::of(&former("ab12")), Some(File::Former(String::from("ab12"))));
        assert_eq!(File::of("manifests/1_cluster.yaml"), Some(File::Manifest));
        assert_eq!(File::of("secrets/kubernetes-ca.age"), Some(File::Secret));
        assert_eq!(File::of("certs/kubernetes/4f.json"), Some(File::Certificate));
        for name in [FORMAT, CLUSTER, LOCK, GENERATIONS] {
            assert!(File::of(name).is_some());
        }
    }

    #[test]
    fn every_other_path_is_unknown() {
        for path in [
            "README.md",
            "cluster.yaml",
            "resources/subnet/A.json",
            "resources/bucket/a.json",
            "resources/subnet/a.yaml",
            "journal/.hidden.jsonl",
            "journal/a/b.jsonl",
            "secrets/ca.pem",
            "secrets/.age",
            "manifests/a b.yaml",
            "certs/x.json",
            "other/x",
        ] {
            assert_eq!(File::of(path), None, "{path}");
        }
    }
}

//! Which file of the branch holds what: every path is one of these, or is refused.

use crate::pki::AuthorityName;
use crate::resource::Address;

/// `format.json`
pub(super) const FORMAT: &str = "format.json";
/// `cluster.json`
pub(super) const CLUSTER: &str = "cluster.json";
/// `lock.json`
pub(super) const LOCK: &str = "lock.json";
/// `generations.json`
pub(super) const GENERATIONS: &str = "generations.json";
/// `keys.json`
pub(super) const KEYS: &str = "keys.json";
/// `roll.json`
pub(super) const ROLL: &str = "roll.json";
/// The folder of the requests, with its slash.
pub(super) const REQUESTS: &str = "requests/";
/// The folder of the manifests, with its slash.
pub(super) const MANIFESTS: &str = "manifests/";
/// The folder of the add-ons, with its slash.
pub(super) const ADD_ONS: &str = "addons/";
/// The folder of the closed runs, with its slash.
pub(super) const RUNS: &str = "runs/";
/// The folder of the certificates, with its slash.
pub(super) const CERTIFICATES: &str = "certs/";
/// The folder of the ciphertexts, with its slash.
pub(super) const SECRETS: &str = "secrets/";
/// The folder of the former identities, with its slash.
pub(super) const FORMER: &str = "former/";
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
    /// What an add-on of this name was when it was applied.
    AddOn(String),
    /// Keys that are no certificates, and for whom secrets are sealed.
    Keys,
    /// A public certificate: who signed it, and its serial number.
    Certificate(AuthorityName, String),
    /// Ciphertext of this name.
    Secret(String),
    /// The identity of a cluster of this name that was destroyed: its uid.
    Former(String),
    /// A roll that is not at its end.
    Roll,
    /// What somebody asks of the run that holds the lock.
    Request(String),
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
                KEYS => Some(Self::Keys),
                ROLL => Some(Self::Roll),
                _ => None,
            };
        };
        match folder {
            "resources" => rest.strip_suffix(".json")?.parse().ok().map(Self::Resource),
            "journal" => id(rest, ".jsonl").map(Self::Journal),
            "runs" => id(rest, ".json").map(Self::Run),
            "former" => id(rest, ".json").map(Self::Former),
            "requests" => id(rest, ".json").map(Self::Request),
            "addons" => id(rest, ".json").map(Self::AddOn),
            "manifests" => rest.split('/').all(is_file_name).then_some(Self::Manifest),
            "secrets" => {
                rest.strip_suffix(".age").filter(|name| is_file_name(name)).map(|name| Self::Secret(name.to_owned()))
            }
            "certs" => {
                let (authority, serial) = rest.strip_suffix(".json")?.split_once('/')?;
                is_id(serial).then_some(Self::Certificate(authority.parse().ok()?, serial.to_owned()))
            }
            _ => None,
        }
    }

    /// Whether every read needs its content. Closed runs grow without end: only who asks for them reads them.
    /// Certificates do not: what has expired is dropped.
    pub(super) const fn is_read_always(&self) -> bool {
        !matches!(self, Self::Run(_))
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

/// `certs/<authority>/<serial>.json`
pub(super) fn certificate(authority: AuthorityName, serial: &str) -> String {
    format!("{CERTIFICATES}{authority}/{serial}.json")
}

/// `secrets/<name>.age`
pub(super) fn secret(name: &str) -> String {
    format!("{SECRETS}{name}.age")
}

/// `requests/<id>.json`
pub(super) fn request(id: &str) -> String {
    format!("{REQUESTS}{id}.json")
}

/// `addons/<name>.json`
pub(super) fn add_on(name: &str) -> String {
    format!("{ADD_ONS}{name}.json")
}

/// `former/<uid>.json`
pub(super) fn former(uid: &str) -> String {
    format!("{FORMER}{uid}.json")
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
        assert_eq!(File::of(&request("7f")), Some(File::Request(String::from("7f"))));
        assert_eq!(File::of(&former("ab12")), Some(File::Former(String::from("ab12"))));
        assert_eq!(File::of("manifests/1_cluster.yaml"), Some(File::Manifest));
        assert_eq!(File::of(&add_on("coredns")), Some(File::AddOn(String::from("coredns"))));
        assert_eq!(File::of(&secret("encryption-1")), Some(File::Secret(String::from("encryption-1"))));
        let authority = AuthorityName::FrontProxy;
        assert_eq!(File::of(&certificate(authority, "4f")), Some(File::Certificate(authority, String::from("4f"))));
        for name in [FORMAT, CLUSTER, LOCK, GENERATIONS, KEYS, ROLL] {
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
            "requests/a/b.json",
            "secrets/ca.pem",
            "secrets/.age",
            "manifests/a b.yaml",
            "addons/a/b.json",
            "addons/coredns.yaml",
            "certs/x.json",
            "certs/kubernetes/4f.json",
            "secrets/a/b.age",
            "other/x",
        ] {
            assert_eq!(File::of(path), None, "{path}");
        }
    }
}

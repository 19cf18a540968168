//! Small projects: as few objects as a cluster can have, with every kind among them.

#[path = "../../../tests/data/small_cluster.rs"]
mod small_cluster;

use small_cluster::{MANIFESTS, MERGED, NAME, RELABELLED};

/// A project with one cluster.
#[derive(Clone, Debug)]
pub struct Sample {
    pub cluster: &'static str,
    manifests: String,
}

impl Sample {
    /// One member and one group of two machines, in a network of its own.
    pub fn small() -> Self {
        Self { cluster: NAME, manifests: MANIFESTS.to_owned() }
    }

    /// The same in subnets of a network that others have.
    pub fn shared() -> Self {
        let small = Self::small();
        let (before, rest) = small.manifests.split_once("    vpc: {").expect("its network");
        let (_, after) = rest.split_once("  controlPlane:").expect("what stands behind it");
        let subnet = "{ name: private-a, zone: eu-west-3a, id: subnet-0bb0000000000000a, type: private }";
        let public = "{ name: public-a, zone: eu-west-3a, id: subnet-0aa0000000000000a, type: public }";
        let network = format!(
            "    vpc: {{ id: vpc-0a1b2c3d4e5f60718 }}\n    nat: existing\n    subnets:\n      - {public}\n      - {subnet}\n"
        );
        Self { manifests: format!("{before}{network}  controlPlane:{after}"), ..small }
    }

    /// The same with `from`, which must be there, replaced.
    pub fn with(&self, from: &str, to: &str) -> Self {
        assert!(self.manifests.contains(from), "{from:?} is not in\n{}", self.manifests);
        Self { manifests: self.manifests.replace(from, to), ..self.clone() }
    }

    /// What a merged pull request makes of it: a group more and one less, other machines, other rules, another name.
    pub fn merged(&self) -> Self {
        self.edited(MERGED)
    }

    /// Only nodes are to be replaced.
    pub fn relabelled(&self) -> Self {
        self.edited(RELABELLED)
    }

    fn edited(&self, edits: &[(&str, &str)]) -> Self {
        edits.iter().fold(self.clone(), |sample, (from, to)| sample.with(from, to))
    }

    /// Name and content of each file.
    pub fn files(&self) -> [(String, String); 3] {
        [
            (String::from("windlass.yaml"), String::from("state: { remote: none }\n")),
            (String::from("templates/cluster.yaml.j2"), self.manifests.clone()),
            (format!("vars/{}.yaml", self.cluster), String::from("{}\n")),
        ]
    }
}

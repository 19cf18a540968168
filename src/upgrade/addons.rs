//! Which version of an add-on goes with which version of Kubernetes, as far as its makers say so.
//!
//! Only what follows Kubernetes' own version numbers is judged: others work with many versions, and nobody publishes when
//! they stop to.

use std::collections::BTreeSet;

use crate::spec::value::KubernetesVersion;

/// An add-on whose version depends on that of Kubernetes.
struct Row {
    /// The last part of its image's name.
    image: &'static str,
    /// What it is called.
    name: &'static str,
    /// What its makers say.
    rule: Rule,
}

/// How far a version may be from the API server's.
#[derive(Clone, Copy)]
enum Rule {
    /// Not newer, and at most so many minor versions older.
    Behind(u32),
    /// Made for exactly this minor version; others are untested.
    Same,
}

/// Sources: Kubernetes documentation, "Version Skew Policy" (kube-proxy; cloud-controller-manager); cluster-autoscaler,
/// README, "Releases".
const TABLE: [Row; 3] = [
    Row { image: "kube-proxy", name: "kube-proxy", rule: Rule::Behind(3) },
    Row { image: "cloud-controller-manager", name: "the cloud-controller-manager", rule: Rule::Behind(1) },
    Row { image: "cluster-autoscaler", name: "the cluster-autoscaler", rule: Rule::Same },
];

/// What is to be said of an add-on before an upgrade.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// It would not be supported beside the new API server.
    Refused(String),
    /// It works, or nobody knows; it should follow.
    Warning(String),
}

/// Judges the images that run beside an API server of version `target`; what refuses comes first.
#[must_use]
pub fn judge<'a>(images: impl IntoIterator<Item = &'a str>, target: KubernetesVersion) -> Vec<Verdict> {
    let images: BTreeSet<&str> = images.into_iter().collect();
    let verdicts: BTreeSet<Verdict> = images.into_iter().filter_map(|image| verdict(image, target)).collect();
    verdicts.into_iter().collect()
}

fn verdict(image: &str, target: KubernetesVersion) -> Option<Verdict> {
    let (name, version) = split(image)?;
    let row = TABLE.iter().find(|row| name == row.image)?;
    let runs = format!("{} runs in version {version}", row.name);
    if version.major != target.major {
        return None;
    }
    match row.rule {
        Rule::Behind(_) if version.minor > target.minor => {
            Some(Verdict::Refused(format!("{runs}, newer than Kubernetes {target}: bring it back first")))
        }
        Rule::Behind(most) if target.minor - version.minor > most => Some(Verdict::Refused(format!(
            "{runs}, which is more than {most} minor version{} behind Kubernetes {target}: upgrade it first",
            if most == 1 { "" } else { "s" }
        ))),
        Rule::Same if version.minor != target.minor => {
            Some(Verdict::Warning(format!("{runs}, made for another Kubernetes than {target}: upgrade it afterwards")))
        }
        _ => None,
    }
}

/// The last part of an image's name, and the version that its tag is; builds such as `v1.34.1-eksbuild.2` count as theirs.
fn split(image: &str) -> Option<(&str, KubernetesVersion)> {
    let image = image.split_once('@').map_or(image, |(image, _)| image);
    let (path, tag) = image.rsplit_once(':')?;
    let number = tag.trim_start_matches('v').split(['-', '+', '_']).next()?;
    Some((path.rsplit('/').next()?, number.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(images: &[&str], target: &str) -> Vec<Verdict> {
        judge(images.iter().copied(), target.parse().expect("a version"))
    }

    #[test]
    fn what_the_skew_policy_forbids_refuses() {
        let images = [
            "registry.k8s.io/kube-proxy:v1.31.2",
            "mirror.foo.bar:5000/cloud-controller-manager:v1.33.0@sha256:00",
            "registry.k8s.io/coredns/coredns:v1.12.1",
        ];
        assert_eq!(judged(&images, "1.34.2"), []);
        assert_eq!(
            judged(&images, "1.35.0"),
            [
                Verdict::Refused(
                    "kube-proxy runs in version 1.31.2, which is more than 3 minor versions behind Kubernetes 1.35.0: \
                     upgrade it first"
                        .into()
                ),
                Verdict::Refused(
                    "the cloud-controller-manager runs in version 1.33.0, which is more than 1 minor version behind \
                     Kubernetes 1.35.0: upgrade it first"
                        .into()
                ),
            ]
        );
        assert!(matches!(judged(&images, "1.32.0")[..], [Verdict::Refused(ref why)] if why.contains("newer")));
    }

    #[test]
    fn an_autoscaler_of_another_minor_version_is_told() {
        let images = ["registry.k8s.io/autoscaling/cluster-autoscaler:v1.34.1-build.2"];
        assert_eq!(judged(&images, "1.34.9"), []);
        assert!(matches!(judged(&images, "1.35.0")[..], [Verdict::Warning(_)]));
    }

    #[test]
    fn an_image_without_a_version_is_judged_by_nobody() {
        for image in ["kube-proxy", "kube-proxy:latest", "kube-proxy@sha256:00", "registry:5000/kube-proxy", ""] {
            assert_eq!(judged(&[image], "1.35.0"), [], "{image}");
        }
    }

    #[test]
    fn what_runs_twice_is_told_once() {
        assert_eq!(judged(&["a/cluster-autoscaler:v1.33.0", "b/cluster-autoscaler:v1.33.0"], "1.34.0").len(), 1);
    }
}
